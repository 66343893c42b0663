r"""Anytime-valid lower confidence limits of a vote's probability, by betting.

Against the hypothesis "the probability is at most p" a gambler with wealth 1 bets on every vote.
Betting as if the probability were theta >= p multiplies the wealth by theta/p at a success and by
(1-theta)/(1-p) at a failure, which is fair at p and unfavourable below it. Spreading the first
unit evenly over all theta in [p, 1] gives, after k successes and f failures,

    W_p(k, f) = 1/(1-p) int_p^1 (theta/p)^k ((1-theta)/(1-p))^f dtheta
              = B(k+1, f+1) I_{1-p}(f+1, k+1) / ((1-p) p^k (1-p)^f),

a supermartingale under the hypothesis, whatever the rule by which one stops. So W_p ever reaches
1/alpha with probability at most alpha (Ville): all of alpha is spent on this one side, since the
gambler never bets on probabilities below p.

The rejected p form an interval [0, L): for the derivative of h = log W_p,

    h'(p) = (1 - 1/W_p)/(1-p) - (k - p n)/(p (1-p)),   n = k + f.

If k <= p (n+1), then W_p <= (k/(n p))^k <= e. So where W_p > e we have k - p n > p, hence h' < 0;
going left from a rejected p, with 1/alpha >= e, the wealth only grows. L is therefore a lower
limit that holds at all times at once, with probability 1 - alpha.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy.special import betainc, betaln

from certify.confidence import check_counts, clopper_pearson_lower
from numerics.errors import invalid
from numerics.validation import check_alpha

__all__ = ["LARGEST_ALPHA", "capped_lower", "confidence_sequence_lower", "log_wealth", "looks"]

FloatArray = npt.NDArray[np.float64]

#: The proof that the rejected p form an interval needs 1/alpha >= e.
LARGEST_ALPHA = math.exp(-1.0)

#: Bounds of the error of log W: of the gamma functions and powers, relative to their size (16 ulps;
#: against ball arithmetic it is below 1), and of `betainc`, whose logarithm is off by less than
#: 1e-9 wherever W > 1/alpha, because the posterior is then nearly all above p and I nearly 1.
_TERM_ERROR, _INCOMPLETE_ERROR = 2.0**-48, 2.0**-30

#: Halvings after which an interval inside [0, 1] has shrunk to neighbouring float64.
_HALVINGS = 64

#: Looks of a sequential test: every 32 votes at first, then every tenth part more. Waiting costs
#: at most that tenth; the schedule is fixed, so that nothing depends on the batch size.
_GRAIN, _GROWTH = 32, 1.1


def log_wealth(successes: npt.ArrayLike, failures: npt.ArrayLike, p: npt.ArrayLike) -> FloatArray:
    """Logarithm, rounded down, of the wealth won against "the probability is at most p".

    Parameters
    ----------
    successes, failures : array_like
        Votes so far, >= 0.
    p : array_like
        Hypothesis, in (0, 1); all three are broadcast.

    Returns
    -------
    ndarray of float64
        The hypothesis is rejected at level alpha once this reaches log(1/alpha).

    Examples
    --------
    >>> bool(log_wealth(20, 0, 0.5) > np.log(1000)), bool(log_wealth(60, 40, 0.5) > np.log(1000))
    (True, False)
    """
    k, f, q = np.broadcast_arrays(
        np.asarray(successes, dtype=float), np.asarray(failures, dtype=float), np.asarray(p, float)
    )
    log_beta = betaln(k + 1.0, f + 1.0)
    log_p, log_rest = k * np.log(q), (f + 1.0) * np.log1p(-q)
    with np.errstate(divide="ignore"):
        # Underflow to log 0 only happens where nothing was won, and is on the safe side.
        inside = np.log(betainc(f + 1.0, k + 1.0, 1.0 - q))
    size = (k + f + 2.0) * np.log(k + f + 2.0) - log_p - log_rest
    error = _TERM_ERROR * size + _INCOMPLETE_ERROR
    return np.asarray(log_beta + inside - log_p - log_rest - error)


def confidence_sequence_lower(
    successes: npt.ArrayLike, trials: npt.ArrayLike, alpha: float
) -> FloatArray:
    """Lower confidence limit that holds for all numbers of trials at once.

    The probability that the limit ever exceeds the truth, however one stops, is at most `alpha`.

    Parameters
    ----------
    successes, trials : array_like of int
        k and n, broadcast against each other, 0 <= k <= n <= 1e9.
    alpha : float
        Failure probability, in (0, 1/e].

    Returns
    -------
    ndarray of float64
        Limits in [0, 1), rounded down.

    Raises
    ------
    InvalidInputError
        Impossible counts, or alpha outside (0, 1/e].

    References
    ----------
    .. [1] Ville, Etude critique de la notion de collectif, 1939 (the inequality).
    .. [2] Waudby-Smith and Ramdas, Estimating means of bounded random variables by betting,
       JRSS B 86 (2024).

    Examples
    --------
    >>> confidence_sequence_lower([100, 1000, 990], [100, 1000, 1000], alpha=1e-3).round(4)
    array([0.9132, 0.9909, 0.9715])
    """
    k, n = check_counts(successes, trials)
    level = check_sequential_alpha(alpha)
    wins, losses = k.astype(float), (n - k).astype(float)
    # Nothing is won at the observed share (W <= 1), and everything at p = 0 unless k = 0.
    low, high = np.zeros(k.shape), wins / n
    goal = -math.log(level)
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        inner = (middle > 0.0) & (middle < 1.0)
        rejected = inner & (log_wealth(wins, losses, np.where(inner, middle, 0.5)) >= goal)
        low, high = np.where(rejected, middle, low), np.where(rejected, high, middle)
    return low


def capped_lower(
    successes: npt.ArrayLike, trials: npt.ArrayLike, cap: int, alpha: float
) -> FloatArray:
    """Lower limit for votes that are looked at while they come in, up to a sample cap.

    Half of `alpha` pays for the confidence sequence, half for one Clopper-Pearson limit if the cap
    is reached; the larger of the two limits holds by the union bound. The second half keeps nearly
    all the power of a fixed sample of the size of the cap.

    Parameters
    ----------
    successes, trials : array_like of int
        Votes when one stopped.
    cap : int
        Largest number of votes, chosen beforehand.
    alpha : float
        Failure probability, in (0, 1/e].

    Returns
    -------
    ndarray of float64
    """
    k, n = check_counts(successes, trials)
    limit = confidence_sequence_lower(k, n, alpha / 2.0)
    final = n == cap
    if final.any():
        last = clopper_pearson_lower(k, n, alpha / 2.0)
        limit = np.where(final, np.maximum(limit, last), limit)
    return limit


def check_sequential_alpha(alpha: float) -> float:
    """Return `alpha` if it is in (0, 1/e]."""
    level = check_alpha(alpha)
    if level > LARGEST_ALPHA:
        raise invalid(
            "alpha", "at most 1/e = 0.367 for a sequential test", alpha, "pass for example 0.001"
        )
    return level


def looks(cap: int) -> tuple[int, ...]:
    """Numbers of votes at which a sequential test decides, the last one being the cap.

    Examples
    --------
    >>> looks(1000)[:4], looks(1000)[-3:], len(looks(100_000))
    ((32, 64, 96, 128), (896, 960, 1000), 76)
    """
    steps = [min(_GRAIN, cap)]
    while steps[-1] < cap:
        grown = int(steps[-1] * _GROWTH) // _GRAIN * _GRAIN
        steps.append(min(cap, max(steps[-1] + _GRAIN, grown)))
    return tuple(steps)
