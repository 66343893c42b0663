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


class Cells(NamedTuple):
    """Arrays a kernel reads: g(left + half (1 + z)) = sum_k coefficients[k] z^k, |z| <= 1.

    Cells are sorted and each is monotone; `first`, `last` and `sign` describe the monotone runs.
    `start` and `end` are the values of g at the ends of each cell, `noise` bounds the error of g.
    z = sum_k inverse[k] y^k at the level g = start + (end - start)(1 + y)/2, for cells with
    inverse_terms > 0; the others are left to Newton's method.
    """

    left: FloatArray
    half: FloatArray
    coefficients: FloatArray
    terms: Indices
    noise: FloatArray
    start: FloatArray
    end: FloatArray
    first: Indices
    last: Indices
    sign: FloatArray
    inverse: FloatArray
    inverse_terms: Indices


class Cell(NamedTuple):
    """g on [left, right] as a Legendre series, and the smooth branch it belongs to."""

    left: float
    right: float
    series: FloatArray
    branch: int


def pack(found: list[Cell]) -> Cells:
    found.sort(key=lambda cell: cell.left)
    m = len(found)
    left = np.array([cell.left for cell in found])
    half = np.array([(cell.right - cell.left) / 2 for cell in found])
    branch = np.array([cell.branch for cell in found])
    coefficients = np.zeros((m, ORDER))
    terms = np.empty(m, dtype=np.int64)
    noise = np.empty(m)
    for i, cell in enumerate(found):
        series = cell.series
        variation = np.abs(series[1:]).max()
        kept = 1 + int(np.flatnonzero(np.abs(series) >= _NOISE * variation)[-1])
        powers = legendre.leg2poly(series[:kept])
        coefficients[i, : len(powers)] = powers
        terms[i] = max(2, len(powers))
        dropped = float(np.abs(series[kept:]).sum())
        # Rounding of Horner's rule: a few eps of the largest partial sum.
        noise[i] = dropped + 4.5e-16 * float(np.abs(series[1:]).sum()) + 2.3e-16 * abs(series[0])
    signs = (-1.0) ** np.arange(ORDER)
    start, end = coefficients @ signs, coefficients.sum(axis=1)
    # Two series of one smooth branch disagree at their common end by what they are off.
    same = np.append(branch[1:] == branch[:-1], False)
    gap = np.append(np.abs(start[1:] - end[:-1]), 0.0)
    noise = np.maximum(noise, np.where(same, gap, 0.0))
    joined = same | ((gap <= 4 * noise) & ~_kinked(coefficients, half))
    runs = _runs(end - start, noise, joined)
    inverses = _inverses(coefficients, start, end)
    return Cells(left, half, coefficients, terms, noise, start, end, *runs, *inverses)


def _inverses(
    coefficients: FloatArray, start: FloatArray, end: FloatArray
) -> tuple[FloatArray, Indices]:
    """Polynomials for the inverse of g on each cell, where few terms give full accuracy."""
    degree = _INVERSE_TERMS - 1
    y = np.cos(np.pi * (np.arange(_INVERSE_TERMS) + 0.5) / _INVERSE_TERMS)
    level = start[:, None] + (end - start)[:, None] * (1 + y) / 2
    low, high = -np.ones_like(level), np.ones_like(level)
    z = np.broadcast_to(y, level.shape).copy()
    rising = (end > start)[:, None]
    with np.errstate(all="ignore"):
        for _ in range(40):
            value, slope = np.zeros_like(z), np.zeros_like(z)
            for k in range(coefficients.shape[1] - 1, -1, -1):
                slope = slope * z + value
                value = value * z + coefficients[:, k, None]
            below = (value < level) == rising
            low, high = np.where(below, z, low), np.where(below, high, z)
            moved = z + (level - value) / slope
            fine = (moved >= low) & (moved <= high)
            z = np.where(fine, moved, (low + high) / 2)
        fitted = chebyshev.chebfit(y, z.T, degree).T
    scale = np.abs(fitted).max(axis=1)
    settled = np.abs(fitted[:, -2:]).max(axis=1) <= 4e-16 * scale
    inverse = np.zeros((len(start), _INVERSE_TERMS))
    terms = np.zeros(len(start), dtype=np.int64)
    for i in np.flatnonzero(settled & (start != end)):
        kept = 1 + int(np.flatnonzero(np.abs(fitted[i]) > 1e-16 * scale[i])[-1])
        powers = chebyshev.cheb2poly(fitted[i, :kept])
        inverse[i, : len(powers)] = powers
        terms[i] = len(powers)
    return inverse, terms


def _kinked(coefficients: FloatArray, half: FloatArray) -> NDArray[np.bool_]:
    """Cells at whose right end g' jumps: level sets have kinks there, as at the end of a run."""
    order = np.arange(1, ORDER)
    terms = coefficients[:, 1:] * order
    at_start, at_end = terms @ (-1.0) ** (order - 1) / half, terms.sum(axis=1) / half
    # The derivative of a series keeps about ORDER^2 of its rounding.
    slack = 1e-9 * (np.abs(at_end[:-1]) + np.abs(at_start[1:]))
    return np.append(np.abs(at_start[1:] - at_end[:-1]) > slack, False)


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
