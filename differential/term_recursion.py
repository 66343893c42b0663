r"""Sums of few terms, one after the other: E(S + Y - c)+ = E g(c - Y) with g(c) = E(S - c)+.

Every number added is positive, so that tails keep relative accuracy, and the integral over Y is cut
where the law of S is not smooth: at sums of the values where a density of the terms jumps, begins,
turns or has an atom. This serves where a transform decays too slowly to be inverted.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from differential.cells import Cells, monotone_cells
from differential.excess_table import ExcessTable, Stretch, build_table
from differential.term_measure import TermMeasure
from numerics.errors import PrecisionError
from numerics.legendre import ORDER, legendre_rule

__all__ = ["SumSoFar", "add_term"]

Array = NDArray[np.float64]

#: Tables of partial sums reach this far, in log probability, so that what lies beyond them,
#: bounded by its value there, does not matter to a sum at 2^-100.
_LOG_INNER, _LOG_FINAL = -100.0, -70.5
#: Resolution of tables: joints of the table before, off by 1e-13, show as noise.
_STEP = 1e-12
#: Nodes on a piece that ends at a break, after crowding them there.
_WIDE = 32
_MAX_BREAKS = 200
_SAME = 1e-12


@dataclass(frozen=True, eq=False)
class SumSoFar:
    """A centred sum of terms: tables of S and of -S, and where its law is not smooth.

    `tops` are the suprema of S and of -S; None for a table of a sum without terms, S = 0.
    """

    upper: ExcessTable | None = None
    lower: ExcessTable | None = None
    breaks: Array = field(default_factory=lambda: np.zeros(1))
    tops: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True, eq=False)
class _TermCells:
    """Cells and atoms of Y over all its values, positive and negative."""

    cells: tuple[NDArray[Any], ...]
    atoms: tuple[Array, Array]
    breaks: Array


def add_term(total: SumSoFar, measure: TermMeasure, weight: float, last: bool) -> SumSoFar:
    """The sum with weight * (Y - E Y) added; tables of the last sum may end sooner.

    Raises
    ------
    PrecisionError
        The law has too many breaks to be tabulated between them.
    """
    term = _term_cells(measure)
    ends = weight * (np.array([term.breaks.min(), term.breaks.max()]) - measure.mean)
    tops = (total.tops[0] + float(ends.max()), total.tops[1] - float(ends.min()))
    shifted = weight * (term.breaks - measure.mean)
    breaks = _distinct((total.breaks[:, None] + shifted).ravel(), max(tops))
    tables = []
    mirrored = SumSoFar(total.lower, total.upper, -total.breaks[::-1], total.tops[::-1])
    for side, scale, at, top in (
        (total, weight, breaks, tops[0]),
        (mirrored, -weight, -breaks[::-1], tops[1]),
    ):
        tables.append(_table(side, measure, term, scale, at, top, last))
        if _is_even(measure, total):
            tables *= 2
            break
    return SumSoFar(tables[0], tables[1], breaks, tops)


def _is_even(measure: TermMeasure, total: SumSoFar) -> bool:
    return measure.symmetric and total.upper is total.lower


def _table(
    total: SumSoFar,
    measure: TermMeasure,
    term: _TermCells,
    scale: float,
    breaks: Array,
    top: float,
    last: bool,
) -> ExcessTable:
    from differential.recursion_kernels import convolve

    rule, wide = legendre_rule(), legendre_rule(_WIDE)
    upper, lower = _arrays(total.upper), _arrays(total.lower)
    data = (scale, measure.mean, *term.cells, measure.log_series, measure.panels.value)

    def function(c: Array) -> tuple[Array, Array]:
        tail, excess = convolve(
            c, data, term.atoms, upper, lower, total.breaks,
            (rule.nodes, rule.weights), (wide.nodes, wide.weights),
        )  # fmt: skip
        with np.errstate(divide="ignore"):
            return np.log(np.maximum(tail, 1e-300)), np.log(np.maximum(excess, 1e-300))

    limit = _LOG_FINAL if last else _LOG_INNER
    inner = breaks[(breaks > 0) & (breaks < top)]
    edges = [0.0, *inner, top]
    stretches: list[Stretch] = []
    for low, high in zip(edges[:-1], edges[1:], strict=True):
        end = min(high, top - 1e-13 * top)
        cut = _where_tail_ends(function, low, end, limit)
        stretches.append(Stretch(low, cut, function))
        if cut < end:
            return build_table(stretches, resolution=_STEP)
    return build_table(stretches, top, resolution=_STEP)


def _where_tail_ends(function: object, low: float, high: float, limit: float) -> float:
    """The c in (low, high) with log P[S > c] = limit, or high."""
    assert callable(function)
    if function(np.array([high]))[0][0] > limit:
        return high
    for _ in range(40):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if function(np.array([middle]))[0][0] > limit else (low, middle)
    return high


def _arrays(table: ExcessTable | None) -> tuple[Array, Array, Array, bool]:
    if table is None:
        return np.zeros(1), np.zeros((0, ORDER)), np.zeros((0, ORDER)), True
    return table.edges, table.log_tail, table.log_excess, math.isfinite(table.top)


def _term_cells(measure: TermMeasure) -> _TermCells:
    columns: list[tuple[NDArray[Any], ...]] = []
    levels, masses = [np.zeros(0)], [np.zeros(0)]
    breaks = [np.zeros(0)]
    for sign in (1, -1):
        cells = monotone_cells(measure.panels, sign)
        chosen = cells.panel >= 0
        low, high = (cells.low, cells.high) if sign > 0 else (-cells.high, -cells.low)
        columns.append(
            (
                cells.panel[chosen],
                cells.start[chosen],
                cells.stop[chosen],
                low[chosen],
                high[chosen],
            )
        )
        levels.append(sign * cells.low[~chosen])
        masses.append(cells.mass[~chosen])
        breaks += [sign * v for v in _critical(cells)]
    rest = 1 - sum(float(m.sum()) for m in masses) - _continuous_mass(measure)
    if rest > 1e-12:
        # stretches on which phi is constant
        levels.append(np.zeros(1))
        masses.append(np.array([rest]))
        breaks.append(np.zeros(1))
    joined = tuple(np.concatenate(column) for column in zip(*columns, strict=True))
    everything = np.concatenate(breaks)
    everything[np.abs(everything) < _SAME * np.abs(everything).max()] = 0.0
    return _TermCells(
        joined,
        (np.concatenate(levels), np.concatenate(masses)),
        _distinct(everything, float(np.abs(everything).max())),
    )


def _continuous_mass(measure: TermMeasure) -> float:
    flat = np.ptp(measure.value, axis=1) == 0
    return float(measure.weight[~flat].sum())


def _critical(cells: Cells) -> list[Array]:
    """Values at which the law of Y changes its form, and its outermost values."""
    ends = [cells.low[cells.critical_low], cells.high[cells.critical_high]]
    if len(cells.high):
        ends.append(np.array([cells.high.max()]))
    return ends


def _distinct(values: Array, size: float) -> Array:
    ordered = np.unique(values)
    kept = ordered[np.append(True, np.diff(ordered) > _SAME * size)]
    if len(kept) > _MAX_BREAKS:
        raise PrecisionError(
            f"the law of gamma is not smooth at {len(kept)} values (at most {_MAX_BREAKS} can be "
            "tabulated); the terms are too few for a transform and too many for a convolution"
        )
    return kept
