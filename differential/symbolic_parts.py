"""Pieces that every symbolic derivation shares: the tail, positions at a share, the conclusion."""

from __future__ import annotations

from dataclasses import dataclass, replace

import sympy
from sympy import Expr, Integral, Lambda, S, Symbol

import differential.rules_algebra
import differential.rules_fractions
import differential.rules_substitutions  # noqa: F401  (importing registers the rules)
from differential.kernels import Kernel, kernel_of
from differential.last_resort import partial_integral_within
from differential.rules import Trace
from differential.rules_antiderivatives import definite_integral
from differential.rules_equations import EndPair
from differential.rules_integrals import PartialIntegral
from differential.rules_inverses import invert
from differential.rules_rewrites import tidy
from numerics.inverse_functions import MonotoneInverse
from smoothing.structure import COORDINATE

__all__ = [
    "POSITION",
    "SHARE",
    "TAIL",
    "Side",
    "conclude",
    "covers_all_shares",
    "definite",
    "implicit_position",
    "implicit_start",
    "is_short",
    "one_side",
    "position_at",
    "reciprocal_height",
    "shortest",
    "side_of",
]

#: The tail 1 - rho in which radii are derived.
TAIL: Symbol = Symbol("s", positive=True)

#: The distance from the origin, or from the start of a half line.
POSITION: Symbol = Symbol("a", positive=True)

#: Share of a mass, the argument of positions until it is expressed in the tail.
SHARE: Symbol = Symbol("y", positive=True)

Interval = tuple[Expr, Expr]

#: Where a share is tested for its limit at the start of its coordinate, and how closely. A level
#: set that stops at 0 on one side misses a positive share, far more than this.
_FIRST, _NEARLY = 1e-12, 1e-2


#: Operations of a form that is short enough, such as log((2 - y)/y).
_SHORT = 6


@dataclass(frozen=True)
class Side:
    """A density on a half line: its kernel and the shares of its mass below and above a point."""

    kernel: Kernel
    part: PartialIntegral
    interval: Interval

    @property
    def variable(self) -> Symbol:
        """The coordinate."""
        return self.kernel.variable


def side_of(kernel: Kernel, interval: Interval, trace: Trace) -> Side | None:
    """Integrate a kernel, or return None when no rule does."""
    part = partial_integral_within(kernel, interval, trace)
    return None if part is None else Side(kernel, part, interval)


def one_side(phi: Expr, end: Expr, trace: Trace) -> Side | None:
    """exp(-phi) on (0, end)."""
    kernel = kernel_of(-phi.subs(COORDINATE, POSITION), POSITION)
    interval = (S.Zero, end)
    return side_of(kernel, interval, trace)


def position_at(side: Side, above: bool, trace: Trace) -> Expr | None:
    """The point with mass SHARE above (or below) it; None when no rule inverts the share."""
    share = side.part.upper if above else side.part.lower
    mark = len(trace.fired)
    found = invert(share, side.variable, SHARE, side.interval, trace)
    if found is None:
        return None
    position = tidy(found, trace)
    where = "above" if above else "below"
    trace.note(f"point with share y of the mass {where} it", position, trace.sources(mark))
    return position


def implicit_position(side: Side) -> Expr:
    """The point with mass SHARE above it, named as an inverse function."""
    x = Symbol("x", positive=True)
    share = Lambda(x, side.part.upper.subs(side.variable, x))
    return MonotoneInverse(share, SHARE, *side.interval)


def implicit_start(side: Side) -> Expr:
    """The point with mass SHARE below it, named as an inverse function."""
    x = Symbol("x", positive=True)
    share = Lambda(x, side.part.lower.subs(side.variable, x))
    return MonotoneInverse(share, SHARE, *side.interval)


def covers_all_shares(share: Expr, ends: EndPair, at_start: int) -> bool:
    """Whether the share of paired ends begins at 0 or 1 (`at_start`) and so misses no set."""
    if share.free_symbols - {ends.coordinate}:
        return True  # the derivation with numbers decides
    first = share.subs(ends.coordinate, ends.turn * sympy.Float(_FIRST, 30)).evalf(20)
    return bool(abs(first - at_start) < _NEARLY)


def definite(
    integrand: Expr, variable: Symbol, low: Expr, high: Expr, interval: Interval, trace: Trace
) -> Expr:
    """Integrate in closed form, or leave an explicit integral."""
    mark = len(trace.fired)
    found = definite_integral(integrand, variable, low, high, interval, trace)
    if found is None:
        x = Symbol("x", positive=True)
        return Integral(integrand.subs(variable, x), (x, low, high))
    value = sympy.powsimp(found)
    trace.note("integral up to the share y", value, trace.sources(mark))
    return value


def is_short(expr: Expr) -> bool:
    """Whether a form is so short that its complement need not be tried."""
    return bool(sympy.count_ops(expr) <= _SHORT)


def shortest(candidates: list[Expr]) -> Expr | None:
    """The candidate with the fewest operations, the first one among equals."""
    return min(candidates, key=sympy.count_ops) if candidates else None


def conclude(candidates: list[Expr], trace: Trace) -> Expr | None:
    """Tidy equal forms of a radius and keep the shortest."""
    radius = shortest([tidy(candidate, trace) for candidate in candidates])
    if radius is not None:
        trace.note("radius in s = 1 - rho", radius, "R = int_s^{1/2} dp/Phi(p), Theorem F.6")
    return radius


def reciprocal_height(kernel: Kernel, interval: Interval) -> Expr | None:
    """(f(start) + f(end))/f, or None where the density is infinite at the start."""
    z, (low, high) = kernel.variable, interval
    start = kernel.expr.subs(z, low)
    end = kernel.expr.subs(z, high) if high.is_finite else S.Zero
    if not (start.is_finite and start.is_positive):
        return None
    inverse = replace(
        kernel,
        coefficient=(start + end) / kernel.coefficient,
        power=-kernel.power,
        bases=tuple((base, -degree) for base, degree in kernel.bases),
        exponent=-kernel.exponent,
    )
    return inverse.expr
