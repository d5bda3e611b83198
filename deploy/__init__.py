"""Where Roundelay runs besides terminals: containers, Kubernetes, Slurm, Ray. Nothing here is needed for the rest."""
