"""Tables of a function of a tail probability, exact in both tails and cheap to read.

A quantile function is wanted at 10^8 random probabilities and more, and its relative accuracy must
hold at p = 1e-15 as well as at p = 1/2. A table has two layers:

* *pieces*: dyadic intervals of the tail probability, each with a Legendre series of degree 19,
  halved until the series reproduces the function. They cover everything, and are found by search.
* *bins*: equal divisions of the octaves [2^-(k+1), 2^-k], each with a polynomial of degree 5. The
  bin is read off the exponent and the leading mantissa bits of the probability: no logarithm and
  no search. Rare octaves, and bins next to a kink or a jump, hold NaN: "ask the pieces".

Tables are arrays and nothing else, so another array library can read them too. Probabilities come
as *signed tails*: +p is the upper tail, -p the lower, 0 < p <= 1/2.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from numerics.errors import PrecisionError
from numerics.legendre import ORDER, legendre_rule

__all__ = [
    "BIN_DEGREE",
    "BIN_OCTAVES",
    "MANTISSA_BITS",
    "TailTable",
    "build_tail_table",
    "signed_tails",
]

Array = NDArray[np.float64]

#: Octaves with bins: a draw leaves them with probability 2^-11, once in 2,048.
BIN_OCTAVES = 12
#: Leading mantissa bits that choose the bin: 64 bins per octave. A function p^-1 is then
#: interpolated with an error of 6! / 720 * 2^-5 * 2^-42 = 7e-15 of its size.
MANTISSA_BITS = 6
BIN_DEGREE = 5
#: Octaves of a table read at uniforms with 53 bits, whose smallest tail is 2^-54.
UNIFORM_OCTAVES = 53

#: Accuracy asked of a piece and of a bin, relative to the largest value on it; the bin's is about
#: the piece's series.
PIECE_TOLERANCE = 2e-13
_BIN_TOLERANCE = 5e-13
#: A value also counts as reproduced when moving p by this many roundings explains the difference:
#: the function itself is not known better where it is steep.
_ARGUMENT_ROUNDINGS = 8 * 2.0**-52
#: A function that vanishes at the end of a support is known there to a few roundings of its
#: typical size, that on the octave [1/4, 1/2], and no better.
_VALUE_ROUNDINGS = 8 * 2.0**-52
#: Pieces of this width relative to p are not halved again; they sit at jumps, hold one value of
#: the function, and are met with probability below 2^-36. Much narrower, and roundings of p would
#: explain the jump.
_SMALLEST_WIDTH = 2.0**-36
_MAX_PIECES = 50_000
#: Where a piece is compared with the function, away from the nodes and close to the ends.
_CHECKS = np.array([-0.999, -0.63, 0.04, 0.57, 0.999])

Function = Callable[[Array], Array]


@dataclass(frozen=True, eq=False)
class TailTable:
    """A function of a signed tail probability as arrays.

    Attributes
    ----------
    bins : array (2 * B, BIN_DEGREE + 1)
        Polynomial coefficients, constant first, in a variable that runs over [-1/2, 1/2) in
        the bin; B lower-tail bins in order of p, then B upper-tail ones. The first and the last of
        each are for p outside of the octaves. NaN: use the pieces.
    left, width : arrays (K,)
        Pieces [left, left + width] of p: `lower_count` ascending ones of the lower tail, then the
        upper ones.
    series : array (K, ORDER)
        Legendre coefficients on each piece.
    lower_count : int
    """

    bins: Array
    left: Array
    width: Array
    series: Array
    lower_count: int

    def __call__(self, tails: Array) -> Array:
        """Values at signed tails of any shape."""
        from numerics.tail_kernels import read

        return read(self, tails, uniform=False)

    def at_uniforms(self, uniforms: Array) -> Array:
        """Values at ``signed_tails(uniforms)``, in one pass over memory."""
        from numerics.tail_kernels import read

        return read(self, uniforms, uniform=True)


def signed_tails(uniforms: Array) -> Array:
    """Signed tails of uniform numbers k 2^-53, 0 <= k < 2^53, the grid of NumPy's generators.

    The middle of the grid cell, (k + 1/2) 2^-53, is u; its distance from the nearer end is exact,
    so both tails are equally fine and neither 0 nor 1 occurs.

    Examples
    --------
    >>> signed_tails(np.array([0.0, 0.25, 1 - 2.0**-53])) * 2.0**54
    array([-1.00000000e+00, -4.50359963e+15,  1.00000000e+00])
    """
    centred = uniforms - (0.5 - 2.0**-54)
    return np.copysign(0.5 - np.abs(centred), centred)


def build_tail_table(
    lower: Function,
    upper: Function,
    *,
    octaves: int = UNIFORM_OCTAVES,
    tolerance: float = PIECE_TOLERANCE,
) -> TailTable:
    """Tabulate a function given by its values at lower and at upper tail probabilities.

    Parameters
    ----------
    lower, upper : callable
        Map an array of p in (0, 1/2] to values at -p and +p.
    octaves : int
        The table reaches down to 2^-(octaves + 1); smaller p count as that.
    tolerance : float
        Error of a piece relative to its largest |value|; for functions that are themselves not
        known to a few roundings.

    Returns
    -------
    TailTable
        Accurate to `tolerance` plus 1e-12 of the largest |value| on a piece, up to a few roundings
        of p and of the typical |value|.

    Raises
    ------
    PrecisionError
        The function does not settle on small intervals, or is not finite.

    Examples
    --------
    >>> table = build_tail_table(lambda p: np.log(2 * p), lambda p: -np.log(2 * p))
    >>> table(np.array([-0.25, 1e-9]))
    array([-0.69314718, 20.03011866])
    """
    sides = [_pieces(function, octaves, tolerance) for function in (lower, upper)]
    bins = [_bins(*side) for side in sides]
    left, width, series = (np.concatenate(parts) for parts in zip(*sides, strict=True))
    return TailTable(np.concatenate(bins), left, width, series, len(sides[0][0]))


def _pieces(function: Function, octaves: int, tolerance: float) -> tuple[Array, Array, Array]:
    """Left ends, widths and Legendre series of the pieces of one side, ascending."""
    rule = legendre_rule()
    points = np.append(rule.nodes, _CHECKS)
    left = np.ldexp(1.0, -np.arange(2, octaves + 2))
    width = left.copy()
    done: list[tuple[Array, Array, Array]] = []
    count = 0
    typical = 0.0
    while len(left):
        p = left[:, None] + width[:, None] / 2 * (1 + points)
        values = np.asarray(function(p.ravel()), dtype=np.float64).reshape(p.shape)
        if not np.isfinite(values).all():
            raise PrecisionError("the tabulated function is not finite at some probability")
        series = values[:, :ORDER] @ rule.to_coefficients.T
        typical = typical or float(np.abs(values[0]).max())
        noise = _VALUE_ROUNDINGS * typical
        fits = _misfit(series, values, p) <= tolerance * np.abs(values).max(axis=1) + noise
        final = ~fits & (width <= _SMALLEST_WIDTH * left)
        series[final] = 0.0
        series[final, 0] = values[final, ORDER + 2]
        keep = fits | final
        done.append((left[keep], width[keep], series[keep]))
        count += int(keep.sum())
        half = width[~keep] / 2
        left = np.concatenate([left[~keep], left[~keep] + half])
        width = np.concatenate([half, half])
        if count + len(left) > _MAX_PIECES:
            raise PrecisionError("the tabulated function does not settle on small intervals")
    ends, widths, all_series = (np.concatenate(parts) for parts in zip(*done, strict=True))
    order = np.argsort(ends)
    return ends[order], widths[order], all_series[order]


def _misfit(series: Array, values: Array, p: Array) -> Array:
    """Largest error of each series at the checks, less what roundings of p explain."""
    found = np.polynomial.legendre.legval(_CHECKS, series.T)
    error = np.abs(found - values[:, ORDER:]).max(axis=1)
    # p times the slope, without overflow where values are near the largest float64
    steps = np.diff(p[:, :ORDER]) / p.max(axis=1, keepdims=True)
    change = np.abs(np.diff(values[:, :ORDER]) * (_ARGUMENT_ROUNDINGS / steps)).max(axis=1)
    return np.asarray(error - change)


def _bins(left: Array, width: Array, series: Array) -> Array:
    """Polynomials of the bins of one side, fitted to its pieces."""
    count = BIN_OCTAVES << MANTISSA_BITS
    z = np.cos(np.pi * (np.arange(BIN_DEGREE + 1) + 0.5) / (BIN_DEGREE + 1)) / 2
    checks = np.linspace(-0.5, 0.5, 7)
    octave, place = np.divmod(np.arange(count), 1 << MANTISSA_BITS)
    local = np.append(z, checks) + 0.5
    p = 1 + (place[:, None] + local) * 2.0**-MANTISSA_BITS
    p = np.ldexp(p, (octave - BIN_OCTAVES - 1)[:, None])
    values = _series_values(left, width, series, p.ravel()).reshape(p.shape)
    fit = np.linalg.inv(np.vander(z, increasing=True))
    coefficients = values[:, : BIN_DEGREE + 1] @ fit.T
    found = np.polynomial.polynomial.polyval(checks, coefficients.T)
    error = np.abs(found - values[:, BIN_DEGREE + 1 :]).max(axis=1)
    change = np.ptp(values, axis=1) * (_ARGUMENT_ROUNDINGS * p.max(axis=1) / np.ptp(p, axis=1))
    allowed = _BIN_TOLERANCE * np.abs(values).max(axis=1) + change
    coefficients[error > allowed] = np.nan
    outside = np.full((1, BIN_DEGREE + 1), np.nan)
    return np.concatenate([outside, coefficients, outside])


def _series_values(left: Array, width: Array, series: Array, p: Array) -> Array:
    index = np.maximum(np.searchsorted(left, p, side="right") - 1, 0)
    local = 2 * (p - left[index]) / width[index] - 1
    basis = np.polynomial.legendre.legvander(np.clip(local, -1, 1), ORDER - 1)
    return np.einsum("ij,ij->i", basis, series[index])
