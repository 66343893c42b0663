"""How many samples a certificate needs, and which settings can never certify anything."""

from __future__ import annotations

import numpy as np
from scipy.special import betainc

from certify.confidence import MAX_TRIALS, clopper_pearson_lower, smallest_sample_size
from certify.interfaces import InvertibleRadius, RadiusLike
from numerics.errors import invalid
from numerics.validation import check_alpha, check_count, check_positive, check_probability

__all__ = ["check_settings", "required_samples"]


def check_settings(alpha: float, n: int, n0: int, radius: RadiusLike) -> tuple[float, int, int]:
    """Refuse settings under which even n of n could certify nothing, before any forward pass.

    Returns
    -------
    tuple of (alpha, n, n0)

    Raises
    ------
    InvalidInputError
        The message gives the smallest value that could certify.
    """
    level = check_alpha(alpha)
    check_count("n0", n0, minimum=1, remedy="one sample is the fewest that can select a class")
    check_count("n", n, minimum=1, remedy=f"at alpha = {level:g} it takes {_least(level)}")
    if n > MAX_TRIALS:
        raise invalid("n", f"at most {MAX_TRIALS}", n, "certify with fewer samples")
    if n < _least(level):
        raise invalid(
            "n",
            f"at least {_least(level)}, the fewest samples that certify at alpha = {level:g}",
            n,
            f"pass n >= {_least(level)}, or at this n an alpha above {2.0**-n:.6g}",
        )
    best = clopper_pearson_lower(n, n, level)
    if not float(radius(tail=1.0 - best)) > 0.0:
        raise invalid(
            "n",
            f"large enough for a positive radius (here rho reaches {float(best):.6g})",
            n,
            "pass a larger n or alpha, or another noise",
        )
    return level, int(n), int(n0)


def _least(alpha: float) -> int:
    return smallest_sample_size(alpha)


def required_samples(
    radius_function: InvertibleRadius,
    *,
    radius: float,
    rho: float,
    alpha: float,
    power: float = 0.95,
) -> int:
    """Samples with which an image of top-class probability `rho` gets certified at `radius`.

    Parameters
    ----------
    radius_function : RadiusFunction
        Radius of the noise.
    radius : float
        Wanted certified radius, > 0, in its norm.
    rho : float
        True probability of the top class under noise.
    alpha : float
        Failure probability of the certificate.
    power : float, default 0.95
        Wanted probability, over the noise, that the certificate reaches `radius`.

    Returns
    -------
    int
        A number n that gives at least this power. The power of n is a saw (counts are whole
        numbers), so a slightly smaller n may do too; n is smallest up to that saw.

    Raises
    ------
    InvalidInputError
        No n suffices, since the exact radius of `rho` is not above `radius`; or n would exceed
        1e9.

    Examples
    --------
    >>> import radii
    >>> radius = radii.derive(radii.families.laplace(64, scale=1.0), "l1")
    >>> required_samples(radius, radius=0.5, rho=0.99, alpha=1e-3)
    15
    """
    level = check_alpha(alpha)
    target = check_positive("radius", radius)
    truth = float(check_probability("rho", rho))
    chance = float(check_probability("power", power))
    if not 0.0 < chance < 1.0:
        raise invalid("power", "a probability in (0, 1)", power, "pass for example 0.95")
    # The tail is rounded down, so the needed probability is rounded up by the subtraction's step.
    needed = float(np.nextafter(1.0 - np.asarray(radius_function.tail(target)), 2.0))
    if truth <= needed:
        raise invalid(
            "rho", f"above {needed!r}, where the radius {target:g} begins", rho, "lower the radius"
        )
    high = smallest_sample_size(level)
    while _power(high, needed, truth, level) < chance:
        high *= 2
        if high > MAX_TRIALS:
            raise invalid("rho", f"further above {needed!r}", rho, "it takes more than 1e9 samples")
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        if _power(middle, needed, truth, level) >= chance:
            high = middle
        else:
            low = middle
    return high


def _power(n: int, needed: float, truth: float, alpha: float) -> float:
    """P[the lower limit of Binomial(n, truth) reaches `needed`]."""
    low, high = 0, n
    if float(clopper_pearson_lower(n, n, alpha)) < needed:
        return 0.0
    while high - low > 1:
        middle = (low + high) // 2
        if float(clopper_pearson_lower(middle, n, alpha)) >= needed:
            high = middle
        else:
            low = middle
    return float(betainc(high, n - high + 1.0, truth))
