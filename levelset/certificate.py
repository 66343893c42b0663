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

from levelset.growth import growth_function
from numerics.bounds import Bounds
from numerics.errors import invalid
from numerics.rounding import FloatArray
from numerics.validation import check_alpha, check_count, check_probability, check_vector
from smoothing.distribution import SmoothingDistribution

__all__ = ["DualCertificate", "MonteCarloDual", "dual_certificate", "monte_carlo_dual"]

#: e^700 is finite, and far above any multiplier.
_LARGEST_LOG = 700.0


@dataclass(frozen=True)
class DualCertificate:
    """Lower bound on the shifted probability and the multiplier that proves it.

    Attributes
    ----------
    rho : float
        Probability before the shift.
    kappa : float
        Multiplier; the bound is ``1 - kappa * (1 - rho) - D(kappa)``.
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
    rho : float
        Any probability, not only above 1/2.

    Returns
    -------
    DualCertificate

    Raises
    ------
    InvalidInputError
        `rho` is no probability, or the shift no vector of `dim` finite numbers.
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
    probability = float(check_probability("rho", rho))
    growth = growth_function(smoothing, shift)
    tail = 1 - probability
    optimum = 1 - growth(tail)
    kappa = _best_kappa(growth.hockey_stick, tail)
    value = 1 - (growth.hockey_stick(kappa) + Bounds.exact(kappa) * tail)
    lower = max(float(value.lower), float(optimum.lower), 0.0)
    return DualCertificate(probability, kappa, lower, optimum)


def _best_kappa(hockey_stick, tail: float) -> float:  # type: ignore[no-untyped-def]
    """A multiplier near the best; its exact value only enters at second order."""

    def objective(log_kappa: float) -> float:
        kappa = math.exp(log_kappa)
        return kappa * tail + float(hockey_stick(kappa).upper)

    # Convex in kappa, hence with one valley in log kappa: a coarse grid finds it.
    grid = np.linspace(-12.0, 24.0, 73)
    values = np.exp(grid) * tail + np.asarray(hockey_stick(np.exp(grid)).upper)
    best = int(np.argmin(values))
    low, high = grid[max(best - 1, 0)], grid[min(best + 1, len(grid) - 1)]
    found = minimize_scalar(
        objective, bounds=(float(low), float(high)), method="bounded", options={"xatol": 1e-7}
    )
    return math.exp(float(found.x))


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
    v = check_vector("shift", shift, smoothing.dim)
    count, level = check_count("samples", samples, minimum=1), check_alpha(alpha)
    probability = float(check_probability("rho", rho))
    if kappa is None:
        pilot = np.concatenate(list(_ratios(smoothing, v, count, generator)))
        kappa = max(float(np.quantile(pilot, probability)), np.finfo(np.float64).tiny)
    if not kappa > 0:
        raise invalid("kappa", "a number > 0", kappa, "pass a likelihood ratio")
    total = sum(
        float(np.sum(np.minimum(ratio, kappa))) for ratio in _ratios(smoothing, v, count, generator)
    )
    # 1 - D = E min(L, kappa), so that the bound is E min(L, kappa) - kappa (1 - rho).
    estimate = total / count - kappa * (1 - probability)
    width = kappa * math.sqrt(math.log(2 / level) / (2 * count))
    interval = Bounds.around(estimate, absolute=width)
    return MonteCarloDual(float(kappa), estimate, interval, count, level)


def _ratios(
    smoothing: SmoothingDistribution, v: FloatArray, count: int, generator: np.random.Generator
) -> Iterator[FloatArray]:
    """L = q(z - v)/q(z) of fresh noise, in batches of bounded memory."""
    rows = max(1, 2**20 // smoothing.dim)
    for begin in range(0, count, rows):
        noise = smoothing.sample(min(rows, count - begin), generator)
        ratio = smoothing.log_density(noise - v) - smoothing.log_density(noise)
        yield np.exp(np.minimum(ratio, _LARGEST_LOG))
