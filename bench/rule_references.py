"""The aggregation rules again, written from their papers in plain numpy, to check the product's rules against.

Nothing here is the product's: whole float64 matrices, explicit loops over pairs, and no blocks. Each reference is given
the weights before a round, the updates (n, parameters) and the rows (n,) of its files, and `memory`, which it keeps
between rounds. Only where two files tie do the rules leave a choice; random updates have no ties.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

Doubles = npt.NDArray[np.float64]
Memory = dict[str, Any]
Reference = Callable[[Doubles, Doubles, Doubles, Memory], Any]

ETA, SERVER_ETA, MOMENTUM, MALICIOUS, FAIRNESS, TRUSTED = 0.2, 0.01, 0.9, 0.2, 0.1, 0
BETA1, BETA2, TAU = 0.9, 0.99, 1e-3
LOCAL_EPOCHS, LOCAL_BATCH, LOCAL_MOMENTUM = 2, 8, 0.9


def fedavg(base: Doubles, updates: Doubles, rows: Doubles, memory: Memory) -> Any:
    """Return the mean by rows."""
    return base + np.average(updates, axis=0, weights=rows)


def fedavgm(base: Doubles, updates: Doubles, rows: Doubles, memory: Memory) -> Any:
    """Return base + v with v = 0.9 v + mean change (Hsu et al. 2019, with a server rate of 1)."""
    memory["v"] = MOMENTUM * memory.get("v", 0.0) + np.average(updates, axis=0, weights=rows)
    return base + memory["v"]


def adaptive(second: Callable[[Doubles, Doubles], Doubles]) -> Reference:
    """Return FedOpt (Reddi et al. 2021, algorithm 2) with this recursion of the second moment."""

    def step(base: Doubles, updates: Doubles, rows: Doubles, memory: Memory) -> Any:
        delta = np.average(updates, axis=0, weights=rows)
        memory["m"] = BETA1 * memory.get("m", np.zeros_like(base)) + (1 - BETA1) * delta
        memory["v"] = second(memory.get("v", np.full_like(base, TAU**2)), delta**2)
        return base + SERVER_ETA * memory["m"] / (np.sqrt(memory["v"]) + TAU)

    return step


def fednova(base: Doubles, updates: Doubles, rows: Doubles, memory: Memory) -> Any:
    """Return equation 7 of Wang et al. 2020, with each |a_i| summed up step by step."""
    lengths = []
    for count in rows:
        steps, velocity, length = int(LOCAL_EPOCHS * np.ceil(count / LOCAL_BATCH)), 0.0, 0.0
        for _ in range(steps):  # a gradient of 1 in every step: what the momentum makes of it
            velocity = LOCAL_MOMENTUM * velocity + 1.0
            length += velocity
        lengths.append(length)
    a, p = np.array(lengths), rows / rows.sum()
    return base + (p @ a) * ((p / a) @ updates)


def median(base: Doubles, updates: Doubles, rows: Doubles, memory: Memory) -> Any:
    """Return the coordinate-wise median (Yin et al. 2018)."""
    return base + np.median(updates, axis=0)


def trimmed_mean(base: Doubles, updates: Doubles, rows: Doubles, memory: Memory) -> Any:
    """Return the coordinate-wise trimmed mean (Yin et al. 2018)."""
    cut = int(MALICIOUS * len(rows))
    return base + np.array([np.mean(sorted(column)[cut : len(rows) - cut]) for column in updates.T])


def _distances(updates: Doubles) -> Doubles:
    return np.array([[np.sum((a - b) ** 2) for b in updates] for a in updates])


def _scores(updates: Doubles, malicious: int) -> list[float]:
    near = len(updates) - malicious - 2
    return [float(sum(sorted(row)[1 : near + 1])) for row in _distances(updates)]


def krum(base: Doubles, updates: Doubles, rows: Doubles, memory: Memory) -> Any:
    """Return the update with the lowest score (Blanchard et al. 2017)."""
    return base + updates[np.argmin(_scores(updates, int(MALICIOUS * len(rows))))]


def multikrum(base: Doubles, updates: Doubles, rows: Doubles, memory: Memory) -> Any:
    """Return the mean of the n - f - 2 updates with the lowest scores."""
    malicious = int(MALICIOUS * len(rows))
    order = np.argsort(_scores(updates, malicious))
    return base + updates[order[: len(rows) - malicious - 2]].mean(axis=0)


def bulyan(base: Doubles, updates: Doubles, rows: Doubles, memory: Memory) -> Any:
    """Return Bulyan of Krum (El Mhamdi et al. 2018, algorithm 2)."""
    malicious, left, chosen = int(MALICIOUS * len(rows)), list(updates), []
    for _ in range(len(rows) - 2 * malicious):
        near = max(1, len(left) - malicious - 2)
        scores = [sum(sorted(row)[1 : near + 1]) for row in _distances(np.array(left))]
        chosen.append(left.pop(int(np.argmin(scores))))
    change = []
    for column in np.array(chosen).T:
        nearest = np.argsort(np.abs(column - np.median(column)))
        change.append(np.mean(column[nearest][: len(chosen) - 2 * malicious]))
    return base + np.array(change)


def geometric_median(base: Doubles, updates: Doubles, rows: Doubles, memory: Memory) -> Any:
    """Return the point from which the weighted sum of distances is smallest, by plain Weiszfeld steps on vectors."""
    point = np.average(updates, axis=0, weights=rows)
    for _ in range(2000):
        shares = rows / np.maximum(np.linalg.norm(updates - point, axis=1), 1e-12)
        point = shares @ updates / shares.sum()
    return base + point


def norm_clipping(base: Doubles, updates: Doubles, rows: Doubles, memory: Memory) -> Any:
    """Return the mean of updates that are shortened to the median norm (Sun et al. 2019)."""
    norms = np.linalg.norm(updates, axis=1)
    shortened = [update * min(1.0, np.median(norms) / norm) for update, norm in zip(updates, norms, strict=True)]
    return base + np.average(shortened, axis=0, weights=rows)


def fltrust(base: Doubles, updates: Doubles, rows: Doubles, memory: Memory) -> Any:
    """Return algorithm 2 of Cao et al. 2021, with the first file as the root data set."""
    root, total, trusted = updates[TRUSTED], np.zeros_like(base), 0.0
    for update in np.delete(updates, TRUSTED, axis=0):
        score = max(0.0, root @ update / (np.linalg.norm(root) * np.linalg.norm(update)))
        total += score * update * np.linalg.norm(root) / np.linalg.norm(update)
        trusted += score
    return base + total / trusted


def qfedavg(base: Doubles, updates: Doubles, rows: Doubles, memory: Memory) -> Any:
    """Return algorithm 2 of Li et al. 2020; the losses before the round are in `memory`."""
    lipschitz, above, below = 1 / ETA, np.zeros_like(base), 0.0
    for update, loss in zip(updates, memory["losses"], strict=True):
        gradient = -lipschitz * update  # L (w - w_k)
        above += loss**FAIRNESS * gradient
        below += FAIRNESS * loss ** (FAIRNESS - 1) * (gradient @ gradient) + lipschitz * loss**FAIRNESS
    return base - above / below


REFERENCES: dict[str, Reference] = {
    "fedavg": fedavg,
    "fedprox": fedavg,  # its proximal term is the trainer's
    "fedavgm": fedavgm,
    "fedadam": adaptive(lambda v, square: BETA2 * v + (1 - BETA2) * square),
    "fedyogi": adaptive(lambda v, square: v - (1 - BETA2) * square * np.sign(v - square)),
    "fedadagrad": adaptive(lambda v, square: v + square),
    "fednova": fednova,
    "scaffold": fedavg,  # its correction is the trainer's: scaffold_check trains as well
    "qfedavg": qfedavg,
    "median": median,
    "trimmed-mean": trimmed_mean,
    "krum": krum,
    "multikrum": multikrum,
    "bulyan": bulyan,
    "geometric-median": geometric_median,
    "norm-clipping": norm_clipping,
    "fltrust": fltrust,
}
