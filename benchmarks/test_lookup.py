"""Time of one radius in a vector of a million, against the plain SciPy formula in the same run.

Absolute times say more about the machine than about the code, so the report also gives the ratio:
``extra_info["times_faster"]`` is the formula's time over ours.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.special
from pytest_benchmark.fixture import BenchmarkFixture

import radii

SIZE = 1_000_000
#: Nanoseconds one radius may cost in a vector of SIZE.
BUDGET = 5.0
#: The formula is timed on fewer values, because some take microseconds each.
FORMULA_SIZE = 20_000
DIM = 3072

FloatArray = np.ndarray[Any, np.dtype[np.float64]]


def gaussian(tail: FloatArray) -> FloatArray:
    return -scipy.special.ndtri(tail)


def laplace(tail: FloatArray) -> FloatArray:
    return -np.log(2.0 * tail)


def exp_l2(tail: FloatArray) -> FloatArray:
    half = (DIM - 1) / 2
    return (DIM - 1) * np.arctanh(1.0 - 2.0 * scipy.special.betaincinv(half, half, tail))


def uniform_ball(tail: FloatArray) -> FloatArray:
    half = (DIM + 1) / 2
    return 2.0 - 4.0 * scipy.special.betaincinv(half, half, 0.25 + tail / 2.0)


def uniform_cube_linf(tail: FloatArray) -> FloatArray:
    return 2.0 * (1.0 - (0.5 + tail) ** (1.0 / DIM))


def pareto(tail: FloatArray) -> FloatArray:
    a, u = 3.0, 1.0 - 2.0 * tail
    hyp = scipy.special.hyp2f1(1.0, a / (a + 1), a / (a + 1) + 1, u ** (1 + 1 / a))
    return u / a * hyp


def logistic(tail: FloatArray) -> FloatArray:
    return -scipy.special.logit(tail)


def parse(psi: str, dim: int) -> Callable[[], Any]:
    return lambda: radii.SmoothingDistribution.parse(psi, dim=dim)


Formula = Callable[[FloatArray], FloatArray] | None

# Formulas: Yang et al. 2020, Table A.1, as a user of SciPy would type them; None where there is
# none to type. Tables differ in how many kinks they hold: none to some two thousand.
CASES: list[tuple[str, Callable[[], Any], str, Formula]] = [
    ("gaussian l2", lambda: radii.families.gaussian(DIM), "l2", gaussian),
    ("laplace l1", lambda: radii.families.laplace(DIM), "l1", laplace),
    ("exp_l2 l2", lambda: radii.families.exp_l2(DIM), "l2", exp_l2),
    ("uniform ball l2", lambda: radii.families.uniform_ball(DIM), "l2", uniform_ball),
    ("uniform cube linf", lambda: radii.families.uniform_cube(DIM), "linf", uniform_cube_linf),
    ("pareto l1", lambda: radii.families.pareto(DIM, a=3), "l1", pareto),
    ("logistic l1", parse("coordinate_sum(t + 2*log(1+exp(-t)))", DIM), "l1", logistic),
    ("exp_linf l1, a kink", lambda: radii.families.exp_linf(DIM), "l1", None),
    ("exp_linf linf", lambda: radii.families.exp_linf(DIM), "linf", None),
    ("laplace linf, kinks", lambda: radii.families.laplace(150_528), "linf", None),
    ("cauchy l1", parse("coordinate_sum(log(1+t**2))", DIM), "l1", None),
    ("a quartic l1", parse("coordinate_sum(t**4 + t**2)", DIM), "l1", None),
    ("g = r + r^2 l2", parse("norm(x,2) + norm(x,2)**2", 64), "l2", None),
]


@pytest.fixture(scope="module")
def tails() -> FloatArray:
    # Log-uniform, so that every octave of the lookup table is visited, as in a run of images.
    return 0.5 * 10.0 ** -np.random.default_rng(7).uniform(0.0, 6.0, SIZE)


@pytest.mark.parametrize(
    ("name", "build", "adversary", "formula"), CASES, ids=[case[0] for case in CASES]
)
def test_a_radius_costs_at_most_five_nanoseconds(
    benchmark: BenchmarkFixture,
    tails: FloatArray,
    name: str,
    build: Callable[[], Any],
    adversary: str,
    formula: Formula,
) -> None:
    benchmark.group = "one radius"
    radius = radii.derive(build(), adversary)
    values = radius(tail=tails)  # compiles or loads the kernel before the clock starts
    assert np.all(values > 0)
    benchmark.pedantic(lambda: radius(tail=tails), rounds=15, warmup_rounds=1)
    assert benchmark.stats is not None
    ours = benchmark.stats.stats.min / SIZE * 1e9
    benchmark.extra_info["nanoseconds_per_radius"] = round(ours, 2)
    report = f"{name}: {ours:.2f} ns"
    if formula is not None:
        few = tails[:FORMULA_SIZE]
        # Naive formulas lose digits in high dimension; this only guards against comparing two
        # different functions.
        np.testing.assert_allclose(values[:FORMULA_SIZE], formula(few), rtol=1e-3)
        theirs = min(_seconds(formula, few) for _ in range(3)) / FORMULA_SIZE * 1e9
        benchmark.extra_info["formula_nanoseconds"] = round(theirs, 1)
        benchmark.extra_info["times_faster"] = round(theirs / ours, 1)
        report += f", formula {theirs:.1f} ns, {theirs / ours:.1f} times faster"
    print(f"\n{report}")
    assert ours <= BUDGET


def _seconds(function: Callable[[FloatArray], FloatArray], values: FloatArray) -> float:
    start = time.perf_counter()
    function(values)
    return time.perf_counter() - start
