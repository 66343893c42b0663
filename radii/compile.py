"""Build the lookup table of a radius from an evaluator with relative accuracy.

Each bin is interpolated at Chebyshev nodes and checked between them; a bin that misses the
target is split, and what remains of the error is written into the piece, which shifts it down.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Protocol

import numpy as np
from numpy.polynomial import chebyshev
from numpy.typing import ArrayLike, NDArray

from radii.lookup import BITS, DEGREE, LookupArrays

__all__ = ["CompiledRadius", "Evaluator", "compile_radius"]

Array = NDArray[np.float64]

#: Interpolation error aimed at, relative: ten times the rounding of the evaluator, so that bins
#: are not split in vain; the error budget of the laws is 2e-13.
_TARGET = 2e-14
#: After the first splits only real kinks, not noise, are worth splitting further.
_COARSE_TARGET = 1e-12
_EARLY_SPLITS = 3
_MAX_SPLITS = 12
#: Rounding of Horner's rule, of the product with the margin and with the scale, generously.
_ROUNDING = 16 * np.finfo(np.float64).eps


class Evaluator(Protocol):
    """What a table is built from: R at scale 1 with relative accuracy at both ends."""

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
class _Fit:
    left: Array
    right: Array
    coefficients: Array
    error: Array
    at_left: Array
    at_right: Array


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
    kinks = np.asarray(evaluator.kinks, dtype=np.float64)

    def ratio(z: Array) -> Array:
        return evaluator.at_margin(z) / z

    error = evaluator.relative_error
    tail = _side(evaluator.at_tail, smallest_exponent, kinks[kinks < 0.25], error, falling=True)
    margin = _side(ratio, -54, 0.5 - kinks[kinks >= 0.25], error, falling=False)
    width = max(len(tail[0]), len(margin[0]))
    start = np.zeros((2, width), dtype=np.int64)
    start[0, : len(tail[0])] = tail[0]
    start[1, : len(margin[0])] = margin[0] + len(tail[1])
    first_key = np.array([_key(2.0**smallest_exponent), _key(2.0**-54)], dtype=np.int64)
    arrays = LookupArrays(start, first_key, np.concatenate([tail[1], margin[1]]))
    limit = evaluator.limit * (1 - error - _ROUNDING)
    return CompiledRadius(arrays, 2.0**smallest_exponent, limit)


def _side(function: Callable[[Array], Array], exponent: int, kinks: Array,
          relative_error: float, falling: bool) -> tuple[NDArray[np.int64], Array]:
    """First piece of every bin, and the rows of the pieces."""
    edges = _bin_edges(exponent)
    inner = kinks[(kinks > edges[0]) & (kinks < edges[-1])]
    fit = _fit_adaptively(function, np.unique(np.concatenate([edges, inner])))
    error = fit.error + relative_error + _ROUNDING
    bins = np.searchsorted(edges, fit.left, side="right") - 1
    # One more bin for the upper end itself, 1/4, which belongs to the last piece.
    start = np.append(np.searchsorted(bins, np.arange(len(edges) - 1)), len(bins) - 1)
    ends = [fit.at_left, fit.at_right]
    if not falling:
        ends = [fit.left * fit.at_left, fit.right * fit.at_right]
    low, high = _monotone_ends(*ends, error, falling)
    right = np.append(fit.right[:-1], np.inf)
    columns = [right, 0.5 * (fit.left + fit.right), 2.0 / (fit.right - fit.left), low, high, error]
    lowered = fit.coefficients * (1.0 - error)[:, None]
    return start.astype(np.int64), np.column_stack([*columns, lowered])


def _bin_edges(exponent: int) -> Array:
    """Bin boundaries from 2**exponent to 1/4."""
    octaves = 2.0 ** np.arange(exponent, -2)
    fractions = 1 + np.arange(2**BITS) / 2**BITS
    return np.append((octaves[:, None] * fractions).ravel(), 0.25)


def _key(z: float) -> int:
    return int(np.array([z]).view(np.int64)[0] >> (52 - BITS))


@cache
def _nodes() -> tuple[Array, Array, Array, Array]:
    """Chebyshev nodes, the map from values to monomials, check points and their powers."""
    nodes = np.cos((2 * np.arange(DEGREE + 1) + 1) * np.pi / (2 * DEGREE + 2))
    to_chebyshev = chebyshev.chebvander(nodes, DEGREE).T * (2 / (DEGREE + 1))
    to_chebyshev[0] /= 2
    to_monomial = np.zeros((DEGREE + 1, DEGREE + 1))
    for k in range(DEGREE + 1):
        unit = np.zeros(k + 1)
        unit[k] = 1.0
        series = chebyshev.cheb2poly(unit)
        to_monomial[: len(series), k] = series
    # Between the nodes, where the interpolation error peaks, and at the two ends.
    checks = np.concatenate([[-1.0], np.cos(np.arange(1, DEGREE + 1) * np.pi / (DEGREE + 1)), [1.0]])
    return nodes, to_monomial @ to_chebyshev, checks, np.vander(checks, DEGREE + 1, increasing=True)


def _fit_adaptively(function: Callable[[Array], Array], edges: Array) -> _Fit:
    left, right = edges[:-1], edges[1:]
    done: list[_Fit] = []
    for attempt in range(_MAX_SPLITS + 1):
        fit = _fit(function, left, right)
        target = _TARGET if attempt < _EARLY_SPLITS else _COARSE_TARGET
        fine = (fit.error <= target) | (attempt == _MAX_SPLITS) | (right - left < 1e-13 * right)
        done.append(_select(fit, fine))
        if fine.all():
            break
        left, right = left[~fine], right[~fine]
        middle = 0.5 * (left + right)
        left, right = np.concatenate([left, middle]), np.concatenate([middle, right])
    joined = [np.concatenate([getattr(f, name) for f in done]) for name in _Fit.__annotations__]
    order = np.argsort(joined[0])
    return _Fit(*(column[order] for column in joined))


def _select(fit: _Fit, chosen: NDArray[np.bool_]) -> _Fit:
    return _Fit(*(getattr(fit, name)[chosen] for name in _Fit.__annotations__))


def _fit(function: Callable[[Array], Array], left: Array, right: Array) -> _Fit:
    nodes, to_monomial, checks, powers = _nodes()
    middle, half = 0.5 * (left + right), 0.5 * (right - left)
    points = np.concatenate([nodes, checks])
    z = middle[:, None] + half[:, None] * points
    z = np.minimum(np.maximum(z, left[:, None]), right[:, None])
    values = function(z.ravel()).reshape(z.shape)
    at_nodes, at_checks = values[:, : len(nodes)], values[:, len(nodes):]
    coefficients = at_nodes @ to_monomial.T
    # The check points have been rounded to float64, so the polynomial is read where they fell.
    local = (z[:, len(nodes):] - middle[:, None]) / half[:, None]
    fitted = np.zeros_like(local)
    for k in range(DEGREE, -1, -1):
        fitted = fitted * local + coefficients[:, k : k + 1]
    # Twice the largest deviation seen: the check points include the peaks of the error.
    error = 2 * np.max(np.abs(fitted - at_checks) / at_checks, axis=1)
    return _Fit(left, right, coefficients, error, at_checks[:, 0], at_checks[:, -1])


def _monotone_ends(
    at_left: Array, at_right: Array, error: Array, falling: bool
) -> tuple[Array, Array]:
    """Lower bounds of R at the ends of every piece, shared by neighbours and monotone."""
    values = np.append(at_left, at_right[-1])
    worst = np.maximum(np.append(error, 0.0), np.append(0.0, error))
    bounds = values * (1 - worst)
    if falling:
        bounds = np.maximum.accumulate(bounds[::-1])[::-1]
        return bounds[1:], bounds[:-1]
    bounds = np.maximum.accumulate(bounds)
    return bounds[:-1], bounds[1:]
