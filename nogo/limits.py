"""The largest radius that any noise of a given level can certify, over all bounds that apply."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import mpmath

from nogo.blum import BOUNDS, FIRST_MOMENT, LINE_FIRST, LINE_SECOND, SECOND_MOMENT, NoiseBound
from nogo.exact import DIGITS, as_order, round_down, round_up
from nogo.gap import total_variation_limit
from numerics.errors import invalid
from numerics.validation import check_dim, check_positive

__all__ = ["Limit", "largest_radius", "limits", "smallest_sigma"]

#: Moments that follow from sigma: E||eta||^2 = d sigma^2 by definition, E||eta|| by Jensen.
_FROM_SIGMA = {SECOND_MOMENT: 2, LINE_SECOND: 2, FIRST_MOMENT: 1, LINE_FIRST: 1}


@dataclass(frozen=True)
class Limit:
    """What one theorem says about a noise level.

    Attributes
    ----------
    bound : NoiseBound
    value : float
        Largest radius (rounded up), or smallest sigma (rounded down).
    """

    bound: NoiseBound
    value: float


def limits(
    *,
    dim: int,
    p: Any,
    rho: float | None = None,
    tail: float | None = None,
    sigma: float = 1.0,
    even: bool = True,
) -> tuple[Limit, ...]:
    """Every bound that applies, as the largest radius it leaves, smallest first.

    Parameters
    ----------
    dim : int
        Number of coordinates.
    p : float
        Order of the adversary's norm, ``float("inf")`` and ``sympy.oo`` included.
    rho, tail : float
        Probability of the top class (or 1 - rho) at which the radius is certified.
    sigma : float
        Noise level, sigma^2 = E||eta||_2^2 / d; all limits are proportional to it.
    even : bool
        The noise is even, which is true of every family of the library.

    Returns
    -------
    tuple of Limit

    Raises
    ------
    InvalidInputError
        An argument is out of range.

    Examples
    --------
    >>> for limit in limits(dim=3072, p=float("inf"), rho=0.9, sigma=0.5):
    ...     print(f"{limit.value:.4f}  {limit.bound.name}")
    0.0280  sign average, second moment
    0.0722  sign average, first moment
    0.2946  Theorem 1.2
    0.4330  Lemma C.1
    """
    order, d, s = as_order(p), check_dim(dim), check_positive("sigma", sigma)
    delta = total_variation_limit(rho, tail=tail, even=even)
    found = [
        Limit(b, b.largest_radius(_moment(b, s, d), dim=d, p=order, delta=delta))
        for b in _applicable(d, order)
    ]
    return tuple(sorted(found, key=lambda limit: limit.value))


def largest_radius(
    *,
    sigma: float,
    dim: int,
    p: Any,
    rho: float | None = None,
    tail: float | None = None,
    even: bool = True,
) -> float:
    """Radius that no smoothing certificate with this noise level and probability can exceed.

    Parameters
    ----------
    sigma : float
        Noise level per coordinate; infinity gives no limit.
    dim, p, rho, tail, even
        As in `limits`.

    Returns
    -------
    float
        The smallest of the limits, rounded up.

    Examples
    --------
    >>> round(largest_radius(sigma=0.5, dim=3072, p=float("inf"), rho=0.9), 4)
    0.028
    """
    if sigma == float("inf"):
        check_dim(dim), as_order(p), total_variation_limit(rho, tail=tail, even=even)
        return float("inf")
    return limits(dim=dim, p=p, rho=rho, tail=tail, sigma=sigma, even=even)[0].value


def smallest_sigma(
    *,
    radius: float,
    dim: int,
    p: Any,
    rho: float | None = None,
    tail: float | None = None,
    even: bool = True,
) -> float:
    """Noise level below which no noise certifies this radius from this probability.

    Returns
    -------
    float
        sigma per coordinate, rounded down.

    Examples
    --------
    >>> round(smallest_sigma(radius=8 / 255, dim=3072, p=float("inf"), rho=0.9), 4)
    0.5612
    """
    eps, d, order = check_positive("radius", radius), check_dim(dim), as_order(p)
    delta = total_variation_limit(rho, tail=tail, even=even)
    needed = []
    for b in _applicable(d, order):
        moment = b.noise_needed(eps, dim=d, p=order, delta=delta)
        with mpmath.workdps(DIGITS):
            root = mpmath.sqrt(moment) if _FROM_SIGMA[b.moment] == 2 else mpmath.mpf(moment)
            needed.append(round_down(root / mpmath.sqrt(d)))
    return max(needed)


def _applicable(dim: int, order: float) -> list[NoiseBound]:
    return [b for b in BOUNDS if b.applies(dim, order) and b.moment in _FROM_SIGMA]


def _moment(b: NoiseBound, sigma: float, dim: int) -> float:
    """The moment the bound is about, or an upper bound on it (Jensen), rounded up."""
    with mpmath.workdps(DIGITS):
        root = mpmath.mpf(sigma) * mpmath.sqrt(dim)
        value = round_up(root ** _FROM_SIGMA[b.moment])
    if value == float("inf"):
        raise invalid("sigma", "small enough for float64", sigma, "rescale the inputs")
    return value
