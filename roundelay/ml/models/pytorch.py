"""Any nn.Module of PyTorch as a model over one flat vector; needs the extra `torch`.

The vector holds the parameters, then the buffers that a state_dict keeps, as float32; integers (such as BatchNorm's
count of batches) as digits, so that they stay exact (arrays.py). A buffer with infinite numbers, such as a mask, is not
in it: it stays as the constructor makes it. One thread and torch's deterministic algorithms make the bits
reproducible. CUDA or MPS is used if available; a job's fingerprint tells kinds of devices apart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Any

import numpy as np
import torch
from torch import nn

from roundelay.ml.choices import Task
from roundelay.ml.data import Array, Floats, Labels
from roundelay.ml.design import Design
from roundelay.ml.errors import BadTask, printable, private
from roundelay.ml.models.arrays import Slot, from_digits, to_digits
from roundelay.ml.models.model import Model
from roundelay.ml.training_plan import TrainConfig

SEED_MAX = 1 << 63
PREDICTED_ROWS = 128  # at once: bounds the memory of a convolution's activations

torch.set_num_threads(1)
torch.use_deterministic_algorithms(True)
torch.backends.cudnn.benchmark = False
torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False


class TorchModel(Model):
    """A module that receives rows as (n, d) or, for images, as (n, channels, height, width)."""

    tasks: tuple[Task, ...] = ("classification", "regression")

    def __init__(self, design: Design, build: Callable[[], Any], built: Any) -> None:
        self.build, self.module, self.device = build, built.to(device()), device()
        self._fixed = _infinite(self.module)
        super().__init__(design, sum(map(_numbers, self._tensors())))
        if any(isinstance(layer, nn.modules.batchnorm._BatchNorm) for layer in self.module.modules()):
            self.least_rows = 2  # of which it takes a deviation

    @property
    def slots(self) -> list[Slot]:
        """The state_dict, in order; a tensor with two names occurs twice."""
        starts, at = {}, 0
        for tensor in self._tensors():
            starts[id(tensor)], at = at, at + _numbers(tensor)
        state = self.module.state_dict(keep_vars=True).values()
        return [
            Slot(starts[id(tensor)], tuple(tensor.shape), _digits(tensor))
            if id(tensor) in starts
            else Slot(0, tuple(tensor.shape), fixed=tensor.detach().cpu().numpy())
            for tensor in state
        ]

    def init_parameters(self, rng: np.random.Generator) -> None:
        """Draw first weights as the module's constructor does."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(rng.integers(SEED_MAX)))
            self.module = self.build().to(self.device)
        self.finish()

    def prepare(self, config: TrainConfig, seed: int) -> None:
        if ":" in config.optimizer:
            raise BadTask(f"optimizer {config.optimizer} trains numpy models, not {self.design.model}: use sgd or adam")
        self._load()
        torch.manual_seed(seed)  # for what the module itself draws, such as dropout
        for layer in self.module.modules():
            if config.dropout and isinstance(layer, nn.Dropout):
                layer.p = config.dropout
        trainable = [tensor for tensor in self.module.parameters() if tensor.requires_grad]
        if not trainable:
            raise BadTask(f"{self.design.model} has no trainable parameter")
        self._trainable, self._clip = trainable, config.clip
        self._optimizer = (
            torch.optim.Adam(trainable, config.eta)
            if config.optimizer == "adam"
            else torch.optim.SGD(trainable, config.eta, config.momentum)
        )
        self.module.train()

    def train(self, x: Floats, y: Labels, weights: Floats) -> Array:
        with self._wrap_errors():
            scores = self._forward(x)
            losses = self._losses(scores, torch.tensor(y, device=self.device))  # (n,)
            self._optimizer.zero_grad()
            (losses * torch.tensor(weights, device=self.device)).mean().backward()
            if self._clip:
                nn.utils.clip_grad_norm_(self._trainable, self._clip)
            self._optimizer.step()
        return _array(scores)

    def state(self) -> bytes | None:
        """Return the state_dicts of module and optimizer, and torch's generator.

        Unknown where buffers are in no state_dict, and on other devices, which have generators of their own.
        """
        kept = self.module.state_dict().keys()
        if self.device.type != "cpu" or any(name not in kept for name, _ in self.module.named_buffers()):
            return None
        stream = BytesIO()
        parts = self.module.state_dict(), self._optimizer.state_dict(), torch.get_rng_state()
        torch.save(parts, stream)
        return stream.getvalue()

    def restore(self, state: bytes, steps: int) -> None:
        try:
            module, optimizer, generator = torch.load(BytesIO(state), weights_only=True)
            self.module.load_state_dict(module)
            self._optimizer.load_state_dict(optimizer)
            torch.set_rng_state(generator)
        except Exception as error:  # torch names no kinds
            raise BadTask(f"checkpoint of {self.design.model}: {printable(str(error), 200)}") from error

    def finish(self) -> None:
        at = 0
        for tensor in self._tensors():
            end, digits = at + _numbers(tensor), _digits(tensor)
            values = tensor.detach().cpu().reshape(-1)
            self.parameters[at:end] = to_digits(values.numpy(), digits) if digits else values.float().numpy()
            at = end

    def predict(self, x: Floats) -> Array:
        self._load()
        self.module.eval()
        with self._wrap_errors(), torch.inference_mode():
            blocks = (x[start : start + PREDICTED_ROWS] for start in range(0, len(x), PREDICTED_ROWS))
            return np.concatenate([_array(self._forward(block)) for block in blocks])  # (n, classes)

    def _tensors(self) -> list[Any]:
        """Return parameters, then the buffers of the state_dict that are in the vector, each once."""
        kept = self.module.state_dict().keys() - self._fixed
        buffers = [buffer for name, buffer in self.module.named_buffers() if name in kept]
        tensors = [*self.module.parameters(), *buffers]
        if any(tensor.is_complex() for tensor in tensors):
            raise BadTask("cannot average a module with complex numbers")
        return tensors

    def _losses(self, scores: Any, y: Any) -> Any:
        if self.design.task == "regression":
            return nn.functional.mse_loss(scores[:, 0], y, reduction="none")
        return nn.functional.cross_entropy(scores, y, reduction="none")

    def _forward(self, x: Floats) -> Any:
        rows = torch.tensor(x.reshape(len(x), *self.design.shape) if self.design.shape else x, device=self.device)
        scores = self.module(rows)  # (n, classes)
        if tuple(scores.shape) != (len(x), self.design.classes):
            raise BadTask(
                f"{self.design.model} returns scores of shape {tuple(scores.shape)}: expected "
                f"{(len(x), self.design.classes)}, rows by outputs"
            )
        return scores.float()

    def _load(self) -> None:
        """Copy `parameters` into the module."""
        at = 0
        with torch.no_grad():
            for tensor in self._tensors():
                end, digits = at + _numbers(tensor), _digits(tensor)
                values = self.parameters[at:end]
                tensor.copy_(torch.tensor(from_digits(values, digits) if digits else values).reshape(tensor.shape))
                at = end

    @contextmanager
    def _wrap_errors(self) -> Iterator[None]:
        """Raise the module's errors as BadTask, in one line with its name."""
        try:
            yield
        except (RuntimeError, ValueError, TypeError, IndexError) as error:
            raise BadTask(f"{self.design.model} failed: {private(str(error).partition(chr(10))[0])}") from error


def as_model(design: Design, build: Callable[[], object]) -> object:
    """Build a model; wrap it if it is an nn.Module."""
    built = build()
    return TorchModel(design, build, built) if isinstance(built, nn.Module) else built


def device() -> Any:
    """Return the fastest device available."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def _infinite(module: Any) -> frozenset[str]:
    """Return the names of the buffers that hold infinite numbers."""
    return frozenset(name for name, buffer in module.named_buffers() if not bool(torch.isfinite(buffer).all()))


def _digits(tensor: Any) -> int:
    """Return the digits of each number of a tensor of integers; 0 for real numbers."""
    return 0 if tensor.is_floating_point() else int(tensor.element_size())


def _numbers(tensor: Any) -> int:
    """Return how many numbers of the vector a tensor takes."""
    if nn.parameter.is_lazy(tensor):
        raise BadTask("cannot exchange a module with lazy layers: give each layer its sizes")
    return int(tensor.numel()) * max(1, _digits(tensor))


def _array(tensor: Any) -> Array:
    return np.asarray(tensor.detach().cpu().float().numpy())
