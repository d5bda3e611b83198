"""A trained model on the disk: weights, moments and layer sizes in one .npz, without pickle."""

from __future__ import annotations

import hashlib
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ml.data import Floats, Ints, Moments, Samples, moments_from_bytes, standardise
from ml.errors import BadTask, DataError, InputMissing
from ml.mlp import Activation, Architecture, predict

FILE_BYTES_MAX = 2 << 30
ARRAYS = ("weights", "sizes", "moments", "activation")


@dataclass(frozen=True, eq=False)
class Model:
    """What a job makes: enough to predict with, and to continue from."""

    architecture: Architecture
    weights: Floats  # (parameters,)
    moments: Moments | None  # None: it reads raw inputs

    @property
    def sha256(self) -> str:
        """Of the weights as little-endian float32: equal for equal models, bit for bit."""
        return hashlib.sha256(self.weights.astype("<f4").tobytes()).hexdigest()

    def predict(self, samples: Samples) -> Ints:
        """The class of each row."""
        x = standardise(samples.x, self.moments) if self.moments else samples.x  # (n, d)
        return predict(self.architecture, self.weights, x)


def save(path: Path, model: Model) -> None:
    """Write it. Raises OSError."""
    with path.open("wb") as file:
        np.savez(
            file,
            weights=model.weights,
            sizes=np.array(model.architecture.sizes, np.int64),
            moments=np.frombuffer(model.moments.to_bytes() if model.moments else b"", np.uint8),
            activation=np.array(model.architecture.activation),
        )


def load(path: Path) -> Model:
    """Read it. Raises InputMissing, or DataError where the file is no model."""
    try:
        if path.stat().st_size > FILE_BYTES_MAX:
            raise DataError(str(path), None, f"is larger than {FILE_BYTES_MAX} bytes")
        with np.load(path, allow_pickle=False) as file:  # a pickle could run code
            weights, sizes, moments, activation = (file[name] for name in ARRAYS)
        return _model(weights, sizes, moments, str(activation))
    except OSError as error:
        raise InputMissing(f"cannot read {path}: {error.strerror or error}") from error
    except (ValueError, KeyError, TypeError, BadTask, zipfile.BadZipFile, EOFError) as error:
        raise DataError(str(path), None, f"is no model of ours: {error}") from error


def _model(weights: np.ndarray, sizes: np.ndarray, moments: np.ndarray, activation: str) -> Model:
    if activation not in ("relu", "identity"):
        raise ValueError(f"activation {activation!r}")
    known: Activation = "identity" if activation == "identity" else "relu"
    architecture = Architecture(tuple(int(size) for size in sizes), known)
    if weights.shape != (architecture.parameters,) or weights.dtype != np.float32 or not np.isfinite(weights).all():
        raise ValueError(f"{weights.size} weights for {architecture.parameters} parameters")
    return Model(architecture, weights, moments_from_bytes(moments.tobytes()) if moments.size else None)
