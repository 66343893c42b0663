"""Phi of densities of ||x||_inf against l_p, 1 < p < inf, by an exchange argument.

gamma_u = g'(r) s u_i with r, the sign s and the coordinate i independent. Let M(y) be the mean of
|g'(r)| over its top y, plus J, what the jumps of the radial density contribute. A set that
takes the share y_i of {i, s = sign u_i} gains sum_i u_i M(y_i) / (2d). By Hoelder, 1/p + 1/q = 1,

    Phi(s) = (1/2d) max { (sum_i M(y_i)^q)^(1/q) : 0 <= y_i <= 1, sum_i y_i = 2ds },

exactly. The maximum of a separable sum of F = M^q is known where F is convex (fill coordinates one
after the other) or concave (all alike); in between it is bounded by a convex majorant and by the
concave envelope of F. For exp(-||x||_inf), M(y) = y and F is convex for every p.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from differential.majorant import Majorant
from differential.parts import EmptyPart, Part
from differential.product_laws import RELATIVE_ERROR
from differential.resolve import Resolved, resolve
from differential.value_panels import drift_part, radial_jumps
from smoothing.structure import Radial

__all__ = ["cubical_bounds"]

Array = NDArray[np.float64]

#: Shares at which the slope of F is inspected, fine at both ends.
_SHARES = np.unique(
    np.concatenate(
        [
            2.0 ** np.arange(-100.0, -4.0, 0.25),
            np.linspace(1 / 16, 15 / 16, 449),
            1 - 2.0 ** np.arange(-40.0, -4.0, 0.25),
        ]
    )
)
#: Quantiles have ten digits, so slopes that fall by less than this are constant; what is seen goes
#: into the error budget.
_FLAT = 1e-8
#: Coordinates filled one by one from either end; those between are bounded by the chord of F, which
#: costs a relative 1/(6 m) at most. Up to twice this dimension nothing is lost.
_FILLED = 4096
#: Kinks of M are repeated in each of the first so many coordinates.
_REPEATED = 16


@dataclass(frozen=True)
class _Gain:
    """F(y) = (M(y) + J)^q with M the top mean of a part."""

    part: Part
    jumps: float
    power: float

    @cached_property
    def _table(self) -> Resolved:
        """M(y)/y on panels: M is read thousands of times, and its quantiles are slow."""
        graded = 2.0 ** np.arange(-100.0, 0.0)
        edges = np.concatenate([graded, 1 - graded[60:-1], [1.0], self.part.kinks])
        return resolve(lambda y: self._exact(y) / y, edges[(edges > 0) & (edges <= 1)])

    def _exact(self, share: Array) -> Array:
        """M(y) by duality, an upper bound whatever the quantile."""
        out = np.full_like(share, self.part.mean)
        inner = share < self.part.mass
        c, excess = self.part.quantile(share[inner])
        out[inner] = c * share[inner] + excess
        return out

    @property
    def error(self) -> float:
        """Relative error of F."""
        return self.power * (RELATIVE_ERROR + self._table.roughness)

    def mean(self, share: Array) -> Array:
        """M(y) + J for y in [0, 1]."""
        inside = np.maximum(share, 2.0**-100)
        # Below the table M is at most its value at the first edge, scaled: only reached at y = 0.
        return np.asarray(share * self._table(inside) + self.jumps)

    def __call__(self, share: Array) -> Array:
        return np.asarray(self.mean(share) ** self.power)

    def slope(self, share: Array) -> Array:
        """F'(y) = q M^(q-1) Q(y)."""
        quantile = np.zeros_like(share)
        inner = share < self.part.mass
        quantile[inner] = self.part.quantile(share[inner])[0]
        return np.asarray(self.power * self.mean(share) ** (self.power - 1) * quantile)


@lru_cache(maxsize=32)
def cubical_bounds(radial: Radial, p: float) -> tuple[Majorant, ...]:
    """Bounds of Phi for a density of ||x||_inf against l_p, 1 < p < inf, d >= 2.

    Raises
    ------
    AssumptionError
        E|g'(r)| is infinite.
    """
    part = drift_part(radial)
    gain = _Gain(EmptyPart() if part is None else part, radial_jumps(radial), p / (p - 1))
    constant = part is None or (
        part.is_discrete and len(part.atoms[0]) == 1 and part.mass > 1 - 1e-13
    )
    if constant:
        # F is a power of a linear function, convex whatever the power.
        return (_filled(gain, radial.dim, 1.0, 0.0, 0.0),)
    return _shaped(gain, radial)


