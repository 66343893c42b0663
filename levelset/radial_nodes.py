"""Gauss nodes on the panels of the density of ||x||, located in the table of the profile."""

from __future__ import annotations

import numpy as np
from numpy.polynomial import chebyshev, legendre
from numpy.typing import NDArray

from levelset.kernels import Nodes
from levelset.kinks import PLACES
from levelset.profile import Cells, Profile
from numerics.legendre import legendre_rule
from numerics.rounding import FloatArray
from smoothing.one_dim import radius_density
from smoothing.structure import Radial

__all__ = ["build_nodes"]

#: Nodes per panel, and per piece of a panel with kinks, on the first levels; then pieces and
#: panels are halved.
_REGULAR = (10, 14, 20)
_PIECES = (14, 20, 20)


def build_nodes(radial: Radial, profile: Profile, level: int) -> Nodes:
    """Nodes of `level`: see `radial_shift.RadialShift.nodes`."""
    panels = radius_density(radial).panels
    left = panels.anchor + panels.left
    width = panels.right - panels.left
    unit, weights = _rule(_REGULAR[min(level, 2)], max(level - 2, 0))
    piece, piece_weights = _rule(_PIECES[min(level, 2)], max(level - 1, 0))
    density = panels.density @ legendre.legvander(2 * unit - 1, panels.density.shape[1] - 1).T
    cell, offset, radius, g = _located(profile.cells, left, width[:, None] * unit)
    # The ends of a panel belong to it, not to the next one across a jump.
    inner = _cells_of(profile.cells, left, width)
    places = width[:, None] * PLACES
    test_cell, _, _, test_g = _located(profile.cells, left, places, inner)
    jump = profile.cells.jump.copy()
    jump[-1] = profile.bounded_above
    before = np.append(profile.bounded_below, jump)[inner[0][:, 0]]
    return Nodes(
        left,
        width,
        # the series is of f times half the width
        _chebyshev(panels.density * (2 / width)[:, None]),
        panels.panel_mass,
        inner[0][:, 0].copy(),
        cell,
        offset,
        radius,
        # twice, on an interval of length 2
        2 * density * weights,
        g,
        profile.cells.noise[cell],
        np.sin(np.pi * piece / 2) ** 2,
        np.pi / 2 * np.sin(np.pi * piece) * piece_weights,
        places,
        profile.cells.start[test_cell] + test_g,
        before,
        jump[inner[1][:, 0]],
    )


def _rule(count: int, halvings: int) -> tuple[FloatArray, FloatArray]:
    """Gauss nodes and weights on each of 2^halvings parts of [0, 1]."""
    rule, parts = legendre_rule(count), 2**halvings
    nodes = ((np.arange(parts)[:, None] + (1 + rule.nodes) / 2) / parts).ravel()
    return nodes, np.tile(rule.weights / (2 * parts), parts)


def _chebyshev(density: FloatArray) -> FloatArray:
    """Legendre rows as Chebyshev rows, whose recurrence needs no division."""
    count = density.shape[1]
    points = chebyshev.chebpts1(count)
    values = density @ legendre.legvander(points, count - 1).T
    return np.ascontiguousarray(chebyshev.chebfit(points, values.T, count - 1).T)


def _cells_of(
    cells: Cells, left: FloatArray, width: FloatArray
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """First and last cell of each panel, as columns."""
    top = len(cells.left) - 1
    first = np.searchsorted(cells.left, left, side="right") - 1
    last = np.searchsorted(cells.left, left + width, side="left") - 1
    first, last = (np.clip(ends, 0, top).astype(np.int64)[:, None] for ends in (first, last))
    return first, np.maximum(first, last)


def _located(
    cells: Cells,
    left: FloatArray,
    depth: FloatArray,
    inner: tuple[NDArray[np.int64], NDArray[np.int64]] | None = None,
) -> tuple[NDArray[np.int64], FloatArray, FloatArray, FloatArray]:
    """Cell, offset in it, radius, and g minus its value at the left end of the cell."""
    radius = left[:, None] + depth
    cell = np.searchsorted(cells.left, radius, side="right") - 1
    low, high = (0, len(cells.left) - 1) if inner is None else inner
    cell = np.clip(cell, low, high).astype(np.int64)
    offset = (left[:, None] - cells.left[cell]) + depth
    z = np.clip(offset / cells.half[cell] - 1, -1, 1)
    g = np.zeros_like(z)
    for k in range(cells.coefficients.shape[1] - 1, -1, -1):
        g = g * z + cells.coefficients[cell, k]
    return cell, offset, radius, g
