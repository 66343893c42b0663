"""Densities of ||x||_oo: the law of ||x - v||_oo given ||x||_oo along two kinds of shifts.

Given ||x||_oo = s the point is uniform on the surface of a cube (cone measure).

*Along an axis*, v = r e_1. With probability 1/(2d) each, x_1 = s or x_1 = -s; else x_1 is uniform
on [-s, s] and another coordinate has size s. Hence t = s + r; or t = max(|s - r|, m) with m the
largest of d - 1 uniform coordinates; or t = max(s, r - x_1).

*Equal shifts*, v = r (1, ..., 1). By symmetry M = max x_i = s with probability 1/2, and then
m = min x_i is the least of d - 1 uniform coordinates and t = max(s - r, r - m); else m = -s and
t = s + r. So P[t <= s + delta] = ((2s + delta - r)/(2s))^(d-1) / 2 for delta in [-r, r).
"""

from __future__ import annotations

import numpy as np

from levelset.laws import AXIS, EQUAL, Law

__all__ = ["axis_law", "equal_law"]

_NO_TABLE = np.zeros((1, 1))


def axis_law(dim: int) -> Law:
    """Law of t given s for a shift along a coordinate axis, dim >= 2."""
    return Law(AXIS, dim, 1.0, _NO_TABLE)


def equal_law(dim: int) -> Law:
    """Law of t given s for a shift of all coordinates by the same amount, dim >= 2."""
    return Law(EQUAL, dim, 1.0, _NO_TABLE)
