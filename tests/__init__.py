"""The tests. Bytecode is written whatever the environment says: they start hundreds of processes."""

import os
import sys

sys.dont_write_bytecode = False  # also for pytest, which compiles the tests
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

from tests import hypothesis_profiles  # noqa: E402, F401  # the number of examples of a test that names none
