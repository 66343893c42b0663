"""The self-test of a rule: random instances within its conditions, compared with numbers.

What a rule says is compared with what it is about: an integral with mpmath's quadrature, a solution
with the equation, a rewritten expression with the one before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import mpmath
import numpy as np
import sympy
from sympy import Expr, Symbol

import differential.symbolic  # noqa: F401  (importing registers the rules)
from differential.kernels import kernel_of
from differential.rule_examples import EXAMPLES, LINE, VALUE, Z
from differential.rules import RULES, Rule, Trace
from differential.rules_inverses import Problem
from numerics.inverse_functions import MPMATH_FUNCTIONS

__all__ = ["RuleCheck", "check_rule"]

_DIGITS = 30
#: Powers such as z^(-5/4) are integrated to where they have lost e^-75.
_REACH = 300
_STOPS = (1, 2, 4, 8, 16, 32, 64, 128, _REACH)


@dataclass(frozen=True)
class RuleCheck:
    """One number from a rule and the same from a computation that does not use it."""

    instance: str
    where: str
    by_rule: float
    by_numbers: float

    @property
    def difference(self) -> float:
        """Relative to the larger of the two."""
        size = max(abs(self.by_rule), abs(self.by_numbers))
        return abs(self.by_rule - self.by_numbers) / size if size else 0.0


def check_rule(name: str, seed: int, count: int = 2) -> tuple[RuleCheck, ...]:
    """Apply a rule to random instances and compare, at two points or more each.

    Parameters
    ----------
    name : str
        A key of `differential.rules.RULES`.
    seed : int
    count : int
        Number of instances.

    Raises
    ------
    ValueError
        The rule does not fit an instance that is within its conditions.

    Examples
    --------
    >>> max(check.difference for check in check_rule("monomial", seed=1)) < 1e-12
    True
    """
    known = RULES[name]
    generator = np.random.default_rng([seed, len(name), *name.encode()])
    found: list[RuleCheck] = []
    for _ in range(count):
        instance = EXAMPLES[name](generator)
        compared = list(_KINDS[known.kind](known, instance, generator))
        if len(compared) < 2:
            raise ValueError(f"rule {name!r} was compared at fewer than two points of {instance}")
        found += [RuleCheck(str(instance[0]), *row) for row in compared]
    return tuple(found)


Row = tuple[str, float, float]


def _fitting(known: Rule, *arguments: Any) -> Any:
    result = known.apply(*arguments, Trace())
    if result is None:
        raise ValueError(f"rule {known.name!r} does not fit {arguments[0]}")
    return result


def _call(expr: Expr, symbol: Symbol) -> Callable[[Any], Any]:
    # lambdify sees trees that the rules built, never text.
    call = sympy.lambdify(symbol, expr, modules=[MPMATH_FUNCTIONS, "mpmath"])
    return lambda value: mpmath.mpf(call(mpmath.mpf(value)))


def _inverse(known: Rule, instance: Any, generator: np.random.Generator) -> Iterator[Row]:
    """At any z, the equation that a rule returns holds where y = f(z)."""
    function, interval = instance
    problem = Problem(function, Z, VALUE, interval)
    left, right = _fitting(known, function, VALUE, problem)
    with mpmath.workdps(_DIGITS):
        for z in _points(interval, generator):
            value = _call(function, Z)(z)
            yield f"z = {z:.4g}", float(_call(left, Z)(z)), float(_call(right, VALUE)(value))


def _antiderivative(known: Rule, instance: Any, generator: np.random.Generator) -> Iterator[Row]:
    integrand, interval = instance
    found = _fitting(known, integrand, Z, interval)
    call = _call(integrand, Z)
    with mpmath.workdps(_DIGITS):
        primitive = _call(found.expr, Z)
        a, b = _points(interval, generator)
        whole = float(mpmath.quad(call, np.linspace(a, b, 5)))
        yield f"from {a:.4g} to {b:.4g}", float(primitive(b) - primitive(a)), whole
        middle = (a + b) / 2
        part = float(mpmath.quad(call, np.linspace(a, middle, 5)))
        yield f"from {a:.4g} to {middle:.4g}", float(primitive(middle) - primitive(a)), part
        if found.at_infinity is not None and interval[1] is sympy.oo:
            limit = mpmath.mpf(sympy.sympify(found.at_infinity, strict=True).evalf(_DIGITS))
            beyond = _mass_beyond(call, b)
            yield f"from {b:.4g} to oo", float(limit - primitive(b)), float(beyond)


def _integral(known: Rule, instance: Any, generator: np.random.Generator) -> Iterator[Row]:
    log_kernel, interval = instance
    variable = LINE if log_kernel.has(LINE) else Z
    part = _fitting(known, kernel_of(log_kernel, variable), interval).cut(interval)
    call = _call(sympy.exp(log_kernel), variable)
    with mpmath.workdps(_DIGITS):
        for x in _points(interval, generator):
            below, above = _masses(call, interval, x)
            total = mpmath.mpf(part.total.expr.evalf(_DIGITS))
            yield f"mass below {x:.4g}", float(total * _call(part.lower, variable)(x)), float(below)
            yield f"mass above {x:.4g}", float(total * _call(part.upper, variable)(x)), float(above)


def _masses(call: Callable[[Any], Any], interval: Any, x: float) -> tuple[Any, Any]:
    """Integrals to x and from x; in log z where an end is 0 or infinite, as kernels have poles."""
    low, high = interval
    if low is -sympy.oo:
        # Kernels on the line decay at least like e^-|u|/4.
        ends = [x - 400, x - 60, x - 20, x - 6, x - 2, x, x + 2, x + 6, x + 20, x + 60, x + 400]
        return mpmath.quad(call, ends[:6]), mpmath.quad(call, ends[5:])
    middle = mpmath.log(x)
    start = middle - _REACH if low == 0 else mpmath.log(mpmath.mpf(low.evalf(_DIGITS)))
    stops = sorted({max(start, middle - d) for d in (0, *_STOPS)})
    below = mpmath.quad(_in_log(call), stops)
    if high is sympy.oo:
        return below, _mass_beyond(call, x)
    # The rounded end may lie outside, where roots are not real.
    end = mpmath.mpf(high.evalf(_DIGITS)) * (1 - mpmath.mpf(10) ** (3 - _DIGITS))
    return below, mpmath.quad(call, [x, end])


def _mass_beyond(call: Callable[[Any], Any], x: float) -> Any:
    return mpmath.quad(_in_log(call), [mpmath.log(x) + d for d in (0, *_STOPS)])


def _in_log(call: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda v: call(mpmath.exp(v)) * mpmath.exp(v)


def _equation(known: Rule, instance: Any, generator: np.random.Generator) -> Iterator[Row]:
    """Both ends of a level set have one height."""
    (function,) = instance
    ends = _fitting(known, function, Z)
    call = _call(function, Z)
    with mpmath.workdps(_DIGITS):
        turn = mpmath.mpf(ends.turn.evalf(_DIGITS))
        for share in generator.uniform(0.2, 0.9, 2):
            left, right = (_call(e, ends.coordinate)(turn * share) for e in (ends.left, ends.right))
            if not 0 < left < right:
                raise ValueError(f"rule {known.name!r} returned ends {left} and {right}")
            yield f"u = {share:.3g} of the turn", float(call(left)), float(call(right))


def _rewrite(known: Rule, instance: Any, generator: np.random.Generator) -> Iterator[Row]:
    (expression,) = instance
    rewritten = _fitting(known, expression)
    if rewritten == expression:
        raise ValueError(f"rule {known.name!r} leaves {expression} as it is")
    with mpmath.workdps(_DIGITS):
        for y in generator.uniform(0.05, 0.45, 2):
            before, after = (_call(e, VALUE)(y) for e in (expression, rewritten))
            yield f"y = {y:.4g}", float(after), float(before)


def _points(interval: Any, generator: np.random.Generator) -> list[float]:
    """Two increasing points inside an interval."""
    low, high = (float(end) for end in interval)
    if np.isinf(low):
        return sorted(generator.uniform(-1.5, 2.0, 2))
    if np.isinf(high):
        return sorted(low + generator.uniform(0.1, 2.5, 2))
    return sorted(low + (high - low) * generator.uniform(0.1, 0.8, 2))


_KINDS: dict[str, Callable[[Rule, Any, np.random.Generator], Iterator[Row]]] = {
    "inverse": _inverse,
    "antiderivative": _antiderivative,
    "integral": _integral,
    "equation": _equation,
    "rewrite": _rewrite,
}
