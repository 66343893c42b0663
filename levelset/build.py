"""Algorithm 1 over a grid of radii, compiled into a `LookupTable`."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from levelset.cells import SMALLEST_TAIL, CellRadius, build_cells, tails_with
from levelset.choice import BetterRadius
from levelset.chords import Entries, build_chords
from levelset.loss import certified_loss, measured_loss
from levelset.nodes import Grid, chosen_radii
from levelset.ray import Ray, RayTails
from levelset.refine import CurvedRay, fine_entries
from levelset.table import LookupTable
from levelset.table_info import ALGORITHM_VERSION, TableInfo, library_versions
from numerics.bit_table import CompiledRadius, Evaluator, compile_radius, rows_outside
from numerics.errors import invalid
from smoothing.distribution import SmoothingDistribution
from smoothing.norms import LpNorm

__all__ = [
    "DEFAULT_LOSS",
    "MOST_ENTRIES",
    "MOST_SEARCHED",
    "build_table",
    "check_loss",
    "check_radii",
]

Array = NDArray[np.float64]

#: Loss of the lookup aimed at, relative to the exact radius of the ray.
DEFAULT_LOSS = 1e-6
#: Number of entries that is not exceeded for the sake of the loss, and of those whose multiplier
#: is searched for, the latter where chords serve between them.
MOST_ENTRIES, MOST_SEARCHED, _SKELETON = 20_000, 300, 120
#: About what no number of samples in practice can reach.
_SMALLEST_ASKED = 1e-16


@dataclass(frozen=True)
class _Lookup:
    """A compiled lookup, how it serves tails between entries and what it loses there."""

    compiled: CompiledRadius
    between: str
    loss: float
    certified: float
    relative_error: float


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
        What the lookup may lose of the exact radius between the entries. What it does lose is
        written to ``table.info.relative_loss``.
    most : int
        Largest number of entries that are chosen; up to `MOST_SEARCHED` of them become rows of
        the table, the others only serve the lookup between these.
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
    entries = _searched(ray, radii, integral, relative_loss, most)
    lookup = _exact(ray) or _lookup(ray, entries, integral, relative_loss, most, radii is not None)
    info = TableInfo(
        noise="" if smoothing is None else smoothing.describe(),
        norm="" if adversary is None else adversary.name,
        dim=0 if smoothing is None else smoothing.dim,
        direction=ray.direction,
        proved_by=ray.proved_by,
        monotone_by=ray.monotone_by,
        between=lookup.between,
        relative_loss=lookup.loss,
        certified_loss=lookup.certified,
        relative_error=lookup.relative_error,
        algorithm=ALGORITHM_VERSION,
        versions=library_versions(),
    )
    return LookupTable(
        _frozen(entries.radii),
        _frozen(entries.kappa),
        _frozen(entries.tail_lower),
        _frozen(entries.tail_upper),
        info,
        lookup.compiled,
        smoothing,
        adversary,
    )


def _searched(
    ray: Ray, radii: ArrayLike | None, integral: Evaluator | None, loss: float, most: int
) -> RayTails:
    """Entries whose best multiplier is searched for: at given radii, or as many as are needed."""
    if radii is not None:
        return ray.tails(check_radii(radii))
    # Chords take the place of most of them; without chords more are searched for on request.
    enough = min(most, _SKELETON)
    if not isinstance(ray, CurvedRay) and getattr(ray, "exact", None) is None:
        enough = MOST_SEARCHED if most >= MOST_ENTRIES else most
    return chosen_radii(Grid(ray, integral, loss, enough, _SMALLEST_ASKED))


def _exact(ray: Ray) -> _Lookup | None:
    """The radius itself, where the ray has a formula for it."""
    exact: Evaluator | None = getattr(ray, "exact", None)
    if exact is None:
        return None
    error = exact.relative_error
    return _Lookup(compile_radius(exact), "the exact radius", error, error, error)


def _lookup(
    ray: Ray,
    entries: RayTails,
    integral: Evaluator | None,
    wanted: float,
    most: int,
    given: bool,
) -> _Lookup:
    """Composition or steps between the entries, and chords where they lose too much."""
    monotone = ray.monotone_by is not None
    least = 0.0 if given else _SMALLEST_ASKED
    best: CellRadius | BetterRadius = build_cells(
        entries.radii, entries.tail_lower, integral, monotone=monotone
    )
    between = "steps" if integral is None else "composition with Phi"
    certified = loss = certified_loss(best, entries, integral, least)
    if loss > wanted:
        fine = fine_entries(ray, entries, integral, wanted, 0 if given else most, least)
        if fine is not None:
            best = _better(fine, integral, monotone)
            between = f"chords of D between {len(fine.radii)} radii, or {between}"
            certified = certified_loss(best, entries, integral, least)
            loss = min(measured_loss(ray, best, fine.radii), certified)
    compiled = _compiled(best, entries, integral, certified, least)
    return _Lookup(compiled, between, loss, certified, best.relative_error)


def _better(fine: Entries, integral: Evaluator | None, monotone: bool) -> BetterRadius:
    """Chords between many entries, and composition from each of them."""
    cells = build_cells(fine.radii, fine.tails, integral, monotone=monotone)
    first = 0.0 if integral is None else float(tails_with(integral, fine.radii[:1])[0])
    return BetterRadius(cells, build_chords(fine, first, monotone=monotone))


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


def _compiled(
    better: CellRadius | BetterRadius,
    entries: RayTails,
    integral: Evaluator | None,
    loss: float,
    asked: float,
) -> CompiledRadius:
    """The lookup of the cells; its upper side knows the loss certified above the tail `asked`."""
    known = entries.tail_upper[entries.tail_upper > 0]
    least, most = max(float(known.min(initial=0.5)), SMALLEST_TAIL), float(known.max(initial=0.0))
    # Composition goes on beyond the last entry, steps do not.
    steps_end = math.floor(math.log2(min(least, 0.125)))
    least = max(least, asked)
    compiled = compile_radius(better, -100 if integral is not None else steps_end)
    arrays = compiled.arrays
    # Between the lower and the upper tail of an entry up to two losses add up; bounds above take
    # 1 + 2.5 loss, which covers 1/(1 - 2 loss) up to 0.1.
    errors = arrays.errors + (loss if loss < 0.1 else np.inf)
    errors[rows_outside(arrays, least, most)] = np.inf
    return replace(compiled, arrays=replace(arrays, errors=errors))
