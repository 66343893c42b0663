"""Certified radii straight from the definition of the differential method.

For a direction u, gamma = slope * A, where A takes finitely many values independently of the line
law: A = 1 or -1 for a coordinate of a product density, and the value of <u, gradient of the gauge>
for a radial one. With W(c) the integral of gamma over {gamma > c} and theta the boundary term of
downward jumps, Phi(p) = W(c) + theta + c (p - P[gamma > c]) at any c that splits off mass p, and
R = integral of dp / Phi. The continuous part of the integral is taken over positions:

    R = E[ 1{c_start < gamma < c_end} / Phi(P[gamma > c]) at c = gamma ] + atoms,

which is the layer-cake form of the change of variables, and needs no density of gamma.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from flint import arb, ctx

from tests.reference.arithmetic import PRECISION, integrate, number, solve_monotone
from tests.reference.directions import SAME_MASS, Direction
from tests.reference.pieces import MonotonePiece

__all__ = ["phi", "radius"]

HALF = arb(1) / 2


def phi(direction: Direction, p: object) -> arb:
    """Phi_u(p), for any p in (0, 1)."""
    with ctx.workprec(PRECISION):
        p = number(p)
        c = direction.threshold(p)
        tail, work = direction.tail_and_work(c)
        return (work + direction.theta + c * (p - tail)).mid()


def one_direction(direction: Direction, start: arb, end: arb) -> arb:
    """Integral of dp / Phi_u over (start, end)."""
    c_low, c_high = direction.threshold(end), direction.threshold(start)
    total = arb(0)
    for value, mass in direction.atoms():
        if bool(value < c_low) or bool(value > c_high):
            continue
        tail, work = direction.tail_and_work(value)
        a = tail if bool(tail > start) else start
        b = tail + mass if bool(tail + mass < end) else end
        if bool(b > a):
            total = total + _atom(work + direction.theta - value * tail, value, a, b)
    cuts = [c for c in direction.critical_values() if bool(c > c_low) and bool(c < c_high)]
    for a, probability in direction.weights:
        if not bool(a == 0):
            total = total + probability * _continuous(direction, a, [c_low, *cuts, c_high])
    return total.mid()


def _atom(offset: arb, value: arb, a: arb, b: arb) -> arb:
    """Integral of dp / (offset + value p) over (a, b)."""
    if bool(abs(value) * (b - a) < SAME_MASS * (offset + value * a)):
        return (b - a) / (offset + value * a)
    return (value * (b - a) / (offset + value * a)).log1p() / value


def _continuous(direction: Direction, a: arb, levels: Sequence[arb]) -> arb:
    law, theta = direction.law, direction.theta
    total = arb(0)
    for piece in law.pieces:
        if piece.rising is None:
            continue
        ends = sorted(_position(piece, (c / a).mid()) for c in levels)
        ends += [x for x in law.marks() if bool(x > ends[0]) and bool(x < ends[-1])]
        ends = _graded(sorted(ends), piece)

        def integrand(x: arb, piece=piece) -> tuple[arb, ...]:
            work = direction.work((a * piece.slope(x)).mid())
            return (piece.integrand(x)[0] / (work + theta),)

        for low, high in pairwise(ends):
            if bool(high - low > SAME_MASS**2 * (abs(low) + abs(high))):
                open_low = piece.chart.left is None and bool(low == piece.left)
                open_high = piece.chart.right is None and bool(high == piece.right)
                part = integrate(
                    integrand,
                    None if open_low else low,
                    None if open_high else high,
                    scales=[law.total],
                )
                total = total + part[0]
    return total / law.total


def _graded(ends: list[arb], piece: MonotonePiece) -> list[arb]:
    """Add cuts at distances growing by 16 from a nearby end of the piece.

    Near a turning point h / Phi behaves like one over the distance to it.
    """
    finer = list(ends)
    for low, high in pairwise(ends):
        for anchor, sign in ((piece.chart.left, 1), (piece.chart.right, -1)):
            if anchor is None:
                continue
            near, far = sorted((abs(low - anchor), abs(high - anchor)))
            far = far if bool(far < 1) else arb(1)
            while bool(near > SAME_MASS) and bool(16 * near < far):
                near = (16 * near).mid()
                finer.append((anchor + sign * near).mid())
    return sorted(finer)


def _position(piece: MonotonePiece, value: arb) -> arb:
    """Where the slope of the piece passes `value`, clamped to its ends."""
    ends = piece.where(value, above=True)
    if ends is None:
        return piece.left if piece.rising is False else piece.right
    return ends[0] if piece.rising else ends[1]


def radius(directions: Sequence[Direction], tail: object, *, straight: bool = False) -> arb:
    """R at `tail` = 1 - rho from the directions of one orbit representative each.

    `straight` is for dimension 1, where a path has one direction: the smallest of the
    integrals, spec 2.1. Otherwise 1/Phi is integrated with the largest Phi at every p.
    """
    with ctx.workprec(PRECISION):
        start = number(tail)
        if len(directions) == 1:
            return one_direction(directions[0], start, HALF)
        if straight:
            return min(one_direction(u, start, HALF) for u in directions)
        total = arb(0)
        for a, b, u in _envelope(directions, start, HALF):
            total = total + one_direction(u, a, b)
        return total.mid()


def _envelope(directions, start: arb, end: arb) -> list[tuple[arb, arb, Direction]]:
    """Intervals of p on which one direction has the largest Phi."""
    count = 48
    points = [start * (end / start) ** (arb(k) / count) for k in range(count + 1)]
    points = [p.mid() for p in points]
    winners = []
    for p in points:
        values = [phi(u, p) for u in directions]
        winners.append(max(range(len(values)), key=lambda i: values[i]))
    cells: list[tuple[arb, arb, Direction]] = []
    left = points[0]
    for k in range(count):
        i, j = winners[k], winners[k + 1]
        if i != j:
            switch = solve_monotone(
                lambda p, i=i, j=j: phi(directions[i], p) - phi(directions[j], p),
                points[k],
                points[k + 1],
                digits=30,
                bisections=3,
            )
            cells.append((left, switch, directions[i]))
            left = switch
    cells.append((left, points[-1], directions[winners[-1]]))
    return cells
