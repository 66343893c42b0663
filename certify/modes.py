"""Settings of a run turned into a stopping rule, or refused before the first forward pass."""

from __future__ import annotations

import math
from fractions import Fraction

from certify.confidence import MAX_TRIALS, clopper_pearson_lower, smallest_sample_size
from certify.interfaces import RadiusLike, norm_name
from certify.planning import check_settings, needed_probability
from certify.rule_text import lower_limit
from certify.sequential import check_sequential_alpha
from certify.stopping import FixedRule, GainRule, StoppingRule, TargetRule
from numerics.errors import invalid
from numerics.validation import check_count, check_positive

__all__ = ["choose_rule", "shared_alpha"]

#: Looks of the gain rule when no step is given.
_GAIN_LOOKS = 100


def shared_alpha(alpha: float, family: int) -> float:
    """Failure probability per image when `alpha` covers a family of images (Bonferroni).

    The quotient is rounded down.

    Examples
    --------
    >>> shared_alpha(1e-3, 1), shared_alpha(1e-3, 500) <= 2e-6
    (0.001, True)
    """
    images = check_count("family", family, minimum=1, remedy="pass the number of images")
    share = alpha / images
    return share if Fraction(share) * images <= Fraction(alpha) else math.nextafter(share, 0.0)


def choose_rule(
    radius: RadiusLike,
    *,
    alpha: float,
    n: int,
    n0: int,
    target: float | None = None,
    gain: float | None = None,
    step: int | None = None,
) -> StoppingRule:
    """The stopping rule of a run.

    Parameters
    ----------
    radius : RadiusFunction
        Radius of the noise.
    alpha, n, n0
        Failure probability per image, number (or cap) of fresh copies, copies for selection.
    target : float, optional
        Ask only whether this radius is certified.
    gain : float, optional
        Stop when another step cannot raise the radius by more than this.
    step : int, optional
        Copies between looks of the gain rule; by default a hundredth of `n`.

    Raises
    ------
    InvalidInputError
        Settings that can never certify; the message gives the smallest value that could.
    """
    if target is not None and gain is not None:
        raise invalid("target and gain", "not both given", (target, gain), "choose one mode")
    if step is not None and gain is None:
        raise invalid("step", "given together with gain only", step, "drop it, or pass gain=")
    level, cap, _ = check_settings(alpha, n, n0, radius)
    if target is None and gain is None:
        return FixedRule(cap, level)
    check_sequential_alpha(level)
    if target is not None:
        return _target_rule(radius, check_positive("target", target), cap, level)
    eps = check_positive("gain", gain)
    most = float(lower_limit(f"anytime {cap}", cap, cap, level))
    if most <= 0.5:
        least = smallest_sample_size(level / 2.0)
        legal = f"at least {least}, the fewest samples that certify at alpha = {level:g} with gain"
        raise invalid("n", legal, cap, f"pass n >= {least}")
    size = max(1, cap // _GAIN_LOOKS) if step is None else check_count("step", step, minimum=1)
    return GainRule(cap, level, eps, size, radius)


def _target_rule(radius: RadiusLike, target: float, cap: int, alpha: float) -> TargetRule:
    needed = needed_probability(radius, target)
    norm = norm_name(radius.adversary)
    best = clopper_pearson_lower(cap, cap, alpha / 2.0)
    reach = float(radius(tail=1.0 - best)) if float(best) > 0.5 else 0.0
    if needed is None:
        legal = f"at most {reach:.6g} in {norm} at n = {cap}"
        raise invalid("target", legal, target, "lower it, or raise the noise level")
    # n of n prove (alpha/2)^(1/n).
    if float(best) < needed:
        least = math.ceil(math.log(alpha / 2.0) / math.log(needed))
        # The limit is rounded down, which may cost one more sample.
        while least <= MAX_TRIALS and (
            float(clopper_pearson_lower(least, least, alpha / 2.0)) < needed
        ):
            least += 1
        if least > MAX_TRIALS:
            remedy = f"it takes more than {MAX_TRIALS} samples; lower the target"
            raise invalid("target", f"at most {reach:.6g} in {norm} at n = {cap}", target, remedy)
        raise invalid(
            "n",
            f"at least {least}, the fewest samples that certify {target:g} in {norm}",
            cap,
            f"pass n >= {least}, or a target of at most {reach:.6g}",
        )
    return TargetRule(cap, alpha, needed, target)
