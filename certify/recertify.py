"""New radii from old runs, without touching the model.

A run is evidence about one probability per image. Given that evidence, radii for another norm, or
by another derivation for the same noise, cost nothing. The evidence comes in two strengths:

* counts (our logs, and .npz files): ``recertify_counts(counts, radius, alpha=...)`` computes the
  confidence limit again and takes the new radius;
* radii only (Cohen-style logs): ``recertify_radii(log, old, new, ...)`` first finds what the
  printed radius says about the probability, on the safe side of its last digit.

For a command line: ``counts_from_log(log)``, ``counts_from_npz(path, n=...)`` give `Counts` (the
second one per noise level); ``recertify_log(path, new, old=..., alpha=...)`` chooses by what the
file holds; ``certify.evaluate`` turns the results into certified accuracies and envelopes.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from certify.certificate import ABSTAIN
from certify.counts import Counts, counts_from_log, counts_from_npz
from certify.interfaces import (
    ACCEPTED_BY_DEFAULT,
    InvertibleRadius,
    RadiusLike,
    check_acceptable,
    norm_name,
)
from certify.log_reader import Log, read_log
from certify.multiclass import radius_of_votes
from certify.rule_text import lower_limit
from numerics.decimals import half_unit
from numerics.errors import PrecisionError, invalid
from numerics.validation import check_alpha, check_choice

__all__ = [
    "Counts",
    "Recertified",
    "counts_from_log",
    "counts_from_npz",
    "recertify_counts",
    "recertify_levels",
    "recertify_log",
    "recertify_radii",
    "tail_from_radius",
]

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

#: Relative error granted to the float64 arithmetic of whoever printed a radius: a few dozen ulps.
_FOREIGN_ARITHMETIC = 1e-12

#: First step, relative, by which a recovered tail is raised until it is proved large enough.
_FIRST_STEP = 2.0**-48


@dataclass(frozen=True)
class Recertified:
    """New radii, one per image; `correct` is False where the image is abstained or wrong."""

    index: IntArray
    radius: FloatArray
    prob_lower: FloatArray
    correct: npt.NDArray[np.bool_]


def recertify_counts(
    counts: Counts,
    radius: RadiusLike,
    *,
    alpha: float,
    accept: tuple[str, ...] = ACCEPTED_BY_DEFAULT,
) -> Recertified:
    """Radii that logged counts certify at one-sided failure probability `alpha`.

    Parameters
    ----------
    counts : Counts
        Evidence, from `counts_from_log` or `counts_from_npz`.
    radius : RadiusFunction
        Radius of the noise under which the counts were taken, against any norm.
    alpha : float
        Failure probability per image. Choose it before looking at the radii. Limits of sequential
        runs hold for any alpha, too, since they hold at all times.
    accept : tuple of str
        Guarantees of the radius function to accept. The failure probability of a "statistical" one
        comes on top of `alpha`; an "estimate" is always refused.

    Returns
    -------
    Recertified

    References
    ----------
    .. [1] Cohen, Rosenfeld and Kolter, Certified adversarial robustness via randomized smoothing,
       ICML 2019, section 3.2.2 (CERTIFY).
    """
    check_acceptable(radius, accept)
    level = check_alpha(alpha)
    prob_lower, rules = np.zeros(len(counts)), np.array(counts.rule)
    for rule in dict.fromkeys(counts.rule):
        rows = rules == rule
        prob_lower[rows] = lower_limit(rule, counts.count[rows], counts.n[rows], level)
    by_class = np.array([bool(votes) for votes in counts.votes], dtype=np.bool_)
    certified = (prob_lower > 0.5) & (counts.predict != ABSTAIN) & ~by_class
    radii = np.zeros(len(counts))
    # 1 - prob_lower is exact in float64 for prob_lower >= 1/2, so nothing is lost in the tail.
    radii[certified] = radius(tail=1.0 - prob_lower[certified])
    for row in np.flatnonzero(by_class & (counts.predict != ABSTAIN)):
        selected, rule = int(counts.predict[row]), counts.rule[row]
        radii[row] = radius_of_votes(counts.votes[row], selected, rule, level, radius)
        certified[row] = radii[row] > 0.0
    return Recertified(counts.index, radii, prob_lower, counts.correct & certified)


def recertify_levels(
    levels: dict[str, Counts], radius_of: Callable[[float], RadiusLike], *, alpha: float
) -> dict[str, Recertified]:
    """`recertify_counts` for every noise level; `radius_of` gives the radius function of one.

    For uniform noise ``radius_of`` is
    ``lambda s: radii.derive(radii.families.uniform_cube(3072, sigma=s), "l1")``.
    """
    return {
        level: recertify_counts(counts, radius_of(float(level)), alpha=alpha)
        for level, counts in levels.items()
    }


def tail_from_radius(
    printed: npt.ArrayLike, radius: InvertibleRadius, *, rounding: str, digits: int = 3
) -> FloatArray:
    """Upper limit of the tail 1 - rho that a printed radius proves.

    The number that was printed is at least the printed one, less half a unit in its last digit if
    it was rounded to nearest. A tail t with R(t) at most that number, R being decreasing, is at
    least the tail it was computed from; so t is raised from `radius.tail` until the *upper* bound
    of R(t) proves it.

    Parameters
    ----------
    printed : array_like, shape (m,)
        Radii >= 0 as printed.
    radius : RadiusFunction
        The function by which they were computed.
    rounding : {"nearest", "down"}
        How they were printed: "nearest" to `digits` significant digits (Cohen-style logs have 3),
        or "down", never above the computed number (our logs). "down" also takes a printed number
        at face value.
    digits : int, default 3
        Significant digits, for "nearest"; dropped trailing zeros count.

    Returns
    -------
    ndarray of float64, shape (m,)
        Tails in [0, 1/2], never below the one that was used.

    Raises
    ------
    InvalidInputError
        A printed radius is larger than any this function can give.
    """
    check_choice("rounding", rounding, ("nearest", "down"))
    values = np.asarray(printed, dtype=np.float64)
    slack = np.zeros(values.shape)
    if rounding == "nearest":
        slack = np.array([half_unit(value, digits) for value in values.flat]).reshape(values.shape)
    least = np.maximum((values - slack) * (1.0 - _FOREIGN_ARITHMETIC), 0.0)
    largest = float(np.asarray(radius.bounds(tail=0.0).upper))
    if (least > largest).any():
        raise invalid(
            "printed radius",
            f"at most {largest!r}, the largest {norm_name(radius.adversary)} radius of this noise",
            float(values[least > largest].flat[0]),
            "pass the smoothing distribution and norm of the log",
        )
    return _raise_until_proved(np.asarray(radius.tail(least), dtype=np.float64), least, radius)


def _raise_until_proved(
    tail: FloatArray, least: FloatArray, radius: InvertibleRadius
) -> FloatArray:
    """Smallest of a few larger and larger tails t with (upper bound of R at t) <= `least`."""
    candidate = np.minimum(tail, 0.5)
    step = _FIRST_STEP
    while step < 1.0:
        unproved = ~(np.asarray(radius.bounds(tail=candidate).upper) <= least) & (candidate < 0.5)
        if not unproved.any():
            return candidate
        raised = np.maximum(candidate * (1.0 + step), np.nextafter(candidate, 1.0))
        candidate = np.where(unproved, np.minimum(raised, 0.5), candidate)
        step *= 2.0
    raise PrecisionError("the bounds of the radius function are too wide to be read backwards")


def recertify_radii(
    log: Log,
    old: InvertibleRadius,
    new: RadiusLike,
    *,
    rounding: str = "nearest",
    digits: int = 3,
    accept: tuple[str, ...] = ACCEPTED_BY_DEFAULT,
) -> Recertified:
    """Radii by `new` from a log whose radii were computed by `old`, for the same noise.

    Each printed radius proves a lower limit of the top-class probability (`tail_from_radius`), at
    the failure probability of the log; `new` is evaluated there. With rounding="nearest" a radius
    may come out half a unit in its last digit smaller than the log had it: what was rounded off
    is not proved by the print.

    Parameters
    ----------
    log : Log
        From `read_log`.
    old, new : RadiusFunction
        Of the noise of the log: the one its radius column was computed with, and the one wanted.
    rounding, digits
        As for `tail_from_radius`.
    accept
        As for `recertify_counts`.

    Returns
    -------
    Recertified
    """
    check_acceptable(new, accept)
    certified = ~log.abstained
    radii = np.zeros(len(log))
    prob_lower = np.zeros(len(log))
    tails = tail_from_radius(log.radius[certified], old, rounding=rounding, digits=digits)
    radii[certified] = new(tail=tails)
    # One step down: 1 - tail is inexact for tails below 1/2.
    prob_lower[certified] = np.nextafter(1.0 - tails, 0.0)
    index = np.array([record.index for record in log.records], dtype=np.int64)
    return Recertified(index, radii, prob_lower, log.correct)


def recertify_log(
    path: str | os.PathLike[str],
    new: RadiusLike,
    *,
    old: InvertibleRadius | None = None,
    alpha: float | None = None,
    rounding: str = "nearest",
    digits: int = 3,
    accept: tuple[str, ...] = ACCEPTED_BY_DEFAULT,
) -> Recertified:
    """Recertify a log file by whatever evidence it holds.

    Parameters
    ----------
    path : path
        Our log (counts are used; `alpha` defaults to the log's) or a Cohen-style one (radii are
        used; `old` is needed).
    new : RadiusFunction
        The radius wanted.
    old : RadiusFunction, optional
        The radius the log was printed with; only for logs without counts.
    alpha : float, optional
        Failure probability; only for logs with counts.
    rounding, digits
        As for `tail_from_radius`; only for logs without counts.
    accept
        As for `recertify_counts`.

    Returns
    -------
    Recertified

    Raises
    ------
    InvalidInputError
        `old` is missing for a log of radii, `alpha` is given for one (its failure probability
        cannot be changed), or the lines of a log differ in alpha and none is given.
    """
    log = read_log(path)
    if log.has_counts:
        counts = counts_from_log(log)
        level = _alpha_of(log) if alpha is None else alpha
        return recertify_counts(counts, new, alpha=level, accept=accept)
    if alpha is not None:
        raise invalid("alpha", "None for a log without counts", alpha, "its alpha is fixed")
    if old is None:
        remedy = "pass the radius function the log was printed with"
        raise invalid("old", "a RadiusFunction for a log without counts", None, remedy)
    return recertify_radii(log, old, new, rounding=rounding, digits=digits, accept=accept)


def _alpha_of(log: Log) -> float:
    values = sorted({record.alpha for record in log.records if record.alpha is not None})
    if len(values) != 1:
        raise invalid("alpha", "given when a log holds none or several", values, "pass alpha=")
    return values[0]
