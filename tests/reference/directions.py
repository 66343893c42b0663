"""The law of gamma_u = slope * A for one vertex u of the adversary's ball."""

from __future__ import annotations

from dataclasses import dataclass, field

from flint import arb

from tests.reference.arithmetic import solve_monotone
from tests.reference.line_law import LineLaw

__all__ = ["SAME_MASS", "Direction"]

#: Masses this close are equal: quadrature is good to about 1e-24 of the total mass.
SAME_MASS = arb(10) ** -20


@dataclass(frozen=True)
class Direction:
    """Law of gamma_u = slope * A for one vertex u; `weights` lists (value of A, probability)."""

    law: LineLaw
    weights: tuple[tuple[arb, arb], ...]
    _cache: dict = field(default_factory=dict, compare=False, repr=False)

    @property
    def theta(self) -> arb:
        """Boundary term: downward jumps of q along u, spec section 2."""
        total = arb(0)
        for a, probability in self.weights:
            jumps = self.law.down if bool(a > 0) else self.law.up
            total = total + probability * abs(a) * jumps
        return (total / self.law.total).mid()

    def tail_and_work(self, c: arb) -> tuple[arb, arb]:
        """P[gamma > c] and E[gamma; gamma > c]."""
        tail, work = arb(0), arb(0)
        for a, probability in self.weights:
            if bool(a == 0):
                tail = tail + (probability if bool(c < 0) else 0)
                continue
            for piece in self.law.pieces:
                ends = piece.where((c / a).mid(), above=bool(a > 0))
                if ends is not None:
                    m, w = self.law.mass_and_work(*ends)
                    tail = tail + probability * m / self.law.total
                    work = work + probability * a * w / self.law.total
        return tail.mid(), work.mid()

    def work(self, c: arb) -> arb:
        """E[gamma; gamma > c] alone, which on a line is a difference of densities."""
        if self.law.dim > 1:
            return self.tail_and_work(c)[1]
        total = arb(0)
        for a, probability in self.weights:
            for piece in self.law.pieces:
                ends = None if bool(a == 0) else piece.where((c / a).mid(), above=bool(a > 0))
                if ends is not None:
                    low, high = (self.law.density_at(piece, x) for x in ends)
                    total = total + probability * a * (low - high)
        return (total / self.law.total).mid()

    def atoms(self) -> list[tuple[arb, arb]]:
        """(value, mass) of the atoms of gamma, by decreasing value."""
        found: list[tuple[arb, arb]] = []
        for a, probability in self.weights:
            if bool(a == 0):
                found.append((arb(0), probability))
                continue
            for piece in self.law.pieces:
                if piece.rising is None:
                    mass = self.law.mass_and_work(piece.left, piece.right)[0] / self.law.total
                    found.append(((a * piece.slope_low).mid(), (probability * mass).mid()))
        merged: list[tuple[arb, arb]] = []
        for value, mass in sorted(found, key=lambda pair: pair[0], reverse=True):
            if merged and _same(merged[-1][0], value):
                merged[-1] = (merged[-1][0], (merged[-1][1] + mass).mid())
            else:
                merged.append((value, mass))
        return merged

    def critical_values(self) -> list[arb]:
        """Values of gamma at ends of monotone pieces and at atoms, increasing and distinct."""
        distinct = [value for value, _ in self.atoms()]
        for a, _ in self.weights:
            for piece in self.law.pieces:
                for value in ((a * piece.slope_low).mid(), (a * piece.slope_high).mid()):
                    if not any(_same(value, known) for known in distinct):
                        distinct.append(value)
        return sorted(distinct)

    def threshold(self, p: arb) -> arb:
        """A c with P[gamma > c] <= p <= P[gamma >= c]."""
        if "critical" not in self._cache:
            masses = {str(v): m for v, m in self.atoms()}
            table = []
            for c in self.critical_values():
                tail = self.tail_and_work(c)[0]
                table.append((c, tail, (tail + masses.get(str(c), arb(0))).mid()))
            self._cache["critical"] = table
        table = self._cache["critical"]
        for c, tail, closed in table:
            if bool(tail - p <= SAME_MASS * p) and bool(p - closed <= SAME_MASS * p):
                return c
        low = max(c for c, tail, _ in table if bool(tail > p))
        high = min(c for c, _, closed in table if bool(closed < p))
        # asinh(1e30 c) resolves thresholds from 1e-30 up on one scale.
        scale = arb(10) ** 30
        bent = [(c * scale).asinh().mid() for c in (low, high)]
        w = solve_monotone(
            lambda w: self._log_excess((w.sinh() / scale).mid(), p), *bent, digits=65, bisections=8
        )
        return (w.sinh() / scale).mid()

    def _log_excess(self, c: arb, p: arb) -> arb:
        return ((self.tail_and_work(c)[0] + arb(10) ** -60) / p).log().mid()


def _same(x: arb, y: arb) -> bool:
    """Equal up to what is lost by stopping exp(-110) short of the end of a piece."""
    return bool(abs(x - y) <= SAME_MASS**2 * (1 + abs(x)))
