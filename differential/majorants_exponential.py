"""Upper bounds of Phi from moments of gamma: variance, and exponential moments of even densities.

Let K(t) >= log E cosh(t gamma_u) for every u of the adversary's ball. The best set A of
probability p <= 1/2 lies in {gamma >= 0} when gamma is symmetric, so -A is disjoint from it; Jensen
on A and on -A, and cosh >= 1 elsewhere, give 2p cosh(t Phi/p) + 1 - 2p <= e^K(t), that is

    Phi(p) <= p inf_t arcosh(1 + (e^K(t) - 1) / (2p)) / t.

t -> 0 leaves Phi <= sqrt(p Var/2), and without symmetry Cauchy-Schwarz leaves
Phi <= sqrt(p(1-p) Var). For sums of independent terms K does not depend on the dimension.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from differential.majorant import Majorant
from numerics.legendre import legendre_rule
from numerics.panels import PanelDensity, build_panels
from smoothing.one_dim import half_branches, marginal_branches
from smoothing.structure import COORDINATE, Marginal

__all__ = [
    "Growth",
    "even_variance_bound",
    "exponential_bounds",
    "marginal_growth",
    "square_growth",
    "standard_slope",
    "variance_bound",
]

Array = NDArray[np.float64]

_GOLDEN = (math.sqrt(5.0) - 1) / 2
_SEARCHES = 80
#: The optimum lies below sqrt(2 log 1/p) < 12 for p >= 2^-100.
_LARGEST = 16.0
_SMALLEST = 1e-6
#: Levels up to which one constant of the exponential moments serves, in units of 1/sqrt(variance).
_LEVELS = np.concatenate([2.0 ** np.arange(-3.0, 4.01, 0.25)])
#: Cells of t on which log E cosh is bounded by its chord.
_CELLS = 1200
_FIRST = 1e-2
#: Gauss's rule on a panel integrates e^x exactly to rounding while x varies by less than this.
_VARIATION = 8.0
#: A constant this much above half the variance is no use.
_WASTE = 8.0
#: Error of moments on panels, as for the information.
_ERROR = 2e-13


@dataclass(frozen=True)
class Growth:
    """K(t) <= constants[j] t^2 for 0 <= t <= ends[j], for a unit vector u.

    The first constant for all t when the only end is infinite. `signs` is the common value c of
    |phi'(X_i)| where that is a constant, so that gamma is c times a sum of weighted signs.
    """

    ends: tuple[float, ...]
    constants: tuple[float, ...]
    signs: float | None = None


def variance_bound(information: float) -> Majorant:
    """Phi <= sqrt(p(1-p) I): Cov(gamma, 1_A), E gamma = 0 (spec 2.4)."""
    factor = math.sqrt(information) * (1 + _ERROR)
    return Majorant("Fisher information", lambda p: factor * np.sqrt(p * (1 - p)), np.empty(0))


def even_variance_bound(information: float) -> Majorant:
    """Phi <= sqrt(p I / 2) for symmetric gamma: Cauchy-Schwarz on A and -A together."""
    factor = math.sqrt(information / 2) * (1 + _ERROR)
    return Majorant(
        "Fisher information of an even density", lambda p: factor * np.sqrt(p), np.empty(0)
    )


def exponential_bounds(growth: Growth, length: float) -> tuple[Majorant, ...]:
    """Bounds over all u with |u|_2 <= length and |u_i| <= length.

    Examples
    --------
    >>> (bound,) = exponential_bounds(Growth((math.inf,), (0.5,)), 1.0)
    >>> bool(bound(0.01) < 0.01 * math.sqrt(2 * math.log(100)))
    True
    """
    return tuple(
        _exponential_bound(end / length, constant * length**2)
        for end, constant in zip(growth.ends, growth.constants, strict=True)
    )


def _exponential_bound(end: float, constant: float) -> Majorant:
    # t = s / sqrt(2 constant) makes K the standard s^2 / 2.
    unit = math.sqrt(2 * constant) * (1 + _ERROR)
    largest = min(end * unit, _LARGEST)

    def on_half(p: Array) -> Array:
        return np.asarray(unit * p * standard_slope(p, largest))

    # At p = 1/6 the optimal t leaves 0.
    return Majorant("exponential moments", on_half, np.array([1 / 6]))


def standard_slope(p: Array, largest: float = _LARGEST) -> Array:
    """inf over 0 < s <= largest of arcosh(1 + (e^(s^2/2) - 1)/(2p)) / s, by golden section.

    Every s gives an upper bound, so an inexact search is still one.
    """
    low = np.full_like(p, math.log(_SMALLEST))
    high = np.full_like(p, math.log(largest))
    a, b = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
    at_a, at_b = _slope(a, p), _slope(b, p)
    for _ in range(_SEARCHES):
        left = at_a < at_b
        high, low = np.where(left, b, high), np.where(left, low, a)
        a, b = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
        # One new point a step; the other has been seen.
        fresh = _slope(np.where(left, a, b), p)
        at_a, at_b = np.where(left, fresh, at_b), np.where(left, at_a, fresh)
    return np.minimum(np.minimum(at_a, at_b), 1 / np.sqrt(2 * p))


def _slope(log_s: Array, p: Array) -> Array:
    s = np.exp(log_s)
    w = np.expm1(s * s / 2) / (2 * p)
    return np.asarray(np.log1p(w + np.sqrt(w * (2 + w))) / s)


@lru_cache(maxsize=64)
def marginal_growth(marginal: Marginal) -> Growth:
    """K for a sum of independent phi'(X_i) u_i, X_i with this even marginal.

    With k(t) = log E cosh(t phi'(X)): sum_i k(t u_i) <= t^2 max over s <= t of k(s)/s^2, for
    |u|_2 <= 1. k is convex, so that it lies below its chords between the points at which it is
    computed.
    """
    panels = build_panels(half_branches(marginal_branches(marginal), COORDINATE, value=True))
    values, masses = _nodes(panels)
    return _growth(values, masses, _edge_values(panels), squared=False)


def square_growth(panels: PanelDensity) -> Growth:
    """K for h(r) times a Rademacher sum: log E e^(t^2 h^2 / 2), from panels that carry h."""
    values, masses = _nodes(panels)
    return _growth(values, masses, _edge_values(panels), squared=True)


def _nodes(panels: PanelDensity) -> tuple[Array, Array]:
    """Values of |h| and masses at the Gauss nodes of all panels; slivers left out."""
    rule = legendre_rule()
    basis = np.polynomial.legendre.legvander(rule.nodes, panels.value.shape[1] - 1)
    values = np.abs(panels.value @ basis.T)
    masses = (panels.density @ basis.T) * rule.weights
    return values, masses


def _edge_values(panels: PanelDensity) -> Array:
    """(mass, |h|) of the slivers, h doubled because it may still grow there."""
    ends = np.array([1.0, -1.0])
    basis = np.polynomial.legendre.legvander(ends, panels.value.shape[1] - 1)
    at_ends = np.abs(panels.value @ basis.T)
    beside = np.maximum(np.append(0.0, at_ends[:, 0]), np.append(at_ends[:, 1], 0.0))
    # What the panels leave out altogether, beyond e^-100 of the mass, counts as a sliver too.
    mass = np.maximum(panels.gap_mass, 0.0) + 1e-40
    return np.stack([mass, 2 * beside])


def _growth(values: Array, masses: Array, slivers: Array, squared: bool) -> Growth:
    variance = float(np.sum(masses * values**2))
    unit = 1 / math.sqrt(variance)
    if values.max() - values.min() <= 1e-14 * values.max():
        # log cosh t <= t^2 / 2 and e^(t^2 h^2 / 2) with constant h: one constant for all t.
        signs = float(values.max()) * (1 + _ERROR)
        return Growth((math.inf,), (variance / 2 * (1 + _ERROR),), signs)
    grid = unit * np.geomspace(_FIRST, _LARGEST, _CELLS)
    logs = _log_moments(grid, values, masses, slivers, squared)
    usable = np.isfinite(logs)
    count = int(np.argmin(usable)) if not usable.all() else len(grid)
    grid, logs = grid[:count], logs[:count] * (1 + _ERROR)
    if count < 2:
        return Growth((), ())
    ratio = np.append(logs[0] / grid[0] ** 2, _chord_ratios(grid, logs))
    running = np.maximum.accumulate(ratio)
    if count == len(grid) and running[-1] <= variance / 2 * (1 + 2 * _FIRST**2):
        # K(t) <= c t^2 on the grid, and the optimal t lies inside it for every p >= 2^-100.
        return Growth((float(grid[-1]),), (float(running[-1]),))
    chosen = np.unique(np.minimum(np.searchsorted(grid, unit * _LEVELS), count - 1))
    kept = [int(i) for i in chosen if running[i] <= _WASTE * variance]
    return Growth(tuple(float(grid[i]) for i in kept), tuple(float(running[i]) for i in kept))


def _chord_ratios(grid: Array, logs: Array) -> Array:
    """Largest k(t)/t^2 on each cell for k below its chord a + b t, k convex."""
    slope = np.diff(logs) / np.diff(grid)
    intercept = logs[:-1] - slope * grid[:-1]
    at_ends = np.maximum(logs[:-1] / grid[:-1] ** 2, logs[1:] / grid[1:] ** 2)
    # (a + b t)/t^2 has its maximum at t = -2a/b where a < 0.
    with np.errstate(divide="ignore", invalid="ignore"):
        peak = -2 * intercept / slope
        inside = (peak > grid[:-1]) & (peak < grid[1:])
        at_peak = np.where(inside, -(slope**2) / (4 * intercept), 0.0)
    return np.maximum(at_ends, at_peak)


def _log_moments(grid: Array, values: Array, masses: Array, slivers: Array, squared: bool) -> Array:
    """log E cosh(t h), or log E e^(t^2 h^2 / 2); inf where the slivers might matter."""
    logs = np.empty(len(grid))
    for i, t in enumerate(grid):
        with np.errstate(over="ignore"):
            x = (t * values) ** 2 / 2 if squared else t * values
            excess = (
                np.expm1(np.minimum(x, 700.0))
                if squared
                else 2 * np.sinh(np.minimum(x, 700.0) / 2) ** 2
            )
            y = (t * slivers[1]) ** 2 / 2 if squared else t * slivers[1]
            left_out = float(np.sum(slivers[0] * np.exp(np.minimum(y, 700.0))))
            share = np.sum(masses * excess, axis=1)
        total = float(share.sum())
        heavy = share > 1e-14 * total
        spoilt = not math.isfinite(total) or left_out > 1e-14 * total
        spoilt = spoilt or bool(np.ptp(x[heavy], axis=1).max(initial=0.0) > _VARIATION)
        logs[i] = math.inf if spoilt else math.log1p(total + left_out)
    return logs
