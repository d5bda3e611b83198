"""Which model is trained, and of which sizes. Imports no numpy."""

from dataclasses import dataclass
from itertools import pairwise
from math import prod

from roundelay.ml.choices import ARITHMETICS, MODEL, TASK_LOSS, TASKS, ArithmeticName, OpenChoices, Task
from roundelay.ml.field_checks import check, check_integer

CLASSES_DEFAULT = 26
WIDTH_MAX = 1 << 20
LAYERS_MAX = 32
PARAMETERS_MAX = 1 << 27  # whose sum in a round, 8 bytes each, is 1 GiB: with receipts, the largest content


@dataclass(frozen=True)
class Design:
    """Which model, and of which sizes: what a learner is made from (models.catalogue)."""

    sizes: tuple[int, ...]  # features, hidden layers, classes; a regression has one output
    model: str = "mlp"
    shape: tuple[int, ...] = ()  # channels, height, width, where a row is an image
    course: bool = False  # the course's network (legacy_trainer.py)
    arithmetic: ArithmeticName = "native"  # what computes it (arithmetic.py)
    task: Task = "classification"
    loss: str = TASK_LOSS  # or MODULE:NAME

    def __post_init__(self) -> None:
        check_sizes(self.sizes)
        check(
            isinstance(self.model, str) and MODEL.fullmatch(self.model) is not None,
            f"model {self.model!r}: expected a name or MODULE:NAME",
        )
        check(
            isinstance(self.shape, tuple) and len(self.shape) in (0, 3),
            f"shape {self.shape}: expected nothing or 3 sides",
        )
        for side in self.shape:
            check_integer("shape", side, 1, WIDTH_MAX)
        check(isinstance(self.course, bool), f"course {self.course!r}: expected true or false")
        check(self.arithmetic in ARITHMETICS, f"arithmetic {self.arithmetic!r}: expected native or portable")
        can_port = not self.course and ":" not in self.model
        check(can_port or self.arithmetic == "native", "arithmetic portable: mlp, softmax and cnn alone have it")
        check(not self.shape or prod(self.shape) == self.sizes[0], f"shape {self.shape}: {self.sizes[0]} features")
        check(self.task in TASKS, f"task {self.task!r}: expected {' or '.join(TASKS)}")
        check(self.loss in OpenChoices((TASK_LOSS,)), f"loss {self.loss!r}: expected {TASK_LOSS} or MODULE:NAME")
        can_choose = can_port and self.arithmetic == "native"
        check(can_choose or self.loss == TASK_LOSS, "loss: mlp, softmax and cnn on native arithmetic alone take one")
        if self.task == "regression":
            check(self.sizes[-1] == 1, f"sizes: a regression has one output, not {self.sizes[-1]}")
            check(not self.course, "course: the course's trainer trains classifiers")

    @property
    def features(self) -> int:
        return self.sizes[0]

    @property
    def classes(self) -> int:
        """The width of the last layer."""
        return self.sizes[-1]

    @property
    def label_classes(self) -> int:
        """The number of classes of a row's label; 0 where the label is the target of a regression."""
        return 0 if self.task == "regression" else self.sizes[-1]

    @property
    def summed(self) -> int:
        """The number of columns that are standardised: the features and, in a regression, the target."""
        return self.features + (self.task == "regression")

    @property
    def connections(self) -> int:
        """The weights of a fully connected network of these sizes, biases included."""
        return _connections(self.sizes)


def check_sizes(sizes: tuple[int, ...]) -> None:
    """Raise BadTask unless these are the layer sizes of a network that fits into memory."""
    check(2 <= len(sizes) <= LAYERS_MAX, f"sizes: {len(sizes)} layers, expected 2 to {LAYERS_MAX}")
    for size in sizes:
        check_integer("sizes", size, 1, WIDTH_MAX)
    parameters = _connections(sizes)
    check(
        parameters <= PARAMETERS_MAX,
        f"sizes: {parameters:,} weights, and at most {PARAMETERS_MAX:,} can be added up: try a smaller --hidden",
    )


def _connections(sizes: tuple[int, ...]) -> int:
    return sum((a + 1) * b for a, b in pairwise(sizes))
