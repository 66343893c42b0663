"""Algorithm 1 over a grid of radii, compiled into a `LookupTable`."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from levelset.cells import SMALLEST_TAIL, CellRadius, build_cells, growth_integral
from levelset.nodes import Grid, chosen_radii
from levelset.ray import Ray, RayTails
from levelset.table import LookupTable
from levelset.table_info import ALGORITHM_VERSION, TableInfo, library_versions
from numerics.bit_table import CompiledRadius, Evaluator, compile_radius, rows_outside
from numerics.errors import invalid
from smoothing.distribution import SmoothingDistribution
from smoothing.norms import LpNorm

__all__ = ["DEFAULT_LOSS", "MOST_ENTRIES", "build_table", "check_loss", "check_radii"]

Array = NDArray[np.float64]

#: Loss of the lookup aimed at, relative to the exact radius of the ray.
DEFAULT_LOSS = 1e-6
#: Number of entries that are not exceeded for the sake of the loss.
MOST_ENTRIES = 300
#: About what no number of samples in practice can reach.
_SMALLEST_ASKED = 1e-16


def build_table(
    ray: Ray,
    *,
    radii: ArrayLike | None = None,
    relative_loss: float = DEFAULT_LOSS,
    most: int = MOST_ENTRIES,
    integral: Evaluator | None = None,
    smoothing: SmoothingDistribution | None = None,
    adversary: LpNorm | None = None,
) -> LookupTable:
    r"""Tabulate the tight radius along a ray.

    Parameters
    ----------
    ray : Ray
        The shifts r*u; radii are r.
    radii : array_like, optional
        Radii of the entries; by default as many as the loss needs, and no more than `most`.
    relative_loss : float
        What the lookup may lose of the exact radius between the entries. What it loses is
        certified, and written to ``table.info.relative_loss``.
    most : int
        Largest number of entries that are chosen.
    integral : Evaluator, optional
        S(p), the integral of 1/Phi from p to 1/2 in the units of `radii`, from the differential
        method. Without it tails between entries get the radius of the entry before.
    smoothing, adversary
        What the ray is of, for the table's metadata.

    Returns
    -------
    LookupTable

    Raises
    ------
    AssumptionError
        Neither is D proved to grow along the ray nor is `integral` given.
    InvalidInputError
        Radii that are not positive and increasing, a loss outside (0, 1).

    References
    ----------
    .. [1] Yang et al., Randomized Smoothing of All Shapes and Sizes, ICML 2020, Algorithm 1.
    """
    check_loss(relative_loss)
    if radii is None:
        grid = Grid(ray, integral, relative_loss, most, _SMALLEST_ASKED)
        entries, least = chosen_radii(grid), _SMALLEST_ASKED
    else:
        entries, least = ray.tails(check_radii(radii)), 0.0
    monotone = ray.monotone_by is not None
    cells = build_cells(entries.radii, entries.tail_lower, integral, monotone=monotone)
    loss = _certified_loss(cells, entries, least)
    compiled = _compiled(cells, entries, loss)
    info = TableInfo(
        noise="" if smoothing is None else smoothing.describe(),
        norm="" if adversary is None else adversary.name,
        dim=0 if smoothing is None else smoothing.dim,
        direction=ray.direction,
        proved_by=ray.proved_by,
        monotone_by=ray.monotone_by,
        between="steps" if integral is None else "composition with Phi",
        relative_loss=loss,
        relative_error=cells.relative_error,
        algorithm=ALGORITHM_VERSION,
        versions=library_versions(),
    )
    return LookupTable(
        _frozen(entries.radii),
        _frozen(entries.kappa),
        _frozen(entries.tail_lower),
        _frozen(entries.tail_upper),
        info,
        compiled,
        smoothing,
        adversary,
    )


def check_loss(relative_loss: float) -> float:
    """Return a loss in (0, 1)."""
    if not 0 < relative_loss < 1:
        raise invalid("relative_loss", "a number in (0, 1)", relative_loss, "1e-6 is the default")
    return float(relative_loss)


def check_radii(radii: ArrayLike) -> Array:
    """Return radii that are finite, positive and increasing."""
    try:
        values = np.atleast_1d(np.asarray(radii, dtype=np.float64)).ravel()
    except (TypeError, ValueError) as error:
        raise invalid("radii", "numbers > 0", radii, "pass numbers, not text") from error
    good = len(values) and np.all(np.isfinite(values)) and np.all(np.diff(values, prepend=0.0) > 0)
    if not good:
        raise invalid("radii", "finite, positive and increasing", radii, "sort them")
    return values


def _frozen(values: Any) -> Array:
    array = np.array(values, dtype=np.float64)
    array.flags.writeable = False
    return array


def _compiled(cells: CellRadius, entries: RayTails, loss: float) -> CompiledRadius:
    """The lookup of the cells; its upper side knows the certified loss between entries."""
    known = entries.tail_upper[entries.tail_upper > 0]
    least, most = max(float(known.min(initial=0.5)), SMALLEST_TAIL), float(known.max(initial=0.0))
    # Composition goes on beyond the last entry, steps do not.
    steps_end = math.floor(math.log2(min(least, 0.125)))
    compiled = compile_radius(cells, -100 if cells.integral is not None else steps_end)
    arrays = compiled.arrays
    # Between the lower and the upper tail of an entry up to two losses add up; bounds above take
    # 1 + 2.5 loss, which covers 1/(1 - 2 loss) up to 0.1.
    errors = arrays.errors + (loss if loss < 0.1 else np.inf)
    errors[rows_outside(arrays, least, most)] = np.inf
    return replace(compiled, arrays=replace(arrays, errors=errors))


def _certified_loss(cells: CellRadius, entries: RayTails, least: float) -> float:
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
    if cells.integral is None:
        offsets = radii
        first = float(np.nextafter(entries.tail_lower.max(initial=0.0), 1.0))
    else:
        slack = 1 - cells.integral.relative_error
        offsets = radii - growth_integral(cells.integral, tails) * slack
        first = 0.5
    # Composition backwards holds from every later entry, so the smallest of them counts.
    offsets = np.minimum.accumulate(offsets[::-1])[::-1]
    points = cells.thresholds
    points = points[(points > max(tails[-1], least)) & (points < first)]
    if len(points) == 0:
        return 1.0
    entry = np.minimum(np.searchsorted(-tails, -points, side="right"), len(tails) - 1)
    lower = _read(cells, points)
    above = offsets[entry] + _grown(cells, points)
    return float(np.max(np.maximum(above - lower, 0.0) / above))


def _read(cells: CellRadius, tails: Array) -> Array:
    near_zero = cells.at_tail(np.minimum(tails, 0.25))
    return np.where(tails <= 0.25, near_zero, cells.at_margin(np.clip(0.5 - tails, 0.0, 0.25)))


def _grown(cells: CellRadius, tails: Array) -> Array:
    if cells.integral is None:
        return np.zeros_like(tails)
    return growth_integral(cells.integral, tails) * (1 + cells.integral.relative_error)
