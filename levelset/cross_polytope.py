"""Densities of ||x||_1 along an axis: the law of ||x - r e_1||_1 given ||x||_1.

Given ||x||_1 = s, |x_1|/s is Beta(1, d - 1) and its sign is fair. If x_1 <= 0 then t = s + r; else
t = s + r - 2 min(x_1, r), so P[t <= s + delta] = P[x_1 >= (r - delta)/2] =
(1 - (r - delta)/(2s))^(d-1) / 2 for delta in [-r, r): the law of a cube under equal shifts. For
d = 2 the two bodies are each other rotated by 45 degrees; the laws agree in every dimension.
"""

from __future__ import annotations

from levelset.cubical import equal_law
from levelset.laws import Law

__all__ = ["cross_polytope_law"]


def cross_polytope_law(dim: int) -> Law:
    """Law of t given s for a shift along a coordinate axis, dim >= 2."""
    return equal_law(dim)
