"""Gauss nodes on the panels of the density of ||x||, located in the table of the profile."""

from __future__ import annotations

import numpy as np

from levelset.kernels import Nodes
from levelset.profile import Cells, Profile
from numerics.legendre import legendre_rule
from numerics.rounding import FloatArray
from smoothing.one_dim import radius_density
from smoothing.structure import Radial

__all__ = ["build_nodes"]

#: Nodes per panel for the search, where an error only costs a slightly worse multiplier.
_FEWER = 14


def build_nodes(radial: Radial, profile: Profile, reach: float, level: int) -> Nodes:
    """Nodes of `level`: see `radial_shift.RadialShift.nodes`."""
    panels = radius_density(radial).panels
    cells = profile.cells
    left = panels.anchor + panels.left
    width = panels.right - panels.left
    rule = legendre_rule(_FEWER) if level == 0 else legendre_rule()
    parts = 2 ** max(level - 1, 0)
    unit = ((np.arange(parts)[:, None] + (1 + rule.nodes) / 2) / parts).ravel()
    weights = np.tile(rule.weights / (2 * parts), parts)
    local = 2 * unit - 1
    density = (
        panels.density @ np.polynomial.legendre.legvander(local, panels.density.shape[1] - 1).T
    )
    depth = width[:, None] * unit
    radius = left[:, None] + depth
    cell = np.searchsorted(cells.left, radius, side="right") - 1
    cell = np.clip(cell, 0, len(cells.left) - 1)
    offset = (left[:, None] - cells.left[cell]) + depth
    z = np.clip(offset / cells.half[cell] - 1, -1, 1)
    g = np.zeros_like(z)
    for k in range(cells.coefficients.shape[1] - 1, -1, -1):
        g = g * z + cells.coefficients[cell, k]
    first = np.clip(np.searchsorted(cells.left, left, side="right") - 1, 0, len(cells.left) - 1)
    return Nodes(
        left,
        width,
        np.ascontiguousarray(panels.density),
        panels.panel_mass,
        first,
        cell,
        offset,
        radius,
        # twice: the series is of f times half the width, on an interval of length 2
        2 * density * weights,
        g,
        _margins(cells, reach),
        unit,
        weights,
    )


def _margins(cells: Cells, reach: float) -> FloatArray:
    """Error of g(s) - g(t) for s in a cell and t within `reach`."""
    right = cells.left + 2 * cells.half
    low = np.searchsorted(right, cells.left - reach, side="right")
    high = np.searchsorted(cells.left, right + reach, side="left")
    worst = np.array([cells.noise[a:b].max() for a, b in zip(low, high, strict=True)])
    return np.asarray(cells.noise + worst)
