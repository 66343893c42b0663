"""Radii from the votes of all classes: runner-up, and top k.

The binary certificate knows of the selected class only that its probability is at least p_A, and
must assume that one class has all the rest. Counting every class bounds the others as well. A set
of probability p can reach at most growth(p, r) within radius r (RSAS section 4; `RadiusFunction.
growth`), so inside r

    p_A stays >= 1 - growth(1 - p_A, r),
    p_S stays <= growth(p_S, r)             for the votes p_S of any set S of classes.

The selected class is among the k largest as long as no k other classes are all at least as large.
Of k classes the t smallest sum to at least t times their minimum. So with upper limits u_1 >= u_2
>= ... of the others, and none of their sums above 1 - p_A, it is among the k largest within r if

    1 - growth(1 - p_A, r) > min over t = 1..k of growth(s_t, r) / t,
    s_t = min(u_(k-t+1) + ... + u_k, 1 - p_A),

because growth increases in p: any other k classes are bounded by the same number. For k = 1 this
is "certified until p_A and p_B meet".

All limits hold at once with probability 1 - alpha: alpha/2 pays for p_A, and each of the C - 1
others gets an equal part of the other half (Bonferroni over Clopper-Pearson limits).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, cast

import numpy as np
import numpy.typing as npt

from certify.confidence import clopper_pearson_lower, clopper_pearson_upper
from certify.interfaces import RadiusLike
from certify.rule_text import classes_of
from numerics.errors import invalid
from numerics.validation import check_alpha, check_count

__all__ = [
    "ClassLimits",
    "GrowingRadius",
    "check_top",
    "class_limits",
    "multiclass_radius",
    "radius_of_votes",
]

#: Halvings of the search for the radius: beyond float64's resolution.
_HALVINGS = 60


class GrowingRadius(RadiusLike, Protocol):
    """A radius function that also bounds how far a set of given probability can grow."""

    def growth(self, p: npt.ArrayLike, radius: npt.ArrayLike) -> Any:
        """Upper bound of the probability that any set of probability `p` has within `radius`."""
        ...


@dataclass(frozen=True)
class ClassLimits:
    """Limits that hold at once: from below for the selected class, from above for the others.

    `upper` is in decreasing order.
    """

    lower: float
    upper: tuple[float, ...]

    @property
    def tail(self) -> float:
        """Upper limit of the probability of all other classes together."""
        return math.nextafter(1.0 - self.lower, 1.0) if self.lower < 0.5 else 1.0 - self.lower


def class_limits(
    counts: Sequence[int] | npt.NDArray[np.int64], selected: int, classes: int, alpha: float
) -> ClassLimits:
    """Simultaneous confidence limits from the votes of all classes.

    Parameters
    ----------
    counts : sequence of int
        Votes of the classes 0, 1, ...; classes beyond its end got none.
    selected : int
        The class chosen by other votes.
    classes : int
        How many classes there are.
    alpha : float
        Probability that any of the limits is wrong.

    Returns
    -------
    ClassLimits

    Examples
    --------
    >>> limits = class_limits([700, 200, 100], selected=0, classes=3, alpha=1e-3)
    >>> round(limits.lower, 3), [round(u, 3) for u in limits.upper]
    (0.65, [0.247, 0.137])
    """
    level = check_alpha(alpha)
    total = check_count("classes", classes, minimum=2, remedy="one class cannot be mistaken")
    votes = np.zeros(total, dtype=np.int64)
    given = np.asarray(counts, dtype=np.int64)
    if given.size > total or not 0 <= selected < total:
        raise invalid(
            "classes", f"at least {max(given.size, selected + 1)}", classes, "count them all"
        )
    votes[: given.size] = given
    n = int(votes.sum())
    lower = float(clopper_pearson_lower(int(votes[selected]), n, level / 2.0))
    others = np.delete(votes, selected)
    # Counts repeat (mostly 0), limits are computed once each.
    distinct, place = np.unique(others, return_inverse=True)
    upper = clopper_pearson_upper(distinct, n, level / 2.0 / (total - 1))[place]
    return ClassLimits(lower, tuple(float(u) for u in np.sort(upper)[::-1]))


def multiclass_radius(limits: ClassLimits, radius: GrowingRadius, *, top: int = 1) -> float:
    """Radius within which the selected class stays among the `top` most probable ones.

    Parameters
    ----------
    limits : ClassLimits
        From `class_limits`.
    radius : RadiusFunction
        Of the noise, with `growth`.
    top : int
        Number k of classes, 1 for the ordinary certificate.

    Returns
    -------
    float
        Certified radius in the units and norm of `radius`, rounded down; 0 where nothing is
        certified, inf where no other class can ever catch up.

    Raises
    ------
    InvalidInputError
        The radius function knows no growth.

    References
    ----------
    .. [1] Yang et al., Randomized Smoothing of All Shapes and Sizes, ICML 2020, Theorem 4.1.
    .. [2] Jia et al., Certified robustness for top-k predictions against adversarial perturbations
       via randomized smoothing, ICLR 2020 (the idea of the sets of t classes).

    Examples
    --------
    >>> import radii
    >>> radius = radii.derive(radii.families.laplace(64, scale=1.0), "l1")
    >>> limits = class_limits([450, 300, 250], selected=0, classes=3, alpha=1e-3)
    >>> multiclass_radius(limits, radius) > float(radius(limits.lower)) == 0.0
    True
    """
    k = check_count("top", top, minimum=1)
    _check_growing(radius)
    if k > len(limits.upper):
        return math.inf
    tail = limits.tail
    rivals = [min(math.fsum(limits.upper[k - t : k]) * (1 + 2e-16), tail) for t in range(1, k + 1)]

    def certified(r: float) -> bool:
        grown = np.asarray(radius.growth([tail, *rivals], r), dtype=float)
        # Rounded against the certificate: the quotient and the sum err by an ulp each.
        rival = min(g / t * (1 + 4e-16) for t, g in enumerate(grown[1:], start=1))
        return bool(grown[0] + rival < 1.0 - 2e-16)

    return _largest(certified)


def check_top(top: int, classes: int | None, radius: RadiusLike, *, one_mode: bool) -> None:
    """Refuse what no certificate from all classes can do, before the first forward pass."""
    k = check_count("top", top, minimum=1)
    if not one_mode:
        raise invalid("top", "given without target and gain", top, "all classes need a fixed n")
    if classes is not None and k >= classes:
        raise invalid("top", f"below {classes}, the number of classes", top, "lower it")
    _check_growing(radius)


def _check_growing(radius: object) -> None:
    if not callable(getattr(radius, "growth", None)):
        kind = type(radius).__name__
        raise invalid("the radius function", "one with `growth`", kind, "use radii.derive")


def radius_of_votes(
    votes: Sequence[tuple[int, int]], selected: int, rule: str, alpha: float, radius: RadiusLike
) -> float:
    """Radius from logged votes (class, count) and a rule "classes C top K"."""
    classes, top = classes_of(rule)
    counts = np.zeros(classes, dtype=np.int64)
    for label, count in votes:
        if label >= classes:
            raise invalid("votes", f"for classes below {classes}", label, "check the log")
        counts[label] = count
    limits = class_limits(counts, selected, classes, alpha)
    return multiclass_radius(limits, cast(GrowingRadius, radius), top=top)


def _largest(certified: Any) -> float:
    """Largest radius at which a decreasing predicate was seen to hold."""
    if not certified(0.0):
        return 0.0
    high = 1.0
    while certified(high):
        high *= 2.0
        if high > 1e300:
            return math.inf
    low = 0.0 if high == 1.0 else high / 2.0
    if low == 0.0:
        # Small radii keep their relative accuracy.
        while high > 1e-300 and not certified(high / 2.0):
            high /= 2.0
        low = high / 2.0 if high > 1e-300 else 0.0
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if certified(middle) else (low, middle)
    return low
