"""Build the lookup table of a radius from an evaluator with relative accuracy.

Each piece is interpolated at Chebyshev nodes and checked between them; a coarse bin that misses
the target is cut more finely, and what remains of the error is written into the piece, which
shifts it down.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from numerics.bit_lookup import COARSE, COLUMNS, LookupArrays, bin_key
from numerics.bit_pieces import Pieces, fit_bins

__all__ = ["CompiledRadius", "Evaluator", "compile_radius", "rows_outside"]

Array = NDArray[np.float64]

#: Interpolation error aimed at, relative: ten times the rounding of the evaluator, so that bins
#: are not cut in vain; the error budget of the laws is 2e-13.
_TARGET = 2e-14
#: After the first cuts only real kinks, not noise, are worth cutting further.
_COARSE_TARGET = 1e-12
_EARLY_CUTS = 3
#: Margins are multiples of 2^-54.
_MARGIN_EXPONENT = -54
_LEAST_MARGIN = 2.0**_MARGIN_EXPONENT
#: Each coarse bin is cut into 2**3 to 2**13 fine ones.
_FEWEST, _MOST = 3, 13
#: Rounding of Horner's rule, of the product with the margin and with the scale, generously.
_ROUNDING = 16 * np.finfo(np.float64).eps


class Evaluator(Protocol):
    """What a table is built from: R at scale 1 with relative accuracy at both ends.

    R falls as the tail grows, is smooth between `kinks`, and may jump at them: upwards in z (see
    `numerics.bit_lookup`) on the margin side, downwards on the tail side.
    """

    @property
    def kinks(self) -> Array: ...
    @property
    def relative_error(self) -> float: ...
    @property
    def limit(self) -> float: ...
    def at_tail(self, tail: ArrayLike) -> Array: ...
    def at_margin(self, margin: ArrayLike) -> Array: ...


@dataclass(frozen=True)
class CompiledRadius:
    """The table at scale 1, the smallest tail tabulated and the value at tail 0."""

    arrays: LookupArrays
    smallest_tail: float
    limit: float


@dataclass(frozen=True)
class _Side:
    """Codes of the coarse bins, counting rows from 0, and the rows by ascending z."""

    codes: NDArray[np.int64]
    pieces: Pieces


def compile_radius(evaluator: Evaluator, smallest_exponent: int = -100) -> CompiledRadius:
    """Tabulate R over tails from 2**smallest_exponent to 1/2.

    Examples
    --------
    >>> from differential.integrate import integrate_reciprocal
    >>> laplace = integrate_reciprocal(lambda p: p, np.array([]), 0.0)
    >>> compiled = compile_radius(laplace)
    >>> compiled.smallest_tail
    7.888609052210118e-31
    """
    kinks = np.unique(np.asarray(evaluator.kinks, dtype=np.float64))

    def ratio(z: Array) -> Array:
        return evaluator.at_margin(z) / z

    tail = _side(evaluator.at_tail, smallest_exponent, kinks)
    margin = _side(ratio, _MARGIN_EXPONENT, (0.5 - kinks)[::-1])
    inexact = evaluator.relative_error + _ROUNDING
    on_margin = _bounds_at_ends(margin.pieces, inexact, margin.pieces.ends)
    on_margin = np.maximum.accumulate(on_margin)
    on_tail = _bounds_at_ends(tail.pieces, inexact, np.ones(len(tail.pieces.ends)))
    # R falls as the tail grows, so a lower bound further right is one further left too.
    on_tail[-1] = max(on_tail[-1], on_margin[-1])
    on_tail = np.maximum.accumulate(on_tail[::-1])[::-1]
    at_tail = _rows(tail.pieces, inexact, floor=on_tail[1:], falling=True)
    at_margin = _rows(margin.pieces, inexact, floor=on_margin[:-1], falling=False)
    rows, errors = (np.concatenate(both) for both in zip(at_tail, at_margin, strict=True))
    bins = np.concatenate([tail.codes, margin.codes + (len(tail.pieces.left) << 7)])
    offsets = [-bin_key(2.0**smallest_exponent), len(tail.codes) - bin_key(_LEAST_MARGIN)]
    arrays = LookupArrays(bins, np.array(offsets, dtype=np.int64), rows, errors)
    limit = max(evaluator.limit * (1 - inexact), on_tail[0])
    return CompiledRadius(arrays, 2.0**smallest_exponent, limit)


def rows_outside(arrays: LookupArrays, low: float, high: float) -> NDArray[np.bool_]:
    """Say of each row whether its bin serves some tail that is not in (low, high)."""
    on_tails, on_margins = (int(offset) for offset in arrays.offsets)
    seam = on_margins + bin_key(_LEAST_MARGIN)
    starts = np.append(arrays.bins >> 7, len(arrays.rows))
    outside = np.zeros(len(arrays.rows), dtype=np.bool_)
    if low >= 0.25:
        outside[:] = True
        return outside
    outside[: starts[max(bin_key(low) + on_tails, -1) + 1]] = True
    if high <= 0.25:
        outside[starts[min(max(bin_key(high) + on_tails, 0), seam - 1)] :] = True
    else:
        outside[starts[seam] : starts[bin_key(max(0.5 - high, _LEAST_MARGIN)) + on_margins + 1]] = (
            True
        )
    return outside


def _side(function: Callable[[Array], Array], exponent: int, kinks: Array) -> _Side:
    """Cut coarse bins until every piece meets the target, or as finely as is allowed."""
    octaves = 2.0 ** np.arange(exponent, -2)
    low = (octaves[:, None] * (1 + np.arange(2**COARSE) / 2**COARSE)).ravel()
    width = np.repeat(octaves / 2**COARSE, 2**COARSE)
    waiting = np.arange(len(low))
    done: list[Pieces] = []
    cuts, doubled = np.zeros(len(low), dtype=np.int64), np.zeros(len(low), dtype=np.int64)
    for cut in range(_FEWEST, _MOST + 1):
        count = 2**cut
        left = (low[waiting, None] + width[waiting, None] * (np.arange(count) / count)).ravel()
        target = _TARGET if cut < _FEWEST + _EARLY_CUTS else _COARSE_TARGET
        pieces = fit_bins(function, left, np.repeat(width[waiting] / count, count), kinks, target)
        worst = np.max(pieces.error.reshape(-1, 2 * count), axis=1)
        fine = (worst <= target) | (cut == _MOST)
        split = np.asarray(np.isfinite(pieces.split).reshape(-1, 2 * count).any(axis=1))
        done.append(pieces.select(np.repeat(fine, 2 * count) & _in_use(split, count)))
        cuts[waiting[fine]], doubled[waiting[fine]] = cut, split[fine]
        waiting = waiting[~fine]
        if len(waiting) == 0:
            break
    rows = 2 ** (cuts + doubled)
    base = np.cumsum(rows) - rows
    return _Side(base * 128 + doubled * 64 + (52 - COARSE - cuts), Pieces.joined(done))


def _in_use(split: NDArray[np.bool_], count: int) -> NDArray[np.bool_]:
    """Which rows are kept: a coarse bin without a split has no second row for any fine bin."""
    first = np.arange(2 * count) % 2 == 0
    return (first[None, :] | split[:, None]).ravel()


def _bounds_at_ends(pieces: Pieces, inexact: float, factor: Array) -> Array:
    """Lower bounds of R at all ends of pieces, each valid for the pieces on both sides."""
    values = factor * np.append(pieces.at_left, pieces.at_right[-1])
    error = pieces.error + inexact
    worst = np.maximum(np.append(error, 0.0), np.append(0.0, error))
    return np.asarray(values * (1 - worst))


def _rows(pieces: Pieces, inexact: float, floor: Array, falling: bool) -> tuple[Array, Array]:
    """Rows of the table and the error taken off each.

    A piece stays above its floor by a comparison, and below its other end, the floor of its
    neighbour, because so much is taken off: what is missing there, and its own error once more.
    """
    error = pieces.error + inexact
    beside = np.append(0.0, error[:-1]) if falling else np.append(error[1:], 0.0)
    taken = np.maximum(error, beside) + pieces.error + _ROUNDING
    lowered = pieces.coefficients * (1.0 - taken)[:, None]
    rows = np.ascontiguousarray(np.column_stack([pieces.split, floor, lowered]))
    assert rows.shape[1] == COLUMNS
    return rows, taken
