"""Partitioners: which client gets which rows, from IID to skewed.

A partitioner is called with (labels, clients, generator) and returns the rows of each client: no row twice, and at
least one for each client. It is a pure function of its arguments. A row that no client gets is left out. `labels` may
be the values of any column: then it is this column that is skewed, or that says whose rows they are (NaturalId). The
skew between clients decides how well averaging works: Hsu, Qi, Brown 2019 (Dirichlet), McMahan et al. 2017 (shards), Li
et al. 2022 (label and quantity skew).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from roundelay.ml import plugins
from roundelay.ml.choices import ALPHA_DEFAULT, ALPHA_MAX, ALPHA_MIN, EACH_DEFAULT, EACH_MAX, POWER_MAX
from roundelay.ml.data import Ints
from roundelay.ml.errors import BadOption, DataError, printable

Rng = np.random.Generator
Parts = list[Ints]  # the rows of each client, in their order


class Partitioner(Protocol):
    """Divides rows among clients."""

    def __call__(self, labels: Ints, clients: int, rng: Rng, /) -> Sequence[Ints]:
        """Return the rows of each client; `labels` (n,) is the class of each row."""


@dataclass(frozen=True)
class IID:
    """Shuffle the rows and cut them into equal parts: all clients are alike."""

    def __call__(self, labels: Ints, clients: int, rng: Rng) -> Parts:
        """Return the rows of each client."""
        return [np.sort(part) for part in np.array_split(rng.permutation(len(labels)), clients)]


@dataclass(frozen=True)
class Dirichlet:
    """Divide each class by proportions drawn from Dirichlet(alpha): at 100 clients are nearly alike, at 0.1 hardly."""

    alpha: float = ALPHA_DEFAULT

    def __post_init__(self) -> None:
        _check("alpha", self.alpha, ALPHA_MIN, ALPHA_MAX)

    def __call__(self, labels: Ints, clients: int, rng: Rng) -> Parts:
        """Return the rows of each client."""
        shares = [rng.dirichlet(np.full(clients, self.alpha)) for _ in range(labels.max() + 1)]  # (clients,) each
        return _fill_empty(_divide_classes(labels, clients, rng, shares), rng)


@dataclass(frozen=True)
class Shards:
    """Sort by class, cut into `each` shards a client, and deal these out: most clients know few classes."""

    each: int = EACH_DEFAULT

    def __post_init__(self) -> None:
        _check("each", self.each, 1, EACH_MAX)

    def __call__(self, labels: Ints, clients: int, rng: Rng) -> Parts:
        """Return the rows of each client."""
        by_class = np.argsort(labels, kind="stable")  # (n,)
        pieces = np.array_split(by_class, clients * self.each)
        dealt = rng.permutation(clients * self.each).reshape(clients, self.each)  # (clients, each)
        return [np.sort(np.concatenate([pieces[piece] for piece in hand])) for hand in dealt]


@dataclass(frozen=True)
class LabelSkew:
    """Give every client rows of exactly `each` classes. Rows of a class that no client holds are left out.

    Clients take the classes in turns, so that all classes have about as many holders, who share its rows equally: the
    pathological partition of Flower's data sets.
    """

    each: int = EACH_DEFAULT

    def __post_init__(self) -> None:
        _check("each", self.each, 1, EACH_MAX)

    def __call__(self, labels: Ints, clients: int, rng: Rng) -> Parts:
        """Return the rows of each client. Raises DataError if there are too few classes, or rows of them."""
        sizes = np.bincount(labels)  # (classes,)
        present = int((sizes > 0).sum())
        if self.each > present:
            raise DataError("label-skew", None, f"{self.each} classes for each client, but there are {present}")
        holders = _deal_classes(sizes, clients, self.each, rng)  # (classes, clients)
        shares = [held / max(1, held.sum()) for held in holders]
        return _divide_classes(labels, clients, rng, shares)


def _deal_classes(sizes: Ints, clients: int, each: int, rng: Rng) -> npt.NDArray[np.bool_]:
    """Return which client holds which class: (classes, clients). Raises DataError."""
    holders = np.zeros((len(sizes), clients), np.bool_)
    for client in range(clients):
        count = holders.sum(axis=1)  # (classes,)
        free = np.flatnonzero(count < sizes)
        if len(free) < each:
            raise DataError(
                "label-skew", None, f"too few rows: client {client} finds {len(free)} classes with a row left"
            )
        order = free[np.lexsort((rng.random(len(free)), count[free]))]
        holders[order[:each], client] = True
    return holders


@dataclass(frozen=True)
class InnerDirichlet:
    """Give clients equal numbers of rows, each client's classes in proportions drawn from Dirichlet(alpha) for it."""

    alpha: float = ALPHA_DEFAULT

    def __post_init__(self) -> None:
        _check("alpha", self.alpha, ALPHA_MIN, ALPHA_MAX)

    def __call__(self, labels: Ints, clients: int, rng: Rng) -> Parts:
        """Return the rows of each client. A class that has run out is replaced by the client's other classes."""
        left = [rng.permutation(np.flatnonzero(labels == label)).tolist() for label in range(labels.max() + 1)]
        parts: Parts = []
        for size in map(len, np.array_split(labels, clients)):
            weights = rng.dirichlet(np.full(len(left), self.alpha))  # (classes,)
            taken: list[int] = []
            while len(taken) < size:
                open_classes = np.array([weight if rows else 0.0 for weight, rows in zip(weights, left, strict=True)])
                if not open_classes.sum():
                    open_classes = np.array([float(bool(rows)) for rows in left])
                counts = rng.multinomial(size - len(taken), open_classes / open_classes.sum())
                for rows, count in zip(left, counts.tolist(), strict=True):
                    taken += rows[len(rows) - min(count, len(rows)) :]
                    del rows[len(rows) - min(count, len(rows)) :]
            parts.append(np.sort(np.array(taken, np.int64)))
        return parts


