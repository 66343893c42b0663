"""Polynomial pieces of a lookup table: interpolation at Chebyshev nodes, with checked errors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from functools import cache

import numpy as np
from numpy.polynomial import chebyshev
from numpy.typing import NDArray

from numerics.bit_lookup import DEGREE

__all__ = ["Pieces", "fit_bins"]

Array = NDArray[np.float64]

_EPS = float(np.finfo(np.float64).eps)
#: Rounding of Horner's rule with one rounding a step: degree + 1 steps, half an eps each, on
#: partial sums below the sum of the terms' magnitudes.
_HORNER = (DEGREE + 1) * _EPS / 2
#: Shortest piece with a slope, as a share of half a bin.
_SHORTEST = 2.0**-40


@dataclass(frozen=True)
class Pieces:
    """Two consecutive pieces for every fine bin; the second is empty where there is no split.

    Attributes
    ----------
    left, right : array
        Ends of the piece.
    split : array
        For a first piece where the second begins, else infinity.
    coefficients : array (pieces, DEGREE + 1)
        Monomials in the bin's own variable, which runs over [-1, 1).
    error : array
        Relative error seen at the check points, doubled, and rounding.
    at_left, at_right : array
        Values of the function at the ends.
    """

    left: Array
    right: Array
    split: Array
    coefficients: Array
    error: Array
    at_left: Array
    at_right: Array

    @property
    def ends(self) -> Array:
        """All ends, ascending."""
        return np.append(self.left, self.right[-1])

    def select(self, chosen: NDArray[np.bool_]) -> Pieces:
        return Pieces(*(getattr(self, f.name)[chosen] for f in fields(self)))

    @staticmethod
    def joined(parts: Sequence[Pieces]) -> Pieces:
        """All pieces in the order of their left ends, an empty one after its neighbour."""
        columns = [np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(Pieces)]
        order = np.lexsort([columns[1], columns[0]])
        return Pieces(*(column[order] for column in columns))


def fit_bins(
    function: Callable[[Array], Array], left: Array, width: Array, kinks: Array, target: float
) -> Pieces:
    """Fit every bin, in two pieces where one misses the target and there is a kink inside.

    Parameters
    ----------
    function : callable
        Not negative, smooth between kinks, where it may jump; at a kink it takes the value to
        the right.
    left, width : array
        The bins; the widths are powers of two that divide the left ends.
    kinks : array
        Ascending.
    target : float
        Relative error.
    """
    right = left + width
    # A function may jump where a piece ends; the value there belongs to the next piece.
    one = _fit(function, left, width, left, np.nextafter(right, 0.0))
    first = np.searchsorted(kinks, left, side="right")
    last = np.searchsorted(kinks, right, side="left")
    kinked = np.flatnonzero((one.error > target) & (last > first))
    columns = {f.name: np.repeat(getattr(one, f.name), 2, axis=0) for f in fields(Pieces)}
    # The empty second piece sits at the right end.
    columns["left"][1::2], columns["at_left"][1::2] = one.right, one.at_right
    if len(kinked):
        # Of several kinks the middle one: they may be one kink, computed in several ways.
        split = kinks[(first[kinked] + last[kinked]) // 2]
        last_before = np.nextafter(split, 0.0)
        before = _fit(function, left[kinked], width[kinked], left[kinked], last_before)
        after = _fit(function, left[kinked], width[kinked], split, one.right[kinked])
        for f in fields(Pieces):
            columns[f.name][2 * kinked] = getattr(before, f.name)
            columns[f.name][2 * kinked + 1] = getattr(after, f.name)
        columns["split"][2 * kinked] = split
    return Pieces(**columns)


@cache
def _nodes() -> tuple[Array, Array, Array, tuple[Array, ...]]:
    """Nodes, the map from values to Chebyshev coefficients, check points, series as monomials."""
    nodes: Array = np.cos((2 * np.arange(DEGREE + 1) + 1) * np.pi / (2 * DEGREE + 2))
    to_chebyshev = np.array(chebyshev.chebvander(nodes, DEGREE).T * (2 / (DEGREE + 1)), np.float64)
    to_chebyshev[0] /= 2
    monomials = tuple(chebyshev.cheb2poly(np.eye(k + 1)[k]) for k in range(DEGREE + 1))
    # Between the nodes, where the interpolation error peaks, and at the two ends.
    between = np.cos(np.arange(1, DEGREE + 1) * np.pi / (DEGREE + 1))
    checks: Array = np.concatenate([[-1.0], between, [1.0]])
    return nodes, to_chebyshev, checks, monomials


def _fit(
    function: Callable[[Array], Array], low: Array, width: Array, left: Array, right: Array
) -> Pieces:
    """Fit pieces [left, right] of the bins [low, low + width]."""
    nodes, to_chebyshev, checks, _ = _nodes()
    middle, half = 0.5 * (left + right), 0.5 * (right - left)
    z = middle[:, None] + half[:, None] * np.concatenate([nodes, checks])
    z = np.minimum(np.maximum(z, left[:, None]), right[:, None])
    z[:, len(nodes)], z[:, -1] = left, right
    values = function(z.ravel()).reshape(z.shape)
    series = values[:, : len(nodes)] @ to_chebyshev.T
    at_checks = values[:, len(nodes) :]
    # The check points have been rounded to float64, so the polynomial is read where they fell.
    u = 2.0 * (z[:, len(nodes) :] - low[:, None]) / width[:, None] - 1.0
    centre = 2.0 * (middle - low) / width - 1.0
    best = np.zeros((len(left), DEGREE + 1))
    least = np.full(len(left), np.inf)
    # A short piece of a bin needs few terms, and more would only amplify rounding in u.
    for degree in range(DEGREE, -1, -1) if np.any(half < 0.5 * width) else [DEGREE]:
        coefficients = _in_bin(series[:, : degree + 1], centre, 2.0 * half / width)
        error = _error(coefficients, u, at_checks)
        better = error < least
        best[better], least[better] = coefficients[better], error[better]
    split = np.full(len(left), np.inf)
    return Pieces(left, right, split, best, least, at_checks[:, 0], at_checks[:, -1])


def _in_bin(series: Array, centre: Array, half: Array) -> Array:
    """Monomials in u of Chebyshev series in (u - centre) / half, padded to DEGREE + 1."""
    monomials = _nodes()[3]
    local = np.zeros((len(series), series.shape[1]))
    for k in range(series.shape[1]):
        local[:, : k + 1] += series[:, k : k + 1] * monomials[k]
    result = np.zeros((len(series), DEGREE + 1))
    # A piece of a single float is a constant; its width must not divide.
    half = np.maximum(half, _SHORTEST)
    # Horner's rule on polynomials: multiply by (u - centre) / half and add.
    for k in range(series.shape[1] - 1, -1, -1):
        times_u = np.pad(result[:, :-1], ((0, 0), (1, 0)))
        result = (times_u - centre[:, None] * result) / half[:, None]
        result[:, 0] += local[:, k]
    return result


def _error(coefficients: Array, u: Array, values: Array) -> Array:
    """Twice the largest relative deviation seen, and the rounding of the lookup."""
    fitted, magnitude = np.zeros_like(u), np.zeros_like(u)
    for k in range(DEGREE, -1, -1):
        fitted = fitted * u + coefficients[:, k : k + 1]
        magnitude = magnitude * np.abs(u) + np.abs(coefficients[:, k : k + 1])
    seen = 2 * np.abs(fitted - values) + _HORNER * magnitude
    # Where the function is 0 it is 0 on the whole piece, and so is the interpolant.
    with np.errstate(divide="ignore", invalid="ignore"):
        error = np.max(np.where(seen == 0, 0.0, seen / values), axis=1)
    return np.where(np.isfinite(error), error, np.inf)
