"""What a command line needs to know of the dashboard before anything else of it is imported."""

TOKEN_CHARACTERS_MIN = 16
