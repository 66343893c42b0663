"""The dual view: a lower bound on the probability that survives a shift, and its multiplier.

Zhang et al. bound the smoothed probability of a class after a shift v, from its value rho
before, by max over lambda >= 0 of lambda rho - E_q[(lambda - L)_+], L = q(x - v)/q(x) (their
Theorem 1). With kappa = lambda this is 1 - kappa (1 - rho) - D(kappa), so the bound is
1 - G_q(1 - rho, v): the Neyman-Pearson bound and the functional-optimization bound are one number.
They estimate the expectation by Monte Carlo, which is kept here as the baseline.

References
----------
.. [1] Zhang et al., Black-Box Certification with Randomized Smoothing: A Functional Optimization
   Based Framework, NeurIPS 2020, Theorem 1.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import minimize_scalar

from levelset.growth import GrowthFunction, growth_function
from numerics.bounds import Bounds
from numerics.errors import invalid
from numerics.rounding import FloatArray
from numerics.validation import check_alpha, check_count, check_positive, check_probability
from smoothing.distribution import SmoothingDistribution

__all__ = ["DualCertificate", "MonteCarloDual", "dual_certificate", "monte_carlo_dual"]

#: e^700 is finite, and far above any multiplier.
_LARGEST_LOG = 700.0
#: Longest shift in units of the noise: squares of what is longer need not be finite.
_LONGEST = 1e100
#: Half widths of the two grids of log kappa, and how closely the best one is found: the bound is
#: off by the square of that.
_GRIDS = (40.0, 600.0)
_POINTS = 41
_CLOSE = 1e-6


@dataclass(frozen=True)
class DualCertificate:
    """Lower bound on the shifted probability and the multiplier that proves it.

    Attributes
    ----------
    rho : float
        Probability before the shift.
    kappa : float
        Multiplier, the best one up to rounding; it proves 1 - kappa (1 - rho) - D(kappa). It is 0
        where nothing is proved, and one of many where the bound is flat (rho = 1).
    lower : float
        What is certified: the shifted probability is at least this.
    optimum : Bounds
        Enclosure of the best bound any multiplier gives.
    """

    rho: float
    kappa: float
    lower: float
    optimum: Bounds

    @property
    def certified(self) -> bool:
        """Whether the class keeps a majority after the shift."""
        return self.lower > 0.5


@dataclass(frozen=True)
class MonteCarloDual:
    """Monte-Carlo estimate of the dual at one multiplier, with its Hoeffding interval."""

    kappa: float
    estimate: float
    interval: Bounds
    samples: int
    alpha: float


def dual_certificate(
    smoothing: SmoothingDistribution, shift: ArrayLike, rho: float
) -> DualCertificate:
    """Bound the probability of a class after a shift from its probability `rho` before.

    Parameters
    ----------
    smoothing : SmoothingDistribution
    shift : array_like, shape (dim,)
        The zeros of no shift are allowed.
    rho : float
        One probability in [0, 1], not only above 1/2.

    Returns
    -------
    DualCertificate

    Raises
    ------
    InvalidInputError
        `rho` is not one probability, or the shift no vector of `dim` finite numbers, or one that
        is longer than 1e100 scales of the noise.
    UnsupportedPairError
        The geometry of density and shift is not covered.

    References
    ----------
    .. [1] Zhang et al., NeurIPS 2020, Theorem 1.

    Examples
    --------
    >>> from smoothing.families import gaussian
    >>> found = dual_certificate(gaussian(2), [1.0, 0.0], 0.8413447460685429)
    >>> round(found.kappa, 4), round(found.lower, 9), found.certified
    (1.6487, 0.5, False)
    """
    v, probability = _checked(smoothing, shift, rho)
    # 1 - rho is exact from 1/2 on; below, a tail that is too large only weakens the bound.
    tail = 1 - probability if probability >= 0.5 else min(np.nextafter(1 - probability, 2), 1.0)
    # Far multipliers overflow on the way to sums that are finite.
    with np.errstate(over="ignore", invalid="ignore"):
        growth = growth_function(smoothing, v)
        optimum = 1 - growth(tail)
        kappa = _best_kappa(growth, tail)
        value = 1 - (growth.hockey_stick(kappa) + Bounds.exact(kappa) * tail)
    lower = max(float(value.lower), float(optimum.lower), 0.0)
    best = Bounds(lower, max(float(optimum.upper), lower))
    return DualCertificate(probability, kappa if lower > 0 else 0.0, lower, best)


def _checked(
    smoothing: SmoothingDistribution, shift: ArrayLike, rho: float
) -> tuple[FloatArray, float]:
    """The shift as a vector, zeros allowed, and one probability."""
    if not isinstance(smoothing, SmoothingDistribution):
        raise invalid(
            "smoothing", "a SmoothingDistribution", smoothing, "pass for example families.gaussian"
        )
    probability = check_probability("rho", rho)
    if probability.ndim:
        raise invalid("rho", "one probability in [0, 1]", rho, "call once per probability")
    legal = f"{smoothing.dim} finite numbers, at most {_LONGEST:g} scales of the noise"
    try:
        v = np.array(shift, dtype=np.float64)
    except (TypeError, ValueError):
        raise invalid("shift", legal, shift, "pass a list or an array") from None
    if v.shape != (smoothing.dim,):
        raise invalid("shift", legal, f"shape {v.shape}", "match the dimension of the noise")
    wrong = ~(np.abs(v) <= _LONGEST * smoothing.scale)  # negated: nan compares false
    if wrong.any():
        raise invalid("shift", legal, float(v[wrong][0]), "pass the vector the noise is shifted by")
    return v, float(probability)


def _best_kappa(growth: GrowthFunction, tail: float) -> float:
    """The multiplier with the least kappa tail + D(kappa), up to rounding.

    The sum is convex in kappa, hence has one valley in log kappa: the neighbours of the best point
    of a grid enclose it.
    """

    def cost(log_kappa: FloatArray) -> FloatArray:
        kappa = np.exp(log_kappa)
        return np.asarray(kappa * tail + growth.hockey_stick(kappa).upper)

    centre, step = 0.0, 0.0
    for half in _GRIDS:
        logs, step = np.linspace(-half, half, _POINTS, retstep=True)
        centre = float(logs[np.argmin(cost(logs))])
        if abs(centre) < half:
            break
    found = minimize_scalar(
        cost, bounds=(centre - step, centre + step), method="bounded", options={"xatol": _CLOSE}
    )
    # A kink at a point of the grid, as of uniform noise, is hit by the grid alone.
    return math.exp(centre if cost(np.array(centre)) <= found.fun else float(found.x))


def monte_carlo_dual(
    smoothing: SmoothingDistribution,
    shift: ArrayLike,
    rho: float,
    kappa: float | None = None,
    *,
    samples: int,
    alpha: float,
    generator: np.random.Generator,
) -> MonteCarloDual:
    """Estimate the same bound at one multiplier as Zhang et al. do, by sampling the noise.

    Parameters
    ----------
    kappa : float, optional
        Multiplier, > 0. By default it too comes from samples: the rho-quantile of L in as many
        others, since the slope of the bound in kappa is P[L > kappa] - (1 - rho).
    samples : int
    alpha : float
        Failure probability of the two-sided Hoeffding interval.
    generator : numpy.random.Generator

    Returns
    -------
    MonteCarloDual
        `interval` holds the exact value with probability >= 1 - alpha: min(L, kappa) lies in
        [0, kappa].
    """
    v, probability = _checked(smoothing, shift, rho)
    count, level = check_count("samples", samples, minimum=1), check_alpha(alpha)
    if kappa is None:
        pilot = np.concatenate(list(_ratios(smoothing, v, count, generator)))
        kappa = max(float(np.quantile(pilot, probability)), float(np.finfo(np.float64).tiny))
    limit = check_positive("kappa", kappa)
    total = sum(
        float(np.sum(np.minimum(ratio, limit))) for ratio in _ratios(smoothing, v, count, generator)
    )
    # 1 - D = E min(L, kappa), so that the bound is E min(L, kappa) - kappa (1 - rho).
    estimate = total / count - limit * (1 - probability)
    width = limit * math.sqrt(math.log(2 / level) / (2 * count))
    interval = Bounds.around(estimate, absolute=width)
    return MonteCarloDual(limit, estimate, interval, count, level)


def _ratios(
    smoothing: SmoothingDistribution, v: FloatArray, count: int, generator: np.random.Generator
) -> Iterator[FloatArray]:
    """L = q(z - v)/q(z) of fresh noise, in batches of bounded memory."""
    rows = max(1, 2**20 // smoothing.dim)
    for begin in range(0, count, rows):
        noise = smoothing.sample(min(rows, count - begin), generator)
        ratio = smoothing.log_density(noise - v) - smoothing.log_density(noise)
        yield np.exp(np.minimum(ratio, _LARGEST_LOG))
