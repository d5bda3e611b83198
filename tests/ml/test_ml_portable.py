"""Portable arithmetic: exact products, and the same bits whatever the processor, its BLAS, and numpy's loops."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from roundelay.federation.errors import BadSpec
from roundelay.federation.settings import Settings
from roundelay.ml import elementary, exact_product
from roundelay.ml.arithmetic import PORTABLE
from roundelay.ml.batches import Batches
from roundelay.ml.data import Samples
from roundelay.ml.design import Design
from roundelay.ml.errors import BadTask, StepTooLarge
from roundelay.ml.exact import quantise
from roundelay.ml.exact_product import operand_bits, product, rounded, total
from roundelay.ml.kernels import BACK_SUM_MAX, Network, gradient_step
from roundelay.ml.mlp import Architecture, init, loss_and_gradient
from roundelay.ml.raw_random import RawGenerator
from roundelay.ml.train import train
from roundelay.ml.training_plan import TrainConfig
from tests.hypothesis_profiles import examples
from tests.ml import portable_case
from tests.ml.ml_oracles import make_samples
from tests.source_tree import ROOT

EXPECTED = {
    "mlp": "e0618a4d89565614",
    "mlp clip": "ff73cb8f4f727de2",
    "mlp adam": "ad430a24d2c450dc",
    "mlp gd": "fc5b21e7acb249db",
    "deep dropout": "4a452110128cfd3d",
    "softmax": "33ffa923cf2c2323",
    "cnn": "15eaa54654bf1e18",
}
MACHINES = [  # other kernels of OpenBLAS, where it has them, and numpy without its vector loops
    {"OPENBLAS_CORETYPE": "Prescott", "OPENBLAS_NUM_THREADS": "1"},
    {
        "OPENBLAS_CORETYPE": "Sandybridge",
        "OPENBLAS_NUM_THREADS": "3",
        "NPY_DISABLE_CPU_FEATURES": "AVX2 FMA3 X86_V3 X86_V4",
    },
]


# --- the same bits


def test_small_trainings_have_the_bits_that_they_have_on_every_machine() -> None:
    assert portable_case.digests() == EXPECTED


@pytest.mark.parametrize("variables", MACHINES, ids=lambda variables: str(variables["OPENBLAS_CORETYPE"]))
def test_other_kernels_threads_and_loops_give_the_same_bits(variables: dict[str, str]) -> None:
    command = [sys.executable, "-W", "ignore", "-m", "tests.ml.portable_case"]
    done = subprocess.run(command, cwd=ROOT, env=os.environ | variables, capture_output=True, text=True, check=True)

    assert json.loads(done.stdout) == EXPECTED


# --- products and sums


@examples(40)
@given(st.integers(1, 40), st.integers(1, 300), st.integers(0, 2**32 - 1), st.sampled_from([1e-30, 1.0, 1e20]))
def test_a_product_is_the_exact_one_of_its_rounded_operands(rows: int, inner: int, seed: int, scale: float) -> None:
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=(rows, inner)) * scale, rng.normal(size=(inner, 3)) ** 3
    bits = operand_bits(inner)
    ours, qa, qb = product(a, b), rounded(a, bits), rounded(b, bits)

    i, j = int(rng.integers(rows)), int(rng.integers(3))
    terms = (Fraction(x) * Fraction(y) for x, y in zip(qa[i].tolist(), qb[:, j].tolist(), strict=True))
    assert Fraction(float(ours[i, j])) == sum(terms)


@examples(40)
@given(st.integers(2, 300), st.integers(0, 2**32 - 1))
def test_neither_order_nor_blocks_change_a_product(inner: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    bits, order, cut = operand_bits(inner), rng.permutation(inner), int(rng.integers(1, inner))
    a, b = rounded(rng.normal(size=(5, inner)), bits), rounded(rng.normal(size=(inner, 4)), bits)

    for other in (a[:, order] @ b[order], a[:, :cut] @ b[:cut] + a[:, cut:] @ b[cut:], (a[:, :, None] * b).sum(1)):
        assert np.array_equal(a @ b, other)


@pytest.mark.parametrize("inner", [1, 2, 257, 8192, 1 << 20])
def test_the_largest_sum_that_can_occur_is_exact(inner: int) -> None:
    bits = operand_bits(inner)
    largest = np.full((1, inner), np.nextafter(2.0, 0))  # is rounded up to 2

    assert rounded(largest, bits)[0, 0] == 2.0
    assert (2.0**bits) ** 2 * inner <= 2.0**53
    assert product(largest, largest.T)[0, 0] == 4.0 * inner


@examples(40)
@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=200), st.randoms())
def test_a_sum_does_not_depend_on_the_order(numbers: list[float], random: object) -> None:
    shuffled = list(numbers)
    random.shuffle(shuffled)  # type: ignore[attr-defined]

    assert total(np.array(numbers)) == total(np.array(shuffled))
    assert abs(total(np.array(numbers)) - sum(map(Fraction, numbers))) <= max(map(abs, numbers)) * 2.0**-40 + 1e-120


@pytest.mark.parametrize("bad", [np.inf, -np.inf, np.nan])
def test_what_is_not_finite_spoils_its_own_file_and_no_other(bad: float) -> None:
    rows = np.array([[1.0, bad, 3.0], [1.0, 2.0, 3.0]])
    alone = rows[:1].copy()

    with np.errstate(invalid="ignore"):
        exact_product.rounder(rows, rows, 20)()
        exact_product.rounder(alone, alone, 20)()

    assert np.isnan(rows[0]).all() and np.isnan(alone).all()
    assert rows[1].tolist() == [1.0, 2.0, 3.0]


@examples(40)
@given(st.integers(1, 3), st.floats(1e-6, 1e6), st.integers(2, 22), st.integers(0, 2**32 - 1))
def test_numbers_that_others_bound_are_rounded_to_the_bits_asked_for(
    files: int, times: float, bits: int, seed: int
) -> None:
    rng, power = np.random.default_rng(seed), np.empty(files)
    others, x = rng.normal(size=(files, 9)) ** 3, rng.uniform(-1, 1, (files, 50))
    exact_product.rounder(others, others, bits, power=power)()
    x *= times * 2 * power[:, None]
    x[:, 0] = times * 2 * power  # as large as they may be
    before = x.copy()

    exact_product.rounder_beside(x, power, times / 4, bits)(4.0)

    units = 2.0 ** (np.ceil(np.log2(np.abs(x).max(1))) - bits)  # (files,) or a larger one
    assert (power <= np.abs(others).max(1)).all() and (np.abs(others).max(1) <= 2 * power).all()
    assert (np.abs(x - before) <= 2 * units[:, None]).all()
    assert (x == np.round(x / units[:, None]) * units[:, None]).all()


def test_numbers_too_small_for_exact_products_become_zero() -> None:
    assert rounded(np.array([1e-200, -5e-324, 0.0]), 22).tolist() == [0.0, 0.0, 0.0]


# --- functions and random numbers


def test_exp_is_as_good_as_a_softmax_needs() -> None:
    x = -np.linspace(0, 70, 70_001)

    assert np.abs(elementary.exp(x) - np.exp(x)).max() < 2e-9
    assert elementary.exp(np.zeros(1))[0] == 1.0
    assert np.abs(elementary.exp(x[:30_001]) / np.exp(x[:30_001]) - 1).max() < 3e-3


def test_log_is_as_good_as_the_libraries() -> None:
    x = np.exp(np.linspace(-700, 700, 100_001))

    assert np.abs(elementary.log(x) - np.log(x)).max() < 3e-13
    assert elementary.log(np.ones(1))[0] == 0.0


@examples(40)
@given(st.integers(1, 3), st.integers(1, 20_000), st.integers(0, 2**32 - 1))
def test_logs_are_summed_for_each_row_alone(files: int, n: int, seed: int) -> None:
    x = np.exp(np.random.default_rng(seed).uniform(-85, 0, (files, n)))

    sums = elementary.log_sums(x)

    assert sums == pytest.approx(np.log(x).sum(1), rel=1e-13, abs=1e-13)
    assert [elementary.log_sums(row[None])[0] for row in x] == sums


def test_the_sum_of_logs_of_what_is_not_finite_is_not_finite() -> None:
    sums = elementary.log_sums(np.array([[0.5, np.nan], [0.5, np.inf], [0.5, 0.25]]))

    assert np.isfinite(sums).tolist() == [False, False, True]


def test_random_numbers_are_those_of_every_numpy() -> None:
    rng = RawGenerator([3, 1])

    assert rng.permutation(8).tolist() == [0, 6, 2, 1, 3, 7, 4, 5]
    assert rng.standard_normal((3,)).tolist() == [1.1606823017098646, 0.6679664934630124, -1.5477614052652684]
    assert rng.integers(26, 4).tolist() == [15, 0, 18, 15]
    assert rng.permutation(1).tolist() == [0]


def test_permutations_and_normal_numbers_are_fair() -> None:
    rng = RawGenerator(7)
    firsts = np.bincount([int(rng.permutation(10)[0]) for _ in range(5000)], minlength=10)
    normal = rng.standard_normal((100_000,))

    assert sorted(rng.permutation(1000)) == list(range(1000))
    assert firsts.min() > 400 and firsts.max() < 600
    assert abs(float(normal.mean())) < 0.02 and abs(float(normal.std()) - 1) < 0.02


# --- training


@pytest.mark.parametrize("sizes", [(5, 3), (5, 9, 3), (5, 9, 8, 3)])
def test_the_gradient_is_that_of_the_plain_network(sizes: tuple[int, ...]) -> None:
    architecture, samples = Architecture(sizes), make_samples(20, sizes[0], sizes[-1], seed=2)
    weights = init(architecture, 1, PORTABLE)
    network = Network(architecture, 1, PORTABLE)
    network.load(weights)
    batches = Batches([samples], 20, sizes[-1], 1 / 20, 1 / 20, (), PORTABLE)
    step = gradient_step(network, 20, 1 / 20)
    for batch in batches.epoch(np.arange(20)[None]):
        step(batch)

    loss, expected = loss_and_gradient(
        architecture, weights.astype(np.float64), samples.x.astype(np.float64), samples.y
    )

    network.weights[:] = network.gradient
    np.testing.assert_allclose(network.unload()[0], expected, atol=1e-5)
    assert batches.losses()[0] == pytest.approx(loss, abs=1e-5)


@examples(40)
@given(st.integers(2, 9), st.floats(0.1, 100), st.integers(0, 2**32 - 1))
def test_the_gradient_below_a_softmax_is_within_the_bound_by_which_it_is_rounded(
    classes: int, size: float, seed: int
) -> None:
    """Of one sample the gradient of the first biases is that of the hidden units."""
    architecture, scale, weights = Architecture((3, 40, classes)), 0.01, [0.3, 3.0, *[1.0] * (classes - 2)]
    network = Network(architecture, 1, PORTABLE)
    network.load(np.random.default_rng(seed).choice([-size, 0.9 * size], architecture.parameters).astype(np.float32))
    batches = Batches([make_samples(1, 3, classes, seed=seed)], 1, classes, scale, scale, weights, PORTABLE)
    for batch in batches.epoch(np.zeros((1, 1), np.int64)):
        gradient_step(network, 1, scale)(batch)

    back = network.matrices(network.gradient)[0][:, 0]  # (40,)
    bound = 4 * BACK_SUM_MAX * scale * 2.0 ** np.ceil(np.log2(size))  # the weight of a class is 4 at most
    unit = 2.0 ** (np.ceil(np.log2(bound)) - operand_bits(40))
    assert np.abs(back).max() <= bound
    assert (back == np.round(back / unit) * unit).all()


@pytest.mark.parametrize("weights", [(), (0.25, 1.0, 3.0), (0.5, 0.5, 0.5)])
@pytest.mark.parametrize("rows", [1, 7, 8, 9, 15])
def test_no_factor_of_a_batch_is_above_its_bound(weights: tuple[float, ...], rows: int) -> None:
    samples = make_samples(rows, 3, 3)
    batches = Batches([samples], 8, 3, 1 / 8, 1 / (rows % 8 or 8), weights, PORTABLE)

    for batch in batches.epoch(np.arange(rows)[None]):
        batch.total[...] = 1  # as a step would leave it
        largest = 1.0 if batch.factors is None else float(batch.factors.max())
        assert largest <= batch.factors_bound
        assert batch.factors_bound < 2 * max(weights, default=1.0) * 8 / (rows % 8 or 8)
        assert math.log2(batch.factors_bound).is_integer()


def test_a_training_that_diverges_is_noticed() -> None:
    samples = Samples(np.full((40, 4), 8, np.float32), np.arange(40) % 3)
    architecture = Architecture((4, 16, 3))
    weights = init(architecture, 1)

    with pytest.raises(StepTooLarge, match="2\\^10 or more"):
        local = train(architecture, weights, samples, TrainConfig("sgd", 50, 1e6), 1, arithmetic=PORTABLE)
        quantise(local, weights, samples.rows, 24)


# --- what cannot be computed


def test_models_that_compute_by_themselves_are_refused() -> None:
    with pytest.raises(BadSpec, match="--arithmetic portable computes mlp, softmax and cnn, not torchzoo:cnn"):
        Settings(model="torchzoo:cnn", arithmetic="portable")
    with pytest.raises(BadSpec, match="--course-trainer"):
        Settings(course=True, optimizer="gd", hidden=(20,), arithmetic="portable")
    with pytest.raises(BadTask, match="mlp, softmax and cnn alone"):
        Design((16, 2), "mine:Linear", arithmetic="portable")
