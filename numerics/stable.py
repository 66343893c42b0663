"""Gamma and beta expressions arranged so that float64 keeps its digits in high dimension.

At shape parameters near 1e5 the textbook forms subtract numbers of size 1e6 and lose six to ten
digits. Everything below subtracts the large parts on paper: Stirling's formula with its
error term S, ``log Gamma(x) = (x - 1/2) log x - x + log(2 pi)/2 + S(x)``, and the function
``log1p(u) - u``, both computed to relative accuracy. All functions broadcast over arrays.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import scipy

from numerics.rounding import FloatArray

__all__ = [
    "gamma_upper_quantile",
    "log1mexp",
    "log1pmx",
    "log_beta_density",
    "log_gamma_density",
    "log_gamma_ratio",
    "stirling_error",
    "symmetric_beta_quantile",
]

#: From here on seven terms of the asymptotic series of S leave an error below 3e-20 (the eighth
#: term, 3617/122400 x^-15, DLMF 5.11.1; the error of an alternating series of this kind is
#: smaller than the first term left out).
_ASYMPTOTIC_FROM = 16
#: Coefficients B_2k / (2k (2k - 1)) of x^(1 - 2k), DLMF 5.11.1.
_STIRLING = (1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360, 1 / 156)
#: Terms of the series of artanh: at r^2 = 1/9 the next one is below 9^-18 = 7e-18.
_ARTANH_TERMS = 18


def log1mexp(c: npt.ArrayLike) -> FloatArray:
    """Return log(1 - exp(-c)) for c >= 0; -inf at 0.

    The switch at log 2 is the usual one (Maechler, "Accurately computing log(1 - exp(-|a|))").

    Examples
    --------
    >>> float(log1mexp(1e-20)) == float(np.log(1e-20))
    True
    """
    value = np.asarray(c, dtype=np.float64)
    with np.errstate(divide="ignore", under="ignore"):
        near = np.log(-np.expm1(-value))
        far = np.log1p(-np.exp(-value))
    return np.where(value < np.log(2.0), near, far)


def log1pmx(u: npt.ArrayLike) -> FloatArray:
    """Return log(1 + u) - u for u > -1, to relative accuracy near 0 as well.

    With r = u/(2 + u), log(1 + u) = 2 artanh r, and 2r - u = -u r.
    """
    value = np.asarray(u, dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        r = value / (2.0 + value)
        plain = np.log1p(value) - value
    # r^2 <= 1/9 on -1/2 <= u <= 1/2; beyond, the difference has no cancellation to speak of.
    small = np.abs(value) <= 0.5
    r = np.where(small, r, 0.0)
    series = 2.0 * r**3 * _artanh_tail(r * r) - value * r
    return np.where(small, series, plain)


def stirling_error(x: npt.ArrayLike) -> FloatArray:
    """Return S(x) = log Gamma(x) - (x - 1/2) log x + x - log(2 pi)/2 for x > 0.

    Small x are moved up by S(x) = S(x + 1) + (x + 1/2) log(1 + 1/x) - 1, whose terms are all
    positive, so that nothing cancels.
    """
    value = np.asarray(x, dtype=np.float64)
    total = np.zeros_like(value)
    while np.any(low := value < _ASYMPTOTIC_FROM):
        safe = np.where(low, value, 1.0)
        y = 1.0 / (2.0 * safe + 1.0)
        step = np.where(
            safe >= 1.0,  # y <= 1/3: artanh(y)/y - 1 by its series
            y**2 * _artanh_tail(np.minimum(y, 1.0 / 3.0) ** 2),
            (safe + 0.5) * np.log1p(1.0 / safe) - 1.0,
        )
        total = total + np.where(low, step, 0.0)
        value = np.where(low, value + 1.0, value)
    return total + sum(c * value ** (1.0 - 2.0 * k) for k, c in enumerate(_STIRLING, start=1))


def log_gamma_ratio(x: npt.ArrayLike, delta: npt.ArrayLike) -> FloatArray:
    """Return log(Gamma(x + delta)/Gamma(x)) for x > 0 and x + delta > 0.

    `gammaln(x + delta) - gammaln(x)` loses log10(x log x) digits, 2e-10 at x = 150,528.

    Examples
    --------
    >>> round(float(log_gamma_ratio(75264.0, 0.5)), 12)
    5.614376945089
    """
    start, shift = np.broadcast_arrays(
        np.asarray(x, dtype=np.float64), np.asarray(delta, dtype=np.float64)
    )
    total = np.zeros_like(start)
    # Gamma(x + d)/Gamma(x) = Gamma(x + 1 + d)/Gamma(x + 1) / (1 + d/x)
    while np.any(low := np.minimum(start, start + shift) < _ASYMPTOTIC_FROM):
        total = total - np.where(low, np.log1p(shift / start), 0.0)
        start = np.where(low, start + 1.0, start)
    growth = np.log1p(shift / start)
    total = total + (start - 0.5) * growth + shift * np.log(start + shift) - shift
    # S(x + d) - S(x) term by term, so that a tiny delta keeps its relative accuracy.
    for k, coefficient in enumerate(_STIRLING, start=1):
        power = 1.0 - 2.0 * k
        total = total + coefficient * start**power * np.expm1(power * growth)
    return total


def log_gamma_density(z: npt.ArrayLike, shape: npt.ArrayLike) -> FloatArray:
    """Return the log density of the gamma distribution, log(z^(a-1) e^(-z) / Gamma(a)).

    Equal to a (log(1 + u) - u) + log(a / 2 pi)/2 - S(a) - log z with u = (z - a)/a. At z = 0 it
    is the limit, and below -inf.
    """
    value, a = np.asarray(z, dtype=np.float64), np.asarray(shape, dtype=np.float64)
    inside = value > 0.0
    safe = np.where(inside, value, a)
    central = 0.5 * np.log(a / (2.0 * np.pi)) - stirling_error(a)
    density = a * _log_minus_excess(safe / a, (safe - a) / a) + central - np.log(safe)
    edge = np.where(a == 1.0, 0.0, np.where(a < 1.0, np.inf, -np.inf))
    return np.where(inside, density, np.where(value == 0.0, edge, -np.inf))


def log_beta_density(
    x: npt.ArrayLike, a: npt.ArrayLike, b: npt.ArrayLike, complement: npt.ArrayLike | None = None
) -> FloatArray:
    """Return the log density of the beta distribution, log(x^(a-1) (1-x)^(b-1) / B(a, b)).

    Parameters
    ----------
    x : array_like
        Points in the open interval (0, 1).
    a, b : array_like
        Shape parameters > 0.
    complement : array_like, optional
        1 - x where it is known more accurately than float64 `x` can tell, near x = 1.

    Returns
    -------
    float64 array
        n [m log1pmx(u) + (1 - m) log1pmx(w)] + log(ab / (2 pi n))/2 + S(n) - S(a) - S(b)
        - log x - log(1 - x), with n = a + b, m = a/n, u = x/m - 1, w = (1 - x)/(1 - m) - 1
        (Loader, "Fast and accurate computation of binomial probabilities", 2000).
    """
    value = np.asarray(x, dtype=np.float64)
    other = 1.0 - value if complement is None else np.asarray(complement, dtype=np.float64)
    first, second = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    total = first + second
    # distance = x - a/n; b x - a (1 - x) is exact up to its own rounding even where x ~ a/n.
    distance = (second * value - first * other) / total
    step = distance * total
    exponent = first * _log_minus_excess(value * total / first, step / first)
    exponent += second * _log_minus_excess(other * total / second, -step / second)
    central = 0.5 * np.log(first * second / (2.0 * np.pi * total))
    stirling = stirling_error(total) - stirling_error(first) - stirling_error(second)
    return exponent + central + stirling - np.log(value) - np.log(other)


def gamma_upper_quantile(tail: npt.ArrayLike, shape: npt.ArrayLike) -> FloatArray:
    """Return z with P[Z > z] = tail for Z of the gamma distribution, accurate in both tails.

    1 - tail is exact in float64 for tail >= 1/2 (Sterbenz), the only place where it is formed.
    """
    upper = np.asarray(tail, dtype=np.float64)
    lower = np.where(upper >= 0.5, 1.0 - upper, 0.5)
    return np.where(
        upper >= 0.5,
        scipy.special.gammaincinv(shape, lower),
        scipy.special.gammainccinv(shape, np.minimum(upper, 0.5)),
    )


def symmetric_beta_quantile(
    tail: npt.ArrayLike, shape: npt.ArrayLike
) -> tuple[FloatArray, FloatArray]:
    """Return c^2 and 1 - c^2 for the upper quantile c of T = 2 Beta(shape, shape) - 1.

    T^2 has the law Beta(1/2, shape), so P[T > c] = tail is P[T^2 > c^2] = 2 tail. Both numbers are
    relatively accurate, which `1 - 2 betaincinv(shape, shape, tail)` is at neither end (it returns
    exactly 1 for shape 1/2 and tail 1e-9).

    Parameters
    ----------
    tail : array_like
        Probabilities in [0, 1/2]; by symmetry c(1 - tail) = -c(tail).
    shape : array_like
        Shape parameter > 0, (d - 1)/2 for a coordinate of a uniform direction in R^d.

    Returns
    -------
    square, complement : float64 arrays
        c^2 and 1 - c^2; artanh c is arcsinh(sqrt(square/complement)).
    """
    double = 2.0 * np.asarray(tail, dtype=np.float64)
    square = scipy.special.betainccinv(0.5, shape, double)
    return np.asarray(square), np.asarray(scipy.special.betaincinv(shape, 0.5, double))


def _log_minus_excess(ratio: FloatArray, excess: FloatArray) -> FloatArray:
    """Return log(ratio) - (ratio - 1), given both `ratio` and an accurate ``ratio - 1``.

    The excess decides near ratio 1; far from it, at ratio 1e-12 say, it has lost the ratio.
    """
    near = np.abs(excess) <= 0.5
    return np.where(near, log1pmx(np.where(near, excess, 0.0)), np.log(ratio) - excess)


def _artanh_tail(z: FloatArray) -> FloatArray:
    """Sum of z^k/(2k + 3) over k >= 0, for 0 <= z <= 1/9: artanh(r) = r + r^3 * tail(r^2)."""
    total = np.zeros_like(z)
    for k in reversed(range(_ARTANH_TERMS)):
        total = total * z + 1.0 / (2 * k + 3)
    return total
