"""l_2 radial densities whose g' has extrema, limits, poles and jumps, in low dimension.

The reference integrates P[T > c/h] and E(h T - c)+ over the radius with mpmath, from psi and from
the elementary laws of one coordinate T of a uniform unit vector.
"""

from __future__ import annotations

from itertools import pairwise

import mpmath
import numpy as np
import pytest
import sympy
from mpmath import mp
from sympy import Rational, cosh, exp, log, sqrt

import radii
from differential.cosine_mills import cosine_mills
from differential.radial_laws import spherical_law
from smoothing.structure import RADIUS as R
from smoothing.structure import Radial

#: Digits of the reference; tanh-sinh on smooth pieces reaches them.
DIGITS = 20


def cosine(t: mpmath.mpf, dim: int) -> tuple[mpmath.mpf, mpmath.mpf]:
    """P[T > t] and E[T; T > t], from the density C (1 - t^2)^((d-3)/2)."""
    s = 1 - t * t
    half = mp.mpf(dim) / 2
    constant = mp.gamma(half) / mp.gamma(half - mp.mpf(1) / 2) / mp.sqrt(mp.pi)
    moment = constant / (dim - 1) * s ** (half - mp.mpf(1) / 2)
    if dim == 2:
        return mp.acos(t) / mp.pi, moment
    if dim == 3:
        return (1 - t) / 2, moment
    if dim == 4:
        return (mp.acos(t) - t * mp.sqrt(s)) / mp.pi, moment
    if dim == 5:
        return (2 - 3 * t + t**3) / 4, moment
    tail = mp.betainc(half - mp.mpf(1) / 2, mp.mpf(1) / 2, 0, s, regularized=True) / 2
    return tail, moment


def reference(
    profile: sympy.Expr, dim: int, c: float, turns: list[float], upper: object
) -> tuple[float, float]:
    """P[gamma > c] and c P + E(gamma - c)+; `turns` are zeros and extrema of g'."""
    g, slope = (sympy.lambdify(R, e, "mpmath") for e in (profile, sympy.diff(profile, R)))
    with mpmath.workdps(DIGITS):
        marks = sorted({*map(mp.mpf, turns), *(mp.mpf(2) ** k for k in range(-12, 7))})
        marks = [mp.mpf(0), *(m for m in marks if m < upper), mp.mpf(upper)]
        cuts = set(marks)
        for a, b in pairwise(marks):
            ends = [mp.mpf(2) ** -60 if a == 0 else a, mp.mpf(2) ** 60 if b == mp.inf else b]
            values = [abs(slope(x)) - c for x in ends]
            if values[0] * values[1] < 0:
                cuts.add(
                    mp.findroot(lambda r: abs(slope(r)) - c, ends, solver="anderson", tol=1e-30)
                )
        total = tail = work = mp.mpf(0)
        for a, b in pairwise(sorted(cuts)):
            middle = 2 * a + 1 if b == mp.inf else (a + b) / 2
            total += mp.quad(lambda r: r ** (dim - 1) * mp.exp(-g(r)), [a, b])
            if abs(slope(middle)) <= c:
                continue

            def pair(r: mpmath.mpf) -> mpmath.mpc:
                h = abs(slope(r))
                p, moment = cosine(min(c / h, mp.mpf(1)), dim)
                return r ** (dim - 1) * mp.exp(-g(r)) * mp.mpc(p, h * moment)

            both = mp.quad(pair, [a, b])
            tail, work = tail + both.real, work + both.imag
        return float(tail / total), float(work / total)


