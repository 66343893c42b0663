"""A part of gamma known by its tail and expected excess, tabulated over thresholds.

Phi(p) = min over c of c p + E(gamma - c)+, so the excess alone decides how accurate Phi is, and
the tail only has to lead near the right c (spec 2, duality). Both are smoother than the density of
gamma, which is never formed: square roots at extrema, logarithms at poles and gaps cost nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from differential.threshold_kernels import look_up, thresholds
from numerics.errors import PrecisionError
from numerics.legendre import ORDER, legendre_rule

__all__ = ["FAINT", "TabulatedPart", "tabulate"]

Array = NDArray[np.float64]
#: P[gamma > c] and E(gamma - c)+ at thresholds c >= 0.
Sums = Callable[[Array], tuple[Array, Array]]

#: Accepted error of the excess relative to Phi; rounding of the sums leaves about 1e-15.
_RESOLUTION = 1e-13
#: The same after many halvings: rounding of the sums, not structure. It goes into the budget.
_ROUGH = 1e-11
_PATIENCE = 12
#: Accepted relative error of the tail, which moves Phi in second order only.
_TAIL_RESOLUTION = 1e-10
#: Largest variation of the tail and of Phi on a panel.
_VARIATION = 50.0
#: Panels narrower than this share of c, or over which Phi varies by less, stay as they are.
_NARROW = 1e-15
#: Tails below this are of no interest: radii end at 2^-100.
FAINT = 2.0**-104
_MAX_PANELS = 6_000
_MAX_LEVELS = 400
#: Failure of E(a) - E(b) = integral of the tail over (a, b), relative to Phi, that is refused.
_MAX_MISMATCH = 1e-9
#: Compared with the series besides its nodes, as the outermost node leaves a kink beyond it unseen.
_CHECKS = np.array([-0.9999, -0.9965, 0.9965, 0.9999])


@dataclass(frozen=True)
class TabulatedPart:
    """Legendre series of tail and excess on panels of thresholds.

    Attributes
    ----------
    edges : array (m + 1,)
        Thresholds, from 0.
    tail_series, excess_series : arrays (m, ORDER)
    tail_left, tail_right : arrays (m,)
        The tail at the ends of each panel; they differ between neighbours at an atom.
    critical : array
        Thresholds at which the law changes its form.
    beyond : float
        The excess at the last edge, 0 where that is the supremum of gamma.
    relative_error : float
        Error of the excess relative to Phi.
    """

    mass: float
    mean: float
    edges: Array = field(repr=False)
    tail_series: Array = field(repr=False)
    excess_series: Array = field(repr=False)
    tail_left: Array = field(repr=False)
    tail_right: Array = field(repr=False)
    critical: Array = field(repr=False)
    beyond: float
    relative_error: float

    @property
    def kinks(self) -> Array:
        index = np.searchsorted(self.edges, self.critical[self.critical < self.edges[-1]])
        both = np.concatenate([self.tail_left[index], self.tail_right[np.maximum(index - 1, 0)]])
        return np.unique(np.append(both[(both > 0) & (both < self.mass)], self.mass))

    def tail_and_excess(self, c: Array) -> tuple[Array, Array]:
        tail, excess = look_up(np.asarray(c, dtype=np.float64), *self.table)
        return tail, excess

    @property
    def table(self) -> tuple[Any, ...]:
        """What the compiled look-ups read."""
        tail_beyond = float(self.tail_right[-1]) if self.beyond else 0.0
        return self.edges, self.tail_series, self.excess_series, tail_beyond, self.beyond

    def quantile(self, p: Array) -> tuple[Array, Array]:
        c, excess = thresholds(
            np.asarray(p, dtype=np.float64),
            self.edges,
            self.tail_left,
            self.tail_right,
            self.tail_series,
            self.excess_series,
            self.beyond,
        )
        return c, excess


@dataclass(frozen=True)
class _Panels:
    left: Array
    right: Array
    tail: Array
    excess: Array
    error: Array
    mismatch: Array

    def __getitem__(self, chosen: NDArray[np.bool_]) -> _Panels:
        return _Panels(*(getattr(self, name)[chosen] for name in self.__dataclass_fields__))


def tabulate(sums: Sums, critical: Array, top: float, faint: float = FAINT) -> TabulatedPart:
    """Tabulate a part from its tail and its expected excess.

    Parameters
    ----------
    sums : callable
        Tail and excess at thresholds, vectorised; the excess with a few eps of Phi.
    critical : array
        Thresholds at which the law changes its form (extrema, limits, atoms).
    top : float
        Supremum of gamma, possibly inf.
    faint : float
        Tails below this share of the mass are left out.

    Raises
    ------
    PrecisionError
        The sums do not converge on panels, or the excess is not the integral of the tail.

    Examples
    --------
    >>> part = tabulate(lambda c: (np.exp(-c), np.exp(-c)), np.array([]), float("inf"))
    >>> c, excess = part.quantile(np.array([1e-9]))
    >>> bool(abs(excess[0] / 1e-9 - 1) < 1e-9), bool(abs(c[0] + np.log(1e-9)) < 1e-9)
    (True, True)
    """
    mass, mean = (float(v[0]) for v in sums(np.zeros(1)))
    inner = np.unique(critical[(critical > 0) & (critical < top)])
    edges = _initial_edges(sums, inner, top, faint * mass)
    panels = _refine(sums, edges, faint * mass)
    order = np.argsort(panels.left)
    left, right = panels.left[order], panels.right[order]
    tail, excess = panels.tail[order], panels.excess[order]
    worst = float(panels.mismatch.max(initial=0.0))
    if not worst <= _MAX_MISMATCH:
        raise PrecisionError(
            f"the expected excess of gamma is not the integral of its tail: relative difference "
            f"{worst:.1e} (allowed {_MAX_MISMATCH:.0e}); psi is too singular for the panels"
        )
    signs = (-1.0) ** np.arange(ORDER)
    ends = np.stack([tail @ signs, tail.sum(axis=1)], axis=1).ravel()
    # Monotone by definition; rounding at the joints must not break the search.
    ends = np.minimum.accumulate(np.clip(ends, 0.0, mass))
    error = float(panels.error.max(initial=0.0)) + _RESOLUTION
    beyond = float(excess[-1].sum()) if np.isinf(top) else 0.0
    return TabulatedPart(
        mass,
        mean,
        np.append(left, right[-1]),
        tail,
        excess,
        ends[::2].copy(),
        ends[1::2].copy(),
        inner,
        max(beyond, 0.0),
        error,
    )


def _initial_edges(sums: Sums, inner: Array, top: float, faint: float) -> Array:
    """Critical thresholds, and powers of two where the tail falls."""
    powers = 2.0 ** np.array([*range(-1000, -64, 8), *range(-64, 65), *range(72, 1020, 8)])
    powers = powers[powers < top]
    tails, _ = sums(powers)
    falling = powers[(tails < 0.9 * tails[0]) & (tails > faint)]
    ends = 2 * powers[tails > faint][-1:] if np.isinf(top) else np.array([top])
    return np.unique(np.concatenate([[0.0], inner[inner < ends[-1]], falling, ends]))


def _refine(sums: Sums, edges: Array, least: float) -> _Panels:
    kept: list[_Panels] = []
    left, right = edges[:-1], edges[1:]
    count = 0
    for level in range(_MAX_LEVELS):
        panels, fine, greatest = _fit(sums, left, right, level)
        faint = greatest <= least
        fine |= faint
        kept.append(panels[fine & ~faint])
        count += int(fine.sum())
        left, right = left[~fine], right[~fine]
        if not len(left):
            break
        middle = np.where(
            (left > 0) & (right > 4 * left), np.sqrt(left) * np.sqrt(right), left / 2 + right / 2
        )
        left, right = np.concatenate([left, middle]), np.concatenate([middle, right])
        if count + len(left) > _MAX_PANELS:
            raise PrecisionError("the tail of gamma has structure finer than the panels resolve")
    else:
        raise PrecisionError("the tail of gamma is too singular for the panels")
    columns = zip(*(vars(p).values() for p in kept), strict=True)
    return _Panels(*(np.concatenate(c) for c in columns))


def _fit(
    sums: Sums, left: Array, right: Array, level: int
) -> tuple[_Panels, NDArray[np.bool_], Array]:
    """Series on each panel, whether they are fine, and the largest tail there."""
    rule = legendre_rule()
    local = np.concatenate([rule.nodes, _CHECKS])
    width = right - left
    points = left[:, None] + width[:, None] * (0.5 + 0.5 * local)
    tail, excess = (v.reshape(points.shape) for v in sums(points.ravel()))
    phi = (excess + points * tail)[:, :ORDER]
    scale = phi.min(axis=1)
    least = tail[:, :ORDER].min(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        steady = (phi.max(axis=1) <= _VARIATION * scale) & (
            tail[:, :ORDER].max(axis=1) <= _VARIATION * least
        )
        tail_series, tail_error = _series(tail)
        excess_series, excess_error = _series(excess)
        error = np.where(scale > 0, excess_error / scale, np.inf)
    limit = _RESOLUTION if level < _PATIENCE else _ROUGH
    # A threshold wrong inside the panel costs at most the error of the tail times the width.
    leads = (tail_error <= _TAIL_RESOLUTION * least) | (tail_error * width <= _RESOLUTION * scale)
    fine = steady & leads & (error <= limit)
    narrow = (width <= _NARROW * right) | (width * tail[:, 0] <= _NARROW * scale)
    # E(left) - E(right) is the integral of the tail: an error estimate that costs nothing.
    drop = -2 * excess_series[:, 1::2].sum(axis=1) - width * tail_series[:, 0]
    with np.errstate(divide="ignore", invalid="ignore"):
        mismatch = np.where(fine & ~narrow, np.abs(drop) / scale, 0.0)
    # On a narrow panel the right end is taken for c, which costs one rounding of Phi.
    error = np.where(narrow, 4 * _NARROW, error)
    return (
        _Panels(left, right, tail_series, excess_series, error, mismatch),
        fine | narrow,
        tail[:, 0],
    )


def _series(sampled: Array) -> tuple[Array, Array]:
    """Legendre series through the nodes, and the largest of last coefficients and missed checks."""
    values, checks = sampled[:, :ORDER], sampled[:, ORDER:]
    # Relative to the middle: the transform is then exact for constants, and rounds less elsewhere.
    shift = values[:, ORDER // 2]
    series = (values - shift[:, None]) @ legendre_rule().to_coefficients.T
    series[:, 0] += shift
    missed = np.abs(series @ np.polynomial.legendre.legvander(_CHECKS, ORDER - 1).T - checks)
    # At the ends the rounding of all coefficients adds up, hence the tenth.
    return series, np.maximum(np.abs(series[:, -2:]).max(axis=1), missed.max(axis=1) / 10)
