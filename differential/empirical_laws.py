"""Phi from draws of gamma, with a simultaneous confidence band.

Phi_u(p) is the integral of the upper quantile of gamma_u over (0, p). For the k-th largest of n
draws, P[gamma > V_k] is at most Beta(k, n - k + 1) in law (for a continuous gamma it has that law),
so that with probability 1 - delta it is below the (1 - delta)-quantile b_k, and the upper quantile
at s >= b_k is at most V_k. A fixed set of ranks and a union bound give a step function above the
quantile on (b_1, 1). What lies beyond the largest draw no sample shows: without an assumption there
is no finite-sample bound of a mean (Bahadur and Savage 1956). A bound of one absolute moment,
(E|gamma_u|^m)^(1/m) <= M, is that assumption; it gives E[gamma 1_A] <= M P(A)^(1 - 1/m) (Hoelder).

References
----------
.. [1] David and Nagaraja, Order Statistics, 3rd ed., section 2.3 (distribution-free coverage).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from differential.majorant import Majorant
from numerics.errors import AssumptionError, invalid

__all__ = ["MomentBound", "empirical_bound"]

Array = NDArray[np.float64]

#: Ratio of neighbouring ranks: the step lies above the quantile by what it moves over this ratio.
_STEP = 1.04
#: betaincinv is within a few eps; this covers it many times over.
_ROUNDING = 1 + 1e-10


@dataclass(frozen=True)
class MomentBound:
    """(E|<u, grad psi>|^order)^(1/order) <= value for all u in the adversary's unit ball.

    At scale 1; an infinite order means |<u, grad psi>| <= value everywhere.
    """

    order: float
    value: float

    def __post_init__(self) -> None:
        if not self.order > 1:
            raise invalid("order", "a number > 1 or inf", self.order, "state a higher moment")
        if not (self.value > 0 and math.isfinite(self.value)):
            raise invalid("value", "a finite number > 0", self.value, "state the bound itself")

    @property
    def largest(self) -> float:
        """What no draw may exceed, but for rounding."""
        return self.value * (1 + 1e-9) if math.isinf(self.order) else math.inf

    def of_mass(self, p: Array) -> Array:
        """Largest E[gamma 1_A] over sets of probability p."""
        return np.asarray(self.value * p ** (1 - 1 / self.order))


def empirical_bound(
    columns: Iterable[Array],
    count: int,
    alpha: float,
    moment: MomentBound,
    *,
    shared: bool = False,
) -> Majorant:
    """A function above Phi everywhere, with probability at least 1 - alpha.

    Parameters
    ----------
    columns : iterable of arrays (n,)
        Independent draws of gamma_u, one array per direction u; n the same for all. Directions
        may share draws. Both signs of every u are covered.
    count : int
        Number of directions, for the union bound.
    alpha : float
        Probability that the band fails anywhere.
    moment : MomentBound
    shared : bool
        The columns are not gamma_u but lie above it for many u; the moment is that of gamma_u.

    Raises
    ------
    AssumptionError
        A draw is beyond the stated bound.

    Examples
    --------
    Signs: gamma is 1 or -1, and Phi(p) = p on (0, 1/2].

    >>> draws = np.where(np.arange(100_000) % 2 == 0, 1.0, -1.0)
    >>> bound = empirical_bound([draws], 1, 1e-3, MomentBound(math.inf, 1.0))
    >>> [round(float(bound(p)), 3) for p in (0.1, 0.5)]
    [0.1, 0.5]
    """
    best: Array | None = None
    edges = np.empty(0)
    for draws in columns:
        ranks = _ranks(len(draws))
        if not len(edges):
            edges = _levels(ranks, len(draws), alpha / (2 * count * len(ranks)))
        ordered = np.sort(draws)
        if max(-ordered[0], ordered[-1]) > moment.largest:
            raise AssumptionError(
                f"a draw of gamma is {max(-ordered[0], ordered[-1]):.6g}, beyond the stated bound "
                f"{moment.value:.6g}; gradient_moment must hold for the adversary's norm"
            )
        for values in (ordered[::-1], -ordered):
            bound = _integrated(values[ranks - 1], edges, moment)
            best = bound if best is None else np.maximum(best, bound)
    if best is None:
        raise invalid("columns", "at least one direction", 0, "pass draws of gamma")
    return _majorant(edges, best, alpha, moment, shared)


def _ranks(n: int) -> NDArray[np.int64]:
    """1, 2, 3 ... growing by `_STEP`, up to beyond the median."""
    last = min(n, int(0.6 * n) + 10)
    geometric = np.unique(np.round(_STEP ** np.arange(0, math.log(last) / math.log(_STEP) + 1)))
    return geometric[geometric <= last].astype(np.int64)


def _levels(ranks: NDArray[np.int64], n: int, delta: float) -> Array:
    """Probabilities that P[gamma > V_k] exceeds with probability at most delta each."""
    from scipy.special import betainccinv

    levels = betainccinv(ranks, n - ranks + 1.0, delta) * _ROUNDING
    return np.minimum(np.asarray(levels, dtype=np.float64), 1.0)


def _integrated(values: Array, edges: Array, moment: MomentBound) -> Array:
    """Bounds of Phi at the edges: steps of height V_k between them, the moment before the first."""
    if math.isinf(moment.order):
        values = np.minimum(values, moment.value)
    start = float(moment.of_mass(edges[:1])[0])
    steps = np.diff(edges) * values[:-1]
    return np.asarray(start + np.concatenate([[0.0], np.cumsum(steps)]))


def _majorant(
    edges: Array, values: Array, alpha: float, moment: MomentBound, shared: bool
) -> Majorant:
    # Past the last level, and where the steps turn down, Phi is bounded by its largest value.
    values = np.maximum.accumulate(values)
    # The moment bounds gamma_u, not the variable above it: the mass it is used for, at most
    # edges[0], may then lie outside the set, which leaves all of p to the steps.
    shift = float(edges[0]) if shared and math.isfinite(moment.order) else 0.0
    if edges[-1] < 0.5 + shift:
        raise invalid("n", "enough draws for a band up to p = 1/2", len(edges), "draw more")

    def on_half(p: Array) -> Array:
        # Hoelder holds at every mass, and alone below the first level.
        steps = np.interp(p + shift, edges, values)
        return np.asarray(np.minimum(steps, moment.of_mass(p)) * (1 + 1e-12))

    name = f"confidence band at level 1 - {alpha:g}"
    return Majorant(name, on_half, edges[edges <= 0.5], 1e-12)
