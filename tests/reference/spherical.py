"""Radial densities in the l2 gauge: gamma = slope(r) * T with T one coordinate of a unit vector.

P[T > t] and E[T; T > t] are known, so P[gamma > c] and Phi(c) are one integral over the radius
each, and R = integral of |dP[gamma > c]/dc| / Phi(c) dc from c = 0, where the mass is 1/2.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

from flint import arb, ctx

from tests.reference.arithmetic import PRECISION, integrate, number, solve_monotone
from tests.reference.line_law import LineLaw
from tests.reference.pieces import MonotonePiece

__all__ = ["SphericalDirection"]

TINY = arb(10) ** -40


@dataclass(frozen=True)
class SphericalDirection:
    """Law of gamma_u for a unit vector u and a radius law in dimension `dim` >= 2."""

    law: LineLaw
    dim: int
    _cache: dict = field(default_factory=dict, compare=False, repr=False)

    def _constant(self) -> arb:
        """Density of T is constant * (1 - t^2)^((dim - 3) / 2)."""
        if "constant" not in self._cache:
            d = arb(self.dim)
            log_ratio = (d / 2).lgamma() - ((d - 1) / 2).lgamma()
            self._cache["constant"] = (log_ratio.exp() / arb.pi().sqrt()).mid()
        return self._cache["constant"]

    def theta(self) -> arb:
        """All jumps of the radial density times E T_+."""
        jumps = (self.law.down + self.law.up) / self.law.total
        return (jumps * self._constant() / (self.dim - 1)).mid()

    def _regions(self, c: arb) -> list[tuple]:
        """(piece, a, b) cells of {|slope| > c}, cut at panel ends and near zeros of the slope."""
        found = []
        for piece in self.law.pieces:
            for value, above in ((c, True), ((-c).mid(), False)):
                ends = piece.where(value, above=above)
                if ends is not None:
                    marks = [*self.law.marks(), *self._near_zero(piece, *ends)]
                    inner = sorted(x for x in marks if bool(x > ends[0]) and bool(x < ends[1]))
                    found += [(piece, a, b) for a, b in pairwise([ends[0], *inner, ends[1]])]
        return found

    @staticmethod
    def _near_zero(piece: MonotonePiece, a: arb, b: arb) -> list[arb]:
        """Cuts at distances growing by 16 from an interior zero of the slope: 1/slope is steep."""
        if piece.rising is None or not bool(piece.slope_low * piece.slope_high < 0):
            return []
        zero = piece.level(arb(0))
        start, sign = (a - zero, 1) if bool(a > zero) else (zero - b, -1)
        cuts, distance = [], start.mid()
        while bool(distance > TINY**2) and bool(distance < 1):
            distance = (16 * distance).mid()
            cuts.append((zero + sign * distance).mid())
        return cuts

    def rate_and_work(self, c: arb) -> tuple[arb, arb]:
        """Density of gamma at c and E[gamma; gamma > c], c > 0."""
        constant, d = self._constant(), self.dim
        rate, work = arb(0), arb(0)
        for piece, a, b in self._regions(c):

            def f(r: arb, piece=piece) -> tuple[arb, arb]:
                h = piece.integrand(r)[0]
                slope = abs(piece.slope(r))
                if bool(h == 0) or not bool(slope > c):
                    return arb(0), arb(0)
                # (1 - c/s)(1 + c/s): exact where the slope is near c.
                gap = ((slope - c) * (slope + c) / slope**2).mid()
                root = gap.sqrt()
                power = (gap.log() * (arb(d - 3) / 2)).exp()
                rate = h * power / slope * constant
                return rate.mid(), (h * slope * power * root**2 * constant / (d - 1)).mid()

            scales = [self._scale(0), self._scale(1)]
            part = integrate(f, *self._open(piece, a, b), scales=scales)
            rate, work = rate + part[0], work + part[1]
        return (rate / self.law.total).mid(), (work / self.law.total).mid()

    def _scale(self, which: int) -> arb:
        """Magnitude of the density of gamma near 0, or of Phi(1/2): E 1/|s| and E |s| of T."""
        if "scales" not in self._cache:
            self._cache["scales"] = None
            peak = self.law.peak
            slopes = [
                abs(p.slope(peak))
                for p in self.law.pieces
                if bool(p.left <= peak) and bool(peak <= p.right)
            ]
            s = slopes[0] + arb(10) ** -6
            unit = self.law.total * self._constant()
            small = arb(2) ** -10
            self._cache["scales"] = [(unit / s * small).mid(), (unit * s / self.dim * small).mid()]
        return self._cache["scales"][which]

    @staticmethod
    def _open(piece, a: arb, b: arb) -> tuple:
        open_left = piece.chart.left is None and bool(a == piece.left)
        open_right = piece.chart.right is None and bool(b == piece.right)
        return (None if open_left else a, None if open_right else b)

    def tail(self, c: arb) -> arb:
        """P[gamma > c] for c > 0."""
        total = arb(0)
        a = arb(self.dim - 1) / 2
        for piece, low, high in self._regions(c):

            def f(r: arb, piece=piece) -> tuple[arb, ...]:
                h = piece.integrand(r)[0]
                slope = abs(piece.slope(r))
                if bool(h == 0) or not bool(slope > c):
                    return (arb(0),)
                gap = ((slope - c) * (slope + c) / slope**2).mid()
                return ((h * gap.beta_lower(a, arb(1) / 2, 1) / 2).mid(),)

            scales = [self.law.total * arb(10) ** -18]
            total = total + integrate(f, *self._open(piece, low, high), scales=scales)[0]
        return (total / self.law.total).mid()

    def radius(self, tail: object) -> arb:
        """Integral of dp / Phi from `tail` to 1/2."""
        with ctx.workprec(PRECISION):
            s = number(tail)
            flat = (
                sum(
                    (
                        self.law.mass_and_work(p.left, p.right)[0]
                        for p in self.law.pieces
                        if p.rising is None and bool(abs(p.slope_low) < TINY)
                    ),
                    arb(0),
                )
                / self.law.total
            )
            at_zero = ((1 - flat) / 2).mid()
            theta = self.theta()
            work_zero = self.rate_and_work(TINY)[1] if bool(at_zero > TINY) else arb(0)
            if bool(s >= at_zero):
                return ((arb(1) / 2 - s) / (work_zero + theta)).mid()
            total = (arb(1) / 2 - at_zero) / (work_zero + theta)
            critical = sorted(
                {abs(x) for p in self.law.pieces for x in (p.slope_low, p.slope_high)}
            )
            critical = [x.mid() for x in critical if bool(x > TINY)]
            c_end = self._threshold(s, critical)
            cuts = [arb(0), *[x for x in critical if bool(x < c_end * (1 - arb(10) ** -30))], c_end]

            def f(c: arb) -> tuple[arb, ...]:
                rate, work = self.rate_and_work(c)
                return (rate / (work + theta),)

            for low, high in pairwise(cuts):
                if bool(high - low > arb(10) ** -30 * high):
                    total = total + integrate(f, low, high, scales=[arb(1) / 100])[0]
            return total.mid()

    def _threshold(self, s: arb, critical: list[arb]) -> arb:
        low, high = arb(0), critical[-1]
        for c in critical:
            if bool(self.tail(c) > s):
                low = c
            else:
                high = c
                break

        def log_excess(w: arb) -> arb:
            return ((self.tail(w.exp().mid()) + TINY) / s).log().mid()

        start = low.log() if bool(low > 0) else high.log() - 100
        while not bool(log_excess(start.mid()) > 0):
            start = start - 100
        ends = (start.mid(), high.log().mid())
        return solve_monotone(log_excess, *ends, digits=24, bisections=7).exp().mid()
