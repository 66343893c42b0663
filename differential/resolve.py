"""A function of one variable on Legendre panels, for repeated evaluation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from numerics.errors import PrecisionError
from numerics.jit import kernel
from numerics.legendre import ORDER, legendre_rule
from numerics.panel_kernels import series

__all__ = ["Resolved", "resolve"]

Array = NDArray[np.float64]

#: Last coefficients and misses at the ends, relative; the functions carry 1e-14 themselves.
_RESOLUTION = 1e-13
#: After these halvings what is left is rounding or an unknown kink, and goes into the budget.
_PATIENCE = 20
_ROUGH = 1e-9
_CHECKS = np.array([-1.0, -0.9965, 0.9965, 1.0])


@dataclass(frozen=True)
class Resolved:
    """Panels and Legendre coefficients; `roughness` is the largest relative miss left."""

    edges: Array
    coefficients: Array
    roughness: float

    def __call__(self, points: Array) -> Array:
        """Values at points between the first and the last edge."""
        index = np.searchsorted(self.edges, points) - 1
        index = np.minimum(np.maximum(index, 0), len(self.coefficients) - 1)
        width = self.edges[index + 1] - self.edges[index]
        local = 2 * (points - self.edges[index]) / width - 1
        return np.asarray(_evaluate(self.coefficients, index, local))


def resolve(function: Callable[[Array], Array], edges: Array) -> Resolved:
    """Halve panels between the given edges until the function is a polynomial on each.

    Raises
    ------
    PrecisionError
        It does not become one.

    Examples
    --------
    >>> root = resolve(np.sqrt, np.array([0.01, 1.0]))
    >>> bool(abs(root(np.array([0.5]))[0] - 0.5**0.5) < 1e-13)
    True
    """
    rule = legendre_rule()
    ends = np.unique(edges)
    left, right = ends[:-1], ends[1:]
    wide = right - left > 1e-14 * right
    left, right = left[wide], right[wide]
    vander = np.polynomial.legendre.legvander(_CHECKS, ORDER - 1).T
    kept: list[tuple[Array, Array, Array]] = []
    roughness = 0.0
    for level in range(_PATIENCE + 1):
        local = np.concatenate([rule.nodes, _CHECKS])
        points = left[:, None] + (right - left)[:, None] * (0.5 + 0.5 * local)
        points = np.clip(points, left[:, None], right[:, None])
        sampled = function(points.ravel()).reshape(points.shape)
        values, checks = sampled[:, :ORDER], sampled[:, ORDER:]
        rows = values @ rule.to_coefficients.T
        missed = np.abs(rows @ vander - checks).max(axis=1) / 10
        size = np.maximum(np.abs(values).max(axis=1), np.finfo(np.float64).tiny)
        error = np.maximum(np.abs(rows[:, -2:]).max(axis=1), missed) / size
        fine = error <= (_RESOLUTION if level < _PATIENCE else _ROUGH)
        roughness = max(roughness, float(error[fine].max(initial=0.0)) * 10)
        kept.append((left[fine], right[fine], rows[fine]))
        if fine.all():
            break
        left, right = left[~fine], right[~fine]
        middle = left + (right - left) / 2
        left, right = np.concatenate([left, middle]), np.concatenate([middle, right])
    else:
        raise PrecisionError("a top mean of gamma could not be resolved on panels")
    starts, stops, rows = (np.concatenate(c) for c in zip(*kept, strict=True))
    order = np.argsort(starts)
    return Resolved(np.append(starts[order], stops[order][-1]), rows[order], roughness)


@kernel
def _evaluate(coefficients, index, local):
    """Legendre series number index[i] at local[i]."""
    out = np.empty(index.shape[0])
    for i in range(index.shape[0]):
        out[i] = series(coefficients[index[i]], local[i])
    return out
