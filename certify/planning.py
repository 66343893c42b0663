"""How many samples a certificate needs, and which settings can never certify anything."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy.special import betainc

from certify.confidence import MAX_TRIALS, clopper_pearson_lower, smallest_sample_size
from certify.interfaces import InvertibleRadius, RadiusLike
from numerics.errors import invalid
from numerics.validation import check_alpha, check_count, check_positive, check_probability

__all__ = ["check_settings", "needed_probability", "required_samples"]

FloatArray = npt.NDArray[np.float64]

#: Numbers of failures tried at a time.
_CHUNK = 512


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


def needed_probability(radius: RadiusLike, target: float) -> float | None:
    """Smallest probability, rounded up, that certifies `target`; None if there is none.

    Raises
    ------
    InvalidInputError
        The radius function cannot be read backwards.
    """
    inverse = getattr(radius, "tail", None)
    if not callable(inverse):
        kind = type(radius).__name__
        raise invalid("the radius function", "one with `tail`", kind, "use radii.derive")
    tail = float(np.asarray(inverse(target)))
    # The tail is rounded down, so the probability is rounded up by the step of the subtraction.
    needed = math.nextafter(1.0 - tail, 2.0)
    return needed if tail > 0.0 and needed < 1.0 else None


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
        The smallest n with at least this power. Counts being whole numbers, the power is a saw in
        n: just above this n it may fall below `power` again, until one more failure is allowed.

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
    27
    """
    level = check_alpha(alpha)
    target = check_positive("radius", radius)
    truth = float(check_probability("rho", rho))
    chance = float(check_probability("power", power))
    if not 0.0 < chance < 1.0:
        raise invalid("power", "a probability in (0, 1)", power, "pass for example 0.95")
    needed = needed_probability(radius_function, target)
    if needed is None:
        largest = float(radius_function(tail=0.0))
        legal = f"at most {largest:.6g}, the largest radius of this noise"
        raise invalid("radius", legal, radius, "lower it, or raise the noise level")
    if truth <= needed:
        raise invalid(
            "rho", f"above {needed!r}, where the radius {target:g} begins", rho, "lower the radius"
        )
    # With up to f failures allowed, fewer trials mean a larger chance; so only the fewest trials
    # that allow f failures are of interest, for f = 0, 1, 2, ... Their chance grows with f up to
    # what rounding to whole trials costs; without rounding it grows throughout, and is larger. So
    # the first f lies between the first one without rounding and any one with it.
    first = _first_failures(lambda f: _chance_unrounded(f, needed, truth, level) >= chance)
    while True:
        allowed = np.arange(first, first + _CHUNK, dtype=float)
        trials = _fewest_trials(allowed, needed, level)
        enough = betainc(trials - allowed, allowed + 1.0, truth) >= chance
        if enough.any():
            found = int(np.argmax(enough))
            return _confirmed(int(trials[found]), int(allowed[found]), needed, level)
        first += _CHUNK


def _first_failures(enough: Callable[[int], bool]) -> int:
    """Smallest f >= 0 with enough(f), for a predicate that stays true."""
    high = 0
    while not enough(high):
        high = 2 * high + 1
    low = -1 if high == 0 else (high - 1) // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def _fewest_trials(failures: FloatArray, needed: float, alpha: float) -> FloatArray:
    """Smallest whole n for which n - failures successes in n trials prove `needed`."""
    low, high = failures.copy(), 2.0 * failures + 2.0
    while True:
        short = betainc(high - failures, failures + 1.0, needed) > alpha
        if not short.any():
            break
        low, high = np.where(short, high, low), np.where(short, 2.0 * high, high)
        _check_trials(float(low.max()), needed)
    while (high - low > 1.0).any():
        middle = np.floor(0.5 * (low + high))
        inner = middle > low
        probe = np.where(inner, middle, high)
        proved = betainc(probe - failures, failures + 1.0, needed) <= alpha
        high = np.where(inner & proved, middle, high)
        low = np.where(inner & ~proved, middle, low)
    return high


def _chance_unrounded(failures: int, needed: float, truth: float, alpha: float) -> float:
    """Chance of at most so many failures where the limit is met exactly, n being any number."""
    high = float(_fewest_trials(np.array([float(failures)]), needed, alpha)[0])
    low = high - 1.0
    for _ in range(50):
        middle = 0.5 * (low + high)
        # At n = failures nothing is proved; betainc has no value there.
        proved = middle > failures and betainc(middle - failures, failures + 1.0, needed) <= alpha
        low, high = (low, middle) if proved else (middle, high)
    return float(betainc(high - failures, failures + 1.0, truth))


def _confirmed(n: int, failures: int, needed: float, alpha: float) -> int:
    """The first number from n on at which the certifier's own limit, rounded down, says so."""
    while float(clopper_pearson_lower(n - failures, n, alpha)) < needed:
        n += 1
    _check_trials(n, needed)
    return n


def _check_trials(n: float, needed: float) -> None:
    if n > MAX_TRIALS:
        remedy = "it takes more than 1e9 samples; lower the radius"
        raise invalid("rho", f"further above {needed!r}", "one too close to it", remedy)
