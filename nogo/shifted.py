"""Total variation between a noise and its shift, for Gaussians and cubes (Blum et al., B.1-B.6).

These are upper bounds on what is needed: they show which noise level is enough for a radius, next
to the lower bounds of `nogo.blum`.
"""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np
from numpy.typing import ArrayLike

from nogo.exact import DIGITS, as_delta, as_order, round_up
from numerics.bounds import Bounds
from numerics.validation import check_dim, check_positive

__all__ = ["cube_radius_enough", "cube_shift", "cube_shift_envelope", "gaussian_shift"]
__all__ += ["gaussian_shift_envelope", "gaussian_sigma_enough"]


def gaussian_shift(distance: float, sigma: float) -> Bounds:
    r"""TV(N(0, sigma^2 I), N(v, sigma^2 I)) = 2 N(||v||_2 / (2 sigma)) - 1, exactly.

    Parameters
    ----------
    distance : float
        ||v||_2 > 0.
    sigma : float
        Standard deviation per coordinate.

    Returns
    -------
    Bounds
        Enclosure one float wide.

    Examples
    --------
    >>> round(gaussian_shift(1.0, 0.5).upper, 12)        # 2 N(1) - 1
    0.682689492137
    """
    d, s = check_positive("distance", distance), check_positive("sigma", sigma)
    with mpmath.workdps(DIGITS):
        value = mpmath.erf(mpmath.mpf(d) / (2 * mpmath.sqrt(2) * mpmath.mpf(s)))
        upper = round_up(value)
    return Bounds(float(np.nextafter(upper, 0.0)), upper)


def gaussian_shift_envelope(distance: float, sigma: float) -> Bounds:
    """Corollary B.2: the same distance within min(1, ||v||/sigma) times 1/200 and 9/2.

    Examples
    --------
    >>> envelope, exact = gaussian_shift_envelope(1.0, 0.5), gaussian_shift(1.0, 0.5)
    >>> envelope.lower <= exact.lower and exact.upper <= envelope.upper
    True
    """
    ratio = Bounds.exact(check_positive("distance", distance)) / check_positive("sigma", sigma)
    base = ratio.minimum(1.0)
    return Bounds((base / 200.0).lower, (base * 4.5).upper)


def gaussian_sigma_enough(radius: float, *, dim: int, p: Any, delta: float) -> float:
    """Corollary B.3: sigma = (9/2) (eps/delta) d^(1/2-1/p) keeps TV <= delta in the l_p ball.

    Parameters
    ----------
    radius : float
    dim : int
    p : float
        Order >= 2.
    delta : float

    Returns
    -------
    float
        Standard deviation per coordinate, rounded up.

    Examples
    --------
    >>> gaussian_sigma_enough(1.0, dim=4, p=float("inf"), delta=0.5)
    18.0
    """
    eps, d, order = check_positive("radius", radius), check_dim(dim), as_order(p, minimum=2.0)
    with mpmath.workdps(DIGITS):
        exponent = mpmath.mpf(1) / 2 - _inverse(order)
        ratio = mpmath.mpf(eps) / mpmath.mpf(as_delta(delta))
        return round_up(mpmath.mpf(9) / 2 * ratio * mpmath.mpf(d) ** exponent)


def cube_shift(shift: ArrayLike, half_width: float) -> Bounds:
    """Lemma B.4: TV of the uniform law on [-r, r]^d and its shift, 1 - prod (1 - |v_i|/2r)+.

    Parameters
    ----------
    shift : array_like of shape (d,)
    half_width : float
        r > 0.

    Examples
    --------
    >>> cube_shift([1.0, 0.5], 1.0).contains(1 - 0.5 * 0.75)
    True
    """
    r = check_positive("half_width", half_width)
    with mpmath.workdps(DIGITS):
        kept = mpmath.mpf(1)
        for entry in np.abs(np.asarray(shift, dtype=np.float64)).ravel():
            kept *= max(mpmath.mpf(0), 1 - mpmath.mpf(float(entry)) / (2 * mpmath.mpf(r)))
        upper = round_up(1 - kept)
    return Bounds(max(float(np.nextafter(upper, -1.0)), 0.0), upper)


def cube_shift_envelope(radius: float, *, dim: int, half_width: float) -> Bounds:
    """Corollary B.5: worst l_inf shift eps <= r, between 1 - e^(-d eps/2r) and 1 - 4^(-d eps/2r).

    Raises
    ------
    InvalidInputError
        eps is above r, where the bounds are not claimed.
    """
    from numerics.errors import invalid

    eps, r = check_positive("radius", radius), check_positive("half_width", half_width)
    if eps > r:
        raise invalid("radius", f"at most half_width = {r}", eps, "use nogo.cube_shift, exact")
    exponent = Bounds.exact(float(check_dim(dim))) * eps / r / 2.0
    lower = -(-exponent).expm1()
    upper = -(-(exponent * Bounds.exact(4.0).log())).expm1()
    return Bounds(lower.lower, upper.upper)


def cube_radius_enough(radius: float, *, dim: int, delta: float) -> float:
    """Corollary B.6, corrected: half width r that keeps TV <= delta for every ||v||_inf <= eps.

    r = eps d log(4) / (2 delta), from 1 - 4^(-d eps/2r) <= d eps log(4)/2r; the variance of a
    coordinate is then r^2/3 = (log(4)^2/12) d^2 eps^2/delta^2 (the printed constant,
    sqrt(2) log(4)^2/48, and the exponent d eps/2 delta are misprints; spec 9). B.5 needs eps <= r,
    which holds as d log(4) >= 2 delta for d >= 2 and, on the line, because delta < log(2).

    Returns
    -------
    float
        Half width, rounded up.

    Raises
    ------
    InvalidInputError
        dim = 1 and delta > log 2, where B.5 says nothing.

    Examples
    --------
    >>> round(cube_radius_enough(1.0, dim=3, delta=0.5), 12)      # 3 log 4
    4.15888308336
    """
    from numerics.errors import invalid

    eps, d, value = check_positive("radius", radius), check_dim(dim), as_delta(delta)
    with mpmath.workdps(DIGITS):
        factor = d * mpmath.log(4) / (2 * mpmath.mpf(value))
        if factor < 1:
            legal = "at most log 2 on the line, where Corollary B.5 needs eps <= r"
            raise invalid("delta", legal, delta, "use nogo.cube_shift, which is exact")
        return round_up(mpmath.mpf(eps) * factor)


def _inverse(order: float) -> Any:
    return mpmath.mpf(0) if order == float("inf") else 1 / mpmath.mpf(order)