#: Profile, dimension, zeros and extrema of g', and thresholds, some next to an extremum.
CASES = [
    (4 * log(1 + R**2), 3, [1.0], [0.5, 3.0, 3.999]),
    (R**4 - 2 * R**2, 2, [1.0, 3**-0.5], [0.5, 1.5396, 4.0]),
    (R**4 - 2 * R**2, 5, [1.0, 3**-0.5], [1.53, 6.0]),
    (-log(exp(-(R**2)) + exp(-(R**2) / 8)), 3, [], [0.2, 1.5]),
    (2 * log(cosh(R)), 4, [], [0.5, 1.9]),
    (4 * log(1 + R), 2, [], [0.3, 3.5]),
    (R**2 + log(R) / 2, 2, [0.5], [1.99, 2.01, 7.0]),
    (R + R ** Rational(3, 2), 2, [], [0.9, 1.1, 4.0]),
    (sqrt(1 + R**2), 2, [], [0.4, 0.99]),
    (7 * log(1 + R**2), 10, [1.0], [1.0, 4.0]),
    (R + sqrt(R), 2, [], [1.05, 2.0, 40.0]),
    (R**2 - log(1 + R**4), 2, [1.0], [0.2, 1.5]),  # g' touches 0 at r = 1
    (R**2 - 3 * R, 3, [1.5], [0.5, 2.9, 3.1]),
]


@pytest.mark.parametrize("case", CASES, ids=lambda c: f"{c[0]}-d{c[1]}".replace(" ", ""))
def test_phi_agrees_with_the_integral_over_the_radius(case: tuple) -> None:
    profile, dim, turns, thresholds = case
    law = spherical_law(Radial(sympy.Integer(2), profile, (sympy.S.Zero, sympy.oo), dim))
    for c in thresholds:
        p, work = reference(profile, dim, c, turns, mp.inf)
        found = float(law.phi(p))
        # the budget of the law; never below, which would make a radius too large
        assert found == pytest.approx(work, rel=law.relative_error)
        assert float(law.tail(c)) == pytest.approx(p, rel=1e-9)
        assert float(law.partial_expectation(c)) == pytest.approx(work, rel=1e-9)


@pytest.mark.parametrize("dim", [2, 3, 7, 64, 150_528])
def test_law_of_one_coordinate(dim: int) -> None:
    """Against the incomplete beta function, from the middle to the far tail."""
    x = np.array([0.0, 1e-3, 0.3, 1.0, 1.3])
    t = x / np.sqrt(dim)
    tail, excess = cosine_mills(dim).tail_and_excess(t)
    with mpmath.workdps(40):
        for i, point in enumerate(map(mp.mpf, t)):
            half = mp.mpf(dim) / 2
            constant = mp.gamma(half) / mp.gamma(half - mp.mpf(1) / 2) / mp.sqrt(mp.pi)
            power = (dim - 3) / mp.mpf(2)
            ends = [point, min(point + 3 / mp.sqrt(dim), mp.mpf(1)), 1]
            exact = [
                mp.quad(lambda u, k=k: (u - point) ** k * constant * (1 - u * u) ** power, ends)  # noqa: B023
                for k in (0, 1)
            ]
            # The exponential of a logarithm near (d/2) t^2 and two series: a few eps.
            assert tail[i] == pytest.approx(float(exact[0]), rel=2e-14)
            assert excess[i] == pytest.approx(float(exact[1]), rel=2e-14)


LOW = [(2, "l2"), (3, "linf"), (4, "l1"), (20, "l2")]


@pytest.mark.parametrize(("dim", "adversary"), LOW)
def test_radius_of_a_saturating_slope_lies_below_the_linear_bound(dim: int, adversary: str) -> None:
    """0 <= g' < 1 makes gamma smaller than T, so R exceeds that of exp(-|x|), where gamma = T."""
    n = radii.norm(radii.x, 2)
    soft = radii.derive(radii.SmoothingDistribution(sqrt(1 + n**2), dim=dim), adversary)
    hard = radii.derive(radii.SmoothingDistribution(n, dim=dim), adversary)
    tails = np.array([0.4, 0.1, 1e-3, 1e-9])
    assert np.all(soft(tail=tails) > hard(tail=tails))
