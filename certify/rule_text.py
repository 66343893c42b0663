"""Stopping rules as logs write them, and the confidence limits they stand for.

A log says of every line by which limit its probability was bounded: ``fixed`` (Clopper-Pearson),
``anytime N`` (a confidence sequence under a cap of N votes) or ``classes C`` (all classes at once,
see `certify.multiclass`). That is all it takes to compute the limit again.
"""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt

from certify.confidence import MAX_TRIALS, clopper_pearson_lower
from certify.sequential import capped_lower
from numerics.errors import invalid

__all__ = [
    "capped_text",
    "check_rule",
    "classes_of",
    "classes_text",
    "fixed_text",
    "lower_limit",
]

_NUMBER = "([1-9][0-9]{0,9})"
_FORM = re.compile(rf"fixed|anytime {_NUMBER}|classes {_NUMBER} top {_NUMBER}")


def fixed_text() -> str:
    """Text of a fixed number of votes."""
    return "fixed"


def capped_text(cap: int) -> str:
    """Text of a sequential rule with this cap."""
    return f"anytime {cap}"


def classes_text(classes: int, top: int) -> str:
    """Text of simultaneous limits for so many classes."""
    return f"classes {classes} top {top}"


def classes_of(rule: str) -> tuple[int, int]:
    """Number of classes and k of "classes C top k"."""
    found = _FORM.fullmatch(rule)
    if found is None or not found[2]:
        raise invalid("rule", "'classes C top K'", rule, "check the log")
    return int(found[2]), int(found[3])


def check_rule(text: str, n: int) -> str:
    """Return `text` if it is a rule that can have stopped after `n` votes.

    Raises
    ------
    ValueError
        It is none; the message says what is wrong.
    """
    found = _FORM.fullmatch(text)
    if found is None:
        raise ValueError(
            f"rule is {text!r}, not 'fixed', 'anytime <cap>' or 'classes <number> top <k>'"
        )
    if found[1] and not n <= int(found[1]) <= MAX_TRIALS:
        raise ValueError(f"rule is {text!r} for n = {n}; the cap lies from n to {MAX_TRIALS}")
    return text


def lower_limit(
    rule: str, successes: npt.ArrayLike, trials: npt.ArrayLike, alpha: float
) -> npt.NDArray[np.float64]:
    """Lower confidence limit of a probability by a rule written as text.

    Parameters
    ----------
    rule : str
        "fixed", "anytime N" or "classes C top K".
    successes, trials : array_like of int
        Votes where the rule stopped.
    alpha : float
        Failure probability of the certificate.

    Returns
    -------
    ndarray of float64
        Limits in [0, 1), rounded down.

    Examples
    --------
    >>> lower_limit("fixed", 990, 1000, 1e-3), lower_limit("anytime 1000", 990, 1000, 1e-3)
    (array(0.976036...), array(0.974936...))
    """
    found = _FORM.fullmatch(rule)
    if found is None:
        raise invalid("rule", "'fixed', 'anytime N' or 'classes C top K'", rule, "check the log")
    if found[1]:
        return capped_lower(successes, trials, int(found[1]), alpha)
    # With all classes bounded at once, the selected one gets half of alpha.
    return clopper_pearson_lower(successes, trials, alpha / 2.0 if found[2] else alpha)
