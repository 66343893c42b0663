"""Cells of the profile g as arrays that kernels read, with the inverse of g on each."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.polynomial import chebyshev, legendre
from numpy.typing import NDArray

from numerics.legendre import ORDER
from numerics.rounding import FloatArray

__all__ = ["Cell", "Cells", "pack"]

Indices = NDArray[np.int64]

#: Coefficients below this part of the variation are noise of the transform and dropped.
_NOISE = 1e-17
_INVERSE_TERMS = 14
#: Last coefficients of an inverse, relative: rounding leaves a few eps.
_INVERSE_NOISE = 1e-15


class Cells(NamedTuple):
    """Arrays a kernel reads: g(left + half (1 + z)) = start + low + sum_k coefficients[k] z^k.

    The sum vanishes at z = -1 and is `change` at z = 1; `low` holds the digits of the value at the
    left end that `start` has no room for, so that differences of g keep theirs.

    Cells are sorted and each is monotone; `first`, `last` and `sign` describe the monotone runs.
    `end` is the value of g at the right end of a cell, `steep` its mean slope;
    `noise` bounds the error of g in a cell and `near_noise` what can move the cut at a level that
    g takes in it.
    `marks` are the values of g at the ends of runs and branches, and `jump` says whether g jumps
    after a cell.
    z = sum_k inverse[k] y^k at the level g = start + (end - start)(1 + y)/2, for cells with
    inverse_terms > 0; the others are left to Newton's method.
    """

    left: FloatArray
    half: FloatArray
    coefficients: FloatArray
    terms: Indices
    noise: FloatArray
    near_noise: FloatArray
    start: FloatArray
    low: FloatArray
    change: FloatArray
    end: FloatArray
    steep: FloatArray
    first: Indices
    last: Indices
    sign: FloatArray
    marks: FloatArray
    jump: NDArray[np.bool_]
    inverse: FloatArray
    inverse_terms: Indices


class Cell(NamedTuple):
    """g on [left, right] as a Legendre series plus high + low, and the smooth branch it is of."""

    left: float
    right: float
    series: FloatArray
    high: float
    low: float
    flat: float
    branch: int


def pack(found: list[Cell]) -> Cells:
    found.sort(key=lambda cell: cell.left)
    m = len(found)
    left = np.array([cell.left for cell in found])
    half = np.array([(cell.right - cell.left) / 2 for cell in found])
    branch = np.array([cell.branch for cell in found])
    coefficients = np.zeros((m, ORDER))
    terms = np.empty(m, dtype=np.int64)
    noise, start, low = np.empty(m), np.empty(m), np.empty(m)
    for i, cell in enumerate(found):
        series = cell.series
        variation = np.abs(series[1:]).max()
        kept = 1 + int(np.flatnonzero(np.abs(series) >= _NOISE * variation)[-1])
        powers = legendre.leg2poly(series[:kept])
        first = float(powers @ (-1.0) ** np.arange(len(powers)))
        powers[0] -= first
        start[i] = cell.high + first
        low[i] = _lost(cell.high, first) + cell.low
        coefficients[i, : len(powers)] = powers
        terms[i] = max(2, len(powers))
        dropped = float(np.abs(series[kept:]).sum())
        # Rounding of Horner's rule and of differences of g: a few eps of the largest partial sum.
        noise[i] = dropped + 9e-16 * float(np.abs(series[1:]).sum()) + 4.5e-16 * abs(series[0])
        noise[i] += cell.flat
    change = coefficients.sum(axis=1)
    end = start + change
    # Two series of one smooth branch disagree at their common end by what they are off.
    same = np.append(branch[1:] == branch[:-1], False)
    step = (start[:-1] - start[1:]) + (low[:-1] - low[1:])
    gap = np.append(np.abs(step + change[:-1]), 0.0)
    noise = np.maximum(noise, np.where(same, gap, 0.0))
    joined = same | (gap <= 4 * noise)
    runs = _runs(change, noise, joined)
    inverse, inverse_terms, missed = _inverses(coefficients, change)
    noise = noise + missed
    near = _near_noise(noise, start, end, runs)
    steep = np.abs(change) / (2 * half)
    corner = np.union1d(np.flatnonzero(~same), runs[1])
    marks = np.unique(np.concatenate([start[:1], end[corner], start[corner[:-1] + 1]]))
    return Cells(
        left, half, coefficients, terms, noise, near, start, low, change, end, steep,
        *runs, marks, ~joined, inverse, inverse_terms,
    )  # fmt: skip


def _near_noise(
    noise: FloatArray, start: FloatArray, end: FloatArray, runs: tuple[Indices, Indices, FloatArray]
) -> FloatArray:
    """Error of g wherever a level in a cell could be taken for another side of the cut.

    That is in the cell and its neighbours, if all cells beyond stay off its values in spite of
    their errors; else anywhere in the run.
    """
    near = noise.copy()
    for first, last, sign in zip(*runs, strict=True):
        part = slice(first, last + 1)
        low, high = np.minimum(start, end)[part], np.maximum(start, end)[part]
        own = noise[part] + 1e-15 * np.abs(start[part])  # ends are rounded here
        # In the order of g
        turn = slice(None, None, -1 if sign < 0 else 1)
        low, high, own = low[turn], high[turn], own[turn]
        padded = np.concatenate([[0.0], noise[part][turn], [0.0]])
        widest = np.maximum(np.maximum(padded[:-2], padded[1:-1]), padded[2:])
        least = np.minimum.accumulate((low - own)[::-1])[::-1]
        most = np.maximum.accumulate(high + own)
        apart = np.ones(len(own), dtype=bool)
        apart[:-2] &= least[2:] >= high[:-2]
        apart[2:] &= most[:-2] <= low[2:]
        near[part] = np.where(apart, widest, noise[part].max())[turn]
    return near


def _inverses(relative: FloatArray, change: FloatArray) -> tuple[FloatArray, Indices, FloatArray]:
    """Polynomials for the inverse of g on each cell, where few terms give full accuracy.

    Also what they miss, in terms of g; 0 for the cells that are left to Newton's method.
    """
    degree = _INVERSE_TERMS - 1
    y = np.cos(np.pi * (np.arange(_INVERSE_TERMS) + 0.5) / _INVERSE_TERMS)
    level = change[:, None] * (1 + y) / 2
    low, high = -np.ones_like(level), np.ones_like(level)
    z = np.broadcast_to(y, level.shape).copy()
    rising = (change > 0)[:, None]
    with np.errstate(all="ignore"):
        for _ in range(40):
            value, slope = _with_slope(relative, z)
            below = (value < level) == rising
            low, high = np.where(below, z, low), np.where(below, high, z)
            moved = z + (level - value) / slope
            fine = (moved >= low) & (moved <= high)
            moved = np.where(fine, moved, (low + high) / 2)
            settled = np.all(moved == z)
            z = moved
            if settled:
                break
        fitted = chebyshev.chebfit(y, z.T, degree).T
    scale = np.abs(fitted).max(axis=1)
    good = np.abs(fitted[:, -2:]).max(axis=1) <= _INVERSE_NOISE * scale
    inverse = np.zeros((len(change), _INVERSE_TERMS))
    terms = np.zeros(len(change), dtype=np.int64)
    for i in np.flatnonzero(good & (change != 0)):
        kept = 1 + int(np.flatnonzero(np.abs(fitted[i]) > 1e-16 * scale[i])[-1])
        powers = chebyshev.cheb2poly(fitted[i, :kept])
        inverse[i, : len(powers)] = powers
        terms[i] = len(powers)
    return inverse, terms, _missed(relative, change, inverse, terms)


def _with_slope(series: FloatArray, z: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Power series by rows, and their derivatives, at the points of each row."""
    value, slope = np.zeros_like(z), np.zeros_like(z)
    for k in range(series.shape[1] - 1, -1, -1):
        slope = slope * z + value
        value = value * z + series[:, k, None]
    return value, slope


