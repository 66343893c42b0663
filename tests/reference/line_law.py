"""A density on the line, cut into pieces on which the slope of its potential is monotone.

The law of a coordinate (density exp(-phi)) and of a radius (density r^(d-1) exp(-g)) are both of
this kind; `slope` is phi' or g', never the derivative of the log density of the radius.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import sympy
from flint import arb, ctx

from tests.reference.arithmetic import PRECISION, integrate, sign_changes
from tests.reference.pieces import SAME, Branch, Chart, MonotonePiece, split_line

__all__ = ["LineLaw"]

#: Where the density is below exp(-400) of its peak it is treated as zero.
NEGLIGIBLE_LOG = 400
#: Charts run over |y| <= Y_MAX: ends of pieces are approached to exp(-Y_MAX).
Y_MAX = 110
#: Points per piece at which the density is looked at.
GRID = 331


@dataclass(frozen=True)
class _Panel:
    left: arb
    right: arb
    values: tuple[arb, arb]
    integrand: Callable[[arb], tuple[arb, arb]]
    open_left: bool
    open_right: bool


class LineLaw:
    """Density proportional to x^(dim-1) exp(-phi(x)), given piece by piece.

    Parameters
    ----------
    pieces : sequence of (left, right, phi)
        Intervals in increasing order with SymPy ends (infinite ones included) and a smooth
        potential each.
    radial : bool
        The variable is a radius: an end at 0 is no boundary of the density on R^d.
    """

    def __init__(
        self,
        pieces: Sequence[tuple[object, object, sympy.Expr]],
        symbol: sympy.Symbol,
        *,
        dim: int = 1,
        radial: bool = False,
    ) -> None:
        self.dim, self.radial = dim, radial
        self.pieces: list[MonotonePiece] = []
        self._panels: list[_Panel] = []
        with ctx.workprec(PRECISION):
            self._branches = [
                Branch.of(Chart(*ends), sympy.sympify(phi), symbol)
                for left, right, phi in pieces
                for ends in split_line(sympy.sympify(left), sympy.sympify(right))
            ]
            ranges = self._find_peak()
            for branch, (y_low, y_high) in zip(self._branches, ranges, strict=True):
                self._cut(branch, y_low, y_high)
            self.total = sum((p.values[0] for p in self._panels), arb(0)).mid()
            self.down, self.up = self._jumps()

    def mass_and_work(self, a: arb, b: arb) -> tuple[arb, arb]:
        """Unnormalised integrals of the density and of slope times density over (a, b)."""
        mass, work = arb(0), arb(0)
        for panel in self._panels:
            low = a if bool(a > panel.left) else panel.left
            high = b if bool(b < panel.right) else panel.right
            if bool(low >= high):
                continue
            whole = bool(low == panel.left) and bool(high == panel.right)
            if whole:
                values = panel.values
            else:
                open_low = panel.open_left and bool(low == panel.left)
                open_high = panel.open_right and bool(high == panel.right)
                ends = (None if open_low else low, None if open_high else high)
                values = integrate(panel.integrand, *ends)
            mass, work = (mass + values[0]).mid(), (work + values[1]).mid()
        return mass, work

    def density_at(self, piece: MonotonePiece, x: arb) -> arb:
        """Unnormalised density at a point of a piece, its ends included; 0 at infinite ends."""
        open_left = piece.chart.left is None and bool(x == piece.left)
        open_right = piece.chart.right is None and bool(x == piece.right)
        return arb(0) if open_left or open_right else piece.density(x)

    def marks(self) -> list[arb]:
        """Ends of the panels: where an integral over this law should be cut."""
        return [p.left for p in self._panels]

    # ---- construction -------------------------------------------------------------------------

    def _log_density(self, branch: Branch, x: arb) -> arb:
        value = -branch.phi(x)
        return value + (self.dim - 1) * x.log() if self.dim > 1 else value

    def _find_peak(self) -> list[tuple[arb, arb]]:
        """Scale the density to 1 at its peak; return the chart range that matters per branch."""
        grid = [arb(Y_MAX) * (2 * k - GRID + 1) / (GRID - 1) for k in range(GRID)]
        logs: list[dict[int, arb]] = []
        for branch in self._branches:
            values = [self._log_density(branch, branch.chart(y)) for y in grid]
            logs.append({k: v.mid() for k, v in enumerate(values) if v.is_finite()})
        heights = [max(found, key=lambda k, f=found: f[k]) for found in logs]
        best = max(range(len(logs)), key=lambda i: logs[i][heights[i]])
        k, branch = heights[best], self._branches[best]
        low, high = grid[max(k - 1, 0)], grid[min(k + 1, GRID - 1)]
        for _ in range(80):
            a, b = low + (high - low) / 3, high - (high - low) / 3
            value_a, value_b = (self._log_density(branch, branch.chart(y)) for y in (a, b))
            low, high = (a.mid(), high) if bool(value_a < value_b) else (low, b.mid())
        self.peak = branch.chart(low)
        self._reference = self._log_density(branch, self.peak).mid()
        bend = branch.curvature(self.peak)
        if self.dim > 1:
            bend = bend + (self.dim - 1) / self.peak**2
        smooth = bend.is_finite() and bool(bend > 0)
        self.width = (1 / bend.sqrt()).mid() if smooth else arb(1)
        # A flat top has no curvature: no more than the width over which the density survives.
        while self._is_negligible(self.peak + self.width) and self._is_negligible(
            self.peak - self.width
        ):
            self.width = (self.width / 2).mid()
        slope = abs(branch.slope(self.peak))
        self._work_scale = slope * self.width if slope.is_finite() and bool(slope > 1) else arb(1)
        ranges = []
        for branch, found, top in zip(self._branches, logs, heights, strict=True):
            # The grid may step over a narrow peak: the neighbours of its top always count.
            kept = [j for j, v in found.items() if bool(v > self._reference - NEGLIGIBLE_LOG)]
            first, last = min([*kept, top]), max([*kept, top])
            y_low = grid[0] if branch.chart.left is not None else grid[max(first - 1, 0)]
            open_right = branch.chart.right is None
            ranges.append((y_low, grid[min(last + 1, GRID - 1)] if open_right else grid[-1]))
        return ranges

    def _is_negligible(self, x: arb) -> bool:
        """Whether the density is below exp(-20) of its peak at x, or x is outside."""
        for branch in self._branches:
            left, right = branch.chart.left, branch.chart.right
            after = left is None or bool(x > left)
            if after and (right is None or bool(x < right)):
                value = self._log_density(branch, x)
                return not value.is_finite() or bool(value < self._reference - 20)
        return True

    def _cut(self, branch: Branch, y_low: arb, y_high: arb) -> None:
        """Cut one branch where its slope turns, and integrate over each monotone piece."""
        turns: list[arb | None] = []
        if branch.constant_slope is None:
            turning = sign_changes(lambda y: branch.curvature(branch.chart(y)), y_low, y_high, GRID)
            turns = [branch.chart(y) for y in turning]
        density, integrand = self._density(branch), self._integrand(branch)
        for a, b in pairwise([None, *turns, None]):
            left = branch.chart.left if a is None else a
            right = branch.chart.right if b is None else b
            chart = Chart(left, right)
            low = y_low if left is None else arb(-Y_MAX)
            high = y_high if right is None else arb(Y_MAX)
            if branch.constant_slope is None:
                slopes = (branch.slope(chart(low)).mid(), branch.slope(chart(high)).mid())
                rising = bool(slopes[1] > slopes[0])
            else:
                slopes, rising = (branch.constant_slope, branch.constant_slope), None
            piece = MonotonePiece(
                chart, low, high, branch.slope, *slopes, rising, density, integrand
            )
            self.pieces.append(piece)
            self._integrate_piece(piece)

    def _integrate_piece(self, piece: MonotonePiece) -> None:
        inner = [(self.peak + k * self.width).mid() for k in (-14, -7, -3, -1, 0, 1, 3, 7, 14)]
        if piece.rising is not None and bool(piece.slope_low * piece.slope_high < 0):
            inner.append(piece.level(arb(0)))
        inner = [x for x in inner if bool(x > piece.left) and bool(x < piece.right)]
        inner.sort()
        scales = [s * self.width * arb(2) ** -30 for s in (arb(1), self._work_scale)]
        ends = [piece.chart.left, *inner, piece.chart.right]
        for a, b in pairwise(ends):
            found: list = []
            integrate(piece.integrand, a, b, scales=scales, panels=found)
            for left, right, values in found:
                opened = (left is None, right is None)
                left = piece.left if left is None else left
                right = piece.right if right is None else right
                self._panels.append(_Panel(left, right, values, piece.integrand, *opened))

    def _integrand(self, branch: Branch) -> Callable[[arb], tuple[arb, arb]]:
        def density_and_work(x: arb) -> tuple[arb, arb]:
            log_density = self._log_density(branch, x) - self._reference
            if not log_density.is_finite() or bool(log_density < -NEGLIGIBLE_LOG):
                return arb(0), arb(0)
            h = log_density.exp().mid()
            return h, (h * branch.slope(x)).mid()

        return density_and_work

    def _density(self, branch: Branch) -> Callable[[arb], arb]:
        def density(x: arb) -> arb:
            log_density = self._log_density(branch, x) - self._reference
            # Potentials of this package are infinite only where the density vanishes.
            return log_density.exp().mid() if log_density.is_finite() else arb(0)

        return density

    def _jumps(self) -> tuple[arb, arb]:
        """Sums of the downward and of the upward jumps of the density along increasing x."""
        values: list[tuple[arb, arb]] = []
        for branch in self._branches:
            height = self._density(branch)
            left, right = branch.chart.left, branch.chart.right
            origin = self.radial and left is not None and bool(left == 0)
            start = arb(0) if left is None or origin else height(left)
            values.append((start, arb(0) if right is None else height(right)))
        steps = [values[0][0]]
        for k in range(len(values) - 1):
            here, there = self._branches[k].chart.right, self._branches[k + 1].chart.left
            assert here is not None
            assert there is not None
            adjacent = bool(abs(here - there) <= SAME)
            start, end = values[k + 1][0], values[k][1]
            steps += [start - end] if adjacent else [-end, start]
        steps.append(-values[-1][1])
        up = sum((s for s in steps if bool(s > SAME)), arb(0))
        return sum((-s for s in steps if bool(s < -SAME)), arb(0)).mid(), up.mid()
