r"""Local exponents of densities: how exp(-h) behaves at infinity and next to a point.

All ends are brought to infinity: next to a point s the variable w = 1/|t - s| runs to infinity and
h gains 2 log w. There exp(-h) is integrable when it decays faster than 1/w. The exponent

    E(k) = (h(10^{2k}) - h(10^k)) / (k log 10)

is an average of w h'(w) over k decades, computed in ball arithmetic for k in the hundreds, so
that h need not be differentiable and oscillations average out. The substitution w = e^v, which is
exact, then asks the same question about h(e^v) - v: an exponent L away from 1 has become (L - 1) v,
which is infinite, a power of log w has become a power of v, and w^0.001, which no number range
tells from a constant, has become an exponential. Once more for powers of log log w.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import flint
import sympy
from flint import arb

from numerics.ball import BallFunction

__all__ = ["TailBehaviour", "at_infinity", "at_point", "at_zero"]

#: Decades k of E(k). Corrections by powers of log w are of order 1/k and are extrapolated away.
#: The small ones serve potentials like exp(exp(w)) that leave every number range further out.
DECADES = (0.0625, 0.125, 0.25, 0.5, 1, 50, 200, 800)
#: A point and its neighbour at distance 10^-1600 share 5315 bits; potentials lose some more.
POINT_BITS = 16_000
#: h may be as large as 10^1600 and must be known to a fraction of 1: 1600 log2(10) = 5315 bits.
BITS = 6400
#: Balls wider than this are no value: an exponential has left every number range.
PRECISION = 1e-12
#: After the last substitution an exponent must exceed 1 by this much: averages carry an error 1/k.
MARGIN = 0.02
#: Exponents beyond this are infinite: no density is written with such a power.
INFINITE = 1e6
MAX_SUBSTITUTIONS = 3

_W = sympy.Symbol("w", positive=True)


@dataclass(frozen=True)
class TailBehaviour:
    """`exponent` L means exp(-h) ~ w^-L up to powers of log w; oo for faster than any power."""

    exponent: float
    integrable: bool


def at_infinity(potential: sympy.Expr, symbol: sympy.Symbol) -> TailBehaviour:
    """Behaviour of exp(-potential) as the symbol goes to infinity.

    Examples
    --------
    >>> r = sympy.Symbol("r", positive=True)
    >>> at_infinity(3 * sympy.log(1 + r), r)
    TailBehaviour(exponent=3.0, integrable=True)
    >>> at_infinity(sympy.log(r) + sympy.log(sympy.log(1 + r)), r).integrable
    False
    """
    level = _expanded(potential.subs(symbol, _W))
    first = math.nan
    for _ in range(MAX_SUBSTITUTIONS):
        exponent = _exponent(level)
        first = exponent if math.isnan(first) else first
        if not math.isfinite(exponent):
            break
        level = _expanded(level.subs(_W, sympy.exp(_W)) - _W)
    return TailBehaviour(first, exponent > 1 + MARGIN)


def at_zero(potential: sympy.Expr, symbol: sympy.Symbol, side: int) -> float:
    """Return j when exp(-potential) ~ |symbol|^-j on this side (+1 or -1) of 0.

    The density is integrable there exactly when the result is below 1; a borderline case is
    decided by its logarithms and then reported as 1, or as a little less when integrable.
    """
    moved = potential.subs(symbol, side / _W)
    behaviour = at_infinity(moved + 2 * sympy.log(_W), _W)
    return _decided(2 - behaviour.exponent, behaviour.integrable)


def at_point(
    potential: sympy.Expr, symbol: sympy.Symbol, point: sympy.Expr, side: int, *, digits: int = 1600
) -> float:
    """The same next to any point, known to so many digits.

    Distances 10^-(digits/2) and 10^-digits are compared; if exp(-h) ~ 1/u there, the power b of
    1/(u |log u|^b) decides in the same way.
    """
    function, place = BallFunction(potential, symbol), BallFunction(point, symbol)
    with flint.ctx.workprec(POINT_BITS):
        centre = place.ball(0.0, bits=POINT_BITS)
        far, near = arb(10) ** (-digits // 2), arb(10) ** -digits
        rise = function.ball(centre + side * near, bits=POINT_BITS) - function.ball(
            centre + side * far, bits=POINT_BITS
        )
        logs = near.log() - far.log()
        exponent = _slope(rise, logs)
        if math.isnan(exponent) and digits > 2:  # an exponential overflows: look from further off
            return at_point(potential, symbol, point, side, digits=digits // 2)
        if not abs(exponent - 1) < MARGIN:
            return exponent
        power = _slope(rise - logs, (near.log() / far.log()).log())
    return _decided(exponent, power > 1 + MARGIN)


def _decided(exponent: float, integrable: bool) -> float:
    if integrable:
        return min(exponent, math.nextafter(1.0, 0.0))
    return max(exponent, 1.0)


def _expanded(potential: sympy.Expr) -> sympy.Expr:
    """Cancel log against exp, so that deep substitutions stay representable."""
    return sympy.expand_log(potential) if potential.has(sympy.log) else potential


def _exponent(potential: sympy.Expr) -> float:
    """Exponent at infinity, extrapolated over the decades, to nine decimals."""
    function = BallFunction(potential, _W)
    values: list[float] = []
    for decades in DECADES:
        value = _average(function, decades)
        if math.isnan(value):
            break
        values.append(value)
    if not values:
        return math.nan
    last, before = values[-1], values[-2] if len(values) > 1 else values[-1]
    if math.isinf(last):
        return last
    # removes a correction proportional to 1/k: k grew fourfold
    return round((4 * last - before) / 3, 9)


def _average(function: BallFunction, decades: float) -> float:
    with flint.ctx.workprec(BITS):
        near, far = arb(10) ** decades, arb(10) ** (2 * decades)
        rise = function.ball(far, bits=BITS) - function.ball(near, bits=BITS)
        return _slope(rise, decades * arb(10).log())


def _slope(rise: arb, run: arb) -> float:
    """Quotient as a float; inf beyond INFINITE, NaN when the balls are too wide."""
    slope = rise / run
    if slope > INFINITE or slope < -INFINITE:  # possibly far beyond float64
        return math.inf if slope > 0 else -math.inf
    known = slope.is_finite() and slope.rad() < PRECISION * (1 + abs(slope))
    return float(slope.mid()) if known else math.nan
