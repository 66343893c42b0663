"""Stable gamma and beta forms against mpmath, at shapes from 1/2 to 75,264 (ImageNet over two).

Tolerances are in units of EPS = 2^-52 and come from the sizes of the terms that are added: a log
density of size 30 cannot be better than 30 * EPS / 2. Textbook forms fail each of these tests.
"""

from __future__ import annotations

import mpmath
import numpy as np
import numpy.typing as npt
import pytest
import scipy.special
from mpmath import mpf

from numerics import regularized, stable

EPS = 2.0**-52
SHAPES = [0.5, 1.0, 3.5, 40.0, 1536.0, 75264.0]
BITS = 120


def relative_error(values: npt.ArrayLike, exact: list[mpf]) -> float:
    return max(float(abs(mpf(v) / e - 1)) for v, e in zip(_floats(values), exact, strict=True))


def absolute_error(values: npt.ArrayLike, exact: list[mpf]) -> float:
    return max(float(abs(mpf(v) - e)) for v, e in zip(_floats(values), exact, strict=True))


def _floats(values: npt.ArrayLike) -> list[float]:
    return [float(v) for v in np.ravel(np.asarray(values))]


@pytest.fixture
def generator() -> np.random.Generator:
    return np.random.default_rng(20)


def test_stirling_error(generator: np.random.Generator) -> None:
    points = 10.0 ** generator.uniform(-3, 6, 150)
    with mpmath.workdps(50):
        exact = [
            mpmath.loggamma(x) - (x - 0.5) * mpmath.log(x) + x - mpmath.log(2 * mpmath.pi) / 2
            for x in map(mpf, points)
        ]
        # Up to 16 positive terms are added below x = 16.
        assert relative_error(stable.stirling_error(points), exact) < 16 * EPS


def test_log1pmx_and_log1mexp(generator: np.random.Generator) -> None:
    u = np.concatenate(
        [10.0 ** generator.uniform(-12, 3, 100), -(10.0 ** generator.uniform(-12, -0.001, 100))]
    )
    c = 10.0 ** generator.uniform(-15, 2, 100)
    with mpmath.workdps(50):
        exact = [mpmath.log1p(x) - x for x in map(mpf, u)]
        assert relative_error(stable.log1pmx(u), exact) < 4 * EPS
        exact = [mpmath.log1p(-mpmath.exp(-x)) for x in map(mpf, c)]
        assert relative_error(stable.log1mexp(c), exact) < 2 * EPS
    assert stable.log1mexp(0.0) == -np.inf


def test_log_gamma_ratio_keeps_its_digits(generator: np.random.Generator) -> None:
    x = 10.0 ** generator.uniform(0.5, 6, 150)
    delta = 10.0 ** generator.uniform(-9, 0.4, 150) * generator.choice([-1.0, 1.0], 150)
    with mpmath.workdps(50):
        exact = [
            mpmath.loggamma(mpf(a) + mpf(b)) - mpmath.loggamma(a)
            for a, b in zip(x, delta, strict=True)
        ]
        # The shift up to 16 adds terms of size log(16) to a result that may be ten times smaller.
        assert relative_error(stable.log_gamma_ratio(x, delta), exact) < 32 * EPS
        naive = scipy.special.gammaln(x + delta) - scipy.special.gammaln(x)
        assert relative_error(naive, exact) > 1e-10


def test_log_gamma_ratio_at_small_arguments() -> None:
    # Gamma(2)/Gamma(1) = 1, Gamma(1/2)/Gamma(3/2) = 2, Gamma(5)/Gamma(1) = 24.
    ratios = stable.log_gamma_ratio([1.0, 1.5, 1.0], [1.0, -1.0, 4.0])
    np.testing.assert_allclose(ratios, np.log([1.0, 2.0, 24.0]), rtol=0, atol=64 * EPS)


@pytest.mark.parametrize("shape", SHAPES)
def test_gamma_density_and_quantile(shape: float, generator: np.random.Generator) -> None:
    tails = np.concatenate([10.0 ** generator.uniform(-12, -0.01, 12), [0.5, 0.75, 0.9375]])
    z = stable.gamma_upper_quantile(tails, shape)
    with mpmath.workdps(50):
        # The bound 8 of the quantile is what was measured of SciPy (5), with a margin.
        exact = [regularized.gamma_upper_inverse(mpf(shape), mpf(t), BITS) for t in tails]
        assert relative_error(z, exact) < 8 * EPS
        exact = [(shape - 1) * mpmath.log(x) - x - mpmath.loggamma(mpf(shape)) for x in map(mpf, z)]
        # Log densities down to -37 here, and the exponent is a sum of two terms.
        assert absolute_error(stable.log_gamma_density(z, shape), exact) < 64 * EPS


def test_gamma_density_at_the_edge() -> None:
    edge = stable.log_gamma_density(0.0, [0.5, 1.0, 2.0])
    np.testing.assert_array_equal(edge, [np.inf, 0.0, -np.inf])
    assert stable.log_gamma_density(-1.0, 2.0) == -np.inf
    # Far below the mode u = z/a - 1 rounds to -1 + 1e-12; the density must not.
    exact = np.log(1e-12) - 1e-12
    assert stable.log_gamma_density(1e-12, 2.0) == pytest.approx(exact, rel=4 * EPS, abs=0.0)


@pytest.mark.parametrize("shape", SHAPES)
def test_symmetric_beta_quantile_and_density(shape: float, generator: np.random.Generator) -> None:
    tails = np.concatenate([10.0 ** generator.uniform(-9, -0.31, 12), [0.25, 0.499]])
    square, complement = stable.symmetric_beta_quantile(tails, shape)
    half = mpf(1) / 2
    with mpmath.workdps(50):
        exact = [regularized.beta_lower_inverse(mpf(shape), half, 2 * mpf(t), BITS) for t in tails]
        # SciPy's inverses were measured at 10 EPS in the far tail of shape 7/2, 4 elsewhere.
        assert relative_error(complement, exact) < 16 * EPS
        assert relative_error(square, [1 - e for e in exact]) < 16 * EPS
        log_beta = mpmath.log(mpmath.beta(shape, half))
        exact = [
            (shape - 1) * (mpmath.log(x) if x < half else mpmath.log1p(-y))
            - mpmath.log(y) / 2
            - log_beta
            for x, y in zip(map(mpf, complement), map(mpf, square), strict=True)
        ]
        density = stable.log_beta_density(complement, shape, 0.5, complement=square)
        assert absolute_error(density, exact) < 64 * EPS


def test_symmetric_beta_quantile_survives_where_the_plain_form_is_one() -> None:
    # d = 2, tail 1e-9: artanh(1 - 2 betaincinv) is infinite in float64. Shape 1/2 is the arcsine
    # law, c = cos(pi tail), artanh c = log(cot(pi tail / 2)).
    square, complement = stable.symmetric_beta_quantile(1e-9, 0.5)
    expected = -np.log(np.tan(np.pi * 1e-9 / 2))
    assert np.arcsinh(np.sqrt(square / complement)) == pytest.approx(expected, rel=8 * EPS, abs=0.0)
