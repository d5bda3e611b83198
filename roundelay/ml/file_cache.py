"""Parsed files by digest; the one used least recently is evicted for another.

Digests are names here: nothing verifies them.
"""

from collections import OrderedDict
from collections.abc import Iterable

from roundelay.ml.data import Samples
from roundelay.ml.errors import CacheFull, FileUnknown


class FileCache:
    """Parsed files, of `bytes_max` bytes of memory at most."""

    def __init__(self, bytes_max: int) -> None:
        self._files: OrderedDict[str, Samples] = OrderedDict()  # least recently used first
        self._held_out: dict[str, Samples | None] = {}  # of private files: the rows that train nothing
        self._bytes = 0
        self._bytes_max = bytes_max

    def __contains__(self, digest: str) -> bool:
        return digest in self._files

    def add(self, digest: str, name: str, samples: Samples, held_out: Samples | None, advice: str = "") -> int:
        """Keep a file, and evict others for it; return its rows. Raises CacheFull, with the advice."""
        size_bytes = samples.size_bytes + (held_out.size_bytes if held_out is not None else 0)
        if size_bytes > self._bytes_max:
            told = f"{name} takes {size_bytes} bytes of memory, the cache holds {self._bytes_max}"
            raise CacheFull(f"{told}{advice}")
        self.forget(digest)
        while self._bytes + size_bytes > self._bytes_max:
            self.forget(next(iter(self._files)))
        self._files[digest], self._held_out[digest] = samples, held_out
        self._bytes += size_bytes
        return samples.rows

    def samples(self, digest: str) -> Samples:
        """Return the rows of a file that train; it counts as used now. Raises FileUnknown."""
        if digest not in self._files:
            raise FileUnknown(f"file {digest} is missing")
        self._files.move_to_end(digest)
        return self._files[digest]

    def held_out(self, digest: str) -> Samples | None:
        """Return the rows that a private file holds out, if it does; it counts as used now. Raises FileUnknown."""
        self.samples(digest)
        return self._held_out[digest]

    def touch(self, digests: Iterable[str]) -> None:
        """Count those of these files that are here as used now."""
        for digest in digests:
            if digest in self._files:
                self._files.move_to_end(digest)

    def forget(self, digest: str) -> None:
        """Evict a file, if it is here."""
        for samples in (self._files.pop(digest, None), self._held_out.pop(digest, None)):
            self._bytes -= samples.size_bytes if samples is not None else 0
