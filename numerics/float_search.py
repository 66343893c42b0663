"""Read a radius function backwards by bisection over the floats themselves."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = ["largest_tail", "last_true", "smallest_probability"]


def last_true(condition: Callable[[float], bool], low: float, high: float) -> float:
    """Largest float in [low, high) with a condition that holds at `low` and then stops holding.

    Parameters
    ----------
    condition : callable
        True at `low` (not checked), False at `high` (not checked), monotone.
    low, high : float
        0 <= low < high.

    Examples
    --------
    >>> last_true(lambda z: z <= 0.1, 0.0, 1.0)
    0.1
    """
    # Non-negative floats are ordered as their bits are.
    a, b = (int(np.array([z]).view(np.int64)[0]) for z in (low, high))
    while b - a > 1:
        middle = (a + b) // 2
        if condition(float(np.array([middle], dtype=np.int64).view(np.float64)[0])):
            a = middle
        else:
            b = middle
    return float(np.array([a], dtype=np.int64).view(np.float64)[0])


def largest_tail(radius_function: Any, radius: float) -> float:
    """Largest tail with R(tail) >= radius; nan where none has."""
    if radius == 0:
        return 1.0
    if not radius_function(tail=0.0) >= radius:
        return math.nan
    smallest = radius_function.compiled.smallest_tail
    if not radius_function(tail=smallest) >= radius:
        return 0.0
    return last_true(lambda s: bool(radius_function(tail=s) >= radius), smallest, 0.5)


def smallest_probability(radius_function: Any, radius: float) -> float:
    """Smallest rho with R(rho) >= radius; nan where none has."""
    if radius == 0:
        return 0.0
    if not radius_function(1.0) >= radius:
        return math.nan
    failing = last_true(lambda rho: not radius_function(rho) >= radius, 0.5, 1.0)
    return math.nextafter(failing, 2.0)
