"""Best multipliers for geometries that offer D(kappa) one shift at a time.

G(p) = min over kappa of kappa p + D(kappa) is the minimum of a convex function, and so is
-p(r) = min over mu = 1/kappa of mu (D(1/mu) - 1/2). The search needs no derivative: it evaluates a
grid of log kappa, keeps the neighbours of the best point and refines. Whatever it finds is sound,
and three values of a convex function bound what it cannot have gone below.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from levelset.ray import RayTails
from numerics.bounds import Bounds
from numerics.rounding import FloatArray

__all__ = ["growth_from_divergence", "tails_from_divergence"]

Divergence = Callable[[FloatArray], Bounds]

_POINTS = 17
_ROUNDS = 8
#: Half width of the last bracket in log kappa: the value there is off by its square.
_CLOSE = 2e-6
_LOG_END = 600.0


def growth_from_divergence(divergence: Divergence, p: FloatArray) -> Bounds:
    """G(p) for each p in [0, 1]."""
    low, high = np.empty(len(p)), np.empty(len(p))
    for i, start in enumerate(p):

        def value(kappa: FloatArray, start: float = float(start)) -> Bounds:
            return divergence(kappa) + Bounds.exact(kappa) * start

        _, least = _minimise(value, convex_in_inverse=False)
        low[i], high[i] = max(least.lower, start), min(max(least.upper, start), 1.0)
    return Bounds(np.minimum(low, high), high)


def tails_from_divergence(
    divergence: Callable[[float, FloatArray], Bounds], radii: FloatArray
) -> RayTails:
    """Algorithm 1 at each radius."""
    kappa, low, high = (np.empty(len(radii)) for _ in range(3))
    for i, radius in enumerate(radii):

        def value(multiplier: FloatArray, radius: float = float(radius)) -> Bounds:
            return (divergence(radius, multiplier) - 0.5) / Bounds.exact(multiplier)

        kappa[i], least = _minimise(value, convex_in_inverse=True)
        low[i], high[i] = max(-least.upper, 0.0), max(-least.lower, 0.0)
    return RayTails(np.asarray(radii, dtype=np.float64), kappa, low, high)


def _minimise(
    value: Callable[[FloatArray], Bounds], *, convex_in_inverse: bool
) -> tuple[float, Bounds]:
    """Multiplier and enclosure of the least value."""
    centre, width = 0.0, 8.0
    logs = np.linspace(-width, width, 2 * _POINTS + 1)
    for _ in range(60):
        best = int(np.argmin(np.asarray(value(np.exp(logs)).upper)))
        centre = float(logs[best])
        if 0 < best < len(logs) - 1:
            width = float(logs[1] - logs[0])
            if width <= _CLOSE:
                break
            logs = centre + np.linspace(-width, width, _POINTS)
        elif abs(centre) >= _LOG_END:
            break
        else:
            # The minimum lies beyond this end of the grid.
            width = 4.0 * float(logs[-1] - logs[0])
            logs = centre + np.linspace(-width, width, 2 * _POINTS + 1)
            logs = np.unique(np.clip(logs, -_LOG_END, _LOG_END))
    if abs(centre) >= _LOG_END:
        return _beyond(value, centre, convex_in_inverse)
    triple = np.exp(centre + np.array([-4.0, -2.0, 0.0, 2.0, 4.0]) * max(width, 1e-9))
    found = value(triple)
    x = 1 / triple[::-1] if convex_in_inverse else triple
    low, high = np.asarray(found.lower), np.asarray(found.upper)
    if convex_in_inverse:
        low, high = low[::-1], high[::-1]
    upper = float(np.min(high))
    kappa = float(triple[int(np.argmin(np.asarray(found.upper)))])
    return kappa, Bounds(min(_lower_bound(x, low, high), upper), upper)


def _beyond(
    value: Callable[[FloatArray], Bounds], centre: float, convex_in_inverse: bool
) -> tuple[float, Bounds]:
    """The best multiplier lies past the end of the search, or nowhere.

    With mu = 1/kappa below e^-600 no tail exceeds mu/2, and kappa p + D(kappa) changes by at most
    kappa over [0, kappa]. Above e^600 only D >= 0 is known of G, and D >= 1/2 - 1/mu of tails.
    """
    kappa = float(np.exp(centre))
    found = value(np.array([kappa]))
    low, high = float(found.lower[0]), float(found.upper[0])
    if convex_in_inverse:
        # p(r) = -value: at most 1/2, since G(p) >= p
        least = -_largest_tail(value, centre) if centre > 0 else -0.5
    else:
        least = -np.inf if centre > 0 else low - kappa
    return kappa, Bounds(min(low, least, high), high)


def _largest_tail(value: Callable[[FloatArray], Bounds], end: float) -> float:
    """Bound on max (1/2 - D(kappa))/kappa when its upper ends are negative up to e^end.

    D falls, so between neighbours of a grid of kappa the quotient is at most the numerator of the
    right one over the left kappa. Below 1/2 it is negative (D >= 1 - kappa), beyond the grid at
    most mu/2. The search may have been led to its end by noise, so mu/2 alone would not do.
    """
    grid = np.exp(np.linspace(np.log(0.5), end, 301))
    room = -np.asarray(value(grid).lower) * grid
    between = np.max(np.maximum(room[1:], 0.0) / grid[:-1])
    return float(max(between, 0.5 / grid[-1]) * (1 + 1e-12))


def _lower_bound(x: FloatArray, low: FloatArray, high: FloatArray) -> float:
    """What a convex function with these enclosed values cannot go below, wherever its minimum is.

    Right of x[1] the function stays above the chord through x[0] and x[1] continued, and left of
    x[3] above that through x[3] and x[4]; the chords meet below the minimum.
    """
    down = (low[1] - high[0]) / (x[1] - x[0])
    rise = (high[4] - low[3]) / (x[4] - x[3])
    if not (down < 0 < rise):
        # Noise exceeds the fall across the bracket: then every value is within the noise.
        return float(np.min(low) - (np.max(high) - np.min(low)))
    meet = (low[3] - low[1] + down * x[1] - rise * x[3]) / (down - rise)
    meet = min(max(meet, x[1]), x[3])
    return float(min(low[1] + down * (meet - x[1]), low[3] + rise * (meet - x[3])))
