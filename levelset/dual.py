"""Best multipliers for geometries that offer D(kappa) one shift at a time.

G(p) = min over kappa of kappa p + D(kappa) is the minimum of a convex function, and so is
-p(r) = min over mu = 1/kappa of mu (D(1/mu) - 1/2). The search needs no derivative: it evaluates a
grid of log kappa, keeps the neighbours of the best point and refines. Whatever it finds is sound.
Values of a convex function bound what it cannot have gone below, once the outer ones are seen to
rise outwards beyond all noise; until they are, the bracket is widened.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from levelset.convex import least_of_convex
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
#: Largest half width of a bracket around the best multiplier.
_WIDEST = 64.0


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
    return _enclosed(value, centre, 4 * max(width, 1e-9), convex_in_inverse)


def _enclosed(
    value: Callable[[FloatArray], Bounds], centre: float, width: float, convex_in_inverse: bool
) -> tuple[float, Bounds]:
    """The best multiplier seen, its value, and a bound that no multiplier has a value below."""
    logs = centre + width * np.array([-1.0, -0.5, 0.0, 0.5, 1.0])
    found = value(np.exp(logs))
    while (least := _least(logs, found, convex_in_inverse)) is None:
        width *= 4
        outside = centre + width * np.array([-1.0, -0.5, 0.5, 1.0])
        if width > _WIDEST or abs(centre) + width > _LOG_END:
            # Of G nothing is known here but that it is at least p, which the caller adds.
            least = -_largest_tail(value, _LOG_END) if convex_in_inverse else -np.inf
            break
        wider = value(np.exp(outside))
        order = np.argsort(np.append(logs, outside))
        logs = np.append(logs, outside)[order]
        found = Bounds(
            np.append(found.lower, wider.lower)[order], np.append(found.upper, wider.upper)[order]
        )
    best = int(np.argmin(np.asarray(found.upper)))
    upper = float(found.upper[best])
    return float(np.exp(logs[best])), Bounds(min(least, upper), upper)


def _least(logs: FloatArray, found: Bounds, convex_in_inverse: bool) -> float | None:
    """Bound below over all multipliers; None while noise hides where the minimum is."""
    if convex_in_inverse:
        return least_of_convex(np.exp(-logs[::-1]), found[::-1])
    return least_of_convex(np.exp(logs), found)


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
