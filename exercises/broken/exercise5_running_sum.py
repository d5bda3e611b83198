"""Exercise 5: federated averaging. See chapter 5 of the tutorial."""

import math

import numpy as np


def average(weights, rows):
    """Return the mean of the files' weights by rows, with the same bits in whatever order the files come.

    `weights` are arrays of float32, one for each file; `rows` says how many rows each file has.
    """
    total = np.zeros_like(weights[0])
    for each, count in zip(weights, rows):
        total += each * np.float32(count)
    return total / np.float32(sum(rows))