@dataclass(frozen=True)
class BySize:
    """Make clients of fixed, different sizes: client i gets a share that grows as i^power (1 linear, 2 square)."""

    power: float = 1.0

    def __post_init__(self) -> None:
        _check("power", self.power, 0, POWER_MAX)

    def __call__(self, labels: Ints, clients: int, rng: Rng) -> Parts:
        """Return the rows of each client."""
        shares = np.arange(1, clients + 1) ** self.power  # (clients,)
        return _cut(len(labels), shares / shares.sum(), rng)


@dataclass(frozen=True)
class Exponential:
    """Make clients of fixed, very different sizes: shares grow as e^i, so that the last three have 95 % of the rows."""

    def __call__(self, labels: Ints, clients: int, rng: Rng) -> Parts:
        """Return the rows of each client."""
        shares = np.exp(np.arange(clients) - clients + 1.0)  # (clients,)
        return _cut(len(labels), shares / shares.sum(), rng)


@dataclass(frozen=True)
class Sizes:
    """Give each client a fixed number of rows, drawn from all. The other rows are left out."""

    sizes: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if not self.sizes or min(self.sizes) < 1:
            raise BadOption(f"sizes are {self.sizes}, expected a number of rows for each file: --sizes 100,200")

    def __call__(self, labels: Ints, clients: int, rng: Rng) -> Parts:
        """Return the rows of each client. Raises DataError if there are too few rows, or another number of clients."""
        if len(self.sizes) != clients:
            raise DataError("sizes", None, f"{len(self.sizes)} sizes for {clients} files")
        ends = np.cumsum(self.sizes)  # (clients,)
        if ends[-1] > len(labels):
            raise DataError("sizes", None, f"{ends[-1]} rows in all, but there are {len(labels)}")
        return [np.sort(part) for part in np.split(rng.permutation(len(labels)), ends)[:-1]]


@dataclass(frozen=True)
class NaturalId:
    """Keep the rows of a person, site or device together: every value of the column goes to one client.

    With fewer clients than values, the next larger value goes to the client with the fewest rows.
    """

    def __call__(self, labels: Ints, clients: int, rng: Rng) -> Parts:
        """Return the rows of each client. Raises DataError if there are more clients than values."""
        values, rows = np.unique(labels, return_counts=True)  # (values,), (values,)
        if clients > len(values):
            raise DataError("natural-id", None, f"{clients} files for {len(values)} values: a value stays in one file")
        if clients == len(values):
            return [np.flatnonzero(labels == value) for value in values]
        client_of_value, taken = np.zeros(labels.max() + 1, np.int64), np.zeros(clients, np.int64)
        for place in np.lexsort((rng.random(len(values)), -rows)):
            client_of_value[values[place]] = client = int(taken.argmin())
            taken[client] += rows[place]
        return [np.flatnonzero(client_of_value[labels] == client) for client in range(clients)]


