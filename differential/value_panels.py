"""|g'(r)| over the law of the radius, on panels, and the jumps of the radial density."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np
import sympy
from numpy.polynomial import legendre
from numpy.typing import NDArray

from differential.cells import sign_changes
from differential.parts import PanelPart
from differential.product_laws import density_jumps
from numerics.errors import AssumptionError
from numerics.legendre import legendre_rule
from numerics.panels import PanelDensity, build_panels, legendre_series
from smoothing.one_dim import half_branches, radius_branches
from smoothing.structure import RADIUS, PolytopeRadial, Radial

__all__ = ["drift_part", "radial_jumps", "radius_panels"]

Array = NDArray[np.float64]


@lru_cache(maxsize=64)
def radius_panels(radial: Radial | PolytopeRadial) -> PanelDensity:
    """Panels of the law of r carrying g'(r).

    Raises
    ------
    AssumptionError
        E|g'(r)| is infinite, so that Phi is infinite; the level-set route may still apply.
    """
    log_jacobian = (radial.dim - 1) * sympy.log(RADIUS)
    halves = half_branches(radius_branches(radial), RADIUS, log_jacobian, value=True)
    try:
        return build_panels(halves)
    except AssumptionError as error:
        raise AssumptionError(
            f"E|g'(r)| is infinite for g = {radial.profile} in d = {radial.dim} ({error}), so "
            "Phi is infinite and the differential method gives R = 0; use the level-set route"
        ) from error


def radial_jumps(radial: Radial | PolytopeRadial) -> float:
    """Sum of |jumps| of the density of r, ends of the support included.

    A truncation at radius b contributes f_r(b) E A_u^+ to theta_u: the far half of the boundary
    is a downward jump along u, the near half an upward one, of the same total.
    """
    branches = tuple(
        replace(b, expr=b.expr - (radial.dim - 1) * sympy.log(RADIUS))
        for b in radius_branches(radial)
    )
    log_normaliser = radius_panels(radial).log_normaliser
    down, up = density_jumps(branches, log_normaliser, RADIUS)
    return down + up


def drift_part(radial: Radial | PolytopeRadial) -> PanelPart | None:
    """Law of |g'(r)|, None when g' = 0; A_u is symmetric, so only the absolute value matters."""
    part = PanelPart(_absolute_value(radius_panels(radial)))
    return part if part.mass > 0 else None


def _absolute_value(panels: PanelDensity) -> PanelDensity:
    """The same density carrying |h|; panels on which h changes sign are cut at its zeros."""
    rows = [piece for i in range(len(panels.left)) for piece in _signed_pieces(panels, i)]
    left, right, density, value, moment, origin = (np.array(c) for c in zip(*rows, strict=True))
    gap_index = np.flatnonzero(np.diff(origin, prepend=-1, append=len(panels.left)) != 0)
    gap_mass, gap_moment = np.zeros(len(rows) + 1), np.zeros(len(rows) + 1)
    gap_mass[gap_index] = panels.gap_mass
    gap_moment[gap_index] = np.abs(panels.gap_moment)
    anchor = panels.anchor[origin]
    edges = np.append(anchor + left, anchor[-1] + right[-1])
    return PanelDensity(
        anchor,
        left,
        right,
        density,
        value,
        moment,
        gap_mass,
        gap_moment,
        panels.log_normaliser,
        edges,
    )


def _signed_pieces(
    panels: PanelDensity, i: int
) -> list[tuple[float, float, Array, Array, Array, int]]:
    cuts = [-1.0, *sign_changes(panels.value[i]), 1.0]
    rule = legendre_rule()
    width = panels.right[i] - panels.left[i]
    pieces = []
    for start, stop in zip(cuts[:-1], cuts[1:], strict=True):
        local = start + (stop - start) * (0.5 + 0.5 * rule.nodes)
        share = (stop - start) / 2
        h = np.abs(legendre.legval(local, panels.value[i]))
        f = legendre.legval(local, panels.density[i]) * share
        series = (legendre_series(v) for v in (f, h, f * h))
        left = panels.left[i] if start == -1.0 else panels.left[i] + width * (1 + start) / 2
        right = panels.right[i] if stop == 1.0 else panels.left[i] + width * (1 + stop) / 2
        pieces.append((left, right, *series, i))
    return pieces
