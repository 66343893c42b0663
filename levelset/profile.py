"""The profile g of a radial density as polynomials on short cells, with its inverse.

Everywhere in this engine the radius s is a pair (left end of a cell, offset in it): at
d = 150,528 the radius is near 388 for a Gaussian and the shift near 1, so that subtracting two
radii as plain float64 would lose digits which cells of width 0.1 keep. For the same reason g is
tabulated minus its value at the mode, from ball arithmetic.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import NamedTuple

import flint
import numpy as np
import sympy
from flint import arb
from numpy.polynomial import chebyshev, legendre
from numpy.typing import NDArray

from numerics.ball import BallFunction
from numerics.branches import SmoothBranch
from numerics.errors import PrecisionError
from numerics.legendre import ORDER, legendre_rule
from numerics.panels import PanelDensity
from numerics.rounding import FloatArray
from smoothing.one_dim import radius_branches, radius_density
from smoothing.structure import RADIUS, Radial

__all__ = ["Cells", "Profile", "build_profile"]

Indices = NDArray[np.int64]

#: Size of the last two coefficients of a cell relative to the variation of g on it; the transform
#: alone leaves (2 ORDER - 1)/2 * eps = 4.3e-15.
_RESOLUTION = 1e-14
#: Coefficients below this part of the variation are noise of the transform and dropped.
_NOISE = 1e-17
_MAX_CELLS = 20_000
#: Variation of g on a cell that the mass can see: the noise of a cell is a few eps of it. No more
#: than `_FINE_CELLS` cells are spent on that.
_LARGEST_VARIATION = 16.0
_FINE_CELLS = 1500
#: Panels of less mass than this do not count as seen.
_BULK = 1e-22
_INVERSE_TERMS = 14
#: Octaves below the smallest panel on which g is tabulated. A ball of that radius has mass
#: below 2^-60 d of the next one, in every dimension.
_OCTAVES_BELOW = 64


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


@dataclass(frozen=True)
class Profile:
    """g on [lower, upper] as `Cells`; `bounded_below`, `bounded_above` say whether the support
    of the density ends there, else the density goes on but nothing can be seen of it.
    """

    cells: Cells
    lower: float
    upper: float
    bounded_below: bool
    bounded_above: bool

    @property
    def is_rising(self) -> bool:
        """Whether g does not decrease on the whole table: the density falls along rays."""
        return bool(np.all(self.cells.sign >= 0))


@dataclass(frozen=True)
class _Stretch:
    """A smooth branch of g in ball arithmetic, minus the reference value."""

    value: BallFunction
    slope: BallFunction
    reference: arb


class _Cell(NamedTuple):
    left: float
    right: float
    series: FloatArray
    branch: int


def build_profile(radial: Radial, reach: float) -> Profile:
    """Tabulate g from below the mass of the density to `reach` beyond it.

    Parameters
    ----------
    radial : Radial
    reach : float
        Longest shift at scale 1.

    Raises
    ------
    PrecisionError
        g oscillates or jumps on a scale finer than its breakpoints show.
    """
    panels = radius_density(radial).panels
    edges = panels.edges
    lower, upper = (float(end) for end in radial.support)
    inner = edges[1] * 2.0**-_OCTAVES_BELOW if edges[0] <= 0 else edges[0]
    begin = lower if lower > 0 else inner * 2.0**-_OCTAVES_BELOW
    end = min(upper, edges[-1] + reach)
    mode = float(panels.anchor[_heaviest(panels)] + panels.left[_heaviest(panels)])
    marks = np.unique(np.concatenate([edges[edges > 0], _octaves(begin, end, edges)]))
    found: list[_Cell] = []
    heavy = np.flatnonzero(panels.panel_mass > _BULK)
    seen = (max(edges[heavy[0]] - reach, begin), edges[heavy[-1] + 1] + reach)

    def bulk(a: float, b: float) -> bool:
        return a < seen[1] and b > seen[0]

    with flint.ctx.workprec(128):
        branches = radius_branches(radial)
        reference = _reference(branches, mode)
        largest = max(_LARGEST_VARIATION, _spread(branches, *seen) / _FINE_CELLS)
        for number, branch in enumerate(branches):
            low, high = max(float(branch.lower), begin), min(float(branch.upper), end)
            if not low < high:
                continue
            stretch = _Stretch(
                BallFunction(branch.expr, RADIUS),
                BallFunction(sympy.diff(branch.expr, RADIUS), RADIUS),
                reference,
            )
            points = np.concatenate([[low], marks[(marks > low) & (marks < high)], [high]])
            parts = _resolve(stretch, points, bulk, largest)
            found += [_Cell(a, b, series, number) for a, b, series in parts]
            if len(found) > _MAX_CELLS:
                break
    return Profile(_pack(found), begin, end, lower > 0, upper <= end and np.isfinite(upper))


def _heaviest(panels: PanelDensity) -> int:
    width = panels.right - panels.left
    return int(np.argmax(panels.panel_mass / width))


def _octaves(begin: float, end: float, edges: FloatArray) -> FloatArray:
    """Powers of two from `begin` to the panels and from the panels to `end`."""
    low, high = int(np.floor(np.log2(begin))), int(np.ceil(np.log2(end)))
    powers = 2.0 ** np.arange(low, high + 1)
    first = edges[edges > 0][0]
    outside = (powers < first) | (powers > edges[-1])
    return powers[outside & (powers > begin) & (powers < end)]


def _reference(branches: tuple[SmoothBranch, ...], mode: float) -> arb:
    for branch in branches:
        if float(branch.lower) <= mode <= float(branch.upper):
            value = BallFunction(branch.expr, RADIUS).ball(mode)
            if value.is_finite():
                return value
    return arb(0)


def _spread(branches: tuple[SmoothBranch, ...], low: float, high: float) -> float:
    """How much g varies over the mass, branch by branch."""
    total = 0.0
    for branch in branches:
        a, b = max(float(branch.lower), low), min(float(branch.upper), high)
        if 0 < a < b:
            g = BallFunction(branch.expr, RADIUS)
            change = float(abs(g.ball(b) - g.ball(a)).mid())
            total += change if np.isfinite(change) else 0.0
    return total


def _resolve(
    stretch: _Stretch, points: FloatArray, overlaps: Callable[[float, float], bool], largest: float
) -> list[tuple[float, float, FloatArray]]:
    """Halve cells until a series of degree 19 reproduces g and g is monotone on each."""
    done: list[tuple[float, float, FloatArray]] = []
    pending = list(pairwise(points.tolist()))[::-1]
    rule = legendre_rule()
    while pending:
        a, b = pending.pop()
        start, half = arb(a), (arb(b) - arb(a)) / 2
        nodes = [start + half * (1 + arb(float(z))) for z in rule.nodes]
        middle = a + (b - a) / 2
        balls = stretch.value.balls(nodes)
        base = balls[len(balls) // 2]
        series = _exact_series([v - base for v in balls])
        if not a < middle < b or len(done) + len(pending) > _MAX_CELLS:
            raise PrecisionError(
                "the profile of the density could not be resolved: write jumps with Piecewise and "
                "drop rapidly oscillating terms"
            )
        variation = np.abs(series[1:]).max()
        resolved = np.abs(series[-2:]).max() <= _RESOLUTION * variation
        if not resolved or (variation > largest and overlaps(a, b)):
            pending += [(middle, b), (a, middle)]
            continue
        turn = _turning_point(series, stretch, a, b)
        if turn is not None and a < turn < b:
            pending += [(turn, b), (a, turn)]
            continue
        constant = float((base - stretch.reference).mid())
        done.append((a, b, np.append(series[0] + constant, series[1:])))
    return done


def _exact_series(balls: list[arb]) -> FloatArray:
    """Legendre coefficients of values at the nodes, without the rounding of the transform.

    That rounding is 4e-15 of the variation per coefficient, and log L would keep it.
    """
    high = np.array([float(v.mid()) for v in balls])
    low = np.array([float((v - h).mid()) for v, h in zip(balls, high.tolist(), strict=True)])
    values = high.astype(np.longdouble) + low
    return np.asarray(_transform() @ values, dtype=np.float64)


@cache
def _transform() -> NDArray[np.longdouble]:
    """Inverse of the Legendre matrix at the nodes as they are stored, by Newton's iteration.

    Where long double is double, cells merely keep some rounding, which `noise` contains.
    """
    nodes = legendre_rule().nodes.astype(np.longdouble)
    columns = [np.ones_like(nodes), nodes]
    for k in range(1, ORDER - 1):
        columns.append(((2 * k + 1) * nodes * columns[k] - k * columns[k - 1]) / (k + 1))
    matrix = np.stack(columns, axis=1)
    inverse = legendre_rule().to_coefficients.astype(np.longdouble)
    twice = 2 * np.eye(ORDER, dtype=np.longdouble)
    for _ in range(3):
        inverse = inverse @ (twice - matrix @ inverse)
    return inverse


def _turning_point(series: FloatArray, stretch: _Stretch, a: float, b: float) -> float | None:
    """A zero of g' inside the cell, None where g is monotone as far as float64 sees."""
    slope = legendre.legder(series)
    z = np.linspace(-1, 1, 4 * ORDER)
    values = legendre.legval(z, slope)
    # A slope that stays below the rounding of g does not turn anything.
    values[np.abs(values) < 1e-13 * (np.abs(series).max() + 1e-300)] = 0.0
    signs = np.sign(values)
    seen = signs[signs != 0]
    if len(seen) == 0 or np.all(seen == seen[0]):
        return None
    change = int(np.flatnonzero(np.diff(seen))[0])
    at = np.flatnonzero(signs != 0)
    low, high = ((a + (b - a) * (1 + z[at[change + k]]) / 2) for k in (0, 1))
    left_sign = seen[change]
    for _ in range(200):
        middle = low + (high - low) / 2
        if not low < middle < high:
            break
        if np.sign(float(stretch.slope.ball(middle).mid())) == left_sign:
            low = middle
        else:
            high = middle
    # A zero next to an end of the cell is that end.
    close = 1e-12 * (b - a)
    return None if low - a < close or b - high < close else float(low)


def _pack(found: list[_Cell]) -> Cells:
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
    joined = same | (gap <= 4 * noise)
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
