"""What can go wrong with a process, apart from the code that finds it: who only tells people of it imports this."""


class DiskError(Exception):
    """The state directory cannot be used; the message says why."""


class LocalRingFailed(Exception):
    """A process of the ring did not come up; the message has the last that it said."""


class PrivateFolderError(Exception):
    """It cannot be used; the message says which file, and why."""
