"""What an environment variable of ours is called: one that sets an option, or one that does not."""

OPTION_PREFIX = "ROUNDELAY_"  # of variables that set options; except those that begin with
NO_OPTIONS = ("ROUNDELAY_FAILPOINTS", "ROUNDELAY_TEST_")
