"""Profiles with a kink inside: kinks of the level sets are breakpoints of the integrals.

In d = 3 the cosine between x and the shift is uniform on [-1, 1], so that D is one integral of
elementary functions, which is cut here at every kink, found on a fine grid.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import brentq

from levelset import growth_function
from smoothing.distribution import SmoothingDistribution

FAR = 40.0


def profile(s: np.ndarray) -> np.ndarray:
    return np.where(s < 1, s, 2 * s - 1)


def inverse(level: np.ndarray) -> np.ndarray:
    return np.where(level < 1, level, (level + 1) / 2)


def cap(s: np.ndarray, t: np.ndarray, r: float) -> np.ndarray:
    """P[||x - v|| <= t] given ||x|| = s."""
    return np.where(t > 0, np.clip((t * t - (s - r) ** 2) / (4 * s * r), 0, 1), 0.0)


def integral(values, cuts: list[float]) -> float:  # type: ignore[no-untyped-def]
    nodes, weights = np.polynomial.legendre.leggauss(40)
    edges = np.unique(np.concatenate([[0.0, FAR], np.arange(1, FAR), cuts]))
    half = np.diff(edges)[:, None] / 2
    s = edges[:-1, None] + half * (1 + nodes)
    return float(np.sum(half * weights * values(s) * s * s * np.exp(-profile(s))))


def crossings(r: float, log_kappa: float) -> list[float]:
    found = [r, 1.0]
    grid = np.linspace(1e-6, FAR, 20_001)
    for sign in (-1, 1):

        def reached(s: np.ndarray, sign: int = sign) -> np.ndarray:
            return inverse(profile(s) + sign * log_kappa)

        for gap in (
            lambda s: reached(s) - np.abs(s - r),
            lambda s: reached(s) - (s + r),
            lambda s: reached(s) - 1,
            lambda s: reached(s),
        ):
            values = gap(grid)
            for i in np.flatnonzero(values[:-1] * values[1:] < 0):
                found.append(brentq(gap, grid[i], grid[i + 1], xtol=1e-15))
    return found


@pytest.mark.parametrize(("r", "log_kappa"), [(0.5, 0.3), (1.0, 0.9), (1.3, 1.1), (2.5, 3.1)])
def test_hockey_stick_of_a_kinked_profile(r: float, log_kappa: float) -> None:
    text = "Piecewise((norm(x, 2), norm(x, 2) < 1), (2*norm(x, 2) - 1, True))"
    q = SmoothingDistribution.parse(text, dim=3)
    cuts = crossings(r, log_kappa)
    whole = integral(np.ones_like, [])
    p0 = integral(lambda s: cap(s, inverse(profile(s) - log_kappa), r), cuts) / whole
    p1 = integral(lambda s: 1 - cap(s, inverse(profile(s) + log_kappa), r), cuts) / whole
    found = growth_function(q, [r, 0, 0]).hockey_stick(np.exp(log_kappa))
    exact = p1 - np.exp(log_kappa) * p0
    # 1e-13 is what 2,000 Gauss nodes leave; without the kink as a breakpoint 1e-4 are lost.
    assert found.lower <= exact + 1e-13
    assert exact - 1e-13 <= found.upper
    assert found.width < 1e-11
