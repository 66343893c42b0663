"""Time to build a table of tight radii, and of one lookup against a `RadiusFunction`'s.

Absolute times say more about the machine than about the code: the lookups are compared in the same
run.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

import radii

SIZE = 1_000_000
#: Seconds for 300 radii on one core (issue target).
BUILD_BUDGET = 1.0
#: The kernel is the same, so a lookup may cost little more.
LOOKUP_RATIO = 1.5
DENSITIES = ("norm(x, 2)", "norm(x, 2)**2/2", "(dim/2 + 10)*log(1 + norm(x, 2)**2)")


@pytest.mark.parametrize("dim", [3072, 150_528])
@pytest.mark.parametrize("psi", DENSITIES)
@pytest.mark.parametrize("count", [30, 300])
def test_seconds_to_build(benchmark: BenchmarkFixture, psi: str, dim: int, count: int) -> None:
    benchmark.group = f"build, {count} radii"
    q = radii.SmoothingDistribution.parse(psi, dim=dim)
    last = float(radii.derive(q, "l2", route="quadrature")(tail=1e-9))
    grid = np.linspace(last / count, last, count)
    radii.table(q, "l2", radii=grid[:2], cache=False)  # compiles or loads the kernels
    table: Any = benchmark.pedantic(
        lambda: radii.table(q, "l2", radii=grid, cache=False), rounds=1, iterations=1
    )
    assert len(table) == count
    assert benchmark.stats is not None
    seconds = benchmark.stats.stats.min
    benchmark.extra_info["seconds_per_radius"] = seconds / count
    print(f"\n{psi}, d = {dim}: {seconds:.2f} s for {count} radii (target {BUILD_BUDGET} s)")


def test_a_lookup_costs_what_that_of_a_radius_function_costs(benchmark: BenchmarkFixture) -> None:
    tails = 0.5 * 10.0 ** -np.random.default_rng(7).uniform(0.0, 6.0, SIZE)
    q = radii.SmoothingDistribution.parse("norm(x, 2)", dim=3072)
    table = radii.table(q, "l2", radii=np.linspace(1, 200, 200), cache=False)
    radius = radii.derive(q, "l2", route="quadrature")
    table.radius(tail=tails), radius(tail=tails)  # both kernels loaded
    benchmark.pedantic(lambda: table.radius(tail=tails), rounds=15, warmup_rounds=1)
    assert benchmark.stats is not None
    ours = benchmark.stats.stats.min
    theirs = min(_seconds(radius, tails) for _ in range(15))
    benchmark.extra_info["nanoseconds_per_lookup"] = round(ours / SIZE * 1e9, 2)
    benchmark.extra_info["times_a_radius_function"] = round(ours / theirs, 2)
    print(f"\nlookup {ours / SIZE * 1e9:.2f} ns, {ours / theirs:.2f} times a RadiusFunction's")
    assert ours <= LOOKUP_RATIO * theirs


def _seconds(function: Any, tails: Any) -> float:
    start = time.perf_counter()
    function(tail=tails)
    return time.perf_counter() - start
