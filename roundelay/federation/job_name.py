"""The names that users give to jobs. Command lines read them, so this module imports nothing but `re`."""

from __future__ import annotations

import re

# Neither `last` nor hexadecimal digits alone, which name a job, too; or nothing.
JOB_NAME = re.compile(r"(?!(?i:last|[0-9a-f]+)\Z)[A-Za-z0-9][A-Za-z0-9._-]{0,63}|", re.ASCII)
JOB_NAME_EXPECTED = "1 to 64 letters, digits, dots, hyphens and underscores, but neither last nor only 0-9 and a-f"
