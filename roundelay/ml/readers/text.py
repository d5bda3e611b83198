"""Text files in blocks of whole lines: in any encoding that begins with a mark, plain, .gz or .zip.

A block is UTF-8 with the line ends of Unix, so that its readers see one form of text only. The text of an archive is
bounded while it is unpacked: a small archive can fill neither memory nor disk.
"""

from __future__ import annotations

import codecs
import gzip
import io
import os
import re
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np

from roundelay.ml.errors import DataError, InputMissing, printable, private
from roundelay.ml.readers.limits import DEFAULT, Limits

BLOCK_BYTES = 1 << 18  # the arrays of a block's fields stay in the cache
LINE_BYTES_MAX = 1 << 26
_MARKS = (  # longest first: UTF-32 begins like UTF-16
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_GZIP, _ZIP = b"\x1f\x8b", b"PK\x03\x04"
_SEPARATOR_HINT = re.compile(rb'"?sep=.?"?\n')  # which Excel reads, and removes
_SAVE = "save it as UTF-8"
_NUL = f"it holds NUL, as UTF-16 without a byte order mark does; {_SAVE}"

Tell = Callable[[int], None]  # bytes of the file that have been read


@dataclass(frozen=True)
class Block:
    """Whole lines of a file."""

    line: int  # the number of the first, from 1 on
    text: bytes  # ends with a line end


def blocks(path: Path, tell: Tell = lambda done: None, limits: Limits = DEFAULT) -> Iterator[Block]:
    """Yield the lines of a text file. Raises DataError, InputMissing."""
    line, rest = 1, b""
    try:
        for text in _decoded(path, tell, limits):
            rest += text
            if b"\0" in text:
                raise DataError(str(path), line + rest[: rest.index(b"\0")].count(b"\n"), f"is not text: {_NUL}")
            if line == 1 and (hint := _SEPARATOR_HINT.match(rest)):
                rest = b"#\n" + rest[hint.end() :]
            cut = rest.rfind(b"\n") + 1
            if cut:
                yield Block(line, rest[:cut])
                line += int(np.count_nonzero(np.frombuffer(rest, np.uint8, cut) == ord("\n")))  # a fifth of bytes.count
                rest = rest[cut:]
            if len(rest) > LINE_BYTES_MAX:
                raise DataError(str(path), line, f"is longer than {LINE_BYTES_MAX} bytes")
    except UnicodeDecodeError as error:
        raise DataError(str(path), line + rest.count(b"\n"), f"is not text: {error.reason}; {_SAVE}") from error
    except (EOFError, zlib.error, zipfile.BadZipFile, gzip.BadGzipFile, NotImplementedError, RuntimeError) as error:
        raise DataError(str(path), None, f"cannot be unpacked: {private(error)}") from error
    if rest:
        yield Block(line, rest + b"\n")


def _decoded(path: Path, tell: Tell, limits: Limits) -> Iterator[bytes]:
    """Yield the text as UTF-8 with Unix line ends; before an error, all text that precedes it."""
    decoder: io.IncrementalNewlineDecoder | None = None
    for piece in _pieces(path, tell, limits):
        if decoder is None:
            encoding = next((name for mark, name in _MARKS if piece.startswith(mark)), "utf-8")
            decoder = io.IncrementalNewlineDecoder(codecs.getincrementaldecoder(encoding)(), translate=True)
        try:
            yield decoder.decode(piece).encode()
        except UnicodeDecodeError as error:
            good = error.object[: error.start].decode(error.encoding, "replace")
            yield good.replace("\r\n", "\n").replace("\r", "\n").encode()
            raise
    if decoder is not None:
        yield decoder.decode(b"", final=True).encode()


def _pieces(path: Path, tell: Tell, limits: Limits) -> Iterator[bytes]:
    """Yield the bytes of a file, unpacked."""
    with ExitStack() as stack:
        try:
            file, size = open_regular(path, stack)
            start = file.read(len(_ZIP))
            file.seek(0)
            packed = _unpacked(path, file, start, stack)
            limit = size if packed is file else limits.unpacked_bytes
            while piece := packed.read(min(BLOCK_BYTES, limit + 1)):
                if limit < len(piece) and packed is not file:
                    raise limits.too_large_unpacked(str(path))
                yield piece[:limit]  # a file that grows is read as it was at first
                limit -= len(piece[:limit])
                if not limit and packed is file:
                    break
                tell(file.tell())
        except OSError as error:
            if isinstance(error, gzip.BadGzipFile):
                raise
            raise InputMissing(f"cannot read {printable(str(path))}: {error.strerror or error}") from error


def open_regular(path: Path, stack: ExitStack) -> tuple[IO[bytes], int]:
    """Open a regular file; return it and its size. Raises DataError, InputMissing.

    A pipe or a device is refused, and opening it does not wait.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        file = stack.enter_context(os.fdopen(descriptor, "rb"))
        status = os.fstat(descriptor)
    except (OSError, ValueError) as error:  # ValueError: a path with a NUL
        why = (isinstance(error, OSError) and error.strerror) or error
        raise InputMissing(f"cannot read {printable(str(path))}: {why}") from error
    if not stat.S_ISREG(status.st_mode):
        raise DataError(str(path), None, "is not a regular file")
    return file, status.st_size


def _unpacked(path: Path, file: IO[bytes], start: bytes, stack: ExitStack) -> IO[bytes]:
    """Return the text in an archive, or the file itself."""
    if start.startswith(_GZIP):
        return stack.enter_context(gzip.GzipFile(fileobj=file))  # type: ignore[arg-type]
    if start != _ZIP:
        return file
    archive = stack.enter_context(zipfile.ZipFile(file))
    members = [each for each in archive.infolist() if not each.is_dir() and not each.filename.startswith("__MACOSX/")]
    if len(members) != 1:
        raise DataError(str(path), None, f"is an archive of {len(members)} files: unpack it, and name the folder")
    return stack.enter_context(archive.open(members[0]))
