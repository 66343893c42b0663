"""The one home of Hypothesis strategies: small ones, to be combined in tests."""

from __future__ import annotations

import sympy
from hypothesis import strategies as st

__all__ = [
    "large_probabilities",
    "near_half",
    "potentials",
    "probabilities",
    "scales",
    "small_tails",
    "summands",
    "tails",
]


def _power_of_ten(exponent: float) -> float:
    return float(10.0**exponent)


def small_tails() -> st.SearchStrategy[float]:
    """1 - rho from 1e-15 to 1e-2, evenly in the exponent."""
    return st.floats(-15, -2).map(_power_of_ten)


def near_half() -> st.SearchStrategy[float]:
    """1 - rho just below 1/2, by 1e-12 to 1e-2."""
    return st.floats(-12, -2).map(lambda e: 0.5 - _power_of_ten(e))


def tails() -> st.SearchStrategy[float]:
    """1 - rho on (0, 1/2), both ends included in spirit."""
    return st.one_of(small_tails(), st.floats(1e-3, 0.499), near_half())


def large_probabilities() -> st.SearchStrategy[float]:
    """Rho as a plain float on (1/2, 1)."""
    return st.floats(0.5, 1.0, exclude_min=True, exclude_max=True)


def probabilities() -> st.SearchStrategy[float]:
    """A probability strictly between 0 and 1, also near both ends."""
    return st.one_of(
        st.floats(1e-9, 1e-3), st.floats(1e-3, 0.999), st.floats(1e-9, 1e-3).map(lambda p: 1 - p)
    )


def scales() -> st.SearchStrategy[float]:
    """A scale lambda from 1e-3 to 1e3."""
    return st.floats(-3, 3).map(_power_of_ten)


_ATOMS = ("norm(x, 1)", "norm(x, 2)", "norm(x, 3/2)", "norm(x, oo)", "x[0]", "abs(x[1])")
_SUMMANDS = ("t", "abs(t)", "t**2", "exp(-t)", "log(1 + exp(t))", "cosh(t/2)", "max(1, t)")


def _numbers() -> st.SearchStrategy[sympy.Rational]:
    return st.fractions(-5, 5, max_denominator=12).map(
        lambda f: sympy.Rational(f.numerator, f.denominator)
    )


def _combine(inner: st.SearchStrategy[sympy.Expr]) -> st.SearchStrategy[sympy.Expr]:
    pair = st.tuples(inner, inner)
    return st.one_of(
        pair.map(lambda p: p[0] + p[1]),
        pair.map(lambda p: p[0] * p[1]),
        pair.map(lambda p: p[0] / (2 + sympy.Abs(p[1]))),
        st.tuples(_numbers(), inner).map(lambda p: p[0] * p[1]),
        st.tuples(inner, _numbers()).map(lambda p: (1 + sympy.Abs(p[0])) ** p[1]),
        inner.map(lambda e: sympy.log(1 + sympy.Abs(e))),
        inner.map(sympy.tanh),
        inner.map(lambda e: sympy.exp(-sympy.Abs(e))),
    )


def summands() -> st.SearchStrategy[sympy.Expr]:
    """Expressions in t, not necessarily potentials of a density."""
    from smoothing.grammar import parse_expression

    leaves = st.one_of(st.sampled_from(_SUMMANDS).map(parse_expression), _numbers())
    return st.recursive(leaves, _combine, max_leaves=5)


def potentials() -> st.SearchStrategy[sympy.Expr]:
    """Expressions in x, norm and coordinate_sum, not necessarily potentials of a density."""
    from smoothing.expressions import coordinate_sum
    from smoothing.grammar import parse_expression

    leaves = st.one_of(
        st.sampled_from(_ATOMS).map(parse_expression), summands().map(coordinate_sum), _numbers()
    )
    return st.recursive(leaves, _combine, max_leaves=5)
