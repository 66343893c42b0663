"""Intervals with charts that resolve both ends, and pieces on which a slope is monotone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import sympy
from flint import arb

from tests.reference.arithmetic import compile_formula, number, solve_monotone

__all__ = ["SAME", "Branch", "Chart", "MonotonePiece", "split_line"]

#: Two numbers closer than this (relatively) are the same number; a jump below it is none.
SAME = arb(10) ** -50


@dataclass(frozen=True)
class Chart:
    """Monotone chart y -> x of an interval with a finite end; it resolves both ends."""

    left: arb | None
    right: arb | None

    def __call__(self, y: arb) -> arb:
        if self.left is not None and self.right is not None:
            share = 1 / (1 + abs(y).exp())
            width = (self.right - self.left) * share
            return (self.left + width if bool(y < 0) else self.right - width).mid()
        if self.left is not None:
            return (self.left + y.exp()).mid()
        assert self.right is not None
        return (self.right - (-y).exp()).mid()


@dataclass(frozen=True)
class Branch:
    """One smooth formula of the potential on one interval, compiled."""

    chart: Chart
    phi: Callable[[arb], arb]
    slope: Callable[[arb], arb]
    curvature: Callable[[arb], arb]
    constant_slope: arb | None

    @classmethod
    def of(cls, chart: Chart, phi: sympy.Expr, symbol: sympy.Symbol) -> Branch:
        slope = sympy.diff(phi, symbol)
        curvature = sympy.diff(slope, symbol)
        flat = sympy.simplify(curvature) == 0
        constant = number(sympy.simplify(slope)) if flat else None
        compiled = [compile_formula(e, symbol) for e in (phi, slope, curvature)]
        return cls(chart, *compiled, constant)


@dataclass(frozen=True)
class MonotonePiece:
    """Interval on which the slope is monotone (`rising`), or constant (`rising` is None)."""

    chart: Chart
    y_low: arb
    y_high: arb
    slope: Callable[[arb], arb]
    slope_low: arb
    slope_high: arb
    rising: bool | None
    density: Callable[[arb], arb]
    integrand: Callable[[arb], tuple[arb, arb]]

    @property
    def left(self) -> arb:
        return self.chart(self.y_low) if self.chart.left is None else self.chart.left

    @property
    def right(self) -> arb:
        return self.chart(self.y_high) if self.chart.right is None else self.chart.right

    def level(self, value: arb) -> arb:
        """Where the slope equals `value`, clamped to the piece."""
        y = solve_monotone(lambda y: self.slope(self.chart(y)) - value, self.y_low, self.y_high)
        return self.chart(y)

    def where(self, value: arb, *, above: bool) -> tuple[arb, arb] | None:
        """The part of the piece where slope > value (or < value): an interval or None."""
        if self.rising is None:
            distance = self.slope_low - value
            if bool(abs(distance) <= SAME * (1 + abs(value))):
                return None
            return (self.left, self.right) if bool(distance > 0) == above else None
        rises = bool(self.slope_low < self.slope_high)
        smallest = self.slope_low if rises else self.slope_high
        largest = self.slope_high if rises else self.slope_low
        if bool(value <= smallest):
            return (self.left, self.right) if above else None
        if bool(value >= largest):
            return None if above else (self.left, self.right)
        x = self.level(value)
        return (x, self.right) if self.rising == above else (self.left, x)


def split_line(left: sympy.Expr, right: sympy.Expr) -> list[tuple[arb | None, arb | None]]:
    """Ends as balls, None where infinite; the whole line is cut at 0."""
    a = None if left == -sympy.oo else number(left)
    b = None if right == sympy.oo else number(right)
    return [(None, arb(0)), (arb(0), None)] if a is None and b is None else [(a, b)]
