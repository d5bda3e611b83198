"""The largest data that readers accept, checked before memory is used. Users raise them with --max-file-bytes."""

from __future__ import annotations

from dataclasses import dataclass

from roundelay.ml.choices import SIZES
from roundelay.ml.errors import BadOption, DataError

OPTION = "--max-file-bytes"
FILE_BYTES_MAX = 1 << 30
UNPACKED_TIMES = 16
ARRAY_TIMES = 64


@dataclass(frozen=True)
class Limits:
    """What one process reads. The limits of archives and arrays, which are read in blocks, follow from the first."""

    file_bytes: int = FILE_BYTES_MAX  # of a file that is read whole

    def __post_init__(self) -> None:
        if type(self.file_bytes) is not int or not 1 <= self.file_bytes <= SIZES["T"]:
            raise BadOption(f"{OPTION} {str(self.file_bytes)[:80]!r} is not a number of bytes from 1 to {SIZES['T']}")

    @property
    def unpacked_bytes(self) -> int:
        """The limit of an archive's text."""
        return UNPACKED_TIMES * self.file_bytes

    @property
    def array_bytes(self) -> int:
        return ARRAY_TIMES * self.file_bytes

    def check_file(self, path: str, size_bytes: int) -> None:
        """Raise DataError for a file that is too large to be read whole."""
        if size_bytes > self.file_bytes:
            raise DataError(path, None, f"is larger than {self.file_bytes} bytes: raise {OPTION}")

    def too_large_unpacked(self, path: str) -> DataError:
        """Return the error for an archive that holds more."""
        told = f"holds more than {self.unpacked_bytes} bytes when unpacked, {UNPACKED_TIMES} times the largest file"
        return DataError(path, None, f"{told}: raise {OPTION}")

    def check_array(self, path: str, name: str, size_bytes: int) -> None:
        """Raise DataError for an array that is too large."""
        if size_bytes > self.array_bytes:
            told = f"has {size_bytes} bytes, expected at most {self.array_bytes}, {ARRAY_TIMES} times the largest file"
            raise DataError(path, None, f"{name} {told}: raise {OPTION}")


DEFAULT = Limits()


def limits_of(file_bytes: int | None) -> Limits:
    """Return the limits that a user has chosen, if any."""
    return DEFAULT if file_bytes is None else Limits(file_bytes)
