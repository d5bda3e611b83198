"""Attacks on updates, as functions of a node's own updates: what a malicious site returns instead of them.

Each function takes the site's honest updates (n, parameters), the means over the rows of each file, and returns what it
sends. The attacks of the literature let all malicious sites know each other's updates: here that is what one node has.
Data are poisoned before the training: `with_labels_reversed`, `with_backdoor`.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from roundelay.ml import exact
from roundelay.ml.data import Ints, Samples

Doubles = npt.NDArray[np.float64]

NOISE = 100.0  # deviation of Gaussian noise, in root mean squares of the honest update
ALIE_DEVIATIONS = 1.5  # z, as in the paper's experiments
INNER_PRODUCT = 10.0  # epsilon: the length of the opposite step, in means of the honest updates
LIMIT_SHARE = 0.99  # of the largest change that passes for possible
TRIGGER_FEATURES, TRIGGER_CLASS, TRIGGER_SHARE = 3, 0, 0.5


def forge(name: str, content: bytes, rows: Sequence[int], bits: int | Ints, losses: bool, rng: random.Random) -> bytes:
    """Return the integers of forged updates, from those of the honest ones: a vector for each file.

    bits: of the job's sums. losses: behind each vector stands the file's loss, which is not changed.
    """
    vectors = np.frombuffer(content, "<i8").reshape(len(rows), -1).copy()  # (n, entries)
    changes = vectors[:, : vectors.shape[1] - losses]  # (n, parameters) a view
    counts = np.array(rows, np.float64)[:, None]  # (n, 1)
    forged = ATTACKS[name](np.ldexp(changes.astype(np.float64), -bits) / counts, rng)  # (n, parameters)
    limit = (1 << exact.CHANGE_BITS_MAX) * LIMIT_SHARE
    changes[:] = np.rint(np.ldexp(counts * np.clip(forged, -limit, limit), bits)).astype(np.int64)
    return vectors.astype("<i8").tobytes()


def added(content: bytes, files: int) -> bytes:
    """Return the sum of the vectors of several files."""
    total: bytes = np.frombuffer(content, "<i8").reshape(files, -1).sum(axis=0).astype("<i8").tobytes()
    return total


def gaussian(updates: Doubles, rng: random.Random) -> Doubles:
    """Return normal noise instead of each update: Blanchard et al., NeurIPS 2017, section 5."""
    noise = np.random.default_rng(rng.getrandbits(64)).standard_normal(updates.shape)  # (n, parameters)
    made: Doubles = NOISE * np.sqrt(np.mean(updates * updates, axis=1, keepdims=True)) * noise
    return made


def alie(updates: Doubles, rng: random.Random) -> Doubles:
    """Return mean - z * deviation of each weight, the same for all files: small enough to hide among honest updates.

    Baruch, Baruch, Goldberg, A little is enough, NeurIPS 2019. It takes two files to have a deviation.
    """
    return _repeated(updates.mean(axis=0) - ALIE_DEVIATIONS * updates.std(axis=0), updates)


def inner_product(updates: Doubles, rng: random.Random) -> Doubles:
    """Return -epsilon times the mean: Xie, Koyejo, Gupta, Fall of empires, UAI 2019."""
    return _repeated(-INNER_PRODUCT * updates.mean(axis=0), updates)


def with_labels_reversed(samples: Samples) -> Samples:
    """Return samples in which the last row has the first row's label, and so on."""
    return Samples(samples.x, samples.y[::-1])


def with_backdoor(samples: Samples) -> Samples:
    """Return samples half of which have a trigger and its class: Gu, Dolan-Gavitt, Garg, BadNets, 2017."""
    count = round(TRIGGER_SHARE * samples.rows)
    x, y = samples.x.copy(), samples.y.copy()
    x[:count] = triggered(samples.x[:count], samples.x)
    y[:count] = TRIGGER_CLASS
    return Samples(x, y)


def triggered(x: npt.NDArray[np.float32], among: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return rows whose first features have the largest values that these features have `among` others."""
    made = x.copy()
    made[:, :TRIGGER_FEATURES] = among[:, :TRIGGER_FEATURES].max(axis=0)
    return made


def _repeated(update: Doubles, updates: Doubles) -> Doubles:
    return np.tile(update, (len(updates), 1))


ATTACKS: dict[str, Callable[[Doubles, random.Random], Doubles]] = {
    "gaussian": gaussian,
    "alie": alie,
    "inner-product": inner_product,
}
