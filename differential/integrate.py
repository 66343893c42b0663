"""R = integral of dp / Phi(p), with relative accuracy from rho = 1/2 to rho = 1 - 2^-100.

The integral runs from 1/2 outwards and every term is positive, so that R keeps its relative
accuracy near rho = 1/2, where it vanishes, as well as near rho = 1. Below 1/4 panels are graded
in the tail 1 - rho, above in rho - 1/2; kinks of Phi are panel boundaries.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from numerics.errors import PrecisionError
from numerics.legendre import ORDER, legendre_rule

__all__ = ["MESH_END", "RadiusIntegral", "integrate_reciprocal"]

Array = NDArray[np.float64]

#: Smallest tail that is resolved, log2.
_MESH_EXPONENT = -100
MESH_END = 2.0**_MESH_EXPONENT
_QUARTER = 0.25
#: Coefficients of 1/Phi on a panel; Phi carries rounding of about 1e-14 itself.
_RESOLUTION = 1e-13
#: Unresolved panels are accepted once they cannot change R by more than this.
_HARMLESS = 1e-15
_MAX_LEVELS = 60
#: Where a panel is compared with the function besides its nodes. The outermost node is 0.9931: a
#: kink beyond it would go unseen, and did (psi = -log(exp(-|t|) + exp(-t^2)), 5e-11 too large).
_CHECKS = np.array([-1.0, -0.9965, 0.9965, 1.0])
#: Halvings after which roughness up to `_ROUGH` is accepted; it goes into the error budget.
_PATIENCE = 12
_ROUGH = 1e-11
_MAX_PANELS = 100_000


@dataclass(frozen=True)
class _Side:
    """Panels in one variable z, increasing; `cumulative[i]` is the integral up to panel i.

    `roughness` is the largest relative coefficient that was left unresolved.
    """

    edges: Array
    series: Array
    cumulative: Array
    roughness: float

    def integral_to(self, z: Array) -> Array:
        """Integral from the first edge to z."""
        i = np.minimum(np.maximum(np.searchsorted(self.edges, z) - 1, 0), len(self.series) - 1)
        return self.cumulative[i] + self._part(i, self.edges[i], z)

    def integral_from(self, z: Array) -> Array:
        """Integral from z to the last edge, without cancellation against the total."""
        i = np.minimum(np.maximum(np.searchsorted(self.edges, z) - 1, 0), len(self.series) - 1)
        beyond = self._beyond[i + 1]
        return beyond + self._part(i, z, self.edges[i + 1])

    @cached_property
    def _beyond(self) -> Array:
        steps = np.diff(self.cumulative)
        return np.append(np.cumsum(steps[::-1])[::-1], 0.0)

    def _part(self, i: NDArray[np.intp], start: Array, stop: Array) -> Array:
        from numerics.panel_kernels import integrals

        width = self.edges[i + 1] - self.edges[i]
        begin = 2 * (start - self.edges[i]) / width - 1
        end = begin + 2 * (stop - start) / width
        return np.asarray(width / 2 * integrals(self.series, i, begin, end))


@dataclass(frozen=True)
class RadiusIntegral:
    """The radius at scale 1 as a function of the tail 1 - rho in (0, 1/2].

    Attributes
    ----------
    kinks : array
        Tails at which R is not smooth.
    relative_error : float
    limit : float
        R as the tail goes to 0, possibly inf.
    """

    near_half: _Side
    near_zero: _Side
    kinks: Array
    relative_error: float
    limit: float

    def at_tail(self, tail: ArrayLike) -> Array:
        """R at tails in [MESH_END, 1/4], shape (n,)."""
        points = np.asarray(tail, dtype=np.float64)
        return float(self.near_half.cumulative[-1]) + self.near_zero.integral_from(points)

    def at_margin(self, margin: ArrayLike) -> Array:
        """R at tails 1/2 - margin with margin in [0, 1/4], shape (n,)."""
        return self.near_half.integral_to(np.asarray(margin, dtype=np.float64))


def integrate_reciprocal(
    phi: Callable[[Array], Array], kinks: Array, relative_error: float
) -> RadiusIntegral:
    """Resolve 1/Phi on (0, 1/2] and integrate it.

    Parameters
    ----------
    phi : callable
        Positive on (0, 1/2], vectorised.
    kinks : array
        Points where phi is not smooth.
    relative_error : float
        Budget of phi, passed on to the result.

    Raises
    ------
    PrecisionError
        1/phi does not converge on panels.

    Examples
    --------
    >>> laplace = integrate_reciprocal(lambda p: p, np.array([]), 0.0)
    >>> float(abs(laplace.at_tail([0.01])[0] / np.log(50.0) - 1)) < 1e-14
    True
    """
    inner = kinks[(kinks > MESH_END) & (kinks < 0.5)]
    margins = 0.5 - inner[inner >= _QUARTER]
    margin_edges = np.concatenate([[0.0], 2.0 ** np.arange(-54, -1), margins])
    tail_edges = np.concatenate([2.0 ** np.arange(_MESH_EXPONENT, -1), inner[inner < _QUARTER]])
    largest = float(np.max(phi(np.array([0.5, 0.4, 0.25, 0.1]))))
    near_half = _resolve(lambda z: 1 / phi(0.5 - z), margin_edges, lambda z: z / largest)
    floor = float(near_half.cumulative[-1])
    near_zero = _resolve(lambda z: 1 / phi(z), tail_edges, lambda z: np.full_like(z, floor))
    limit = _limit(phi, floor + float(near_zero.cumulative[-1]))
    error = relative_error + 4 * max(near_half.roughness, near_zero.roughness)
    return RadiusIntegral(near_half, near_zero, inner, error, limit)


def _resolve(
    function: Callable[[Array], Array], edges: Array, scale: Callable[[Array], Array]
) -> _Side:
    rule = legendre_rule()
    edges = _distinct(edges)
    left, right = edges[:-1], edges[1:]
    kept: list[tuple[Array, Array, Array]] = []
    roughness = 0.0
    for level in range(_MAX_LEVELS):
        local = np.concatenate([rule.nodes, _CHECKS])
        points = left[:, None] + (right - left)[:, None] * (0.5 + 0.5 * local)
        sampled = function(points.ravel()).reshape(points.shape)
        values, checks = sampled[:, : len(rule.nodes)], sampled[:, len(rule.nodes) :]
        series = values @ rule.to_coefficients.T
        missed = np.abs(series @ np.polynomial.legendre.legvander(_CHECKS, ORDER - 1).T - checks)
        # At the ends the rounding of all coefficients adds up, hence the tenth.
        error = np.maximum(np.abs(series[:, -2:]).max(axis=1), missed.max(axis=1) / 10)
        # A panel that stays rough after many halvings shows rounding of Phi, not structure.
        patience = _RESOLUTION if level < _PATIENCE else _ROUGH
        size = np.abs(values).max(axis=1)
        fine = error <= patience * size
        fine |= error * (right - left) <= _HARMLESS * scale(right)
        kept.append((left[fine], right[fine], series[fine]))
        steady = error <= _ROUGH * size
        roughness = max(roughness, float((error / size)[fine & steady].max(initial=0.0)))
        if fine.all():
            break
        left, right = left[~fine], right[~fine]
        middle = left + (right - left) / 2
        left, right = np.concatenate([left, middle]), np.concatenate([middle, right])
        if len(left) > _MAX_PANELS:
            raise PrecisionError("1/Phi could not be resolved: Phi has too many kinks")
    else:
        raise PrecisionError("1/Phi could not be resolved: Phi is too singular between its kinks")
    starts, stops, rows = (np.concatenate(c) for c in zip(*kept, strict=True))
    order = np.argsort(starts)
    starts, stops, rows = starts[order], stops[order], rows[order]
    steps = (stops - starts) * rows[:, 0]
    cumulative = np.append(0.0, np.cumsum(steps.astype(np.longdouble)).astype(np.float64))
    return _Side(np.append(starts, stops[-1]), rows, cumulative, roughness)


def _distinct(edges: Array) -> Array:
    """Sorted edges without panels thinner than rounding."""
    ordered = np.unique(edges)
    keep = np.ones(len(ordered), dtype=bool)
    keep[1:] = np.diff(ordered) > 1e-14 * ordered[1:]
    keep[-1] = True
    return ordered[keep]


def _limit(phi: Callable[[Array], Array], at_end: float) -> float:
    """R at tail 0: finite when Phi(p) falls slower than p^a with a < 1, as 1/p^a is integrable."""
    points = np.array([2.0**-50, 2.0**-49, MESH_END, 2 * MESH_END])
    logs = np.log2(phi(points))
    early, late = 1 - (logs[1] - logs[0]), 1 - (logs[3] - logs[2])
    # For Phi ~ p log(1/p)^b the exponent 1 - a itself tends to 0; for a power it is constant.
    if late < 1e-3 or late < 0.8 * early:
        return float("inf")
    return float(at_end + MESH_END / phi(points[2:3])[0] / late)
