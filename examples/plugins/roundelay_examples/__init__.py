"""One plugin of each kind for Roundelay; pyproject.toml names them by entry points."""
