"""The arithmetic of a model: native, as fast as this machine computes, or portable, the same bits on every machine.

What IEEE 754 rounds correctly (+, -, x, / and the square root) is the same everywhere. This is the rest: products of
matrices, sums, exp, log and random numbers. Training, evaluation and first weights take all of it from here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, ClassVar, Protocol

import numpy as np

from roundelay.ml import aligned, elementary, exact_product
from roundelay.ml.data import Array, Doubles
from roundelay.ml.exact_product import (
    Refresh,
    RefreshWithin,
    operand_bits,
    rounder,
    rounder_below,
    rounder_beside,
    summand_bits,
)
from roundelay.ml.raw_random import RawGenerator

Seed = int | Sequence[int]


class Arithmetic(Protocol):
    """What native and portable arithmetic have in common."""

    dtype: ClassVar[type[np.floating[Any]]]  # of the arrays of a local training of mlp or softmax
    unit: ClassVar[float]  # minus a power of two, of the activations in a training: kernels.py

    def generator(self, seed: Seed) -> np.random.Generator:
        """Return a generator whose `permutation`, `standard_normal` and raw words may be used."""
        ...

    def product(self, a: Array, b: Array) -> Array:
        """Return the product of two matrices."""
        ...

    def total(self, x: Array, axis: int | tuple[int, ...] | None = None) -> Any:
        """Return the sum along these axes."""
        ...

    def exp(self, x: Array) -> Array:
        """Return exp(x) for x <= 0."""
        ...

    def log(self, x: Array) -> Array:
        """Return log(x) for x > 0."""
        ...

    def log_sums(self, x: Array) -> list[float]:
        """Return the sum of log(x) in each row (F, n), for x > 0."""
        ...

    def operands(self, x: Array, inner: int, power: Doubles | None = None) -> tuple[Array, Refresh | None]:
        """Return the operands of products that stand for x (F, n), and what to call whenever x has changed, if at all.

        inner: the most terms that a sum of their products has. power: (F,) what `rounding_beside` needs.
        """
        ...

    def rounding(self, x: Array, files: int, inner: int, is_negative: bool = False) -> Refresh | None:
        """Return what makes operands of x in place, one of each file; None: they are x itself."""
        ...

    def rounding_below(self, x: Array, bound: float, inner: int) -> RefreshWithin | None:
        """Return the same for numbers that are known to be at most `bound`, which saves looking for the largest."""
        ...

    def rounding_beside(self, x: Array, power: Doubles, usual: float, inner: int) -> RefreshWithin | None:
        """Return the same for numbers of at most `usual` times the double of `power`, which other operands wrote."""
        ...

    def exponentials(self, scores: Array, scale: float) -> Callable[[Array], None]:
        """Return what replaces scores (k, ..., n) by exp, and writes their sums / scale (..., n).

        All scores are at most 0, and come multiplied by -unit.
        """
        ...


class Native:
    """numpy's own functions, in float32."""

    dtype: ClassVar[type[np.floating[Any]]] = np.float32
    unit: ClassVar[float] = -(2.0**32)

    def generator(self, seed: Seed) -> np.random.Generator:
        return np.random.default_rng(seed)

    def product(self, a: Array, b: Array) -> Array:
        made: Array = a @ b
        return made

    def total(self, x: Array, axis: int | tuple[int, ...] | None = None) -> Any:
        return x.sum(axis)

    def exp(self, x: Array) -> Array:
        made: Array = np.exp(x)
        return made

    def log(self, x: Array) -> Array:
        made: Array = np.log(x)
        return made

    def log_sums(self, x: Array) -> list[float]:
        sums: list[float] = np.log(x).astype(np.float64).sum(1).tolist()
        return sums

    def operands(self, x: Array, inner: int, power: Doubles | None = None) -> tuple[Array, Refresh | None]:
        return x, None

    def rounding(self, x: Array, files: int, inner: int, is_negative: bool = False) -> Refresh | None:
        return None

    def rounding_below(self, x: Array, bound: float, inner: int) -> RefreshWithin | None:
        return None

    def rounding_beside(self, x: Array, power: Doubles, usual: float, inner: int) -> RefreshWithin | None:
        return None

    def exponentials(self, scores: Array, scale: float) -> Callable[[Array], None]:
        per_unit, add_up = np.array(-1 / self.unit, scores.dtype), _adding_up(scores, 1 / scale)
        multiply, exp = np.multiply, np.exp

        def refresh(sums: Array) -> None:
            multiply(scores, per_unit, scores)
            exp(scores, scores)
            add_up(sums)

        return refresh


class Portable:
    """Exact products and sums of rounded operands, in float64 (exact_product, elementary, raw_random)."""

    dtype: ClassVar[type[np.floating[Any]]] = np.float64
    unit: ClassVar[float] = -(2.0**60)

    def generator(self, seed: Seed) -> np.random.Generator:
        return RawGenerator(seed)

    def product(self, a: Array, b: Array) -> Array:
        return exact_product.product(a, b)

    def total(self, x: Array, axis: int | tuple[int, ...] | None = None) -> Any:
        return exact_product.total(x, axis)

    def exp(self, x: Array) -> Array:
        return elementary.exp(x)

    def log(self, x: Array) -> Array:
        return elementary.log(x)

    def log_sums(self, x: Array) -> list[float]:
        return elementary.log_sums(x)

    def operands(self, x: Array, inner: int, power: Doubles | None = None) -> tuple[Array, Refresh | None]:
        made = aligned.empty(x.shape, np.float64)  # (F, n)
        return made, rounder(x, made, operand_bits(inner), power=power)

    def rounding(self, x: Array, files: int, inner: int, is_negative: bool = False) -> Refresh | None:
        rows = x.reshape(files, -1)  # (F, n)
        return rounder(rows, rows, operand_bits(inner), is_negative)

    def rounding_below(self, x: Array, bound: float, inner: int) -> RefreshWithin | None:
        return rounder_below(x, bound, operand_bits(inner))

    def rounding_beside(self, x: Array, power: Doubles, usual: float, inner: int) -> RefreshWithin | None:
        return rounder_beside(x.reshape(len(power), -1), power, usual, operand_bits(inner))

    def exponentials(self, scores: Array, scale: float) -> Callable[[Array], None]:
        per_scale = np.array(1 / scale)
        magic = np.array(1.5 * 2.0 ** (52 - summand_bits(len(scores))))  # leaves multiples of 2^-bits below 1
        exp, add_up = elementary.exp_in_place(scores, -1 / self.unit), _adding_up(scores, 1.0)
        add, subtract, multiply = np.add, np.subtract, np.multiply

        def refresh(sums: Array) -> None:
            exp()
            add(scores, magic, scores)
            subtract(scores, magic, scores)
            add_up(sums)
            multiply(sums, per_scale, sums)

        return refresh


def _adding_up(scores: Array, factor: float) -> Callable[[Array], object]:
    """Return a product that writes the sums (..., n) of scores (k, ..., n), times a factor."""
    factors = np.full(len(scores), factor, scores.dtype)  # (k,)
    if scores.ndim == 2:
        return partial(factors.dot, scores)
    return partial(np.matmul, factors, scores.swapaxes(0, 1))  # scores by file: (F, k, n)


NATIVE, PORTABLE = Native(), Portable()
BY_NAME: dict[str, Arithmetic] = {"native": NATIVE, "portable": PORTABLE}
