"""Algorithm 1 where every D(kappa) is an integral of its own, so that few of them have to do.

Of an even density the best multiplier is at least 1: the shifted mass of {L > 1} is at least 1/2.
The tail p = (1/2 - D(kappa))/kappa is maximised as log(1/2 - D) - log kappa by Brent's method, and
what a better multiplier could add is bounded because p is concave in 1/kappa.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.optimize import minimize_scalar

from levelset.ray import RayTails
from numerics.bounds import Bounds
from numerics.rounding import FloatArray

__all__ = ["tails_from_few"]

#: Largest log kappa, the accuracy it is found to (the tail is off by its square), and half widths
#: of brackets around it, until one is seen to contain the best multiplier.
_END = 600.0
_CLOSE = 1e-6
_BRACKETS = 4e-6 * 4.0 ** np.arange(9)


def tails_from_few(
    divergence: Callable[[float, FloatArray], Bounds], radii: FloatArray
) -> RayTails:
    """Algorithm 1 at each radius r > 0, for even densities."""
    kappa, low, high = (np.empty(len(radii)) for _ in range(3))
    guess = 0.0
    for i, radius in enumerate(radii):

        def tail(logs: FloatArray, radius: float = float(radius)) -> Bounds:
            multipliers = np.exp(logs)
            return (0.5 - divergence(radius, multipliers)) / Bounds.exact(multipliers)

        guess = _best(tail, guess)
        kappa[i], low[i], high[i] = _enclosed(tail, guess)
    return RayTails(np.asarray(radii, dtype=np.float64), kappa, low, high)


def _best(tail: Callable[[FloatArray], Bounds], guess: float) -> float:
    """Best log kappa, about."""

    def loss(log: float) -> float:
        value = float(tail(np.array([log])).lower[0])
        return -float(np.log(value)) if value > 0 else 1e3 - log

    width = max(guess, 0.25)
    end = min(guess + width, _END)
    while end < _END and loss(end) <= loss(end - width / 2):
        width *= 2
        end = min(end + width, _END)
    found = minimize_scalar(loss, bounds=(0.0, end), method="bounded", options={"xatol": _CLOSE})
    return float(found.x)


def _enclosed(tail: Callable[[FloatArray], Bounds], log: float) -> tuple[float, float, float]:
    """A multiplier near the best one, the tail that it proves, and a bound on all tails."""
    kappa, low = float(np.exp(log)), 0.0
    for width in _BRACKETS:
        # by ascending 1/kappa, in which the tail is concave
        places = log + width * np.array([1.0, 0.5, 0.0, -0.5, -1.0])
        found = tail(places)
        best = int(np.argmax(np.asarray(found.lower)))
        if found.lower[best] > low:
            kappa, low = float(np.exp(places[best])), float(found.lower[best])
        high = _largest(np.exp(-places), found)
        if high is not None:
            return kappa, low, max(high, low)
    # G(p) >= p, so that no tail exceeds 1/2
    return kappa, low, 0.5


def _largest(x: FloatArray, values: Bounds) -> float | None:
    """Bound on a concave function enclosed at five places; None if it may be largest elsewhere."""
    low, high = np.asarray(values.lower), np.asarray(values.upper)
    if not (low[1] > high[0] and low[3] > high[4]):
        return None
    # Right of x[1] it stays below the chord of the first two, left of x[3] below that of the last.
    rise = (high[1] - low[0]) / (x[1] - x[0])
    fall = (low[4] - high[3]) / (x[4] - x[3])
    right = high[1] + rise * (x[4] - x[1])
    left = high[3] + fall * (x[0] - x[3])
    meet = (high[1] - high[3] - rise * x[1] + fall * x[3]) / (fall - rise)
    if not x[1] <= meet <= x[3]:
        return float(max(left, right))
    inner = high[1] + rise * (meet - x[1])
    # Outside [x[1], x[3]] chords that pass x[2] do the same.
    beside = high[1] + (high[1] - low[2]) / (x[2] - x[1]) * (x[1] - x[0])
    other = high[3] + (high[3] - low[2]) / (x[3] - x[2]) * (x[4] - x[3])
    return float(max(inner, min(beside, left), min(other, right)))
