"""Gauss-Legendre nodes and Legendre coefficient transforms on [-1, 1]."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.polynomial import legendre
from numpy.typing import NDArray

__all__ = ["ORDER", "LegendreRule", "legendre_rule"]

#: Nodes per panel. A function with a pole one panel width away loses a factor 5.8 per degree
#: (Bernstein ellipse of a dyadic panel), so 20 nodes resolve it to 5.8**-20 = 5e-16.
ORDER = 20


@dataclass(frozen=True)
class LegendreRule:
    """Nodes and weights on [-1, 1] and the matrix from node values to Legendre coefficients."""

    nodes: NDArray[np.float64]
    weights: NDArray[np.float64]
    to_coefficients: NDArray[np.float64]
    derivative: NDArray[np.float64]


@cache
def legendre_rule(order: int = ORDER) -> LegendreRule:
    """The rule with `order` nodes.

    Examples
    --------
    >>> rule = legendre_rule(4)
    >>> bool(abs(rule.weights.sum() - 2) < 1e-15)
    True
    """
    nodes, weights = legendre.leggauss(order)
    vandermonde = legendre.legvander(nodes, order - 1)
    degrees = np.arange(order)
    to_coefficients = ((2 * degrees + 1) / 2)[:, None] * vandermonde.T * weights
    derivative = np.zeros((order, order))
    for k in range(order):
        unit = np.zeros(order)
        unit[k] = 1.0
        slope = legendre.legder(unit)
        derivative[: len(slope), k] = slope
    return LegendreRule(nodes, weights, to_coefficients, derivative)
