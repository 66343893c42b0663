"""Random instances of every rule, within its conditions, for its self-test.

An instance is a tuple of the arguments that rules of its kind take: (function, interval) for an
inverse, (integrand, interval) for an antiderivative, (logarithm of the kernel, interval) for an
integral, (function,) for an equation, (expression,) for a rewrite. Functions are written in `Z`,
kernels on the whole line in `LINE`, rewrites in `VALUE`.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import sympy
from sympy import Expr, Rational, S, Symbol, exp, log, oo

from numerics.inverse_functions import BetaLower, GammaLower, GammaUpper

__all__ = ["EXAMPLES", "LINE", "VALUE", "Z"]

Z: Symbol = Symbol("z", positive=True)
LINE: Symbol = Symbol("u", real=True)
VALUE: Symbol = Symbol("y", positive=True)

Draw = Callable[[np.random.Generator], tuple[object, ...]]
_HALF_LINE = (S.Zero, oo)

#: How to draw an instance of the rule of a name.
EXAMPLES: dict[str, Draw] = {}


def _example(name: str) -> Callable[[Draw], Draw]:
    def register(draw: Draw) -> Draw:
        EXAMPLES[name] = draw
        return draw

    return register


def _number(g: np.random.Generator, low: int = 1, high: int = 12) -> Rational:
    """A rational between low/4 and high/4."""
    return Rational(int(g.integers(low, high + 1)), 4)


def _chosen(g: np.random.Generator, *choices: object) -> object:
    return choices[int(g.integers(len(choices)))]


# Inverses: functions of z that take the value y somewhere in the interval.


@_example("linear equation")
def _linear(g: np.random.Generator) -> tuple[object, ...]:
    return _number(g) - _number(g) * exp(-Z), _HALF_LINE


@_example("power equation")
def _power_equation(g: np.random.Generator) -> tuple[object, ...]:
    return (1 + Z) ** (-_number(g, 1, 3)), _HALF_LINE


@_example("elementary inverse")
def _elementary(g: np.random.Generator) -> tuple[object, ...]:
    c = _number(g, 1, 3)
    unit = (S.Zero, S.One)
    return _chosen(  # type: ignore[return-value]
        g,
        (exp(-c * Z), _HALF_LINE),
        (log(1 + c * Z), _HALF_LINE),
        (sympy.atan(c * Z), _HALF_LINE),
        (sympy.tan(c * Z), unit),
        (sympy.asin(c * Z), unit),
        (sympy.acos(c * Z), unit),
        (sympy.tanh(c * Z), _HALF_LINE),
        (sympy.atanh(c * Z), unit),
        (sympy.asinh(c * Z), _HALF_LINE),
    )


@_example("inverse error function")
def _error_function(g: np.random.Generator) -> tuple[object, ...]:
    return _chosen(g, sympy.erf, sympy.erfc)(_number(g) * Z), _HALF_LINE  # type: ignore[operator]


@_example("inverse incomplete gamma")
def _incomplete_gamma_inverse(g: np.random.Generator) -> tuple[object, ...]:
    share = _chosen(g, GammaLower, GammaUpper)
    # P(1/2, z) and P(1, z) are elementary and never reach the rule.
    return share(_number(g, 5), _number(g) * Z), _HALF_LINE  # type: ignore[operator]


@_example("inverse incomplete beta")
def _incomplete_beta_inverse(g: np.random.Generator) -> tuple[object, ...]:
    return BetaLower(_number(g, 5), _number(g, 5), Z / (1 + Z)), _HALF_LINE


@_example("rational equation")
def _rational(g: np.random.Generator) -> tuple[object, ...]:
    c, power = _number(g), _chosen(g, exp(-_number(g) * Z), Z ** (-_number(g)))
    low = S.Zero if isinstance(power, exp) else S.One
    return (1 + c) * power / (1 + c * power), (low, oo)


@_example("squared equation")
def _squared(g: np.random.Generator) -> tuple[object, ...]:
    return 1 / sympy.sqrt(1 + _number(g) * Z**2), _HALF_LINE


# Antiderivatives: integrands on the interval.


@_example("monomial")
def _monomial(g: np.random.Generator) -> tuple[object, ...]:
    return _number(g) * Z ** _chosen(g, _number(g), -1 - _number(g)), _HALF_LINE


@_example("reciprocal of a difference of squares")
def _difference_of_squares(g: np.random.Generator) -> tuple[object, ...]:
    k = _number(g)
    return _number(g) / (k**2 - Z**2), (S.Zero, k)


@_example("Bose-Einstein integral")
def _bose_einstein(g: np.random.Generator) -> tuple[object, ...]:
    power, n, offset = int(g.integers(0, 3)), int(g.integers(1, 4)), _number(g, 4, 8)
    order = Rational(power + 1, n)
    return Z**power / (offset * exp(_number(g) * Z**order) - 1), _HALF_LINE


@_example("reciprocal of a power minus one")
def _power_minus_one(g: np.random.Generator) -> tuple[object, ...]:
    return 1 / (_number(g, 5) * (1 + _number(g) * Z) ** _number(g, 6) - 1), _HALF_LINE


@_example("partial fractions")
def _partial_fractions(g: np.random.Generator) -> tuple[object, ...]:
    denominator = (Z + _number(g)) * (Z**2 + _number(g)) * (Z + 4) ** int(g.integers(1, 3))
    return (Z + _number(g)) / denominator, _HALF_LINE


@_example("exponential variable")
def _exponential_variable(g: np.random.Generator) -> tuple[object, ...]:
    k = _number(g, 2, 6)
    return exp(-k * Z) / (1 + _number(g) * exp(-k * Z)), _HALF_LINE


# Integrals: logarithms of kernels with a finite mass on the interval.


@_example("power")
def _power(g: np.random.Generator) -> tuple[object, ...]:
    p, end = _number(g), _number(g)
    return _chosen(  # type: ignore[return-value]
        g, ((p - 1) * log(Z), (S.Zero, end)), (-(p + 1) * log(Z), (end, oo))
    )


@_example("incomplete gamma")
def _incomplete_gamma(g: np.random.Generator) -> tuple[object, ...]:
    shape, rate, order = _number(g, 2), _number(g, 2), _number(g, 3)
    order *= int(g.choice([-1, 1]))
    return (shape * order - 1) * log(Z) - rate * Z**order, _HALF_LINE


@_example("completed square")
def _completed_square(g: np.random.Generator) -> tuple[object, ...]:
    return -_number(g) * LINE**2 + _number(g) * LINE, (-oo, oo)


@_example("incomplete beta")
def _incomplete_beta(g: np.random.Generator) -> tuple[object, ...]:
    a, b, order = _number(g, 2), _number(g, 2), _number(g, 4)
    base = _number(g) + _number(g) * Z**order
    return (a * order - 1) * log(Z) - (a + b) * log(base), _HALF_LINE


@_example("incomplete beta on an interval")
def _incomplete_beta_interval(g: np.random.Generator) -> tuple[object, ...]:
    p, q, order = _number(g), _number(g), int(g.integers(1, 4))
    c0, c1 = _number(g), _number(g)
    end = (c0 / c1) ** Rational(1, order)
    return p * log(Z) + q * log(c0 - c1 * Z**order), (S.Zero, end)


@_example("exponential substitution")
def _exponential_substitution(g: np.random.Generator) -> tuple[object, ...]:
    k, a, b = _number(g, 2, 6), _number(g, 2), _number(g, 2)
    return k * a * LINE - (a + b) * log(1 + exp(k * LINE)), (-oo, oo)


@_example("sum of kernels")
def _sum_of_kernels(g: np.random.Generator) -> tuple[object, ...]:
    rate = _number(g)
    return log(exp(-rate * Z) + _number(g) * exp(-(rate + _number(g)) * Z)), _HALF_LINE


# Equations: functions that rise and fall, or fall and rise.


@_example("symmetric difference")
def _symmetric_difference(g: np.random.Generator) -> tuple[object, ...]:
    a, b = _number(g), _number(g)
    return (_chosen(g, a * Z / (b + Z**2), a * Z + b / Z),)


@_example("proportional ends")
def _proportional_ends(g: np.random.Generator) -> tuple[object, ...]:
    return (_number(g) * Z ** _number(g) + _number(g) * Z ** (-_number(g)),)


# Rewrites: expressions with a value for 0 < y < 1/2.


@_example("inverse Gudermannian")
def _gudermannian(g: np.random.Generator) -> tuple[object, ...]:
    w = _number(g, 1, 5) * VALUE
    inside = _chosen(g, sympy.tan(w), sympy.cos(w))
    return (log((1 + inside) / (1 - inside)),)  # type: ignore[operator]


@_example("argument in lowest terms")
def _lowest_terms(g: np.random.Generator) -> tuple[object, ...]:
    a, b, c = (_number(g, 5) for _ in range(3))
    factor: Expr = VALUE + c
    argument = sympy.Mul(VALUE**2 + c * VALUE, 1 / ((1 + VALUE) * factor).expand(), evaluate=False)
    return (BetaLower(a, b, argument),)


@_example("complementary constant")
def _complementary_constant(g: np.random.Generator) -> tuple[object, ...]:
    return (sympy.erfinv(sympy.erfc(_number(g)) * VALUE),)


@_example("logarithm of a fraction")
def _logarithm_of_fraction(g: np.random.Generator) -> tuple[object, ...]:
    return (log(_number(g) + _number(g) / VALUE),)
