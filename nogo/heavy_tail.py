"""Independent noise against l_p, p > 2, is heavy tailed (Blum et al., Theorem 1.3, Lemma 3.8).

Lemma C.1 gives E ||eta||_inf >= E ||eta||_2 / sqrt(d) >= eps d^(1/2-1/p) h/24, h = (1-delta)/delta.
If every coordinate had P(|X| > x) <= (c eps h/x)^k for all x > c eps h, with k = 2p/(p-2), then
E max |X_i| <= c eps h Gamma(a) Gamma(d+1)/Gamma(d+a), a = 1/2 + 1/p, the mean of the largest of d
Pareto variables. Both together fail for c below

    c(d, p) = (d^(1/2-1/p) / 24) Gamma(d+a) / (Gamma(a) Gamma(d+1)),

so some x > c eps h has a larger tail, for every c < c(d, p). The paper proves it with an
unspecified absolute constant; its proof takes c = 1/24, which is too large by Gamma(a), between 1
and sqrt(pi). The sharper first moment of docs/nogo.md replaces 24 by 4.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import mpmath
import numpy as np
from numpy.typing import ArrayLike

from nogo.exact import DIGITS, as_delta, as_order, round_down, round_up
from numerics.errors import invalid
from numerics.validation import check_dim, check_positive

__all__ = ["HeavyTail", "heavy_tail"]

#: First-moment constants: Lemma C.1 and the sign average of `nogo.blum`.
_CONSTANTS = {"published": 24, "sharp": 4}


@dataclass(frozen=True)
class HeavyTail:
    """Some x > `threshold` has P(|X| > x) > (threshold/x)**exponent.

    Attributes
    ----------
    threshold : float
        c eps (1-delta)/delta, rounded down.
    exponent : float
        2p/(p-2).
    """

    threshold: float
    exponent: float

    def allowed_by(self, points: ArrayLike, tails: ArrayLike) -> bool:
        """Whether a law with these tail probabilities at these points passes the test.

        Parameters
        ----------
        points, tails : array_like of shape (n,)
            x and P(|X| > x). A finite grid can only miss the x that the theorem promises, so
            False says "not on this grid".
        """
        x = np.asarray(points, dtype=np.float64)
        needed = (self.threshold / x) ** self.exponent
        return bool(np.any((x > self.threshold) & (np.asarray(tails) > needed)))


def heavy_tail(
    radius: float, *, dim: int, p: Any, delta: float, constants: str = "published"
) -> HeavyTail:
    """The tail that independent identical noise needs to allow an l_p radius.

    Parameters
    ----------
    radius, dim, p, delta
        As for the other bounds; p > 2.
    constants : {"published", "sharp"}
        First-moment bound behind it: Lemma C.1, or the sign average (docs/nogo.md).

    Examples
    --------
    >>> tail = heavy_tail(1.0, dim=3072, p=float("inf"), delta=0.5)
    >>> tail.exponent, 1 / 48 < tail.threshold < 1 / 24
    (2.0, True)
    """
    eps = check_positive("radius", radius)
    with mpmath.workdps(DIGITS):
        value = mpmath.mpf(as_delta(delta))
        scale = _constant(dim, p, constants) * (1 - value) / value
        return HeavyTail(round_down(scale * mpmath.mpf(eps)), _exponent(p))


def largest_radius_of_tail(
    tail: Callable[[Any], Any], points: ArrayLike, *, dim: int, p: Any, delta: float
) -> float:
    """Largest l_p radius that independent noise with this tail can allow, seen on a grid.

    eps <= sup_x x P(|X| > x)^(1/k) / (c h); the supremum is taken over `points`, so the grid has to
    cover the range where it is attained.

    Parameters
    ----------
    tail : callable
        x to P(|X| > x), for arrays.
    points : array_like
        Where to look.
    """
    x = np.asarray(points, dtype=np.float64)
    reach = float(np.max(x * np.asarray(tail(x), dtype=np.float64) ** (1.0 / _exponent(p))))
    with mpmath.workdps(DIGITS):
        value = mpmath.mpf(as_delta(delta))
        scale = _constant(dim, p, "sharp") * (1 - value) / value
        return round_up(mpmath.mpf(reach) / scale)


def _exponent(p: Any) -> float:
    order = as_order(p, minimum=2.0)
    if order == 2.0:
        raise invalid("p", "above 2", p, "at p <= 2 light tails are enough (Gaussian noise)")
    return 2.0 if order == float("inf") else 2.0 * order / (order - 2.0)


def _constant(dim: int, p: Any, constants: str) -> Any:
    if constants not in _CONSTANTS:
        legal = "one of " + ", ".join(_CONSTANTS)
        raise invalid("constants", legal, constants, 'use "published" for the paper\'s')
    _exponent(p)
    d, order = mpmath.mpf(check_dim(dim)), as_order(p)
    inverse = mpmath.mpf(0) if order == float("inf") else 1 / mpmath.mpf(order)
    a = mpmath.mpf(1) / 2 + inverse
    ratio = mpmath.exp(mpmath.loggamma(d + a) - mpmath.loggamma(d + 1) - mpmath.loggamma(a))
    return d ** (1 - a) * ratio / _CONSTANTS[constants]
