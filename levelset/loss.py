"""How far below the exact radius a lookup can lie between the entries of its table."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from levelset.cells import CellRadius, growth_integral
from levelset.choice import BetterRadius
from levelset.ray import Ray, RayTails
from numerics.bit_table import Evaluator

__all__ = ["certified_loss", "measured_loss"]

Array = NDArray[np.float64]

#: Stretches of cells; of each the exact radius is computed in the middle of the first cell and of
#: the one that is expected to lose most, and this is what is added to the loss seen there.
_MEASURED, _GENEROSITY = 16, 1.1
#: Nearer to 1/2 the enclosure of a tail is wider, relative to 1/2 - tail, than what is measured.
_LARGEST = 0.499


def certified_loss(
    lookup: CellRadius | BetterRadius, entries: RayTails, integral: Evaluator | None, least: float
) -> float:
    """Largest relative gap to an upper bound of R, over tails above `least` and the last entry's.

    In a cell both bounds are S plus a constant, so the gap is largest, relatively, at the cell's
    largest tail. Tails between the lower and the upper tail of one entry are left out: there the
    exact radius is the entry's, but nothing proves it.
    """
    upper = entries.tail_upper
    known = (upper > 0) & (upper < 0.5)
    tails, radii = upper[known], entries.radii[known]
    if len(tails) == 0:
        return 1.0
    # The first entry with a smaller tail bounds R: later ones are farther away.
    tails = np.minimum.accumulate(tails)
    if integral is None:
        offsets = radii
        first = float(np.nextafter(entries.tail_lower.max(initial=0.0), 1.0))
    else:
        offsets = radii - growth_integral(integral, tails) * (1 - integral.relative_error)
        first = 0.5
    # Composition backwards holds from every later entry, so the smallest of them counts.
    offsets = np.minimum.accumulate(offsets[::-1])[::-1]
    points = lookup.thresholds
    points = points[(points > max(tails[-1], least)) & (points < first)]
    if len(points) == 0:
        return 1.0
    entry = np.minimum(np.searchsorted(-tails, -points, side="right"), len(tails) - 1)
    above = offsets[entry] + _grown(integral, points)
    return float(np.max(np.maximum(above - _read(lookup, points), 0.0) / above))


def measured_loss(ray: Ray, lookup: BetterRadius, radii: Array) -> float:
    """Largest relative gap between lookup and exact radius in the middle of cells between `radii`.

    The search for the best multiplier gives both sides of the tail there, below 0.499.
    """
    cells = _suspected(lookup, radii)
    middle = (radii[cells] + radii[cells - 1]) / 2
    upper = ray.tails(middle).tail_upper
    seen = (upper > 0) & (upper < _LARGEST)
    if not seen.any():
        return 1.0
    lost = 1 - _read(lookup, upper[seen]) / middle[seen]
    return float(max(np.max(lost), 0.0) * _GENEROSITY)


def _suspected(lookup: BetterRadius, radii: Array) -> NDArray[np.int64]:
    """Right ends of some cells, of which the chords of many are bent most for their length."""
    chords = lookup.chords.entries
    step, at = np.diff(chords.radii), chords.radii[1:]
    with np.errstate(all="ignore"):
        fall = chords.kappa[1:] * -np.diff(chords.tails)
        lost = step * np.minimum(chords.curvature[1:] * step**2 / (8 * fall), 1.0) / at
    # Ends in `radii` of the cells that the chords were kept for.
    lost = np.where(np.isfinite(lost), lost, 0.0)
    edges = np.unique(np.linspace(0, len(lost), _MEASURED + 1).round().astype(np.int64))
    worst = [i + int(np.argmax(lost[i:j])) for i, j in zip(edges[:-1], edges[1:], strict=True)]
    even = np.linspace(1, len(radii) - 1, _MEASURED).round().astype(np.int64)
    return np.unique(np.append(even, np.array(worst, dtype=np.int64) + 1))


def _read(lookup: CellRadius | BetterRadius, tails: Array) -> Array:
    near_zero = lookup.at_tail(np.minimum(tails, 0.25))
    near_half = lookup.at_margin(np.clip(0.5 - tails, 0.0, 0.25))
    return np.where(tails <= 0.25, near_zero, near_half)


def _grown(integral: Evaluator | None, tails: Array) -> Array:
    if integral is None:
        return np.zeros_like(tails)
    return growth_integral(integral, tails) * (1 + integral.relative_error)
