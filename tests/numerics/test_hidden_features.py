"""Features that samples on panels do not meet: narrow wells, far peaks, pairs of close kinks.

Each of these gave a radius several times too large, up to 5e5 times. The reference integrates the
definition on a grid with the feature written into it.
"""

from __future__ import annotations

import numpy as np
import pytest
import sympy
from sympy import Abs, Max, Rational, cosh, exp, log, sinh, tanh

import radii
from numerics.branches import smooth_branches
from numerics.centres import centres
from numerics.errors import PrecisionError
from numerics.zeros import crossing_intervals
from radii import coordinate_sum, t

RHO = np.array([0.5001, 0.75, 0.99])
CASES = {
    "well": (t**2 / 2 - 20 * exp(-(10**10) * (t - 3) ** 2), (3.0,), 1e-5),
    "bump": (t**2 / 2 + 5 * exp(-(10**6) * (t - Rational(1, 3)) ** 2), (1 / 3,), 1e-3),
    "step": (t**2 / 2 + 4 * tanh(10**5 * (t - 1)), (1.0,), 1e-5),
    "far peak": (-log(exp(-(t**2) / 2) + exp(-50 * (t - 33) ** 2) / 10), (0.0, 33.0), 0.1),
    "close kinks": (t**2 / 2 - Max(0, 30 - cosh(100 * (t - 3))), (3.0,), 0.01),
}


def _by_definition(psi: sympy.Expr, places: tuple[float, ...], width: float) -> np.ndarray:
    near = np.concatenate(
        [np.linspace(-8, 8, 4001), *(s * np.geomspace(8, 1e7, 4000) for s in (-1, 1))]
    )
    points = np.concatenate([np.linspace(-9, 40, 40_001), *(p + width * near for p in places)])
    points = np.unique(points[(points > -9) & (points < 40)])
    with np.errstate(over="ignore", divide="ignore"):
        values = np.asarray(sympy.lambdify(t, psi, "numpy")(points))
    density = np.exp(values.min() - values)
    mass = np.diff(points) * (density[1:] + density[:-1]) / 2
    gain, total = -np.diff(density) / mass.sum(), mass.sum()
    # the smaller of the two one-way radii, each the trapezoidal rule for 1/Phi between its knots
    radii_ = []
    for sign in (1, -1):
        order = np.argsort(-sign * gain / np.maximum(mass / total, 1e-300))
        p, phi = np.cumsum(mass[order]) / total, np.cumsum(sign * gain[order])
        row = []
        for rho in RHO:
            nodes = np.concatenate([[1 - rho], p[(p > 1 - rho) & (p < 0.5)], [0.5]])
            reciprocal = 1 / np.interp(nodes, p, phi)
            row.append(np.sum(np.diff(nodes) * (reciprocal[1:] + reciprocal[:-1]) / 2))
        radii_.append(row)
    return np.min(radii_, axis=0)


@pytest.mark.parametrize("name", CASES)
def test_no_feature_is_overlooked(name: str) -> None:
    psi, places, width = CASES[name]
    noise = radii.SmoothingDistribution(coordinate_sum(psi), dim=1)
    radius = radii.derive(noise, "l1", route="quadrature")(RHO)
    # the midpoint rule of the reference: half as many points make 3e-4 into 1.2e-3
    np.testing.assert_allclose(radius, _by_definition(psi, places, width), rtol=6e-4)


def test_two_close_zeros_are_found() -> None:
    found = smooth_branches(Max(0, 30 - cosh(100 * (t - 3))), t, -sympy.oo, sympy.oo)
    half = float(np.arccosh(30) / 100)
    ends = [float(b.lower) for b in found[1:]]
    np.testing.assert_allclose(ends, [3 - half, 3 + half], rtol=1e-14)
    assert [b.expr == 0 for b in found] == [True, False, True]


def test_a_touching_zero_costs_few_cuts() -> None:
    assert len(smooth_branches(Abs(exp(t) - 1 - t), t, -sympy.oo, sympy.oo)) <= 5
    crossings, touching = crossing_intervals(t - sinh(t), t, np.linspace(-3, 3, 8))
    assert len(crossings) + len(touching) <= 3


def test_endless_kinks_are_refused() -> None:
    with pytest.raises(PrecisionError, match="fewer kinks"):
        smooth_branches(Abs(sympy.cos(5 * t)), t, -sympy.oo, sympy.oo)


def test_centres_are_the_roots_and_turning_points_of_arguments() -> None:
    psi = exp(-((t - 1) ** 2) - 7) + 1 / (1 + (2 * t + 3) ** 2) + tanh(t - 5)
    assert [float(c) for c in centres(psi, t, -sympy.oo, sympy.oo)] == [-1.5, 1.0, 5.0]
    assert centres((t - 7) ** 2, t, -sympy.oo, sympy.oo) == (7,)


def test_a_centre_that_costs_all_digits_is_refused() -> None:
    noise = radii.SmoothingDistribution(coordinate_sum(10**12 * (t - 10**4) ** 2 / 2), dim=3)
    with pytest.raises(PrecisionError, match="nearer to 0"):
        radii.derive(noise, "l1", route="quadrature")