def _missed(
    relative: FloatArray, change: FloatArray, inverse: FloatArray, terms: Indices
) -> FloatArray:
    """Twice the largest difference of g at the inverse from the level, at points in between."""
    y = np.broadcast_to(np.linspace(-1, 1, 4 * _INVERSE_TERMS), (len(change), 4 * _INVERSE_TERMS))
    z = np.clip(_with_slope(inverse, y)[0], -1, 1)
    off = np.abs(_with_slope(relative, z)[0] - change[:, None] * (1 + y) / 2)
    return np.where(terms > 0, 2 * off.max(axis=1), 0.0)


def _lost(a: float, b: float) -> float:
    """The rounding error of a + b, exactly (Knuth)."""
    total = a + b
    part = total - a
    return (a - (total - part)) + (b - part)


def _runs(
    change: FloatArray, noise: FloatArray, joined: NDArray[np.bool_]
) -> tuple[Indices, Indices, FloatArray]:
    """Maximal monotone stretches of joined cells; a flat cell goes with either kind."""
    direction = np.where(np.abs(change) <= noise, 0.0, np.sign(change))
    first, last, sign = [0], [], [float(direction[0])]
    for i in range(1, len(change)):
        if joined[i - 1] and (direction[i] == 0 or sign[-1] in (0.0, direction[i])):
            sign[-1] = sign[-1] or float(direction[i])
        else:
            last.append(i - 1)
            first.append(i)
            sign.append(float(direction[i]))
    last.append(len(change) - 1)
    return np.array(first, dtype=np.int64), np.array(last, dtype=np.int64), np.array(sign)
