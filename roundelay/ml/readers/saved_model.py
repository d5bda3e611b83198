"""Trained models on the disk: weights, moments, sizes and labels in an .npz or .safetensors file, never pickled."""

from __future__ import annotations

import hashlib
import json
import re
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from string import ascii_uppercase
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from roundelay.ml.choices import ArithmeticName, Task
from roundelay.ml.data import Floats, Moments, moments_from_bytes, standardise
from roundelay.ml.design import Design
from roundelay.ml.errors import BadTask, DataError, InputMissing, printable
from roundelay.ml.models.catalogue import learner
from roundelay.ml.models.learner import predict_probabilities, predict_targets
from roundelay.ml.readers.arrays import to_rows
from roundelay.ml.readers.encoding import Encoding, encoding_from_json
from roundelay.ml.readers.model_arrays import read_arrays
from roundelay.ml.readers.npy import DAMAGE
from roundelay.ml.readers.text import open_regular

FORMAT = 1  # raise it when an earlier release would misread a file; files of the first releases name none: 0
LETTERS = (16, 26)  # attributes and classes of the letters that ship, and of the data set that they imitate
LABEL_CHARACTERS_MAX = 300  # the longest that a job takes


@dataclass(frozen=True, eq=False)
class SavedModel:
    """The result of a job: what prediction and further training need."""

    design: Design
    weights: Floats  # (parameters,)
    moments: Moments | None  # of the features, then of the target of a regression; None: nothing is standardised
    labels: tuple[str, ...] = ()  # the names of the classes; empty: their numbers
    encoding: Encoding | None = None  # how the columns of a table become features

    @property
    def sha256(self) -> str:
        """Return the digest of the weights as little-endian float32."""
        return hashlib.sha256(np.ascontiguousarray(self.weights, "<f4").data).hexdigest()  # large ones are not copied

    def probabilities(self, x: Floats) -> npt.NDArray[np.float64]:
        """Return the probability of each class, for rows that are not standardised: (n, d) -> (n, classes)."""
        return predict_probabilities(learner(self.design), self.weights, self._inputs(x))

    def targets(self, x: Floats) -> npt.NDArray[np.float64]:
        """Return the prediction of a regression in the target's unit, for rows as in the data: (n, d) -> (n,)."""
        found = predict_targets(learner(self.design), self.weights, self._inputs(x))
        return self.moments.of_target(found) if self.moments else found

    def _inputs(self, x: Floats) -> Floats:
        return standardise(x, self.moments.of_features(self.design.features)) if self.moments else x

    @property
    def is_regression(self) -> bool:
        """Whether the model predicts a number instead of a class."""
        return self.design.task == "regression"

    @property
    def class_names(self) -> tuple[str, ...]:
        """The name of each class for people: its label, else its letter if these are the letters, else its number."""
        if not self.labels and (self.design.features, self.design.classes) == LETTERS:
            return tuple(ascii_uppercase)
        return self.labels or tuple(map(str, range(self.design.classes)))

    @property
    def classes(self) -> npt.NDArray[Any]:
        """The label of each class: whole numbers if all labels are, else texts (classes,)."""
        if all(re.fullmatch(r"0|-?[1-9]\d{0,17}", label) for label in self.labels):
            return np.array([int(label) for label in self.labels] or range(self.design.classes), np.int64)
        return np.array(self.labels)

    def predict_proba(self, x: Any) -> npt.NDArray[np.float64]:
        """Return the probability of each class, for an array or a DataFrame like the training's: (n, classes).

        Raises DataError.
        """
        if self.is_regression:
            raise DataError("the model", None, "is a regression: it has no probabilities; use predict")
        return self.probabilities(to_rows(x, self.design.features, self.design.shape, self.encoding))

    def predict(self, x: Any) -> npt.NDArray[Any]:
        """Return the label of the most probable class of each row of an array or a DataFrame: (n,).

        Of a regression, return the predicted number. Raises DataError.
        """
        if self.is_regression:
            return self.targets(to_rows(x, self.design.features, self.design.shape, self.encoding))
        labels: npt.NDArray[Any] = self.classes[self.predict_proba(x).argmax(axis=1)]  # (n,)
        return labels

    def to_torch(self) -> Any:
        """Return an nn.Module that maps rows to scores, whose softmax are the probabilities; the extra `torch`.

        Raises BadTask for a model that torch cannot express, or without PyTorch.
        """
        try:
            from roundelay.ml.models.torch_export import to_torch
        except ImportError as error:
            raise BadTask(f"to_torch needs PyTorch ({error}): python3 -m pip install 'roundelay[torch]'") from error
        offsets = self.encoding.offsets if self.encoding is not None else None
        return to_torch(self.design, self.weights, self.moments, offsets)

    def __repr__(self) -> str:
        sizes = "-".join(map(str, self.design.sizes))
        return f"<SavedModel {self.design.model} {sizes}, sha256 {self.sha256[:8]}>"


