"""`python -m roundelay`: the console script."""

from roundelay.cli.environment import launch

if __name__ == "__main__":
    launch()