@dataclass(frozen=True)
class QuantitySkew:
    """Make clients that differ in size but not in classes: the proportions are drawn from Dirichlet(alpha)."""

    alpha: float = ALPHA_DEFAULT

    def __post_init__(self) -> None:
        _check("alpha", self.alpha, ALPHA_MIN, ALPHA_MAX)

    def __call__(self, labels: Ints, clients: int, rng: Rng) -> Parts:
        """Return the rows of each client."""
        return _cut(len(labels), rng.dirichlet(np.full(clients, self.alpha)), rng)


BY_CLASS = (Dirichlet, Shards, LabelSkew, InnerDirichlet, NaturalId)  # those for which the classes of the rows matter

METHODS: dict[str, Callable[..., Partitioner]] = {
    "iid": IID,
    "dirichlet": Dirichlet,
    "shards": Shards,
    "label-skew": LabelSkew,
    "quantity-skew": QuantitySkew,
    "inner-dirichlet": InnerDirichlet,
    "size": BySize,
    "exponential": Exponential,
    "sizes": Sizes,
    "natural-id": NaturalId,
}
PARAMETER_OF = {
    "dirichlet": "alpha",
    "quantity-skew": "alpha",
    "inner-dirichlet": "alpha",
    "shards": "each",
    "label-skew": "each",
    "size": "power",
    "sizes": "sizes",
}


def partitioner_of(method: str, **parameters: Any) -> Partitioner:
    """Return the partitioner of a method, or a plugin's of the group roundelay.partitioners. Raises PluginUnknown."""
    if ":" in method:
        made: Partitioner = plugins.instance("partitioners", method)
        return made
    return METHODS[method](**parameters)


def assign_rows(partitioner: Partitioner, labels: Ints, clients: int, seed: int) -> Ints:
    """Return the client of each row: (n,) -> (n,), -1 for a row that no client gets.

    Raises DataError if the partitioner returns something else than rows for each client.
    """
    client_of_row = np.full(len(labels), -1)  # (n,)
    parts = list(partitioner(labels, clients, np.random.default_rng(seed)))
    if len(parts) != clients:
        raise _wrong(partitioner, f"returned the rows of {len(parts)} clients, expected {clients}")
    for client, part in enumerate(parts):
        rows = np.asarray(part)
        if rows.ndim != 1 or rows.dtype.kind not in "iu" or not len(rows):
            raise _wrong(partitioner, f"returned {rows.dtype} of {rows.shape} for client {client}, expected rows")
        if rows.min() < 0 or rows.max() >= len(labels) or (client_of_row[rows] >= 0).any():
            raise _wrong(partitioner, f"gave client {client} a row twice or one outside the {len(labels)} rows")
        client_of_row[rows] = client
    return client_of_row


def _wrong(partitioner: Partitioner, message: str) -> DataError:
    return DataError(f"partitioner {printable(repr(partitioner), 80)}", None, message)


def _check(name: str, value: float, least: float, most: float) -> None:
    if not least <= value <= most:
        raise BadOption(f"{name} is {value}, expected a number from {least:g} to {most:g}")


def _divide_classes(labels: Ints, clients: int, rng: Rng, shares: Sequence[npt.NDArray[np.float64]]) -> Parts:
    """Shuffle each class's rows and divide them among the clients by these proportions; nobody's are left out."""
    parts: list[list[Ints]] = [[] for _ in range(clients)]
    for label, share in enumerate(shares):
        if not share.any():
            continue
        rows = rng.permutation(np.flatnonzero(labels == label))  # (rows of the class,)
        ends = np.rint(np.cumsum(share) * len(rows)).astype(np.int64)  # (clients,)
        for part, piece in zip(parts, np.split(rows, ends[:-1]), strict=True):
            part.append(piece)
    return [np.sort(np.concatenate(part)) for part in parts]


def _cut(rows: int, shares: npt.NDArray[np.float64], rng: Rng) -> Parts:
    """Shuffle all rows and cut them into parts of these shares: (clients,)."""
    ends = np.rint(np.cumsum(shares) * rows).astype(np.int64)  # (clients,)
    return _fill_empty([np.sort(part) for part in np.split(rng.permutation(rows), ends[:-1])], rng)


def _fill_empty(parts: Parts, rng: Rng) -> Parts:
    """Move a row of the largest client to each client that has none."""
    parts = list(parts)
    for number, part in enumerate(parts):
        if not len(part):
            largest = max(range(len(parts)), key=lambda other: len(parts[other]))
            moved = int(rng.integers(len(parts[largest])))
            parts[number] = parts[largest][moved : moved + 1]
            parts[largest] = np.delete(parts[largest], moved)
    return parts
