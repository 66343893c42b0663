"""Laws of gamma: their numbers against mpmath integrals of their definition."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
import sympy
from scipy.special import betainc

from differential.law import Law
from differential.product_laws import coordinate_law
from differential.radial_laws import (
    binomial_lattice,
    lattice_law,
    mean_positive_cosine,
    sign_law,
    spherical_law,
)
from smoothing.structure import COORDINATE as T
from smoothing.structure import RADIUS as R
from smoothing.structure import Marginal, Radial

OO = sympy.oo
#: Panels keep a few 1e-14; the mpmath integrals below are far more accurate.
CLOSE = 1e-12


def line(phi: sympy.Expr, low: object = -OO, high: object = OO) -> Law:
    return coordinate_law(Marginal(phi, (sympy.sympify(low), sympy.sympify(high)), 1))


def radial(order: int | sympy.Expr, profile: sympy.Expr, dim: int) -> Radial:
    return Radial(sympy.sympify(order), profile, (sympy.S.Zero, OO), dim)


@pytest.mark.parametrize("c", [0.0, 0.3, 2.5])
def test_gaussian_coordinate(c: float) -> None:
    law = line(T**2 / 2)
    with mpmath.workdps(30):
        tail = mpmath.erfc(mpmath.mpf(c) / mpmath.sqrt(2)) / 2
        partial = mpmath.npdf(c)
    assert float(law.tail(c)) == pytest.approx(float(tail), rel=CLOSE)
    assert float(law.partial_expectation(c)) == pytest.approx(float(partial), rel=CLOSE)


def test_negative_thresholds_complete_the_law() -> None:
    law = line(T**2 / 2)
    assert float(law.tail(-0.7)) == pytest.approx(1 - float(law.tail(0.7)), rel=CLOSE)
    # E[X; X > -c] = E[X; X > c] for a symmetric X
    both = law.partial_expectation([-0.7, 0.7])
    assert both[0] == pytest.approx(both[1], rel=CLOSE)


@pytest.mark.parametrize("p", [1e-20, 1e-9, 0.2, 0.5, 0.8])
def test_upper_quantile_inverts_the_tail(p: float) -> None:
    law = line(T**4 + T)
    # quantiles are solved to 1e-10: Phi depends on them to second order only
    assert float(law.tail(law.upper_quantile(p))) == pytest.approx(p, rel=1e-9)


def test_boundary_terms_of_the_half_line_exponential() -> None:
    # spec 2: Phi = p for +1 and 1 - p for -1
    law = line(T, 0, OO)
    p = np.array([1e-12, 0.1, 0.5, 0.9])
    np.testing.assert_allclose(law.phi(p), p, rtol=CLOSE)
    np.testing.assert_allclose(law.reversed.phi(p), 1 - p, rtol=CLOSE)


def test_mass_is_conserved_along_every_direction() -> None:
    skewed = sympy.Piecewise((T, T > 0), (-3 * T, True))
    for law in (line(skewed), line(T + sympy.exp(-T)), line(T**2, -1, 2)):
        assert law.imbalance < CLOSE


@pytest.mark.parametrize("p", [1e-6, 0.3, 0.7])
def test_growth_of_a_set_is_the_loss_of_its_complement(p: float) -> None:
    law = line(T + sympy.exp(-T))
    assert float(law.phi(p)) == pytest.approx(float(law.reversed.phi(1 - p)), rel=CLOSE)


def test_duality_holds_for_every_threshold() -> None:
    law = line(sympy.log(1 + T**2))
    p = 0.07
    c = np.linspace(0, 0.99, 50)
    excess = law.partial_expectation(c) - c * law.tail(c)
    assert np.all(c * p + excess >= float(law.phi(p)) * (1 - CLOSE))


def test_signs_give_the_mean_drift_in_the_middle() -> None:
    # derivations 1: M_1 = (d - 1) Gamma((d-1)/2) / Gamma(d/2) for g = r^2
    d = 10
    law = sign_law(radial(OO, R**2, d), 0.5 / d)
    with mpmath.workdps(30):
        mean = (d - 1) * mpmath.gamma(mpmath.mpf(d - 1) / 2) / mpmath.gamma(mpmath.mpf(d) / 2)
    assert float(law.phi(0.3)) == pytest.approx(float(mean) / (2 * d), rel=CLOSE)


@pytest.mark.parametrize("dim", [2, 3, 10, 785])
def test_binomial_lattice_against_exact_counts(dim: int) -> None:
    values, weights = binomial_lattice(dim)
    chosen = [0, len(values) // 2, len(values) - 1]
    for i in chosen:
        heads = (dim + int(values[i])) // 2
        exact = float(sympy.Rational(sympy.binomial(dim, heads), 2**dim))
        assert weights[i] == pytest.approx(exact, rel=CLOSE)


def test_lattice_law_of_the_laplace_density() -> None:
    # derivations 1: Phi(P_i) = d 2^-d C(d - 1, i)
    d = 11
    law = lattice_law(radial(1, R, d))
    for i in range(d // 2):
        p = float(sum(sympy.binomial(d, j) for j in range(i + 1)) / sympy.S(2) ** d)
        exact = float(d * sympy.binomial(d - 1, i) / sympy.S(2) ** d)
        assert float(law.phi(p)) == pytest.approx(exact, rel=CLOSE)


@pytest.mark.parametrize("dim", [2, 3, 64, 3072])
def test_spherical_law_of_the_gaussian_is_a_coordinate(dim: int) -> None:
    law = spherical_law(radial(2, R**2 / 2, dim))
    p = np.array([1e-9, 1e-3, 0.2, 0.5])
    # the density of gamma is itself a quadrature in float64, held to 1e-11
    np.testing.assert_allclose(law.phi(p), line(T**2 / 2).phi(p), rtol=1e-11)


def test_mean_positive_cosine_against_an_integral() -> None:
    for dim in (2, 5, 150_528):
        with mpmath.workdps(30):
            half = mpmath.mpf(dim) / 2
            log_ratio = mpmath.loggamma(half) - mpmath.loggamma(half - 0.5)
            exact = mpmath.exp(log_ratio) / (dim - 1) / mpmath.sqrt(mpmath.pi)
        assert mean_positive_cosine(dim) == pytest.approx(float(exact), rel=CLOSE)


EXPRESSED = {
    "coordinate": (lambda: line(T**2 / 2), 0.4),
    "signs": (lambda: sign_law(radial(OO, R**2, 3), 1 / 6), 0.5),
    "lattice": (lambda: lattice_law(radial(1, R**2, 3)), 0.5),
    "cosine": (lambda: spherical_law(radial(2, R**2, 3)), 0.5),
}


def midpoint_sum(expression: sympy.Expr) -> float:
    """Value of an expression in integrals, each by midpoints on the part where r, |t| < 12."""
    for total in expression.atoms(sympy.Sum):
        ((k, first, last),) = total.limits
        terms = [total.function.subs(k, i) for i in range(int(first), int(last) + 1)]
        expression = expression.xreplace({total: sympy.Add(*terms)})
    values = {}
    for integral in expression.atoms(sympy.Integral):
        ((variable, low, _),) = integral.limits
        start = -12.0 if low == -OO else 0.0
        step = (12.0 - start) / 400_000
        points = start + step * (np.arange(400_000) + 0.5)
        modules = [{"betainc_regularized": lambda a, b, _, x: betainc(a, b, x)}, "numpy"]
        with np.errstate(invalid="ignore"):  # the branch that is not taken leaves [0, 1]
            heights = sympy.lambdify(variable, integral.function, modules)(points)
        values[integral] = step * float(np.sum(heights))
    return float(expression.xreplace(values))


@pytest.mark.parametrize("name", EXPRESSED)
def test_expressions_say_what_the_numbers_are(name: str) -> None:
    build, c = EXPRESSED[name]
    law = build()
    assert law.expressions is not None
    threshold = sympy.Rational(c)
    tail = midpoint_sum(law.expressions.tail(threshold))
    partial = midpoint_sum(law.expressions.partial_expectation(threshold))
    # one cell of the sum straddles the edge of the superlevel set: an error of a step
    assert tail == pytest.approx(float(law.tail(float(threshold))), rel=1e-3)
    assert partial == pytest.approx(float(law.partial_expectation(float(threshold))), rel=1e-3)
