"""Do a potential, its gradient and a sampler belong together?

Three tests: the gradient is the derivative of psi (finite differences, no chance involved), the
sampler has the density exp(-psi), and moments agree with the gradient. The second rests on

    E[a(x, x + v) f(x)] = E[a(x, x - v) f(x - v)],   a(x, y) = min(1, exp(psi(x) - psi(y))),

which holds for every shift v and bounded f: both sides integrate min(q(x), q(x + v)) f(x).
All variables are bounded, so an empirical Bernstein bound limits false alarms for every n.

References
----------
.. [1] Maurer and Pontil, Empirical Bernstein bounds, COLT 2009, Theorem 4.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from numerics.errors import AssumptionError
from smoothing.black_box import BlackBox

__all__ = ["FALSE_ALARM", "check_sampler"]

Array = NDArray[np.float64]

#: Probability that a right sampler is refused by the density test, whatever n.
FALSE_ALARM = 1e-9
#: Moment test: standard errors of a mean of products; false alarms below 1e-15 in the normal limit.
_MOST_ERRORS = 8.0
_SHIFTS = (0.5, 1.5, 4.0)
_WAVES = 8
#: Relative disagreement of psi and its gradient along a short step, median over points.
_MAX_DIFFERENCE = 1e-3


@dataclass(frozen=True)
class _Scales:
    centre: Array
    size: Array


def check_sampler(box: BlackBox, draws: Array, generator: np.random.Generator) -> None:
    """Refuse callables that contradict each other.

    Parameters
    ----------
    box : BlackBox
    draws : array (n, dim)
        Output of the sampler at scale 1.
    generator : numpy.random.Generator
        For shifts and frequencies, independent of the draws.

    Raises
    ------
    AssumptionError
        Which test failed, the difference found and what a right sampler keeps below.
    """
    if not np.isfinite(draws).all():
        raise AssumptionError("the sampler returns values that are not finite")
    low, middle, high = np.quantile(draws, (0.25, 0.5, 0.75), axis=0)
    scales = _Scales(middle, np.maximum((high - low) / 1.35, 1e-300))
    _check_gradient(box, draws[:1000], scales, generator)
    _check_density(box, draws, scales, generator)
    _check_moments(box, draws, scales)


def _check_gradient(
    box: BlackBox, points: Array, scales: _Scales, generator: np.random.Generator
) -> None:
    step = 1e-5 * scales.size * generator.standard_normal(points.shape)
    change = np.asarray(box.psi(points + step)) - np.asarray(box.psi(points - step))
    slope = 2 * np.sum(np.asarray(box.grad(points)) * step, axis=1)
    noise = 1e-12 * np.abs(np.asarray(box.psi(points)))
    size = np.maximum(np.abs(change), np.abs(slope))
    off = np.maximum(np.abs(change - slope) - noise, 0.0) / np.maximum(size, 1e-300)
    median = float(np.median(off))
    if not median <= _MAX_DIFFERENCE:
        raise AssumptionError(
            f"grad is not the gradient of psi: differences along short steps disagree by "
            f"{median:.1e} (median; allowed {_MAX_DIFFERENCE:.0e})"
        )


def _check_density(
    box: BlackBox, draws: Array, scales: _Scales, generator: np.random.Generator
) -> None:
    n, dim = draws.shape
    psi = np.asarray(box.psi(draws), dtype=np.float64)
    level = math.log(2 * len(_SHIFTS) * _WAVES / FALSE_ALARM)
    for size in _SHIFTS:
        shift = size * scales.size * generator.standard_normal(dim) / math.sqrt(dim)
        forward = _acceptance(psi, np.asarray(box.psi(draws + shift)))
        backward = _acceptance(psi, np.asarray(box.psi(draws - shift)))
        for _ in range(_WAVES):
            frequency = 2 * generator.standard_normal(dim) / (scales.size * math.sqrt(dim))
            phase = generator.uniform(0, 2 * math.pi)
            angle = (draws - scales.centre) @ frequency + phase
            back = angle - float(shift @ frequency)
            difference = forward * np.sin(angle) - backward * np.sin(back)
            mean, variance = float(difference.mean()), float(difference.var(ddof=1))
            # values lie in [-2, 2]
            allowed = math.sqrt(2 * variance * level / n) + 7 * 4 * level / (3 * (n - 1))
            if abs(mean) > allowed:
                raise AssumptionError(
                    f"the sampler does not draw from exp(-psi): a mean that must be 0 is "
                    f"{mean:.2e}, and a right sampler keeps it below {allowed:.2e} with "
                    f"probability 1 - {FALSE_ALARM:g}"
                )


def _acceptance(psi: Array, other: Array) -> Array:
    with np.errstate(invalid="ignore"):
        return np.where(np.isfinite(other), np.exp(np.minimum(psi - other, 0.0)), 0.0)


def _check_moments(box: BlackBox, draws: Array, scales: _Scales) -> None:
    """E gamma_i = 0 and E[tanh(y_i) gamma_i] = E[tanh'(y_i)]/s_i, y_i = (x_i - m_i)/s_i."""
    gradient = np.asarray(box.grad(draws), dtype=np.float64)
    bounded = np.tanh((draws - scales.centre) / scales.size)
    for name, terms in (
        ("E grad psi = 0", gradient * scales.size),
        (
            "E f(x) grad psi = E grad f(x) for a bounded f",
            bounded * gradient * scales.size - (1 - bounded**2),
        ),
    ):
        means, spreads = terms.mean(axis=0), terms.std(axis=0, ddof=1)
        errors = np.abs(means) / np.maximum(spreads / math.sqrt(len(draws)), 1e-300)
        errors[np.abs(means) < 1e-12] = 0.0
        worst = int(np.argmax(errors))
        if errors[worst] > _MOST_ERRORS + math.sqrt(2 * math.log(draws.shape[1])):
            raise AssumptionError(
                f"the sampler contradicts the gradient: {name} fails in coordinate {worst} by "
                f"{errors[worst]:.1f} standard errors; psi may also jump, which the route does "
                "not cover"
            )
