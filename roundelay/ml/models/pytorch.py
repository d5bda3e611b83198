"""The bridge to PyTorch: any nn.Module as a model over one flat vector; needs the extra `torch`.

The vector holds the parameters, then the buffers that a state_dict would keep, each as float32: whole numbers (as
BatchNorm's count of batches) are averaged like the rest and rounded. Bits are those of one thread and of torch's
deterministic algorithms. CUDA and MPS are used where they are; a job's fingerprint keeps kinds of devices apart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import nn

from roundelay.ml.data import Floats, Ints
from roundelay.ml.errors import BadTask, printable
from roundelay.ml.mlp import Array
from roundelay.ml.models.arrays import Slot
from roundelay.ml.models.model import Model
from roundelay.ml.task import Design, TrainConfig

SEED_MAX = 1 << 63
PREDICTED_ROWS = 128  # at once, so that a convolution's activations stay small

torch.set_num_threads(1)
torch.use_deterministic_algorithms(True)
torch.backends.cudnn.benchmark = False
torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False


class Bridge(Model):
    """A module that sees rows as (n, d) or, where they are images, as (n, channels, height, width)."""

    def __init__(self, design: Design, build: Callable[[], Any], built: Any) -> None:
        self.build, self.module, self.device = build, built.to(device()), device()
        super().__init__(design, sum(map(_numbers, _tensors(self.module))))

    @property
    def slots(self) -> list[Slot]:
        """Its state_dict, in order; a tensor with two names is there twice."""
        starts, at = {}, 0
        for tensor in _tensors(self.module):
            starts[id(tensor)], at = at, at + tensor.numel()
        state = self.module.state_dict(keep_vars=True).values()
        return [Slot(starts[id(tensor)], tuple(tensor.shape), not tensor.is_floating_point()) for tensor in state]

    def init_parameters(self, rng: np.random.Generator) -> None:
        """As the module's own constructor draws them."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(rng.integers(SEED_MAX)))
            self.module = self.build().to(self.device)
        self.finish()

    def prepare(self, config: TrainConfig, seed: int) -> None:
        self._load()
        torch.manual_seed(seed)  # of what the module itself draws, as for dropout
        for layer in self.module.modules():
            if config.dropout and isinstance(layer, nn.Dropout):
                layer.p = config.dropout
        learnt = [tensor for tensor in self.module.parameters() if tensor.requires_grad]
        if not learnt:
            raise BadTask(f"{self.design.model} has no parameter that learns")
        self._optimizer = (
            torch.optim.Adam(learnt, config.eta)
            if config.optimizer == "adam"
            else torch.optim.SGD(learnt, config.eta, config.momentum)
        )
        self.module.train()

    def train(self, x: Floats, y: Ints, weights: Floats) -> Array:
        with self._told():
            scores = self._forward(x)
            losses = nn.functional.cross_entropy(scores, torch.tensor(y, device=self.device), reduction="none")  # (n,)
            self._optimizer.zero_grad()
            (losses * torch.tensor(weights, device=self.device)).mean().backward()
            self._optimizer.step()
        return _array(scores)

    def finish(self) -> None:
        at = 0
        for tensor in _tensors(self.module):
            self.parameters[at : at + tensor.numel()] = _array(tensor).reshape(-1)
            at += tensor.numel()

    def predict(self, x: Floats) -> Array:
        self._load()
        self.module.eval()
        with self._told(), torch.inference_mode():
            blocks = (x[start : start + PREDICTED_ROWS] for start in range(0, len(x), PREDICTED_ROWS))
            return np.concatenate([_array(self._forward(block)) for block in blocks])  # (n, classes)

    def _forward(self, x: Floats) -> Any:
        rows = torch.tensor(x.reshape(len(x), *self.design.shape) if self.design.shape else x, device=self.device)
        scores = self.module(rows)  # (n, classes)
        if tuple(scores.shape) != (len(x), self.design.classes):
            raise BadTask(
                f"{self.design.model} makes scores of {tuple(scores.shape)}: expected a row for each of "
                f"{len(x)} rows, a column for each of {self.design.classes} classes"
            )
        return scores.float()

    def _load(self) -> None:
        """What is in parameters, into the module."""
        at = 0
        with torch.no_grad():
            for tensor in _tensors(self.module):
                values = torch.tensor(self.parameters[at : at + tensor.numel()]).reshape(tensor.shape)
                tensor.copy_(values if tensor.is_floating_point() else values.round())
                at += tensor.numel()

    @contextmanager
    def _told(self) -> Iterator[None]:
        """What a module complains of is told with its name, in one line."""
        try:
            yield
        except (RuntimeError, ValueError, TypeError, IndexError) as error:
            raise BadTask(f"{self.design.model} failed: {printable(str(error).partition(chr(10))[0], 200)}") from error


def as_model(design: Design, build: Callable[[], object]) -> object:
    """What was built; through the bridge where it is a module."""
    built = build()
    return Bridge(design, build, built) if isinstance(built, nn.Module) else built


def device() -> Any:
    """The best there is."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def _tensors(module: Any) -> list[Any]:
    """Parameters, then the buffers that are kept, each once."""
    kept = module.state_dict().keys()
    tensors = [*module.parameters(), *(buffer for name, buffer in module.named_buffers() if name in kept)]
    if any(tensor.is_complex() for tensor in tensors):
        raise BadTask("a module with complex numbers cannot be averaged")
    return tensors


def _numbers(tensor: Any) -> int:
    if nn.parameter.is_lazy(tensor):
        raise BadTask("a module with lazy layers cannot be exchanged: give each layer its sizes")
    return int(tensor.numel())


def _array(tensor: Any) -> Array:
    return np.asarray(tensor.detach().cpu().float().numpy())