def save(path: Path, model: SavedModel, form: str | None = None) -> None:
    """Write a model in this form, npz or safetensors; by default the path's suffix decides. Raises OSError."""
    if (form or path.suffix.removeprefix(".")) == "safetensors":
        path.write_bytes(_safetensors(model))
        return
    with path.open("wb") as file:
        np.savez(file, allow_pickle=False, **_arrays(model))


def load(path: Path) -> SavedModel:
    """Read a model in either form. Raises InputMissing, and DataError if the file is not a model."""
    with ExitStack() as stack:
        file, _ = open_regular(path, stack)
        try:
            return _model(read_arrays(file))
        except OSError as error:
            raise InputMissing(f"cannot read {printable(str(path))}: {error.strerror or error}") from error
        except (*DAMAGE, LookupError, TypeError, AttributeError, ArithmeticError, BadTask) as error:
            raise DataError(str(path), None, f"is not a saved model: {printable(str(error))}") from error


def _arrays(model: SavedModel) -> dict[str, npt.NDArray[Any]]:
    design = model.design
    return {
        "format": np.array(FORMAT),
        "weights": model.weights,
        "sizes": np.array(design.sizes, np.int64),
        "moments": np.frombuffer(model.moments.to_bytes() if model.moments else b"", np.uint8),
        "activation": np.array("identity" if design.course else "relu"),
        "model": np.array(design.model),
        "shape": np.array(design.shape, np.int64),
        "arithmetic": np.array(design.arithmetic),
        "labels": np.array(json.dumps(model.labels)),
        "encoding": np.array(model.encoding.to_json() if model.encoding else ""),
        "task": np.array(design.task),
    }


def _model(arrays: dict[str, npt.NDArray[Any]]) -> SavedModel:
    _require_format(int(arrays.get("format", 0)))
    activation, name = str(arrays["activation"]), str(arrays.get("model", "mlp"))
    if activation not in ("relu", "identity"):
        raise ValueError(f"unknown activation {activation!r}")
    shape = tuple(int(side) for side in arrays.get("shape", ()))
    sizes, arithmetic = tuple(int(size) for size in arrays["sizes"]), str(arrays.get("arithmetic", "native"))
    task = cast(Task, str(arrays.get("task", "classification")))  # Design refuses another word
    design = Design(sizes, name, shape, activation == "identity", cast(ArithmeticName, arithmetic), task)
    weights, moments = arrays["weights"], arrays["moments"]
    if weights.ndim != 1 or weights.dtype != np.float32 or not np.isfinite(weights).all():
        raise ValueError(f"weights are {weights.dtype} of {weights.shape}, expected a vector of finite float32")
    if design.model in ("mlp", "softmax", "cnn") and len(weights) != learner(design).parameters:
        raise ValueError(f"{weights.size} weights for {learner(design).parameters} parameters")
    labels = tuple(json.loads(str(arrays.get("labels", "[]"))))
    for label in labels:
        if not isinstance(label, str) or len(label) > LABEL_CHARACTERS_MAX or not label.isprintable():
            raise ValueError(f"label {str(label)[:40]!r}: expected at most {LABEL_CHARACTERS_MAX} printable characters")
    if len(labels) not in (0, design.label_classes):
        raise ValueError(f"{len(labels)} labels for {design.classes} classes")
    text = str(arrays.get("encoding", ""))
    encoding = encoding_from_json(text) if text else None
    if encoding is not None and encoding.features != design.features:
        raise ValueError(f"columns of {encoding.features} features for {design.features}")
    found = moments_from_bytes(moments.tobytes()) if moments.size else None
    if found is not None and len(found.mean) != design.summed:
        raise ValueError(f"moments of {len(found.mean)} columns for {design.summed}")
    return SavedModel(design, weights, found, labels, encoding)


def _require_format(found: int) -> None:
    """Raise ValueError for the file of a later release."""
    if not 0 <= found <= FORMAT:
        raise ValueError(f"it has format {found}, and this release reads formats up to {FORMAT}: use a later release")


def _safetensors(model: SavedModel) -> bytes:
    """Encode a model as safetensors: 8 bytes of length, a JSON header, then weights, mean and std of the features."""
    tensors = {"weights": model.weights}
    if model.moments:
        tensors |= {"mean": model.moments.mean, "std": model.moments.std}
    metadata = {
        name: str(array) if array.dtype.kind == "U" else json.dumps(array.tolist())
        for name, array in _arrays(model).items()
        if name not in ("weights", "moments")
    }
    header: dict[str, object] = {"__metadata__": metadata}
    at, body = 0, b""
    for name, tensor in tensors.items():
        body += tensor.astype("<f4").tobytes()
        header[name] = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": [at, len(body)]}
        at = len(body)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)  # so that the tensors are aligned
    return len(text).to_bytes(8, "little") + text + body
