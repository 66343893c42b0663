"""Incomplete gamma and beta functions and inverses, as numbers and as SymPy functions."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
import sympy
from mpmath import mpf
from scipy import special
from sympy import Lambda, Rational, S, Symbol

from numerics import inverse_functions as functions
from numerics import regularized
from numerics.errors import PrecisionError

BITS = 110
#: 110 bits are 33 digits; two are left to the conditioning of the functions themselves.
CLOSE = mpf(10) ** -31

SHAPES = ["0.5", "1.25", "64", "3071.5", "150528"]
SHARES = ["0.9", "0.5", "0.02", "1e-9", "1e-40", "1e-400"]

x = Symbol("x", positive=True)
y = Symbol("y", positive=True)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("factor", ["0.03", "0.9", "1", "1.04", "7"])
def test_gamma_shares_agree_with_mpmath_and_add_up_to_one(shape: str, factor: str) -> None:
    with mpmath.workprec(200):
        a, z = mpf(shape), mpf(shape) * mpf(factor)
        lower, upper = regularized.gamma_lower(a, z, BITS), regularized.gamma_upper(a, z, BITS)
        assert abs(lower + upper - 1) < CLOSE
        expected = mpmath.gammainc(a, z, regularized=True) if factor >= "1" else None
        if expected is not None:
            assert abs(upper / expected - 1) < CLOSE


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("share", SHARES)
def test_gamma_inverses_solve_their_equations(shape: str, share: str) -> None:
    with mpmath.workprec(160):
        a, p = mpf(shape), mpf(share)
        above = regularized.gamma_upper_inverse(a, p, BITS)
        below = regularized.gamma_lower_inverse(a, p, BITS)
        # The relative error of a tail is that of x times x f/tail, at most a few hundred here.
        assert abs(regularized.gamma_upper(a, above, BITS) / p - 1) < 1000 * CLOSE
        assert abs(regularized.gamma_lower(a, below, BITS) / p - 1) < 1000 * CLOSE


@pytest.mark.parametrize(
    ("a", "b"), [("0.5", "0.5"), ("0.5", "75000"), ("3", "2.5"), ("75263.5", "75263.5")]
)
@pytest.mark.parametrize("share", SHARES)
def test_beta_inverse_solves_its_equation(a: str, b: str, share: str) -> None:
    with mpmath.workprec(160):
        p = mpf(share)
        found = regularized.beta_lower_inverse(mpf(a), mpf(b), p, BITS)
        assert abs(regularized.beta_lower(mpf(a), mpf(b), found, BITS) / p - 1) < 1000 * CLOSE
        if p > 1e-300:
            # scipy is good to a few units in the last place.
            guess = special.betaincinv(float(a), float(b), float(p))
            assert float(found) == pytest.approx(guess, rel=1e-13)


def test_beta_share_against_the_definition() -> None:
    with mpmath.workprec(200):
        a, b, z = mpf("2.5"), mpf("7.25"), mpf("0.37")
        integral = mpmath.quad(lambda v: v ** (a - 1) * (1 - v) ** (b - 1), [0, z])
        assert abs(regularized.beta_lower(a, b, z, BITS) * mpmath.beta(a, b) / integral - 1) < CLOSE


def test_ends_of_the_range() -> None:
    assert regularized.gamma_lower_inverse(mpf(3), mpf(0), BITS) == 0
    assert regularized.gamma_upper_inverse(mpf(3), mpf(0), BITS) == mpf("inf")
    assert regularized.gamma_lower_inverse(mpf(3), mpf(1), BITS) == mpf("inf")
    assert regularized.beta_lower_inverse(mpf(3), mpf(2), mpf(1), BITS) == 1


def test_newton_says_when_it_does_not_converge() -> None:
    with pytest.raises(PrecisionError, match="did not converge"):
        regularized._newton(lambda u: (mpmath.sin(u), mpf("0.001")), mpf(3), mpf(1), 50)


FUNCTIONS = [
    functions.GammaLower(Rational(7, 3), x),
    functions.GammaUpper(Rational(7, 3), x),
    functions.GammaDensity(Rational(7, 3), x),
    functions.GammaLowerInverse(Rational(7, 3), x),
    functions.GammaUpperInverse(Rational(7, 3), x),
    functions.BetaLower(Rational(7, 3), 5, x),
    functions.BetaDensity(Rational(7, 3), 5, x),
    functions.BetaLowerInverse(Rational(7, 3), 5, x),
    functions.PolyLogarithm(3, x),
    functions.MonotoneInverse(Lambda(y, y + y**3), x, 0, 2),
]
NAMES = [type(function).__name__ for function in FUNCTIONS]


@pytest.mark.parametrize("function", FUNCTIONS, ids=NAMES)
def test_derivative_is_the_limit_of_differences(function: sympy.Expr) -> None:
    point, step = Rational(3, 10), Rational(1, 10**12)
    ahead, behind = (function.subs(x, point + s * step).evalf(60) for s in (1, -1))
    derivative = function.diff(x).subs(x, point).evalf(30)
    # Central differences err by step^2 times a third derivative below 10^4.
    assert abs((ahead - behind) / (2 * step) / derivative - 1) < 1e-18


@pytest.mark.parametrize("function", FUNCTIONS[:8], ids=NAMES[:8])
def test_scipy_and_mpmath_versions_agree(function: sympy.Expr) -> None:
    exact = float(function.subs(x, Rational(3, 10)).evalf(20))
    by_table = sympy.lambdify(x, function, [functions.SCIPY_FUNCTIONS, "scipy", "numpy"])
    by_printer = sympy.lambdify(x, function, "scipy")
    at_precision = sympy.lambdify(x, function, [functions.MPMATH_FUNCTIONS, "mpmath"])
    # scipy's gamma and beta functions are good to about ten units in the last place.
    assert by_table(np.float64(0.3)) == pytest.approx(exact, rel=3e-15)
    assert by_printer(np.float64(0.3)) == pytest.approx(exact, rel=3e-15)
    assert float(at_precision(mpf("0.3"))) == pytest.approx(exact, rel=3e-15)


@pytest.mark.parametrize(
    ("special_case", "elementary"),
    [
        (functions.GammaUpper(1, x), sympy.exp(-x)),
        (functions.GammaLower(S.Half, x), sympy.erf(sympy.sqrt(x))),
        (functions.GammaUpperInverse(1, y), -sympy.log(y)),
        (functions.GammaLowerInverse(S.Half, y), sympy.erfinv(y) ** 2),
        (functions.BetaLower(1, 3, x), 1 - (1 - x) ** 3),
        (functions.BetaLowerInverse(4, 1, y), y ** Rational(1, 4)),
        (functions.PolyLogarithm(1, y), -sympy.log(1 - y)),
    ],
)
def test_elementary_values(special_case: sympy.Expr, elementary: sympy.Expr) -> None:
    assert special_case == elementary


@pytest.mark.parametrize("function", FUNCTIONS, ids=NAMES)
def test_latex_names_the_argument(function: sympy.Expr) -> None:
    assert "x" in sympy.latex(function)
    assert "^{2}" in sympy.latex(function**2)


def test_monotone_inverse_that_is_not_attained() -> None:
    unreachable = functions.MonotoneInverse(Lambda(y, y / (1 + y)), 2, 0, sympy.oo)
    with pytest.raises(ValueError, match="not attained"):
        unreachable.evalf(15)
