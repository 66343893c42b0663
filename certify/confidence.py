"""Exact one-sided binomial confidence limits (Clopper–Pearson), rounded in the safe direction.

The limits come from `scipy.special.betaincinv` (importing scipy.stats costs a second) and are then
moved outward until `scipy.special.betainc` confirms them with its own error taken into account, so
that the returned float64 lies on the safe side of the exact limit.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import betainc, betaincinv

from numerics.errors import PrecisionError, invalid
from numerics.validation import check_alpha

__all__ = [
    "MAX_TRIALS",
    "check_counts",
    "clopper_pearson_lower",
    "clopper_pearson_upper",
    "smallest_sample_size",
]

FloatArray = npt.NDArray[np.float64]

#: Largest number of trials: beyond it scipy's betaincinv is no longer a useful starting point
#: (residual 6e-7 at 1e9, 8e-4 at 1e12, measured against ball arithmetic).
MAX_TRIALS = 10**9

#: Bound on the relative error of `betainc(k, n - k + 1, p)` near its value alpha. Measured against
#: ball arithmetic for n up to 1e9 and alpha in [1e-12, 0.05]: at most 1.3e-11; this is 2.3e-10.
#: It costs at most 2.3e-10 of alpha, which no radius notices.
_BETAINC_ERROR = 2.0**-32

#: First outward step, relative to the limit; doubled until `betainc` confirms.
_FIRST_STEP = 2.0**-50

#: 2^-50 doubled sixty times exceeds 1, so more steps than this cannot be needed.
_MAX_STEPS = 60


def check_counts(
    successes: npt.ArrayLike, trials: npt.ArrayLike
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return both arguments as int64 arrays with 0 <= successes <= trials, 1 <= trials."""
    k = _integers("successes", successes)
    n = _integers("trials", trials)
    _refuse("trials", f"whole numbers from 1 to {MAX_TRIALS}", n, (n < 1) | (n > MAX_TRIALS))
    _refuse("successes", "whole numbers >= 0", k, k < 0)
    k_full, n_full = np.broadcast_arrays(k, n)
    wrong = k_full > n_full
    if wrong.any():
        place = np.unravel_index(int(np.argmax(wrong)), wrong.shape)
        raise invalid(
            "successes",
            f"at most the number of trials ({int(n_full[place])})",
            int(k_full[place]),
            "count the successes among the same trials",
        )
    return k_full, n_full


def _integers(name: str, values: npt.ArrayLike) -> npt.NDArray[np.int64]:
    array = np.asarray(values)
    if array.dtype.kind in "iu":
        return array.astype(np.int64)
    if array.dtype.kind == "f" and bool(np.all(np.floor(array) == array)):
        return array.astype(np.int64)
    raise invalid(name, "whole numbers", values, "pass counts, not frequencies")


def _refuse(
    name: str, legal: str, values: npt.NDArray[np.int64], bad: npt.NDArray[np.bool_]
) -> None:
    if bad.any():
        raise invalid(name, legal, int(values[bad].flat[0]), "check the counts")


def clopper_pearson_lower(
    successes: npt.ArrayLike, trials: npt.ArrayLike, alpha: float
) -> FloatArray:
    r"""Lower confidence limit of a binomial probability at one-sided failure probability `alpha`.

    The exact limit is the p with P[Binomial(n, p) >= k] = I_p(k, n - k + 1) = alpha. The float64
    returned is never above it and at most 1e-9 below it relative to its size.

    Parameters
    ----------
    successes, trials : array_like of int
        k and n, broadcast against each other, 0 <= k <= n <= 1e9.
    alpha : float
        Probability, in (0, 1), with which the limit may exceed the truth.

    Returns
    -------
    ndarray of float64
        Limits in [0, 1), of the broadcast shape (0-d for scalars); 0 where k = 0.

    Raises
    ------
    InvalidInputError
        k > n, negative or fractional counts, n < 1, or alpha outside (0, 1).

    References
    ----------
    .. [1] Clopper and Pearson, The use of confidence or fiducial limits illustrated in the case of
       the binomial, Biometrika 26 (1934).

    Examples
    --------
    >>> float(clopper_pearson_lower(100_000, 100_000, alpha=1e-3))  # 0.001 ** (1 / 100_000)
    0.99993092...
    >>> clopper_pearson_lower([0, 50], 100, alpha=1e-3).round(4)
    array([0.    , 0.3448])
    """
    k, n = check_counts(successes, trials)
    level = check_alpha(alpha)
    result = np.zeros(k.shape)
    positive = k > 0
    if positive.any():
        result[positive] = _lower(k[positive].astype(float), n[positive].astype(float), level)
    return result


def _lower(k: FloatArray, n: FloatArray, alpha: float) -> FloatArray:
    """Limits for k > 0: step down from betaincinv until I_p(k, n-k+1) <= alpha is certain.

    I_p increases in p, so I_p <= alpha proves that p is not above the exact limit.
    """
    limit = np.asarray(betaincinv(k, n - k + 1.0, alpha), dtype=float)
    step = np.full(limit.shape, _FIRST_STEP)
    for _ in range(_MAX_STEPS):
        value = betainc(k, n - k + 1.0, limit) * (1.0 + _BETAINC_ERROR)
        unproved = ~(value <= alpha)
        if not unproved.any():
            return limit
        limit[unproved] *= 1.0 - step[unproved]
        step[unproved] *= 2.0
    raise PrecisionError(f"no verified Clopper–Pearson limit at alpha = {alpha!r}")


def clopper_pearson_upper(
    successes: npt.ArrayLike, trials: npt.ArrayLike, alpha: float
) -> FloatArray:
    """Upper confidence limit of a binomial probability at one-sided failure probability `alpha`.

    It is 1 minus the lower limit of the failures, rounded up.

    Parameters
    ----------
    successes, trials, alpha
        As for `clopper_pearson_lower`.

    Returns
    -------
    ndarray of float64
        Limits in (0, 1]; 1 where all trials succeeded.

    Examples
    --------
    >>> clopper_pearson_upper([0, 50, 100], 100, alpha=1e-3).round(4)
    array([0.0667, 0.6552, 1.    ])
    """
    k, n = check_counts(successes, trials)
    below = clopper_pearson_lower(n - k, n, alpha)
    # 1 - below may round down by half an ulp; one step up restores the side.
    above = np.nextafter(1.0 - below, 2.0)
    return np.asarray(np.minimum(above, 1.0))


def smallest_sample_size(alpha: float) -> int:
    """Smallest n for which n successes in n trials prove a probability above 1/2.

    The limit is then alpha^(1/n) > 1/2, that is 2^-n < alpha.

    Examples
    --------
    >>> smallest_sample_size(1e-3)
    10
    """
    level = check_alpha(alpha)
    n = 1
    while 2.0**-n >= level:
        n += 1
    return n
