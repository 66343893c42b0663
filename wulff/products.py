r"""E|<x, eps>| for random signs eps: the norm whose dual ball is the Wulff crystal of linf.

Up to 20 coordinates all sums are listed. Beyond, with S = <x, eps>, |x| = 1 and G normal,

    E|S| = E|S + b G| - E h(S),   0 <= h(s) = E|s + b G| - |s| <= sqrt(2/pi) b exp(-s^2 / (2 b^2)),

and for |s| <= L/2, |s| is the triangle wave L/4 - (2 L / pi^2) sum_(k odd) cos(2 pi k s / L) / k^2.
The mean of a cosine of S is prod_i cos(t x_i), and b G multiplies it by exp(-(t b)^2 / 2), so that
few terms are left. Outside L/2 Hoeffding's inequality bounds what the wave gets wrong. The
remaining error is about sqrt(2/pi) b P(|S| < b), of order b^2.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from numerics.bounds import Bounds
from numerics.errors import invalid
from numerics.validation import check_count

__all__ = ["EXACT_COORDINATES", "mean_absolute_product"]

Array = NDArray[np.float64]

#: Vectors with at most this many entries other than 0 are done exactly: 2^19 sums.
EXACT_COORDINATES = 20
#: Half the period of the wave, in units of |x|: P(|S| > 9 |x|) <= 2 exp(-81 / 2) = 5e-18.
REACH = 9.0
#: The wave is cut where exp(-(t b)^2 / 2) = exp(-36) = 2e-16.
CUT = math.sqrt(72.0)
EPS = 2.0**-52
#: With these the blur is 0.012 |x|, small beside the reach.
MIN_TERMS = 1024
_BLOCK = 2**22


def mean_absolute_product(x: ArrayLike, *, terms: int = 4096) -> Bounds:
    """Enclosure of E|sum_i eps_i x_i| for independent signs eps_i.

    Parameters
    ----------
    x : array (d,)
    terms : int
        Terms of the series for vectors with more than 20 entries other than 0; the width of the
        enclosure falls like terms^-2 where the law of the sum is smooth.

    Returns
    -------
    Bounds

    Raises
    ------
    InvalidInputError
        x is not a finite vector.

    Examples
    --------
    >>> mean_absolute_product([1.0, 1.0]).midpoint
    1.0
    >>> bounds = mean_absolute_product(np.ones(3072))
    >>> round(bounds.midpoint, 2), bounds.relative_width < 1e-4
    (44.22, True)
    """
    vector = np.abs(np.asarray(x, dtype=np.float64))
    if vector.ndim != 1 or not vector.size or not np.isfinite(vector).all():
        raise invalid("x", "a finite vector", vector.shape, "pass one point of shape (d,)")
    count = check_count("terms", terms, remedy="pass the number of terms of the series")
    vector = vector[vector > 0]
    if len(vector) <= EXACT_COORDINATES:
        return _listed(vector)
    unit = float(np.linalg.norm(vector))
    return _series(vector / unit, max(count, MIN_TERMS)) * Bounds.around(unit, relative=2 * EPS)


def _listed(vector: Array) -> Bounds:
    """Mean over all signs, the first fixed by symmetry."""
    if not vector.size:
        return Bounds.exact(0.0)
    sums = vector[:1].copy()
    for value in vector[1:]:
        sums = np.concatenate([sums + value, sums - value])
    mean = math.fsum(np.abs(sums)) / len(sums)
    # every sum is off by at most n eps / 2 times ||x||_1
    return Bounds.around(mean, absolute=len(vector) * EPS * float(vector.sum()))


def _series(vector: Array, terms: int) -> Bounds:
    """Enclosure for a unit vector."""
    period = 2 * REACH
    k = 2 * np.arange(terms, dtype=np.float64) + 1
    t = np.asarray(2 * math.pi * k / period, dtype=np.float64)
    blur = CUT / float(t[-1])
    values, counts = np.unique(vector, return_counts=True)
    damping = np.exp(-((t * blur) ** 2) / 2)
    damped = damping * _mean_cosines(t, values, counts)
    wave = period / 4 - 2 * period / math.pi**2 * math.fsum(damped / k**2)
    # Mean of exp(-S^2 / (2 b^2)): its Fourier integral by the same nodes, a midpoint rule of step
    # 4 pi / L. Its aliases lie around |S| = L/2, j = 2, 3, ... times that, where `tail` bounds S.
    # A product of cosines is off by eps for every factor and by eps t x_i for every argument.
    share = 4 * math.sqrt(2 * math.pi) / period * blur
    errors = EPS * (4 * len(vector) + 4 + 2 * t * float(vector.sum()))
    tail = 4 * period * math.exp(-(REACH**2) / 2)
    near = share * (math.fsum(damped) + float(errors @ damping)) + tail
    excess = math.sqrt(2 / math.pi) * blur * near
    rounding = 2 * period / math.pi**2 * float(errors @ k**-2.0) + 8 * EPS * period
    slack = rounding + tail + 2 * period * math.exp(-(CUT**2) / 2)
    return Bounds(max(wave - excess - slack, 0.0), wave + slack)


def _mean_cosines(t: Array, values: Array, counts: NDArray[np.intp]) -> Array:
    """prod_i cos(t x_i)^(n_i) for every t."""
    out = np.ones_like(t)
    rows = max(1, _BLOCK // len(t))
    for start in range(0, len(values), rows):
        block = slice(start, start + rows)
        angles = np.multiply.outer(values[block], t)
        out *= np.prod(np.cos(angles) ** counts[block, None], axis=0)
    return out
