"""Where Roundelay runs besides terminals: containers, Kubernetes, Ray. Nothing here is needed for the rest."""
