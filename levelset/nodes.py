"""Which radii a table gets: as many as the requested loss needs, where it needs them.

Between two entries the composition bound leaves a gap of g = (r_b - r_a) - (S(p_a) - S(p_b)): what
the differential method would add falls short of the step by g. Gaps add up, so a cell that is cut
into k parts has k gaps of about g/k, and one round of cutting nearly settles the grid.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from levelset.cells import SMALLEST_TAIL, growth_integral
from levelset.ray import Ray, RayTails
from numerics.bit_table import Evaluator
from numerics.errors import PrecisionError

__all__ = ["Grid", "chosen_radii", "joined"]

Array = NDArray[np.float64]

#: Gaps are cut to this share of the loss, because they are not quite equal after a cut.
_MARGIN = 0.8
_ROUNDS = 8
#: No cell is cut into more parts in one round: gaps far above the aim are poor predictions.
_MOST_PARTS = 64
#: Margins rho - 1/2 and tails at which the first radii are placed.
_FIRST_MARGINS = 2.0 ** -np.arange(12.0, 2.0, -2.0)
_FIRST_TAILS = 2.0 ** -np.concatenate([[2.0, 3.0, 4.0], np.arange(6.0, 100.0, 4.0)])
_DOUBLINGS = 200
#: Entries per octave of radii where nothing is known between them.
_PER_OCTAVE = 3


@dataclass(frozen=True)
class Grid:
    """The ray and S, the entries so far and what is asked of them."""

    ray: Ray
    integral: Evaluator | None
    relative_loss: float
    most: int
    smallest_tail: float


def chosen_radii(grid: Grid) -> RayTails:
    """Entries whose composition gaps stay below the loss, or as many as are allowed."""
    grid = replace(grid, most=min(grid.most, getattr(grid.ray, "most_entries", grid.most)))
    entries = _towards_half(grid, grid.ray.tails(_first_radii(grid)))
    for _ in range(_ROUNDS if grid.integral is not None else 0):
        parts = _parts(grid, entries)
        extra = _cut(np.append(0.0, entries.radii), parts)
        if len(extra) == 0:
            break
        entries = joined(entries, grid.ray.tails(extra))
    return entries


def _towards_half(grid: Grid, entries: RayTails) -> RayTails:
    """Entries at ever smaller radii, until S alone is close enough below the first.

    Where Phi(1/2) is tight the relative gap below r shrinks with r; where it does not, Phi is
    loose or the tails have no digits left, and smaller radii gain nothing.
    """
    if grid.integral is None:
        return entries
    gap = _first_gap(grid.integral, entries)
    while gap > grid.relative_loss and entries.radii[0] > 0:
        closer = grid.ray.tails(entries.radii[:1] / 4)
        previous, gap = gap, _first_gap(grid.integral, closer)
        if gap > previous / 2:
            break
        entries = joined(closer, entries)
    return entries


def _first_gap(integral: Evaluator, entries: RayTails) -> float:
    """What S lacks, relatively, of the first radius."""
    reached = float(growth_integral(integral, entries.tail_lower[:1])[0])
    return 1 - reached / float(entries.radii[0])


def _first_radii(grid: Grid) -> Array:
    """Some forty radii from near 0 to where the smallest tail is passed."""
    if grid.integral is not None:
        # R >= S, so no radius before S(tail) can have a smaller tail.
        tails = np.append(0.5 - _FIRST_MARGINS, _FIRST_TAILS)
        radii = growth_integral(grid.integral, tails[tails >= grid.smallest_tail])
        radii = np.append(radii, growth_integral(grid.integral, np.array([grid.smallest_tail])))
    else:
        radii = _bracketed(grid)
    last = float(radii[-1])
    for _ in range(_DOUBLINGS):
        if float(grid.ray.tails(np.array([last])).tail_lower[0]) <= grid.smallest_tail:
            break
        last *= 1.25
        radii = np.append(radii, last)
    radii = np.unique(radii[np.isfinite(radii) & (radii > 0)])
    if len(radii) <= grid.most:
        return radii
    spread = np.round(np.linspace(0, len(radii) - 1, max(2, grid.most))).astype(np.int64)
    return radii[spread]


def _bracketed(grid: Grid) -> Array:
    """Radii from where the margin is small to where the tail is about the smallest.

    Without S the lookup steps from entry to entry whatever their number, and singular densities,
    which this is for, take a second for three entries: a few per octave have to do.
    """
    low = _first_power(grid, -2.0, lambda tails: tails >= 0.5 - 1e-3)
    if low is None:
        raise PrecisionError("no radius along the ray certifies tails near 1/2")
    high = _first_power(grid, 1.0, lambda tails: tails <= grid.smallest_tail)
    top = 2.0**_DOUBLINGS if high is None else high
    steps = max(8, math.ceil(_PER_OCTAVE * math.log2(top / low)))
    return np.asarray(np.geomspace(low, top, min(steps, grid.most)))


def _first_power(grid: Grid, step: float, reached: Callable[[Array], Any]) -> float | None:
    """First 2^(step k), k = 0, 1, ..., at which the tail has reached something; four at a time."""
    for start in range(0, _DOUBLINGS, 4):
        radii = np.exp2(step * np.arange(start, start + 4, dtype=np.float64))
        order = np.argsort(radii)
        tails = np.empty(4)
        tails[order] = grid.ray.tails(radii[order]).tail_lower
        found = np.flatnonzero(reached(tails))
        if len(found):
            return float(radii[found[0]])
    return None


def _parts(grid: Grid, entries: RayTails) -> NDArray[np.int64]:
    """Into how many parts each cell [r_i, r_{i+1}], r_0 = 0, is to be cut."""
    radii = np.append(0.0, entries.radii)
    tails = np.append(0.5, entries.tail_lower)
    steps = np.diff(radii)
    gaps = steps
    if grid.integral is not None:
        reached = growth_integral(grid.integral, np.maximum(tails, SMALLEST_TAIL))
        gaps = np.maximum(steps - np.diff(reached), 0.0)
    # The first cell has been dealt with: cutting it into equal parts would only move the problem.
    level = np.append(np.inf, radii[1:-1])
    gaps = np.where(tails[:-1] > grid.smallest_tail, gaps, 0.0)
    wanted = gaps / (level * grid.relative_loss)
    if not np.any(wanted > 1.0):
        return np.ones(len(wanted), dtype=np.int64)
    # Where the loss cannot be had with so few entries, all cells lose alike.
    room = grid.most - len(entries.radii)
    if room <= 0:
        return np.ones(len(wanted), dtype=np.int64)
    parts = wanted / _MARGIN
    needed = float(np.sum(np.maximum(parts - 1, 0)))
    if needed > room:
        parts = parts * (room / needed)
    return np.asarray(np.clip(np.ceil(parts - 1e-9), 1, _MOST_PARTS), dtype=np.int64)


def _cut(edges: Array, parts: NDArray[np.int64]) -> Array:
    """New radii that cut the cells into equal parts."""
    cells = [
        left + (right - left) * np.arange(1, count) / count
        for left, right, count in zip(edges[:-1], edges[1:], parts, strict=True)
        if count > 1
    ]
    return np.concatenate(cells) if cells else np.empty(0)


def joined(first: RayTails, second: RayTails) -> RayTails:
    """All entries by ascending radius."""
    order = np.argsort(np.append(first.radii, second.radii), kind="stable")

    def column(name: str) -> Array:
        both = np.append(getattr(first, name), getattr(second, name))
        return np.asarray(both[order])

    names = ("radii", "kappa", "tail_lower", "tail_upper")
    return RayTails(*(column(name) for name in names))
