"""How long a table of tight radii takes, over geometry, dimension and number of radii.

Targets on one core: 300 radii of an l2 radial density in 1 s, of cubes and cross polytopes in 3 s.
The first round compiles nothing: a small table is made before the clock starts. Run as a script,
the file draws time against dimension and number of radii.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from levelset import rays
from smoothing import families
from smoothing.distribution import SmoothingDistribution

CASES: dict[str, tuple[Any, str]] = {
    "exp_l2 k=1": (lambda d: families.exp_l2(d, k=1), "l2"),
    "exp_l2 k=2 j=1/2": (lambda d: families.exp_l2(d, k=2, j=0.5), "l2"),
    "power_l2 k=2": (lambda d: families.power_l2(d, k=2, a=d / 2 + 30), "l2"),
    "exp_linf k=2 e_1": (lambda d: families.exp_linf(d, k=2), "l1"),
    "exp_linf k=2 ones": (lambda d: families.exp_linf(d, k=2), "linf"),
    "exp_l1 k=2 e_1": (lambda d: families.exp_l1(d, k=2), "l1"),
}


def radii_of(q: SmoothingDistribution, adversary: str, count: int) -> np.ndarray:
    """Radii up to the one with tail 1e-3 or so, found by doubling."""
    ray = rays(q, adversary)
    top = q.sigma / q.dim if adversary == "linf" else q.sigma / 4
    while ray.tails(np.array([top])).tail_lower[0] > 1e-3 and top < 1e4 * q.sigma:
        top *= 1.5
    return np.linspace(top / count, top, count)


def make_table(q: SmoothingDistribution, adversary: str, radii: np.ndarray) -> np.ndarray:
    tails = rays(q, adversary).tails(radii)
    return (tails.tail_upper - tails.tail_lower) / tails.tail_upper


@pytest.mark.parametrize("dim", [3_072, 150_528])
@pytest.mark.parametrize("name", list(CASES))
def test_three_hundred_radii(benchmark: Any, name: str, dim: int) -> None:
    make, adversary = CASES[name]
    q = make(dim)
    radii = radii_of(q, adversary, 300)
    width = benchmark.pedantic(make_table, args=(q, adversary, radii), rounds=1)
    benchmark.extra_info["largest relative width"] = float(np.max(width))


def test_mixed_norm(benchmark: Any) -> None:
    ray = rays(families.mixed_linf_l2(3_072, k=1), "linf")
    kappa = np.array([1.0, 2.0, 5.0])
    found = benchmark.pedantic(ray.hockey_stick, args=(0.03, kappa), rounds=1)
    assert np.max(found.width) <= 1e-6


def draw(path: Path) -> None:
    """Seconds against dimension (300 radii) and against the number of radii (d = 3,072)."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 3.4), layout="constrained")
    left, right = figure.subplots(1, 2)
    dims, counts = (32, 784, 3_072, 150_528), (10, 100, 1_000)
    for name, (make, adversary) in CASES.items():
        times = [_seconds(make(d), adversary, 300) for d in dims]
        left.loglog(dims, times, marker="o", label=name)
        right.loglog(counts, [_seconds(make(3_072), adversary, n) for n in counts], marker="o")
    left.set(xlabel="dimension", ylabel="seconds", title="300 radii")
    right.set(xlabel="number of radii", title="d = 3,072")
    left.legend(fontsize=6)
    figure.savefig(path, dpi=150)


def _seconds(q: SmoothingDistribution, adversary: str, count: int) -> float:
    radii = radii_of(q, adversary, count)
    begin = time.perf_counter()
    make_table(q, adversary, radii)
    return time.perf_counter() - begin


if __name__ == "__main__":
    draw(Path(sys.argv[1] if len(sys.argv) > 1 else "levelset_scaling.png"))