def _shaped(gain: _Gain, radial: Radial) -> tuple[Majorant, ...]:
    slope = gain.slope(_SHARES)
    running = np.maximum.accumulate(slope)
    fall = 1 - slope / np.where(running > 0, running, 1.0)
    falling = np.flatnonzero(fall > _FLAT)
    last = int(falling[0]) if len(falling) else len(_SHARES)
    bounds: list[Majorant] = []
    if last >= 2:
        seen = float(fall[:last].max(initial=0.0))
        turn = 1.0 if last == len(_SHARES) else float(_SHARES[last - 1])
        bounds.append(_filled(gain, radial.dim, turn, _steepest(gain, last - 1), seen))
    spread = _spread(gain, radial.dim, slope)
    return (*bounds, spread) if spread is not None else tuple(bounds)


def _steepest(gain: _Gain, start: int) -> float:
    """Upper bound of F' from a share on: M rises and the quantile falls between neighbours."""
    if start >= len(_SHARES) - 1:
        return 0.0
    shares = np.append(_SHARES[start:], 1.0)
    top = gain.power * gain.mean(shares[1:]) ** (gain.power - 1)
    quantile = gain.slope(shares[:-1]) / (
        gain.power * np.maximum(gain.mean(shares[:-1]), 1e-300) ** (gain.power - 1)
    )
    return float(np.max(top * quantile)) * (1 + _FLAT)


def _filled(gain: _Gain, dim: int, turn: float, steepest: float, seen: float) -> Majorant:
    """Fill one coordinate after the other, F continued beyond `turn` by a steep line."""

    def convex(share: Array) -> Array:
        below = gain(np.minimum(share, turn))
        return np.asarray(below + steepest * np.maximum(share - turn, 0.0))

    empty, full = (float(v) for v in convex(np.array([0.0, 1.0])))
    chord = (_FILLED, dim - _FILLED)

    def on_half(p: Array) -> Array:
        m = 2 * dim * p
        whole = np.minimum(np.floor(m), dim - 1)
        part = convex(m - whole)
        middle = (m > chord[0]) & (m < chord[1])
        part = np.where(middle, empty + (m - whole) * (full - empty), part)
        total = whole * full + part + (dim - 1 - whole) * empty
        return np.asarray(total ** (1 / gain.power) / (2 * dim))

    counts = np.arange(1, dim + 1, dtype=np.float64)
    counts = counts[(counts <= chord[0]) | (counts >= chord[1])]
    inner = np.append(gain.part.kinks, turn)
    inner = inner[(inner > 0) & (inner < 1)]
    repeats = np.arange(min(_REPEATED, dim))[:, None] + inner
    kinks = np.unique(np.concatenate([counts, repeats.ravel()])) / (2 * dim)
    error = gain.error + seen
    return Majorant("exchange over coordinates", on_half, kinks, error)


def _spread(gain: _Gain, dim: int, slope: Array) -> Majorant | None:
    """All coordinates alike: d times the concave envelope of F, where F' rises and then falls."""
    peak = int(np.argmax(slope))
    rise = np.max(1 - slope[: peak + 1] / np.maximum.accumulate(slope[: peak + 1]))
    falling = slope[peak:]
    smallest = np.minimum.accumulate(falling)
    fall = np.max(falling / np.where(smallest > 0, smallest, np.inf)) - 1
    seen = max(float(rise), float(fall))
    if not seen <= _FLAT:
        return None
    empty = float(gain(np.zeros(1))[0])
    touch = _touching_point(gain, empty, peak)
    rate = (float(gain(np.array([touch]))[0]) - empty) / touch

    def on_half(p: Array) -> Array:
        share = 2 * p
        value = np.where(share < touch, empty + rate * share, gain(share))
        return np.asarray((dim * value) ** (1 / gain.power) / (2 * dim))

    inner = np.append(gain.part.kinks, touch) / 2
    return Majorant("all coordinates alike", on_half, inner, gain.error + 4 * seen)


def _touching_point(gain: _Gain, empty: float, peak: int) -> float:
    """Where the line from (0, F(0)) touches F: the largest (F(y) - F(0)) / y."""
    low, high = float(_SHARES[peak]), 1.0
    if peak == 0:
        return low
    for _ in range(60):
        y = np.array([0.5 * (low + high)])
        if float(gain.slope(y)[0]) * y[0] > float(gain(y)[0]) - empty:
            low = float(y[0])
        else:
            high = float(y[0])
    # Past its maximum the quotient is smaller than its supremum, but only to second order.
    return 0.5 * (low + high) if math.isfinite(high) else 1.0
