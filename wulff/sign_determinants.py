r"""E|det X| for a matrix of random signs: exact in low dimension, between two moments in any.

With D = det X, E D^2 = d! and sum_d E D^4 t^d / (d!)^2 = e^(-2t) / (1 - t)^3 (Nyquist, Rice and
Riordan, Quarterly of Applied Mathematics 12, 1954, with fourth moment 1 of the entries). Jensen and
Hoelder give (E D^2)^(3/2) / (E D^4)^(1/2) <= E|D| <= (E D^2)^(1/2).
"""

from __future__ import annotations

import math

import numpy as np

from numerics.bounds import Bounds
from numerics.validation import check_dim
from wulff.determinants import sign_determinant_mean

__all__ = ["fourth_moment_ratio", "log_mean_determinant"]

EXACT_DIM = 6
#: lgamma is off by a few eps of itself, or of 1.
GAMMA_ERROR = 8 * 2.0**-52


def fourth_moment_ratio(dim: int) -> float:
    """E (det X)^4 / (d!)^2, the coefficient of t^d in e^(-2t) / (1 - t)^3.

    Examples
    --------
    >>> fourth_moment_ratio(1), fourth_moment_ratio(2)
    (1.0, 2.0)
    """
    # sum_k (-2)^k / k! times C(d - k + 2, 2), where 60 terms leave less than 2^60 / 60! = 1e-64
    terms = range(min(dim, 60) + 1)
    return math.fsum((-2.0) ** k / math.factorial(k) * math.comb(dim - k + 2, 2) for k in terms)


def log_mean_determinant(dim: int) -> Bounds:
    """Enclosure of log E|det X| for independent entries +-1.

    Examples
    --------
    >>> round(math.exp(log_mean_determinant(3).midpoint), 9)
    1.5
    """
    d = check_dim(dim)
    if d <= EXACT_DIM:
        return Bounds.around(sign_determinant_mean(d), relative=1e-12).log()
    log_factorial = math.lgamma(d + 1)
    error = GAMMA_ERROR * (1 + log_factorial)
    upper = log_factorial / 2
    lower = upper - math.log(fourth_moment_ratio(d)) / 2
    return Bounds(float(np.nextafter(lower - 2 * error, -np.inf)), upper + error)
