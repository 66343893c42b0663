"""Sums of independent terms against laws known exactly: normal, Irwin-Hall, gamma, binomial."""

from __future__ import annotations

import itertools
from functools import lru_cache

import mpmath
import numpy as np
import pytest
import sympy
from scipy.special import ndtri

from differential.discrete_sums import rademacher_sum
from differential.law import Law
from differential.mixed_laws import mixed_law
from differential.sum_laws import Term, sum_law
from numerics.errors import PrecisionError
from smoothing.structure import COORDINATE as T
from smoothing.structure import RADIUS as R
from smoothing.structure import Marginal, Mixed

OO = sympy.oo
LOGISTIC = 2 * sympy.log(sympy.cosh(T / 2))
HUBER = sympy.Piecewise((T**2 / 2, sympy.Abs(T) < 1), (sympy.Abs(T) - sympy.S.Half, True))
#: The budget of a sum is 1e-12 a term at most (SUM_ERROR, RECURSION_ERROR); what is seen is 1e-13.
CLOSE = 5e-12
TAILS = np.array([0.5, 0.4, 0.1, 1e-3, 1e-9, 1e-20, 1e-29])


def equal_terms(phi: sympy.Expr, dim: int, weight: float = 1.0) -> Law:
    return sum_law((Term(Marginal(phi, (-OO, OO), dim), weight, dim),))


def normal_flux(p: float) -> float:
    """Density of the standard normal law at its upper quantile."""
    with mpmath.workdps(40):
        target = mpmath.log(mpmath.mpf(p))
        z = mpmath.findroot(lambda z: mpmath.log(mpmath.ncdf(-z)) - target, -float(ndtri(p)))
        return float(mpmath.npdf(z))


def assert_upper_and_close(law: Law, p: float, exact: float) -> None:
    found = float(law.phi(p))
    assert found == pytest.approx(exact, rel=CLOSE)
    # what the radius uses is Phi raised by its budget, and that is never too small
    assert found * (1 + law.relative_error) >= exact


@pytest.mark.parametrize("dim", [2, 3, 16, 3072, 150_528])
def test_gaussian_terms(dim: int) -> None:
    law = equal_terms(T**2 / 2, dim)
    for p in TAILS:
        assert_upper_and_close(law, float(p), normal_flux(float(p)) * dim**0.5)


@lru_cache(maxsize=256)
def irwin_hall(dim: int, c: float) -> tuple[float, float]:
    """P[S > c] and E(S - c)+ for the sum of `dim` uniform variables on [-1, 1]."""
    with mpmath.workdps(60 + dim):
        c = mpmath.mpf(c)
        tail = excess = mpmath.mpf(0)
        k = 0
        while dim - 2 * k > c:
            term = (-1) ** k * mpmath.binomial(dim, k)
            tail += term * (dim - 2 * k - c) ** dim
            excess += term * (dim - 2 * k - c) ** (dim + 1)
            k += 1
        tail /= mpmath.factorial(dim) * mpmath.mpf(2) ** dim
        excess /= mpmath.factorial(dim + 1) * mpmath.mpf(2) ** dim
        return float(tail), float(excess)


@pytest.mark.parametrize("dim", [2, 3, 16, 64, 256])
def test_logistic_terms_are_uniform(dim: int) -> None:
    # phi'(X) = 2 F(X) - 1
    law = equal_terms(LOGISTIC, dim)
    for share in (0.0, 0.3, 1.0, 3.0, 8.0):
        c = min(share * (dim / 3) ** 0.5, dim * (1 - 2.0**-10))
        tail, excess = irwin_hall(dim, c)
        if tail > 1e-29:
            assert_upper_and_close(law, tail, c * tail + excess)


