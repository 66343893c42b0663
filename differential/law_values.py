"""Values of the expressions of a law, by quadrature that shares nothing with the panels of `Law`.

The expressions of `law_expressions` are quotients of one-dimensional integrals with indicators, and
sums of such. Weights like r^150527 e^-r have no float64 value, so every number is carried as a sign
and a logarithm. Indicators, absolute values and branches are found on a grid and become ends of the
pieces of a composite Gauss-Legendre rule; nothing is adaptive, so the values are for comparison and
never enter a radius.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import mpmath
import numpy as np
import sympy
from numpy.typing import NDArray
from sympy import Expr, Integral, S, Symbol

from numerics.inverse_functions import SCIPY_FUNCTIONS

__all__ = ["expression_value"]

Array = NDArray[np.float64]
Indices = dict[Symbol, int]

#: Weights below e^-60 of the largest are left out.
_DEPTH = 60.0
#: Distances from an end of the interval that are looked at, on a logarithmic scale.
_NEAREST, _FARTHEST = -80.0, 80.0
_GRID, _ZOOMS, _PANELS = 2001, 4, 80
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(20)
#: Terms of a sum that are smaller than this cannot be seen in the total.
_NEGLIGIBLE = math.log(1e-18)
#: A term takes about 10 ms.
_MOST_TERMS = 1000
_MODULES = [{**SCIPY_FUNCTIONS, "Heaviside": lambda v, at_0: (v > 0) * 1.0}, "scipy", "numpy"]


@dataclass(frozen=True)
class _Scaled:
    """sign * exp(log)."""

    sign: float
    log: float

    @property
    def value(self) -> float:
        return self.sign * math.exp(self.log) if self.log < 709 else self.sign * math.inf

    @staticmethod
    def of(value: float, log: float = 0.0) -> _Scaled:
        return _Scaled(
            math.copysign(1.0, value), log + math.log(abs(value)) if value else -math.inf
        )


def expression_value(expr: Expr) -> float:
    """Value of an expression without free symbols, with integrals and sums of them inside.

    Raises
    ------
    NotImplementedError
        A node of another kind, or a sum of so many integrals that it would take minutes.

    Examples
    --------
    >>> r = Symbol("r", positive=True)
    >>> weight = r**3071 * sympy.exp(-r)
    >>> mean = Integral(r * weight, (r, 0, sympy.oo)) / Integral(weight, (r, 0, sympy.oo))
    >>> round(expression_value(mean), 6)
    3072.0
    """
    return _value(expr, {}).value


def _value(expr: Expr, indices: Indices) -> _Scaled:
    """Value where the indices of the sums around an expression have the given values."""
    if isinstance(expr, Integral):
        inside = tuple((k, v) for k, v in indices.items() if expr.has(k))
        return _integral(expr, inside)
    if isinstance(expr, sympy.Sum):
        return _sum(expr)
    if not expr.has(Integral):
        with np.errstate(all="ignore"):
            exact = expr.subs(indices).evalf(20)
        return (
            _Scaled(1.0 if exact >= 0 else -1.0, float(sympy.log(abs(exact))))
            if exact
            else (_Scaled.of(0.0))
        )
    if isinstance(expr, sympy.Mul):
        factors = [_value(argument, indices) for argument in expr.args]
        return _Scaled(math.prod(f.sign for f in factors), math.fsum(f.log for f in factors))
    if isinstance(expr, sympy.Pow) and expr.exp.is_Integer:
        base = _value(expr.base, indices)
        return _Scaled(base.sign ** int(expr.exp), base.log * int(expr.exp))
    if isinstance(expr, sympy.Add):
        return _Scaled.of(math.fsum(_value(argument, indices).value for argument in expr.args))
    raise NotImplementedError(f"no value for {type(expr).__name__}")


def _sum(total: sympy.Sum) -> _Scaled:
    """Terms from the largest prefactor on; the integrals are compiled once for all terms."""
    (index, first, last) = total.limits[0]
    front, rest = total.function.as_independent(*_integral_atoms(total.function), as_Add=False)
    chances = _prefactors(front, index, int(first), int(last))
    largest = max(chance.log for chance in chances.values())
    kept = {k: c.value for k, c in chances.items() if c.log > largest + _NEGLIGIBLE}
    if len(kept) > _MOST_TERMS:
        raise NotImplementedError(f"a sum of {len(kept)} integrals takes too long")
    return _Scaled.of(math.fsum(c * _value(rest, {index: k}).value for k, c in kept.items()))


@lru_cache(maxsize=8)
def _prefactors(front: Expr, index: Symbol, first: int, last: int) -> dict[int, _Scaled]:
    """Values of a constant times binomial(n, index), the only prefactor that laws have."""
    (chance,) = front.atoms(sympy.binomial) or (S.One,)
    constant = front / chance
    if chance == 1 or chance.args[1] != index or constant.has(index):
        raise NotImplementedError(f"no value for a sum of {front}")
    n = int(chance.args[0])
    with mpmath.workdps(30):
        log_constant = mpmath.mpf(str(sympy.log(constant).evalf(30)))
        gamma = mpmath.loggamma
        return {
            k: _Scaled(1.0, float(log_constant + gamma(n + 1) - gamma(k + 1) - gamma(n - k + 1)))
            for k in range(first, last + 1)
        }


def _integral_atoms(expr: Expr) -> set[Expr]:
    return set(expr.atoms(Integral))


@lru_cache(maxsize=64)
def _integral(integral: Integral, indices: tuple[tuple[Symbol, int], ...]) -> _Scaled:
    """Integrate over distances from the ends of the interval, on a logarithmic scale."""
    (variable, low, high) = integral.limits[0]
    logs, plain = _split(integral.function, variable)
    names = (variable, *(name for name, _ in indices))
    integrand = _Integrand(logs, plain, names, tuple(float(value) for _, value in indices))
    parts = [
        _half(integrand, start, direction, reach) for start, direction, reach in _halves(low, high)
    ]
    shift = max(part.log for part in parts)
    if shift == -math.inf:
        return _Scaled.of(0.0)
    return _Scaled.of(math.fsum(p.sign * math.exp(p.log - shift) for p in parts), shift)


def _halves(low: Expr, high: Expr) -> Iterator[tuple[float, int, float]]:
    """Start, direction and length of pieces that each have one end where trouble may sit."""
    a, b = float(low), float(high)
    if math.isinf(a) and math.isinf(b):
        yield 0.0, -1, math.inf
        yield 0.0, 1, math.inf
    elif math.isinf(b):
        yield a, 1, math.inf
    elif math.isinf(a):
        yield b, -1, math.inf
    else:
        inner = [a, 0.0, b] if a < 0 < b else [a, b]
        for left, right in zip(inner[:-1], inner[1:], strict=True):
            middle = (left + right) / 2
            yield left, 1, middle - left
            yield right, -1, right - middle


def _split(function: Expr, variable: Symbol) -> tuple[Expr, Expr]:
    """Logarithm of the positive powers and exponentials, and the product of the other factors."""
    if isinstance(function, sympy.Piecewise) and function.args[1:] == ((S.Zero, sympy.true),):
        (inside, condition), _ = function.args
        logs, plain = _split(inside, variable)
        return logs, sympy.Piecewise((plain, condition), (S.Zero, True))
    logs, plain = S.Zero, S.One
    for factor in sympy.Mul.make_args(function):
        base, degree = factor.as_base_exp()
        if isinstance(factor, sympy.exp):
            logs += factor.args[0]
        elif (
            isinstance(factor, (sympy.Pow, Symbol))
            and base.is_positive
            and not degree.has(variable)
        ):
            logs += degree * sympy.log(base)
        else:
            plain *= factor
    return logs, plain


@lru_cache(maxsize=64)
def _compiled(expr: Expr, names: tuple[Symbol, ...]) -> Callable[..., Any]:
    return sympy.lambdify(names, expr, modules=_MODULES)


@dataclass(frozen=True)
class _Integrand:
    """plain * exp(logs), functions of the first name; the others have the given values."""

    logs: Expr
    plain: Expr
    names: tuple[Symbol, ...]
    values: tuple[float, ...]

    def at(self, expr: Expr, points: Array) -> Array:
        found = _compiled(expr, self.names)(points, *self.values)
        return np.asarray(np.broadcast_to(found, points.shape))


def _half(integrand: _Integrand, start: float, direction: int, reach: float) -> _Scaled:
    def at(expr: Expr, u: Array) -> Array:
        return integrand.at(expr, start + direction * np.exp(u))

    def exponent(u: Array) -> Array:
        found = at(integrand.logs, u) + u
        return np.where(np.isfinite(found), found, -np.inf)

    with np.errstate(all="ignore"):
        top = math.log(reach) if math.isfinite(reach) else _FARTHEST
        low, high = _relevant(exponent, _NEAREST, top)
        stops: list[float] = []
        for switch in _switches(integrand.logs * integrand.plain, integrand.names[0]):
            stops += _roots(partial(at, switch), low, high)
        edges = np.unique([*np.linspace(low, high, _PANELS + 1), *stops])
        half = np.diff(edges)[:, None] / 2
        u = (edges[:-1, None] + half + half * _NODES).ravel()
        powers = exponent(u)
        shift = float(np.max(powers))
        weights = np.exp(powers - shift) * (half * _WEIGHTS).ravel()
        values = at(integrand.plain, u)
        total = float(np.sum(np.where(weights > 0, values * weights, 0.0)))
    return _Scaled.of(total, shift)


def _relevant(exponent: Callable[[Array], Array], low: float, high: float) -> tuple[float, float]:
    """The part of the range where the weight is within e^-60 of its maximum."""
    for _ in range(_ZOOMS):
        u = np.linspace(low, high, _GRID)
        powers = exponent(u)
        kept = np.flatnonzero(powers > np.max(powers) - _DEPTH)
        low, high = u[max(kept[0] - 1, 0)], u[min(kept[-1] + 1, _GRID - 1)]
    return float(low), float(high)


@lru_cache(maxsize=64)
def _switches(expr: Expr, variable: Symbol) -> tuple[Expr, ...]:
    """Expressions that change sign where the integrand is not smooth."""
    found = {f.args[0] for f in expr.atoms(sympy.Heaviside, sympy.Abs, sympy.sign)}
    for relation in expr.atoms(sympy.core.relational.Relational):
        found.add(relation.lhs - relation.rhs)
    for extreme in expr.atoms(sympy.Max, sympy.Min):
        first, *others = extreme.args
        found |= {first - other for other in others}
    return tuple(sorted((f for f in found if f.has(variable)), key=sympy.default_sort_key))


def _roots(function: Callable[[Array], Any], low: float, high: float) -> list[float]:
    from scipy.optimize import brentq  # imported late: it is slow and rarely needed

    u = np.linspace(low, high, _GRID)
    values = np.broadcast_to(function(u), u.shape)
    changes = np.flatnonzero(np.diff(np.sign(values)) != 0)
    return [
        float(brentq(lambda v: float(function(np.array(v))), u[i], u[i + 1], xtol=1e-14))
        for i in changes
        if np.isfinite(values[i : i + 2]).all()
    ]
