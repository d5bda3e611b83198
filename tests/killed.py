"""What ends a procedure as the death of its process does: nothing in the product catches it."""

from __future__ import annotations


class Killed(BaseException):
    """The process that asks, such as a job's driver, has been killed."""
