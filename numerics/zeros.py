"""Isolate the real zeros of an expression by interval arithmetic.

A scan of signs overlooks two zeros between neighbouring points: Max(0, 30 - cosh(100 (t - 3)))
would lose all of its positive part. On an interval whose enclosure excludes 0 there is none, and
where the derivative has one sign there is at most one, so that signs at the ends decide.
"""

from __future__ import annotations

import flint
import numpy as np
import sympy
from flint import arb
from numpy.typing import NDArray

from numerics.ball import BallFunction
from numerics.errors import AssumptionError, PrecisionError

__all__ = ["crossing_intervals"]

_BITS = 96
#: Enclosures per expression: some thousand zeros, more than any density in use has kinks.
_BUDGET = 8000
#: Width, relative beyond 1, below which a zero that only touches is left alone.
_NARROW = 1e-13
_TINY = 1e-300


def crossing_intervals(
    switch: sympy.Expr, symbol: sympy.Symbol, points: NDArray[np.float64]
) -> tuple[list[tuple[float, float]], list[float]]:
    """Intervals with exactly one zero, and points where one can be neither found nor excluded.

    Parameters
    ----------
    switch : sympy.Expr
    symbol : sympy.Symbol
    points : array
        Increasing; zeros between them are looked for.

    Raises
    ------
    PrecisionError
        There are too many.

    Examples
    --------
    >>> t = sympy.Symbol("t", real=True)
    >>> found, _ = crossing_intervals(30 - sympy.cosh(100 * (t - 3)), t, np.array([2.0, 4.0]))
    >>> len(found)
    2
    """
    function, slope = BallFunction(switch, symbol), _slope(switch, symbol)
    crossing: list[tuple[float, float]] = []
    unclear: list[tuple[float, float]] = []
    pairs = zip(points[:-1].tolist(), points[1:].tolist(), strict=True)
    # a stack with the intervals nearest to 0 on top
    waiting = sorted(pairs, key=lambda i: -abs(i[0] + i[1]))
    spent = 0
    with flint.ctx.workprec(_BITS):
        while waiting:
            a, b = waiting.pop()
            spent += 1
            if spent > _BUDGET:
                _refuse_if_signs_change(switch, function, points, min(abs(a), abs(b)))
                break
            if _excludes_zero(_enclosure(function, a, b)):
                continue
            middle = a + (b - a) / 2
            if slope is not None:
                drift = _enclosure(slope, a, b)
                if _excludes_zero(drift):
                    if _changes_sign(function, a, b):
                        crossing.append((a, b))
                    continue
                # the mean value form, without which a triple zero takes 10^8 intervals
                reach = (arb(b) - arb(a)) * arb(0, 1) / 2
                if _excludes_zero(function.ball(middle) + drift * reach):
                    continue
            if _nothing_there([function.ball(z) for z in (a, middle, b)]):
                continue
            if not a < middle < b or b - a < _NARROW * max(1.0, abs(a), abs(b)):
                unclear.append((a, b))
            else:
                waiting += [(a, middle), (middle, b)]
    return crossing, _ends_of_runs(unclear)


def _refuse_if_signs_change(
    switch: sympy.Expr, function: BallFunction, points: NDArray[np.float64], beyond: float
) -> None:
    """Far out, where balls are too coarse for exp, signs at the given points have to do."""
    for side in (points[points >= beyond], points[points <= -beyond]):
        values = [function.ball(float(z)) for z in side]
        signs = {bool(v > 0) for v in values if v.is_finite() and not _nothing_there([v])}
        if len(signs) > 1:
            raise PrecisionError(
                f"psi has kinks at the zeros of {switch}, which has too many: those beyond "
                f"{beyond:.3g} were not found; write psi with fewer kinks"
            )


def _ends_of_runs(intervals: list[tuple[float, float]]) -> list[float]:
    """Middles of the first and the last interval of every run of adjacent ones."""
    runs: list[list[tuple[float, float]]] = []
    for interval in sorted(intervals):
        if runs and runs[-1][-1][1] == interval[0]:
            runs[-1].append(interval)
        else:
            runs.append([interval])
    return sorted({a + (b - a) / 2 for run in runs for a, b in (run[0], run[-1])})


def _slope(switch: sympy.Expr, symbol: sympy.Symbol) -> BallFunction | None:
    try:
        return BallFunction(switch.diff(symbol), symbol)
    except AssumptionError:
        return None  # a kink: then zeros are located by halving alone


def _enclosure(function: BallFunction, a: float, b: float) -> arb:
    return function.enclosure(arb(a).union(arb(b)))


def _changes_sign(function: BallFunction, a: float, b: float) -> bool:
    start, end = function.ball(a), function.ball(b)
    return not (bool(start * end > 0))


def _excludes_zero(value: arb) -> bool:
    return bool(value.is_finite()) and not value.contains(0)


def _nothing_there(values: list[arb]) -> bool:
    """Outside the domain, or where float64 has no number for exp(-r^2)."""
    return all(not v.is_finite() or bool(abs(v) < _TINY) for v in values)
