"""How long a table of tight radii takes, over geometry, dimension and number of radii.

Targets on one core: 300 radii of an l2 radial density in 1 s, of cubes and cross polytopes in 3 s,
tails to 1e-9 of themselves. Kernels are compiled before the clock starts. Run as a script,
the file draws time against dimension and number of radii.
"""

from __future__ import annotations

import functools
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


#: Tails at the first and the last radius, and the largest relative width of a tail between.
FIRST_TAIL, LAST_TAIL, WIDTH = 0.49, 1e-6, 1e-9


def radii_of(name: str, dim: int, count: int) -> np.ndarray:
    """Equidistant radii from tail 0.49 to tail 1e-6."""
    return np.linspace(*_ends(name, dim), count)


@functools.cache
def _ends(name: str, dim: int) -> tuple[float, float]:
    make, adversary = CASES[name]
    q = make(dim)
    ray = rays(q, adversary)

    def certifies(radius: float, tail: float) -> bool:
        return bool(ray.tails(np.array([radius])).tail_lower[0] >= tail)

    far = q.sigma / (dim if adversary == "linf" else 4)
    while certifies(far, LAST_TAIL):
        far *= 4
    # Cubes lose all tails below 1/d within a few millionths of the radius: forty halvings.
    found = []
    for tail in (FIRST_TAIL, LAST_TAIL):
        low, high = 0.0, far
        for _ in range(40):
            middle = (low + high) / 2
            low, high = (middle, high) if certifies(middle, tail) else (low, middle)
        found.append(low)
    return found[0], found[1]


def make_table(q: SmoothingDistribution, adversary: str, radii: np.ndarray) -> np.ndarray:
    """Relative widths of the tails."""
    tails = rays(q, adversary).tails(radii)
    return (tails.tail_upper - tails.tail_lower) / tails.tail_upper


@pytest.mark.parametrize("dim", [3_072, 150_528])
@pytest.mark.parametrize("name", list(CASES))
def test_three_hundred_radii(benchmark: Any, name: str, dim: int) -> None:
    make, adversary = CASES[name]
    q = make(dim)
    radii = radii_of(name, dim, 300)
    width = benchmark.pedantic(make_table, args=(q, adversary, radii), rounds=1)
    benchmark.extra_info["largest relative width"] = float(np.max(width))
    assert np.max(width) <= WIDTH


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
    for name in CASES:
        left.loglog(dims, [_seconds(name, d, 300) for d in dims], marker="o", label=name)
        right.loglog(counts, [_seconds(name, 3_072, n) for n in counts], marker="o")
    left.set(xlabel="dimension", ylabel="CPU seconds", title="300 radii")
    right.set(xlabel="number of radii", title="d = 3,072")
    left.legend(fontsize=6)
    for axis in (left, right):
        axis.set_ylim(bottom=0.03)
        axis.grid(alpha=0.3)
    figure.savefig(path, dpi=110)


def _seconds(name: str, dim: int, count: int) -> float:
    """CPU time of a table, the kernels compiled."""
    make, adversary = CASES[name]
    q, radii = make(dim), radii_of(name, dim, count)
    begin = time.process_time()
    make_table(q, adversary, radii)
    return time.process_time() - begin


if __name__ == "__main__":
    draw(Path(sys.argv[1] if len(sys.argv) > 1 else "levelset_scaling.png"))
