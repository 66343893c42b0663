"""Profiles with a kink inside: kinks of the level sets are breakpoints of the integrals.

In d = 3 the cosine between x and the shift is uniform on [-1, 1], so that D is one integral of
elementary functions, which is cut here at every kink, found on a fine grid.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import brentq

from levelset import growth_function
from smoothing import families
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


#: Shifts and multipliers at which log L has an extremum in s, so that kinks come in close pairs;
#: D from two integrators written for the purpose, one of them a plain Riemann sum.
PAIRS = [
    (families.exp_l1(4, k=2, j=1), [0.2, 0, 0, 0], 1.7885, 0.0500642, 1e-7),
    (families.exp_l2(3, k=4, j=0.5), [0.05, 0, 0], 0.92876287, 0.0860143504, 1e-10),
    (families.power_l2(2, k=2, a=3), [3.0, 0], 1296.70143133, 3.0797e-7, 1e-11),
]


@pytest.mark.parametrize(("q", "shift", "kappa", "exact", "digits"), PAIRS)
def test_kinks_in_pairs_are_found(
    q: SmoothingDistribution, shift: list[float], kappa: float, exact: float, digits: float
) -> None:
    found = growth_function(q, shift).hockey_stick(kappa)
    # `digits` is the last one given of the exact value.
    assert abs(found.lower - exact) <= digits
    assert abs(found.upper - exact) <= digits
    assert found.width < 1e-11


def test_panels_without_visible_mass_are_counted() -> None:
    # G(1e-12) = N(N^-1(1e-12) + 1) = 7.97358010464108e-10 (mpmath, 30 digits); panels of mass
    # below 1e-19 were left out, which took 4e-12 of it.
    value = growth_function(families.gaussian(2), [0.0, 1.0])(1e-12)
    assert value.lower <= 7.97358010464108e-10 <= value.upper
    assert value.width < 1e-8 * 8e-10
    # At 30 noise levels multipliers underflow; nothing may become nan.
    far = growth_function(families.gaussian(2), [0.0, 30.0])(1 - 1e-9)
    assert 1 - 1e-9 <= far.lower <= far.upper <= 1


def test_a_shell_far_from_the_origin_is_resolved() -> None:
    """g = (s - 3)^2 is 9 - 6 s next to 0, where s = 1e-30 is lost in rounding."""
    r, kappa = 1.0, 2.0
    found = growth_function(
        SmoothingDistribution.parse("(norm(x, 2) - 3)**2", dim=4), [r, 0, 0, 0]
    ).hockey_stick(kappa)
    nodes, weights = np.polynomial.legendre.leggauss(400)
    s, angle = 5 * (nodes + 1), np.pi / 2 * (nodes + 1)
    density = s**3 * np.exp(-((s - 3) ** 2)) * weights
    density /= density.sum()
    # The angle to the shift has density (2/pi) sin^2 in d = 4.
    sphere = np.sin(angle) ** 2 * weights
    moved = np.sqrt(s[:, None] ** 2 + r * r + 2 * r * s[:, None] * np.cos(angle))
    kept = np.maximum(1 - kappa * np.exp((s[:, None] - 3) ** 2 - (moved - 3) ** 2), 0.0)
    # The edge of the set is not a breakpoint of this rule: 400 nodes leave 1e-6.
    assert found.upper == pytest.approx(float(density @ kept @ sphere), rel=3e-5)
    assert found.width < 1e-10