@pytest.mark.parametrize("dim", [2, 16, 3072])
@pytest.mark.parametrize("sign", [1, -1])
def test_terms_that_are_not_even(dim: int, sign: int) -> None:
    # psi = e^t - t: e^X is exponential, so the sum is Gamma(d) - d
    law = equal_terms(sympy.exp(T) - T, dim)
    law = law if sign > 0 else law.reversed
    with mpmath.workdps(60):
        for share in (-2.0, -0.5, 0.0, 0.7, 4.0, 7.0):
            c = sign * share * dim**0.5
            x = mpmath.mpf(dim + c)
            if x <= 0:
                continue
            upper = [mpmath.gammainc(dim + k, x, regularized=True) for k in (0, 1)]
            lower = [mpmath.gammainc(dim + k, 0, x, regularized=True) for k in (0, 1)]
            # E[S; S > c] = d (Q(d + 1, x) - Q(d, x)), and the same from below for -S
            p = upper[0] if sign > 0 else lower[0]
            flux = dim * (upper[1] - upper[0])
            if 1e-29 < p < 1 - 1e-9:
                assert_upper_and_close(law, float(p), float(flux))


def test_huber_terms_keep_their_atoms() -> None:
    # phi' = clip(t, -1, 1): two atoms and a normal piece; E(S - c)+ by an integral over one term
    law = equal_terms(HUBER, 2)
    with mpmath.workdps(20):
        total = mpmath.sqrt(2 * mpmath.pi) * mpmath.erf(1 / mpmath.sqrt(2)) + 2 * mpmath.exp(-0.5)
        atom = mpmath.exp(-0.5) / total

        def one(c: mpmath.mpf, power: int) -> mpmath.mpf:
            """P[Y > c] or E(Y - c)+."""
            if c >= 1:
                return mpmath.mpf(0)
            low = max(c, mpmath.mpf(-1))
            inner = mpmath.quad(lambda t: (t - c) ** power * mpmath.exp(-t * t / 2), [low, 1])
            below = atom * (-1 - c) ** power if c < -1 else 0
            return inner / total + atom * (1 - c) ** power + below

        def both(c: mpmath.mpf, power: int) -> mpmath.mpf:
            cuts = sorted({mpmath.mpf(-1), mpmath.mpf(1), min(max(c - 1, -1), 1)})
            inner = mpmath.quad(lambda t: one(c - t, power) * mpmath.exp(-t * t / 2), cuts)
            return inner / total + atom * (one(c - 1, power) + one(c + 1, power))

        for c in (mpmath.mpf("0.25"), mpmath.mpf("1.5")):
            p = both(c, 0)
            # mpmath's nested integrals are good to about 1e-12
            flux = c * p + both(c, 1)
            assert float(law.phi(float(p))) == pytest.approx(float(flux), rel=1e-10)
        # inside the atom at 2 the bound is linear
        assert float(law.phi(float(atom**2) / 2)) == pytest.approx(float(atom**2), rel=1e-11)


def test_two_slopes_make_a_binomial() -> None:
    # psi = t for t > 0 and -2 t below: phi' = 1 with probability 2/3, -2 with 1/3
    skewed = sympy.Piecewise((T, T > 0), (-2 * T, True))
    law = equal_terms(skewed, 8)
    tail = flux = sympy.S.Zero
    for k in range(5):
        chance = sympy.binomial(8, k) * sympy.Rational(1, 3) ** k * sympy.Rational(2, 3) ** (8 - k)
        tail, flux = tail + chance, flux + chance * (8 - 3 * k)
        if flux > 0 and 8 - 3 * k > 0:
            assert float(law.phi(float(tail))) == pytest.approx(float(flux), rel=CLOSE)


def test_rademacher_sums_against_every_sign() -> None:
    weights = np.array([1.0, 0.5, 0.3, 0.3, 0.25])
    law = rademacher_sum(weights)
    sums = np.array([np.dot(weights, s) for s in itertools.product((-1, 1), repeat=5)])
    for c in (-1.0, 0.0, 0.4, 2.0):
        found = law.probabilities @ np.maximum(law.values - c, 0)
        assert found == pytest.approx(np.maximum(sums - c, 0).mean(), rel=1e-12)


