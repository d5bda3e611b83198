"""Small data sets in every format that a reader supports."""

from __future__ import annotations

import gzip
import pickle
import struct
from pathlib import Path

import numpy as np

Arrays = tuple[np.ndarray, np.ndarray]


def pixels(rows: int, shape: tuple[int, ...] = (4, 5), classes: int = 10, seed: int = 0) -> Arrays:
    """Make images (n, ...) of bytes and their classes (n,), in which every class occurs."""
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (rows, *shape), dtype=np.uint8), np.arange(rows) % classes


def write_mnist(folder: Path, part: str, x: np.ndarray, y: np.ndarray, packed: bool = False) -> None:
    images = struct.pack(">4I", 0x803, *x.shape) + x.tobytes()
    labels = struct.pack(">2I", 0x801, len(y)) + y.astype(np.uint8).tobytes()
    for name, content in ((f"{part}-images-idx3-ubyte", images), (f"{part}-labels-idx1-ubyte", labels)):
        (folder / (name + ".gz" * packed)).write_bytes(gzip.compress(content) if packed else content)


def cifar_bytes(x: np.ndarray, y: np.ndarray) -> bytes:
    return np.hstack([y.astype(np.uint8)[:, None], x.reshape(len(x), -1)]).tobytes()


def cifar_pickle(x: np.ndarray, y: np.ndarray, protocol: int = 2) -> bytes:
    batch = {
        b"batch_label": b"a batch",
        b"labels": y.tolist(),
        b"data": x.reshape(len(x), -1),
        b"filenames": [b"one.png"] * len(y),
    }
    return pickle.dumps(batch, protocol)
