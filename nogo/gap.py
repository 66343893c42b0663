"""From a certificate to total variation: how far a shift inside the radius can move the noise.

A radius R(rho) >= eps says G(1-rho, v) <= 1/2 for every ||v|| <= eps (spec 1). Write s = 1-rho.
The growth function p -> G(p, v) is concave with G(0) >= 0 and G(1) = 1 (RSAS, Lemma J.4), and
TV(q, q+v) = max_p G(p, v) - p (Fact J.3). A set A of probability 1/2 that reaches beta = G(1/2, v)
after the shift gives, taken back by -v, a set of probability 1-beta that reaches 1/2; since -v is
in the ball too, beta <= rho: that is G(1/2, v) <= rho for every noise, even or not. Concavity then
leaves three values.

* Lemma 1.1 (Blum et al., A.4), by itself: TV <= 2 rho - 1.
* Any noise: TV <= (1-2s) max(1/(1+2s), 1/(2(1-s))). For p >= s the lines from (0, 0) through
  (s, 1/2) and from (1, 1) through (1/2, rho) lie above G and their minimum exceeds p by at most
  (1-2s)/(1+2s); for p < s the line from (1, 1) through (s, 1/2) exceeds p by at most
  (1-2s)/(2(1-s)), at p = 0.
* Even noise: G(., v) = G(., -v) is symmetric about the antidiagonal, so that G - p is largest where
  G = 1-p, which is beyond s, and TV <= (1-2s)/(1+2s) = (2 rho - 1)/(3 - 2 rho) (spec 6).
"""

from __future__ import annotations

import mpmath

from nogo.exact import DIGITS, round_down, round_up
from numerics.errors import invalid
from numerics.validation import check_probability, exactly_one_of

__all__ = ["probability_needed", "total_variation_limit"]


def total_variation_limit(
    rho: float | None = None, *, tail: float | None = None, even: bool = True
) -> float:
    r"""Largest TV(q, q+v) that a certificate from probability rho allows inside its radius.

    Parameters
    ----------
    rho : float
        Probability of the top class, in (1/2, 1).
    tail : float
        1 - rho, instead of rho.
    even : bool, default True
        q(x) = q(-x). Without it the limit is larger below rho = 3/4.

    Returns
    -------
    float
        delta in (0, 1), rounded up.

    Raises
    ------
    InvalidInputError
        rho is not in (1/2, 1), or both or neither of rho and tail are given.

    References
    ----------
    .. [1] Blum et al. 2020, Lemma A.4; Yang et al. 2020, Fact J.3 and Lemma J.4.

    Examples
    --------
    >>> round(total_variation_limit(0.9), 12), round(total_variation_limit(0.6, even=False), 12)
    (0.666666666667, 0.166666666667)
    """
    with mpmath.workdps(DIGITS):
        s = _tail(rho, tail)
        spread = 1 - 2 * s
        limit = spread / (1 + 2 * s)
        if not even:
            limit = max(limit, spread / (2 * (1 - s)))
        return round_up(limit)


def probability_needed(delta: float, *, even: bool = True) -> float:
    """Smallest rho whose certificates allow total variation delta; inverse of the limit.

    Examples
    --------
    >>> round(probability_needed(2 / 3), 12)
    0.9
    """
    from nogo.exact import as_delta

    with mpmath.workdps(DIGITS):
        value = mpmath.mpf(as_delta(delta))
        s = (1 - value) / (2 * (1 + value))
        if not even:
            # the second branch is the larger limit, hence the smaller rho, where s > 1/4
            s = max(s, (1 - 2 * value) / (2 * (1 - value)))
        return round_down(1 - s)


def _tail(rho: float | None, tail: float | None) -> mpmath.mpf:
    """1 - rho as an exact number, in (0, 1/2)."""
    name = exactly_one_of(rho=rho, tail=tail)
    given = float(check_probability(name, rho if tail is None else tail))
    s = mpmath.mpf(given) if tail is not None else 1 - mpmath.mpf(given)
    if not 0 < s < mpmath.mpf(1) / 2:
        legal = "between 1/2 and 1, both excluded" if name == "rho" else "in (0, 1/2)"
        raise invalid(name, legal, given, "at rho <= 1/2 nothing is certified, at 1 nothing limits")
    return s
