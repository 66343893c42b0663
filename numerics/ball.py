"""Evaluate SymPy expressions of one real variable in ball arithmetic (python-flint).

The log density of a radius in dimension d is (d-1) log r - g(r): at d = 150,528 both terms are
near 10^6 and float64 would lose ten digits of the density. Ball arithmetic carries as many bits as
the result needs and reports how many survived, so every float64 that leaves this module is
correct to one rounding.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import flint
import numpy as np
import sympy
from flint import arb
from numpy.typing import NDArray

from numerics.errors import AssumptionError, PrecisionError

__all__ = ["BallFunction"]

_START_BITS = 128
_MAX_BITS = 8192
#: Accuracy demanded of a value before it is rounded to float64 (53 bits and a margin).
_NEEDED_BITS = 60

_UNDERFLOW = arb(2) ** -1200

_Node = Callable[[arb], arb]

_UNARY: dict[type, Callable[[arb], arb]] = {
    sympy.exp: lambda z: z.exp(),
    sympy.log: lambda z: z.log(),
    sympy.Abs: lambda z: abs(z),
    sympy.cosh: lambda z: z.cosh(),
    sympy.sinh: lambda z: z.sinh(),
    sympy.tanh: lambda z: z.tanh(),
    sympy.coth: lambda z: z.coth(),
    sympy.sech: lambda z: z.sech(),
    sympy.csch: lambda z: z.csch(),
    sympy.sin: lambda z: z.sin(),
    sympy.cos: lambda z: z.cos(),
    sympy.tan: lambda z: z.tan(),
    sympy.atan: lambda z: z.atan(),
    sympy.asinh: lambda z: z.asinh(),
    sympy.atanh: lambda z: z.atanh(),
    sympy.acosh: lambda z: z.acosh(),
    sympy.asin: lambda z: z.asin(),
    sympy.acos: lambda z: z.acos(),
    sympy.erf: lambda z: z.erf(),
    sympy.erfc: lambda z: z.erfc(),
    sympy.erfi: lambda z: z.erfi(),
    sympy.gamma: lambda z: z.gamma(),
    sympy.loggamma: lambda z: z.lgamma(),
    sympy.digamma: lambda z: z.digamma(),
    sympy.sign: lambda z: z.sgn(),
}


class BallFunction:
    """A SymPy expression in one symbol, compiled to ball arithmetic.

    Parameters
    ----------
    expr : sympy.Expr
        Expression whose only free symbol is `symbol`.
    symbol : sympy.Symbol

    Raises
    ------
    AssumptionError
        The expression contains a function that ball arithmetic does not offer.

    Examples
    --------
    >>> import sympy
    >>> t = sympy.Symbol("t", real=True)
    >>> BallFunction(sympy.log(sympy.cosh(t)), t).floats([1e4])
    array([9999.30685282])
    """

    def __init__(self, expr: sympy.Expr, symbol: sympy.Symbol) -> None:
        self.expr = sympy.sympify(expr, strict=True)
        self.symbol = symbol
        self._constants: dict[tuple[sympy.Expr, int], arb] = {}
        self._node = self._compile(self.expr)

    def ball(self, point: float | arb, bits: int = _START_BITS) -> arb:
        """Enclosure of the value at an exactly represented point, to about 60 significant bits."""
        while True:
            with flint.ctx.workprec(bits):
                value = self._node(point if isinstance(point, arb) else arb(float(point)))
                if value.is_finite() and _accurate(value):
                    return value
            bits *= 2
            if bits > _MAX_BITS:
                return value

    def enclosure(self, interval: arb) -> arb:
        """Enclosure of all values on an interval; not finite where none was found."""
        if self.expr.has(sympy.Piecewise):
            return arb("nan")  # conditions are decided at points only
        return self._node(interval)

    def balls(self, points: Iterable[float | arb]) -> list[arb]:
        """Enclosures at several points."""
        return [self.ball(p) for p in points]

    def floats(self, points: Iterable[float | arb]) -> NDArray[np.float64]:
        """Correctly rounded values (up to the last bit) at several points.

        Raises
        ------
        PrecisionError
            A value is not finite or did not reach float64 accuracy.
        """
        values = self.balls(points)
        for value in values:
            if not value.is_finite():
                raise PrecisionError(f"{self.expr} has no finite value: got {value}")
        return np.array([float(v.mid()) for v in values])

    def _compile(self, expr: sympy.Expr) -> _Node:
        if expr == self.symbol:
            return lambda z: z
        if not expr.args:
            return self._cached(expr, lambda z: _number(expr))
        node = self._compile_tree(expr)
        return node if expr.free_symbols else self._cached(expr, node)

    def _cached(self, expr: sympy.Expr, node: _Node) -> _Node:
        # Constants depend on the working precision, so they are cached per precision.
        def evaluate(z: arb) -> arb:
            key = (expr, flint.ctx.prec)
            if key not in self._constants:
                self._constants[key] = node(z)
            return self._constants[key]

        return evaluate

    def _compile_tree(self, expr: sympy.Expr) -> _Node:
        if isinstance(expr, sympy.Add):
            return _fold([self._compile(a) for a in expr.args], lambda u, v: u + v)
        if isinstance(expr, sympy.Mul):
            return _fold([self._compile(a) for a in expr.args], lambda u, v: u * v)
        if isinstance(expr, sympy.Pow):
            return self._compile_power(expr)
        if isinstance(expr, (sympy.Max, sympy.Min)):
            pick = (lambda u, v: u.max(v)) if isinstance(expr, sympy.Max) else lambda u, v: u.min(v)
            return _fold([self._compile(a) for a in expr.args], pick)
        if isinstance(expr, sympy.Piecewise):
            return self._compile_piecewise(expr)
        unary = _UNARY.get(type(expr))
        if unary is None:
            raise AssumptionError(
                f"psi uses {type(expr).__name__}, which has no ball arithmetic; legal functions: "
                + ", ".join(sorted(f.__name__ for f in _UNARY))
            )
        inner = self._compile(expr.args[0])
        return lambda z: unary(inner(z))

    def _compile_power(self, expr: sympy.Pow) -> _Node:
        base = self._compile(expr.base)
        if expr.exp.is_Integer:
            n = int(expr.exp)
            if n < 0:
                return lambda z: 1 / base(z) ** (-n)
            return lambda z: base(z) ** n
        if expr.base == sympy.E:
            exponent = self._compile(expr.exp)
            return lambda z: exponent(z).exp()
        if expr.exp == sympy.Rational(1, 2):
            return lambda z: base(z).sqrt()
        exponent = self._compile(expr.exp)
        return lambda z: _power(base(z), exponent(z))

    def _compile_piecewise(self, expr: sympy.Piecewise) -> _Node:
        branches = [(self._compile(e), self._compile_condition(c)) for e, c in expr.args]

        def evaluate(z: arb) -> arb:
            for value, condition in branches:
                if condition(z):
                    return value(z)
            return arb("nan")

        return evaluate

    def _compile_condition(self, condition: sympy.Basic) -> Callable[[arb], bool]:
        if condition is sympy.true or condition is sympy.false:
            truth = condition is sympy.true
            return lambda z: truth
        if isinstance(condition, (sympy.And, sympy.Or)):
            parts = [self._compile_condition(c) for c in condition.args]
            combine = all if isinstance(condition, sympy.And) else any
            return lambda z: combine(part(z) for part in parts)
        if isinstance(condition, sympy.core.relational.Relational):
            gap = self._compile(condition.lhs - condition.rhs)
            kind = condition.rel_op
            tests: dict[str, Callable[[arb], bool]] = {
                "<": lambda u: bool(u < 0),
                "<=": lambda u: bool(u <= 0),
                ">": lambda u: bool(u > 0),
                ">=": lambda u: bool(u >= 0),
                "==": lambda u: bool(u == 0),
                "!=": lambda u: bool(u != 0),
            }
            return lambda z: tests[kind](gap(z))
        raise AssumptionError(f"psi has a condition {condition} that is not a comparison")


def _accurate(value: arb) -> bool:
    # A ball around zero below the smallest float64 is as good as zero.
    return bool(value.rel_accuracy_bits() >= _NEEDED_BITS) or bool(abs(value) < _UNDERFLOW)


def _power(base: arb, exponent: arb) -> arb:
    # arb's 0**y is nan; the limit is 0 for positive exponents.
    if base.is_zero() and bool(exponent > 0):
        return arb(0)
    return base**exponent


def _fold(nodes: list[_Node], combine: Callable[[arb, arb], arb]) -> _Node:
    first, *rest = nodes

    def evaluate(z: arb) -> arb:
        total = first(z)
        for node in rest:
            total = combine(total, node(z))
        return total

    return evaluate


def _number(expr: sympy.Expr) -> arb:
    """An atomic constant at the current precision, exact where the number is rational."""
    if expr.is_Rational:
        return arb(int(expr.p)) / arb(int(expr.q))
    if expr.is_Float:
        exact = sympy.Rational(expr)
        return arb(int(exact.p)) / arb(int(exact.q))
    if expr == sympy.pi:
        return arb.pi()
    if expr == sympy.E:
        return arb(1).exp()
    if expr in (sympy.oo, -sympy.oo, sympy.zoo, sympy.nan):
        return arb("nan")
    # A named constant such as EulerGamma: a decimal with more digits than bits in use.
    digits = int(flint.ctx.prec * 0.302) + 10
    return arb(str(sympy.N(expr, digits)))