def test_many_uneven_values_are_bounded_from_above() -> None:
    # 3^7 5^4 values would be kept apart; the grid spreads them with their means kept
    rng = np.random.default_rng(5)
    weights = rng.uniform(0.5, 1.0, 18)
    law = rademacher_sum(weights)
    assert len(law.values) <= 16_384
    signs = np.array(list(itertools.product((-1.0, 1.0), repeat=18)))
    sums = signs @ weights
    for c in (0.0, 2.0, 6.0):
        exact = np.maximum(sums - c, 0).mean()
        found = float(law.probabilities @ np.maximum(law.values - c, 0))
        # one-sided: each of the two grids adds at most a quarter of a step squared
        assert exact * (1 - 1e-13) <= found <= exact * (1 + 1e-6)


def test_unequal_weights_and_marginals() -> None:
    # u_i phi_i'(X_i) normal with variance u_i^2 w_i for phi_i = w_i t^2 / 2
    terms = tuple(
        Term(Marginal(w * T**2 / 2, (-OO, OO), 10), u, 10)
        for w, u in ((sympy.S(1), 1.0), (sympy.S(4), 0.5), (sympy.S(9), -1.0))
    )
    law = sum_law(terms)
    for p in TAILS:
        assert_upper_and_close(law, float(p), normal_flux(float(p)) * (10 + 10 + 90) ** 0.5)


def test_jumps_are_added_along_the_signs() -> None:
    # half-line exponential: phi' = 1, the density jumps up by 1 at 0
    half_line = Marginal(T, (sympy.S.Zero, OO), 3)
    law = sum_law((Term(half_line, 1.0, 2), Term(half_line, -1.0, 1)))
    assert (law.jump_down, law.jump_up) == pytest.approx((1.0, 2.0), rel=1e-14)
    p = np.array([0.1, 0.5])
    np.testing.assert_allclose(law.phi(p), 1 + p, rtol=CLOSE)


def test_mass_is_conserved_by_sums() -> None:
    for phi in (sympy.exp(T) - T, T**2 / 2 + sympy.exp(-T)):
        assert equal_terms(phi, 40).imbalance < 1e-12


def test_tails_without_a_transform_are_refused() -> None:
    # m^-3 has slope 3/m, and m^12 of mass near 0: gamma has moments of order below 13 only
    with pytest.raises(PrecisionError, match="too slowly"):
        mixed_law(Mixed(3 * sympy.log(R), T**2 / 2, 16), (1.0,), (16,))


class TestMixed:
    @pytest.mark.parametrize("dim", [256, 3072])
    def test_without_a_profile_the_coordinates_are_independent(self, dim: int) -> None:
        law = mixed_law(Mixed(sympy.S.Zero, T**2 / 2, dim), (1.0,), (dim,))
        for p in (0.4, 1e-3, 1e-20):
            exact = normal_flux(p) * dim**0.5
            # the law of the maximum is a float64 function on panels, held to 1e-12
            assert float(law.phi(p)) == pytest.approx(exact, rel=1e-11)

    def test_against_weighted_samples(self) -> None:
        dim = 128
        law = mixed_law(Mixed(R**2, T**2 / 2, dim), (1.0,), (dim,))
        rng = np.random.default_rng(20)
        x = rng.standard_normal((50_000, dim))
        largest = x[np.arange(len(x)), np.abs(x).argmax(axis=1)]
        weight = np.exp(-(largest**2))
        weight /= weight.sum()
        gamma = 2 * largest + x.sum(axis=1)
        for c in (0.0, 8.0, 20.0):
            seen = weight @ np.maximum(gamma - c, 0)
            error = np.sqrt(weight**2 @ (np.maximum(gamma - c, 0) - seen) ** 2)
            exact = law.positive.tail_and_excess(np.array([c]))[1][0]
            # six standard errors: a false alarm in 1e8 runs
            assert abs(seen - exact) < 6 * error
