"""The profile g of a radial density as polynomials on short cells, with its inverse.

Everywhere in this engine the radius s is a pair (left end of a cell, offset in it): at
d = 150,528 the radius is near 388 for a Gaussian and the shift near 1, so that subtracting two
radii as plain float64 would lose digits which cells of width 0.1 keep. For the same reason g is
tabulated minus its value at the mode, from ball arithmetic.
"""

from __future__ import annotations

from dataclasses import dataclass

import flint
import numpy as np
import sympy
from flint import arb

from levelset.profile_cells import Cell, Cells, pack
from levelset.resolve import MAX_CELLS, Stretch, resolve
from numerics.ball import BallFunction
from numerics.branches import SmoothBranch
from numerics.panels import PanelDensity
from numerics.rounding import FloatArray
from smoothing.one_dim import radius_branches, radius_density
from smoothing.structure import RADIUS, Radial

__all__ = ["Cells", "Profile", "build_profile"]

#: Variation of g on a cell that the mass can see: the noise of a cell is a few eps of it. No more
#: than `_FINE_CELLS` cells are spent on that.
_LARGEST_VARIATION = 16.0
_FINE_CELLS = 600
#: Panels of less mass than this do not count as seen.
_BULK = 1e-22
#: Octaves below the smallest panel on which g is tabulated. A ball of that radius has mass
#: below 2^-60 d of the next one, in every dimension.
_OCTAVES_BELOW = 64


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
    found: list[Cell] = []
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
            stretch = Stretch(
                BallFunction(branch.expr, RADIUS),
                BallFunction(sympy.diff(branch.expr, RADIUS), RADIUS),
                reference,
            )
            points = np.concatenate([[low], marks[(marks > low) & (marks < high)], [high]])
            parts = resolve(stretch, points, bulk, largest)
            found += [Cell(*part, number) for part in parts]
            if len(found) > MAX_CELLS:
                break
    return Profile(pack(found), begin, end, lower > 0, upper <= end and np.isfinite(upper))


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
