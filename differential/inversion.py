r"""E(S - c)+ and P[S > c] of a centred S from its transform, by the trapezoidal rule.

With M(z) = E exp(zS) and theta > 0 in its strip,

    E(S - c)+ = (1/2 pi) int M(theta + i w) exp(-(theta + i w) c) / (theta + i w)^2 dw.

By Poisson's formula the trapezoidal sum with step h is E(S - c)+ plus exp(theta k L) E(S - c - kL)+
over k != 0, L = 2 pi / h: every term of the error is positive, so the sum is an upper bound. Terms
beyond the last node are bounded by the decay of |M| and added. On the saddle, theta ~ theta(c),
nothing cancels, and p = 2^-100 keeps the relative accuracy of p = 1/2 (Daniels 1954; Lugannani
and Rice 1980).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from numerics.errors import PrecisionError

__all__ = ["Transform", "Window", "windows"]

Array = NDArray[np.float64]
ComplexArray = NDArray[np.complex128]

#: Aliasing and truncation asked for, relative to the sum.
_TARGET = 1e-15
#: Windows end this many widths of the integrand from their saddle: exp(0.6^2 / 2) = 1.2 is all
#: that cancels.
_REACH = 0.6
#: Tails below this are not tabulated (the mesh of R ends at 2^-100).
_LOG_SMALLEST = -100.5 * math.log(2.0)
_MAX_NODES = 6000
_MAX_WINDOWS = 200


class Transform(Protocol):
    """Law of a centred S through its transform on vertical lines."""

    @property
    def top(self) -> float:
        """Supremum of S, possibly inf."""
        ...

    def cumulants(self, theta: float) -> tuple[float, float, float]:
        """log M(theta) and about its first two derivatives."""
        ...

    def line(self, theta: float, frequencies: Array) -> ComplexArray:
        """log M(theta + i w) up to multiples of 2 pi i."""
        ...

    def log_decay(self, theta: float, frequencies: Array) -> Array:
        """Non-increasing upper bounds of log |M(theta + i w)| - log M(theta)."""
        ...

    @property
    def overflow(self) -> float:
        """Bound on E(S - S')+, S' the variable that was transformed."""
        ...


@dataclass(frozen=True)
class Window:
    """Thresholds lower <= c <= upper served by one vertical line.

    Attributes
    ----------
    centre, log_factor, theta, step : float
        E(S - c)+ = exp(log_factor - theta (c - centre)) (sum + truncated) + overflow.
    tail_terms, excess_terms : complex arrays
    truncated : float
        Bound on the terms left out, already relative to the leading one.
    """

    lower: float
    upper: float
    centre: float
    theta: float
    step: float
    log_factor: float
    tail_terms: ComplexArray
    excess_terms: ComplexArray
    truncated: float
    overflow: float

    def log_tail_and_excess(self, c: Array) -> tuple[Array, Array]:
        """log P[S > c] (approximately) and log E(S - c)+ (from above)."""
        from differential.transform_kernels import excess_sums

        offsets = np.asarray(c, dtype=np.float64) - self.centre
        tail, excess = excess_sums(offsets, self.step, self.tail_terms, self.excess_terms)
        scale = self.log_factor - self.theta * offsets
        log_excess = scale + np.log(excess + self.truncated)
        if self.overflow > 0:
            log_excess = np.logaddexp(log_excess, math.log(self.overflow))
        return scale + math.log(self.theta) + np.log(np.maximum(tail, 1e-300)), log_excess


def windows(transform: Transform, log_smallest: float = _LOG_SMALLEST) -> list[Window]:
    """Windows that cover 0 <= c until P[S > c] < exp(log_smallest) or c is at the top of S."""
    return list(_windows(transform, log_smallest))


def _windows(transform: Transform, log_smallest: float) -> Iterator[Window]:
    lower, theta = 0.0, _scale(transform)
    for _ in range(_MAX_WINDOWS):
        theta = _saddle_beyond(transform, lower, theta)
        centre, width = _saddle(transform, theta)
        upper = centre + _REACH * width
        if not upper > lower * (1 + 1e-12):
            return
        window = _window(transform, theta, lower, min(upper, transform.top))
        yield window
        tail, _ = window.log_tail_and_excess(np.array([window.upper]))
        if tail[0] < log_smallest or upper >= transform.top * (1 - 1e-13):
            return
        lower = upper
    raise PrecisionError("the tail of gamma falls too slowly to be followed to 2^-100")


def _scale(transform: Transform) -> float:
    """A theta of about one over the standard deviation."""
    theta = 1.0
    for _ in range(200):
        value = transform.cumulants(theta)[0]
        if value > 1.0:
            theta /= 2
        elif value < 0.05:
            theta *= 2
        else:
            return theta
    raise PrecisionError(
        "the tail of gamma falls too slowly for Fourier inversion: E exp(theta gamma) is infinite "
        "for every theta; use a density whose slope has lighter tails, or another route"
    )


def _saddle(transform: Transform, theta: float) -> tuple[float, float]:
    """The c whose integrand has its saddle at theta, and the width of the integrand in c."""
    _, slope, curvature = transform.cumulants(theta)
    return slope - 2 / theta, math.sqrt(curvature + 2 / theta**2)


def _saddle_beyond(transform: Transform, lower: float, theta: float) -> float:
    """theta whose window begins at `lower`."""

    def begins(value: float) -> float:
        centre, width = _saddle(transform, value)
        return centre - _REACH * width

    low, high = theta, theta
    while begins(low) > lower:
        low /= 2
    for _ in range(1100):
        if begins(high) >= lower:
            break
        low, high = high, 2 * high
    for _ in range(30):
        middle = math.sqrt(low * high)
        low, high = (middle, high) if begins(middle) < lower else (low, middle)
    return high


def _window(transform: Transform, theta: float, lower: float, upper: float) -> Window:
    centre = _saddle(transform, theta)[0]
    log_mean, _, curvature = transform.cumulants(theta)
    width = math.sqrt(curvature + 2 / theta**2)
    period = _period(transform, theta, centre, width, upper, log_mean)
    step = 2 * math.pi / period
    last, truncated = _last_frequency(transform, theta, width)
    count = math.ceil(last / step) + 1
    if count > _MAX_NODES:
        raise PrecisionError(
            f"the transform of gamma decays too slowly: {count} nodes needed at tilt {theta:.3g}, "
            f"at most {_MAX_NODES}"
        )
    frequencies = step * np.arange(1.0, count + 1)
    at_axis = transform.line(theta, np.array([0.0]))[0].real
    logs = transform.line(theta, frequencies) - at_axis - 1j * frequencies * centre
    ratio = theta / (theta + 1j * frequencies)
    terms = np.exp(logs) * ratio
    log_factor = at_axis - theta * centre - 2 * math.log(theta) + math.log(1 / period)
    return Window(
        lower, upper, centre, theta, step, log_factor, terms, terms * ratio,
        truncated * period / math.pi, transform.overflow,
    )  # fmt: skip


def _period(
    transform: Transform, theta: float, centre: float, width: float, upper: float, log_mean: float
) -> float:
    """Shift L of the aliases: both neighbours below the target, by E(S-c)+ <= |c| and Chernoff."""
    goal = math.log(_TARGET)
    period = max(12 * width, upper + (3 - goal - log_mean + math.log1p(theta * upper)) / theta)
    slopes = 2.0 ** np.arange(-3, 4) / width
    for _ in range(40):
        exponents = []
        for slope in slopes:
            value = transform.cumulants(theta + slope)[0]
            if math.isfinite(value):
                exponents.append(value - log_mean - slope * (centre - _REACH * width + period))
        if min(exponents, default=math.inf) < goal or period > transform.top + upper:
            return period
        period *= 1.3
    raise PrecisionError("the tail of gamma falls too slowly for Fourier inversion")


def _last_frequency(transform: Transform, theta: float, width: float) -> tuple[float, float]:
    """Where to stop, and the integral of the bound on the integrand beyond."""
    grid = np.asarray(np.geomspace(0.5 / width, 1e9 / width, 2000), dtype=np.float64)
    bound = np.exp(transform.log_decay(theta, grid)) / (1 + (grid / theta) ** 2)
    pieces = bound[:-1] * np.diff(grid)
    beyond = np.append(np.cumsum(pieces[::-1])[::-1], 0.0) + theta**2 / grid[-1] * (
        bound[-1] * (1 + (grid[-1] / theta) ** 2)
    )
    # the leading term of the sum is about sqrt(2 pi) / width
    small = np.flatnonzero(beyond * width <= _TARGET)
    chosen = int(small[0]) if len(small) else len(grid) - 1
    return float(grid[chosen]), float(beyond[chosen])
