"""How far a set of given probability can grow within a radius, from the same integral as R.

dp/dr <= Phi(p) integrates to S(P) = S(p) - r with S(p) the integral of 1/Phi from p to 1/2. Phi
is symmetric about 1/2, because the adversary's ball is symmetric and what a set gains along u its
complement loses; so S(1 - p) = -S(p), and the table of R covers all of (0, 1).
"""

from __future__ import annotations

import math
from collections.abc import Callable

from numerics.float_search import last_true
from radii.compile import Evaluator

__all__ = ["growth_by_integral", "growth_by_overlap"]

_SMALLEST = 2.0**-100


def growth_by_integral(evaluator: Evaluator) -> Callable[[float, float], float]:
    """Bound (p, r) -> probability, at scale 1, from the integral of 1/Phi."""
    error = evaluator.relative_error + 1e-13

    def half(tail: float) -> float:
        """S on (0, 1/2]."""
        if tail < 0.25:
            return float(evaluator.at_tail([max(tail, _SMALLEST)])[0])
        return float(evaluator.at_margin([0.5 - tail])[0])

    def grow(p: float, r: float) -> float:
        if p >= 1.0 or r == 0.0:
            return p
        # A smaller start is replaced by the end of the table, which only grows faster.
        p = max(p, _SMALLEST)
        start = half(p) * (1 - error) if p <= 0.5 else -half(1 - p) * (1 + error)
        level = start - r
        if level > 0:
            return _up(last_true(lambda s: half(s) * (1 + error) > level, _SMALLEST, 0.5))
        # Beyond 1/2: P = 1 - s with S(s) = -level.
        if half(_SMALLEST) * (1 - error) < -level:
            return 1.0
        complement = last_true(lambda s: half(s) * (1 - error) >= -level, _SMALLEST, 0.5)
        return min(1.0, _up(1 - complement))

    return grow


def growth_by_overlap(defect: Callable[[float], float]) -> Callable[[float, float], float]:
    """Bound for uniform bodies: G(p, v) = min(1, p + 1 - O(v))."""

    def grow(p: float, r: float) -> float:
        return p if r == 0.0 else min(1.0, _up(p + defect(r) * (1 + 1e-14)))

    return grow


def _up(value: float) -> float:
    return math.nextafter(value, math.inf)
