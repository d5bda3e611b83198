"""Errors of processes, importable without the code that raises them."""


class DiskError(Exception):
    """The state directory cannot be used; the message says why."""


class JournalError(Exception):
    """The supernode's journal cannot be read or written; the message names the file and line."""


class LocalRingFailed(Exception):
    """A process of the ring did not start; the message ends with its last lines of output."""


class PrivateFolderError(Exception):
    """A private folder cannot be used; the message names the file and the reason."""
