"""Read the named arrays of a saved model, from .npz or .safetensors, with a limit for each; nothing is unpickled.

A file may declare more than it holds and unpack to more than fits into memory: a size is checked before memory is used.
"""

from __future__ import annotations

import json
import zipfile
from math import prod
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from roundelay.ml.design import PARAMETERS_MAX
from roundelay.ml.readers.npy import read_header
from roundelay.ml.readers.packed import FEATURES_MAX
from roundelay.ml.training_plan import ENCODING_CHARACTERS_MAX

Arrays = dict[str, npt.NDArray[Any]]

ARRAYS = ("weights", "sizes", "moments", "activation")
OPTIONAL_ARRAYS = ("format", "model", "shape", "labels", "encoding", "arithmetic", "task")  # missing in older files
SMALL_BYTES_MAX = 4096  # of an array that is not named here
BYTES_MAX = {
    "weights": 4 * PARAMETERS_MAX,
    "moments": 8 * (FEATURES_MAX + 1),
    "mean": 4 * (FEATURES_MAX + 1),
    "std": 4 * (FEATURES_MAX + 1),
    "labels": 4 * ENCODING_CHARACTERS_MAX,
    "encoding": 4 * ENCODING_CHARACTERS_MAX,
}
SAFETENSORS_HEADER_BYTES_MAX = 16 << 20


def read_arrays(file: IO[bytes]) -> Arrays:
    """Return the arrays of a model. Raises npz.DAMAGE, LookupError, TypeError, AttributeError, ArithmeticError."""
    is_zip = file.read(2) == b"PK"
    file.seek(0)
    if not is_zip:
        return _from_safetensors(file)
    with zipfile.ZipFile(file) as archive:
        held = archive.NameToInfo
        wanted = [name for name in (*ARRAYS, *OPTIONAL_ARRAYS) if name in ARRAYS or f"{name}.npy" in held]
        return {name: _from_member(archive, name) for name in wanted}


def _from_member(archive: zipfile.ZipFile, name: str) -> npt.NDArray[Any]:
    """Return one array of an .npz."""
    with archive.open(f"{name}.npy") as member:
        dtype, shape, _ = read_header(member)
        size = prod(shape) * dtype.itemsize
        _check_size(name, size)
        data = member.read(size)
        if len(data) != size or member.read(1):  # reading to the end also verifies the archive's checksum
            raise ValueError(f"{name} does not have the {size} bytes of its header")
    return np.frombuffer(data, dtype).reshape(shape) if size else np.empty(shape, dtype)


def _from_safetensors(file: IO[bytes]) -> Arrays:
    """Return the arrays of a safetensors file: 8 bytes of length, a JSON header, then the tensors."""
    size = int.from_bytes(file.read(8), "little")
    text = file.read(size) if 2 <= size <= SAFETENSORS_HEADER_BYTES_MAX else b""
    if not text or len(text) != size:
        raise ValueError("it is neither .npz nor .safetensors")
    header = json.loads(text)
    metadata = header["__metadata__"]
    tensors = {
        name: _tensor(file, 8 + size, name, header[name]) for name in ("weights", "mean", "std") if name in header
    }
    moments = b"".join(tensors[name].tobytes() for name in ("mean", "std") if name in tensors)
    numbers = {name: np.array(json.loads(metadata[name]), np.int64) for name in ("sizes", "shape")}
    numbers["format"] = np.array(json.loads(metadata.get("format", "0")), np.int64)
    texts = {name: np.array(metadata[name]) for name in ("activation", "model", "labels")}
    texts["encoding"] = np.array(metadata.get("encoding", ""))
    texts["arithmetic"] = np.array(metadata.get("arithmetic", "native"))
    texts["task"] = np.array(metadata.get("task", "classification"))
    return {"weights": tensors["weights"], "moments": np.frombuffer(moments, np.uint8), **numbers, **texts}


def _tensor(file: IO[bytes], body: int, name: str, about: dict[str, Any]) -> npt.NDArray[np.float32]:
    """Return a tensor whose place in the body of a file this part of the header tells."""
    start, end = about["data_offsets"]
    if about["dtype"] != "F32" or not 0 <= start <= end or about["shape"] != [(end - start) // 4]:
        raise ValueError(f"tensor {name} is malformed")
    _check_size(name, end - start)
    file.seek(body + start)
    data = file.read(end - start)
    if len(data) != end - start:
        raise ValueError(f"tensor {name} is truncated")
    return np.frombuffer(data, "<f4").astype(np.float32)


def _check_size(name: str, size: int) -> None:
    if size > BYTES_MAX.get(name, SMALL_BYTES_MAX):
        raise ValueError(f"{name} has {size} bytes, expected at most {BYTES_MAX.get(name, SMALL_BYTES_MAX)}")
