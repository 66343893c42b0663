"""Noise levels: Table A.2 of RSAS as corrected, and integrals of the definition.

Two rows of the printed table are inverted (uniform ball, power law in l2); the formulas here are
the corrected ones, and the integrals below confirm them independently.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath as mp
import pytest
import sympy
from sympy import Abs, Piecewise, Rational, cosh, log, oo

from smoothing import families
from smoothing.distribution import SmoothingDistribution
from smoothing.expressions import coordinate_sum, norm, t, x

#: Panels carry log densities to a few eps; at d = 150,528 the radius has relative width 1/400, so
#: that E r^2 keeps thirteen digits.
TOLERANCE = 2e-13

DIMS = [1, 3, 3072, 150_528]


def gamma_ratio(upper: Any, lower: Any) -> mp.mpf:
    return mp.exp(mp.loggamma(upper) - mp.loggamma(lower))


def exp_radial(factor: Callable[[mp.mpf], mp.mpf]) -> Callable[..., mp.mpf]:
    """sigma^2 of ||x||^-j exp(-||x||^k), with E ||x||_2^2 / r^2 = factor(d)."""

    def variance(d: mp.mpf, k: mp.mpf, j: mp.mpf) -> mp.mpf:
        return gamma_ratio((d - j + 2) / k, (d - j) / k) * factor(d) / d

    return variance


#: family, shape parameters, sigma^2 as a function of d and the parameters
TABLE: list[tuple[Callable[..., SmoothingDistribution], dict[str, str], Callable[..., mp.mpf]]] = [
    (families.gaussian, {}, lambda d: mp.mpf(1)),
    (families.laplace, {}, lambda d: mp.mpf(2)),
    (families.exp_lp, {"p": "1/2"}, lambda d, p: gamma_ratio(3 / p, 1 / p)),
    (families.exp_lp, {"p": "4"}, lambda d, p: gamma_ratio(3 / p, 1 / p)),
    (families.uniform_cube, {}, lambda d: mp.mpf(1) / 3),
    (families.uniform_ball, {}, lambda d: 1 / (d + 2)),
    (families.pareto, {"a": "3"}, lambda d, a: 2 / ((a - 1) * (a - 2))),
    (families.pareto, {"a": "201/100"}, lambda d, a: 2 / ((a - 1) * (a - 2))),
    *(
        (family, {"k": k, "j": j}, exp_radial(factor))
        for k, j in (("1", "0"), ("2", "1/2"), ("1/2", "0"))
        for family, factor in (
            (families.exp_linf, lambda d: (d - 1) / 3 + 1),
            (families.exp_l2, lambda d: mp.mpf(1)),
            (families.exp_l1, lambda d: 2 / (d + 1)),
        )
    ),
]


@pytest.mark.parametrize("d", DIMS)
@pytest.mark.parametrize(
    ("family", "shape", "formula"), TABLE, ids=[f"{r[0].__name__}{r[1]}" for r in TABLE]
)
def test_table_a2(
    family: Callable[..., SmoothingDistribution],
    shape: dict[str, str],
    formula: Callable[..., mp.mpf],
    d: int,
) -> None:
    parameters = {name: Rational(value) for name, value in shape.items()}
    with mp.workdps(40):
        numbers = {name: mp.mpf(v.p) / v.q for name, v in parameters.items()}
        expected = float(mp.sqrt(formula(mp.mpf(d), **numbers)))
    assert family(d, **parameters).sigma == pytest.approx(expected, rel=TOLERANCE)
    assert family(d, **parameters, sigma=0.5).scale == pytest.approx(0.5 / expected, rel=TOLERANCE)


@pytest.mark.parametrize("d", DIMS)
@pytest.mark.parametrize("excess", ["3", "5/2", "201/100"])
def test_table_a2_power_laws(d: int, excess: str) -> None:
    a = d + Rational(excess)
    with mp.workdps(40):
        am, dm = mp.mpf(a.p) / a.q, mp.mpf(d)
        cube = (dm + 1) * ((dm - 1) / 3 + 1) / ((am - dm - 1) * (am - dm - 2))
        ball = gamma_ratio((dm + 2) / 2, dm / 2) * gamma_ratio((am - dm - 2) / 2, (am - dm) / 2)
    # near a = d + 2 a relative error of E r^2 is magnified by the slowly decaying integrand
    close = 10 * TOLERANCE
    assert families.power_linf(d, a=a).sigma == pytest.approx(float(mp.sqrt(cube)), rel=close)
    noise = families.power_l2(d, k=2, a=a / 2)
    assert noise.sigma == pytest.approx(float(mp.sqrt(ball / dm)), rel=close)


@pytest.mark.parametrize("a", [1, 2])
def test_infinite_variance_is_inf(a: int) -> None:
    assert families.pareto(3, a=a).sigma == float("inf")
    assert families.power_linf(3, a=3 + a).sigma == float("inf")
    assert families.power_l2(3, k=1, a=3 + a).sigma == float("inf")


def marginal_variance(phi: Callable[[mp.mpf], mp.mpf], points: list[Any]) -> float:
    """E X^2 by mpmath, straight from the definition."""
    with mp.workdps(25):
        mass = mp.quad(lambda u: mp.exp(-phi(u)), points)
        return float(mp.quad(lambda u: u**2 * mp.exp(-phi(u)), points) / mass)


MARGINALS = [
    (2 * log(cosh(t / 2)), lambda u: 2 * mp.log(mp.cosh(u / 2)), None, [-mp.inf, 0, mp.inf]),
    (t**4 + t, lambda u: u**4 + u, None, [-mp.inf, 0, mp.inf]),
    (
        Piecewise((t**2 / 2, Abs(t) < 1), (Abs(t) - Rational(1, 2), True)),
        lambda u: u**2 / 2 if abs(u) < 1 else abs(u) - mp.mpf(1) / 2,
        None,
        [-mp.inf, -1, 1, mp.inf],
    ),
    (t**2 / 2, lambda u: u**2 / 2, norm(x, oo) <= 2, [-2, 2]),
    (t**2 / 2, lambda u: u**2 / 2, x >= 1, [1, 2, mp.inf]),
    (3 * log(1 + t**2 / 5), lambda u: 3 * mp.log(1 + u**2 / 5), None, [-mp.inf, 0, mp.inf]),
    (log(Abs(t)) / 2 + t**2, lambda u: mp.log(u) / 2 + u**2, None, [0, 1, mp.inf]),
]


@pytest.mark.parametrize(("phi", "function", "support", "points"), MARGINALS)
def test_second_moments_of_marginals(
    phi: sympy.Expr,
    function: Callable[[mp.mpf], mp.mpf],
    support: sympy.Basic | None,
    points: list[Any],
) -> None:
    noise = SmoothingDistribution(coordinate_sum(phi), dim=7, support=support)
    expected = marginal_variance(function, points)
    assert noise.sigma**2 == pytest.approx(expected, rel=1e-13)


@pytest.mark.parametrize(
    ("order", "power", "factor"), [(1, "1/4", 2 / 4), (2, "1", 1.0), (oo, "9", 2 / 3 + 1)]
)
def test_second_moments_of_radii(order: Any, power: str, factor: float) -> None:
    # psi = r + r^2 + power * log(1 + r) in R^3, by the density r^2 exp(-psi) of the radius
    a = mp.mpf(Rational(power).p) / Rational(power).q
    radius = norm(x, order)
    psi = radius + radius**2 + Rational(power) * log(1 + radius)
    with mp.workdps(25):
        weight = lambda u: u**2 * mp.exp(-u - u**2 - a * mp.log(1 + u))  # noqa: E731
        mass = mp.quad(weight, [0, 1, 8])
        expected = float(mp.quad(lambda u: u**2 * weight(u), [0, 1, 8]) / mass) * factor / 3
    assert SmoothingDistribution(psi, dim=3).sigma ** 2 == pytest.approx(expected, rel=1e-13)


def test_mixed_norm_in_the_plane() -> None:
    # max(|x|)^-1 exp(-||x||_2^2/2): eight times the triangle 0 < b < a
    # in polar coordinates the weight is exp(-r^2/2) / cos, over angles up to 45 degrees
    with mp.workdps(25):
        angle = mp.quad(lambda u: 1 / mp.cos(u), [0, mp.pi / 4])
        mass = angle * mp.quad(lambda r: mp.exp(-r * r / 2), [0, 4, 12])
        second = angle * mp.quad(lambda r: r * r * mp.exp(-r * r / 2), [0, 4, 12])
    noise = families.mixed_linf_l2(2, k=1)
    assert noise.sigma == pytest.approx(float(mp.sqrt(second / mass / 2)), rel=1e-12)
    assert noise.log_normaliser == pytest.approx(float(mp.log(8 * mass)), rel=1e-12)


@pytest.mark.parametrize("d", [2, 100, 3072, 150_528])
def test_mixed_norm_approaches_the_gaussian(d: int) -> None:
    # k = 0 would be the Gaussian; E ||x||_2^2 is monotone in k (its k-derivative is a covariance of
    # decreasing and increasing functions of ||x||_2), so that a tiny k bounds it
    sigma = families.mixed_linf_l2(d, k=Rational(1, 10**9)).sigma
    assert sigma == pytest.approx(1.0, abs=1e-9)
    assert sigma < 1.0


def test_families_take_sigma_or_scale() -> None:
    assert families.laplace(3).scale == 1.0
    assert families.laplace(3, scale=2).sigma == pytest.approx(8**0.5, rel=1e-14)
    assert families.exp_linf(5, k=2, j=1.5).psi == norm(x, oo) ** 2 + Rational(3, 2) * log(
        norm(x, oo)
    )
