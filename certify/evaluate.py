"""Certified accuracy as a function of the radius, and envelopes over noise levels.

Certified accuracy at radius r is the share of test points whose certified class is the right one
and whose certified radius is at least r (Cohen et al. 2019; Yang et al. 2020, section 6).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from numerics.errors import invalid

__all__ = [
    "Curve",
    "accuracy_curve",
    "accuracy_table",
    "average_certified_radius",
    "certified_accuracy",
    "envelope",
]

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Curve:
    """Certified accuracy at increasing radii.

    `accuracy[i]` is the certified accuracy at `radii[i]`; `best`, where the curve is an envelope,
    names the curve that reaches it.
    """

    label: str
    radii: FloatArray
    accuracy: FloatArray
    best: tuple[str, ...] | None = None


def certified_accuracy(
    radius: npt.ArrayLike, correct: npt.ArrayLike, at: npt.ArrayLike
) -> FloatArray:
    """Share of images that are classified correctly with a certified radius of at least `at`.

    Parameters
    ----------
    radius : array_like, shape (images,)
        Certified radii.
    correct : array_like of bool, shape (images,)
        Whether the certified class is the right one; False for abstentions.
    at : array_like, shape (m,)
        Radii >= 0.

    Returns
    -------
    ndarray of float64, shape of `at`

    Raises
    ------
    InvalidInputError
        Shapes differ, no image is given, or a radius is NaN or negative.

    Examples
    --------
    >>> certified_accuracy([0.2, 0.7, 0.9, 0.0], [True, True, False, False], at=[0.0, 0.5, 1.0])
    array([0.5 , 0.25, 0.  ])
    """
    radii = np.asarray(radius, dtype=np.float64)
    right = np.asarray(correct, dtype=np.bool_)
    where = np.asarray(at, dtype=np.float64)
    if radii.ndim != 1 or radii.shape != right.shape or radii.size == 0:
        legal = "two one-dimensional arrays of equal length >= 1"
        raise invalid("radius and correct", legal, (radii.shape, right.shape), "one per image")
    for name, values in (("radius", radii), ("at", where)):
        bad = ~(values >= 0.0)
        if bad.any():
            raise invalid(name, "numbers >= 0", float(values[bad].flat[0]), "abstentions have 0")
    # Sorted radii of the correct images: those from the first one >= r onwards are certified at r.
    ordered = np.sort(radii[right])
    certified = ordered.size - np.searchsorted(ordered, where, side="left")
    return np.asarray(certified / radii.size, dtype=np.float64)


def average_certified_radius(radius: npt.ArrayLike, correct: npt.ArrayLike) -> float:
    """Mean certified radius, where a wrong or abstained image counts as 0.

    Examples
    --------
    >>> average_certified_radius([0.5, 1.0, 3.0, 0.0], [True, True, False, False])
    0.375
    """
    radii = np.asarray(radius, dtype=np.float64)
    return float(np.where(np.asarray(correct, dtype=np.bool_), radii, 0.0).mean())


def accuracy_curve(
    label: str, radius: npt.ArrayLike, correct: npt.ArrayLike, at: npt.ArrayLike
) -> Curve:
    """The certified accuracies of one model at the radii `at`, as a `Curve`."""
    where = np.asarray(at, dtype=np.float64)
    return Curve(label, where, certified_accuracy(radius, correct, where))


def envelope(label: str, curves: Sequence[Curve]) -> Curve:
    """Upper envelope of curves over the same radii: at each radius the best of them.

    It is what choosing the noise level by its test accuracy at each radius gives, the way the
    literature reports it. Ties go to the curve that comes first.

    Raises
    ------
    InvalidInputError
        No curve, or curves over different radii.

    Examples
    --------
    >>> low = Curve("0.25", np.array([0.0, 1.0]), np.array([0.9, 0.1]))
    >>> high = Curve("1.0", np.array([0.0, 1.0]), np.array([0.6, 0.5]))
    >>> both = envelope("all", [low, high])
    >>> both.accuracy, both.best
    (array([0.9, 0.5]), ('0.25', '1.0'))
    """
    if not curves:
        raise invalid("curves", "at least one curve", [], "pass the curves of the noise levels")
    radii = curves[0].radii
    if any(not np.array_equal(curve.radii, radii) for curve in curves):
        raise invalid("curves", "curves over the same radii", "others", "use one grid `at`")
    stacked = np.stack([curve.accuracy for curve in curves])
    winner = stacked.argmax(axis=0)
    best = tuple(curves[int(i)].label for i in winner)
    return Curve(label, radii, stacked.max(axis=0), best)


def accuracy_table(curves: Sequence[Curve] | Mapping[str, Curve], at: npt.ArrayLike) -> str:
    """Markdown table of curves: one row per curve, one column per radius of `at`.

    Radii of `at` must be among the radii of every curve.

    Examples
    --------
    >>> curve = Curve("uniform", np.array([0.5, 1.0]), np.array([0.7055, 0.5848]))
    >>> print(accuracy_table([curve], at=[0.5, 1.0]))
    | radius | 0.5 | 1 |
    |---|---|---|
    | uniform | 0.7055 | 0.5848 |
    """
    where = np.asarray(at, dtype=np.float64)
    listed = list(curves.values()) if isinstance(curves, Mapping) else list(curves)
    lines = [
        "| radius | " + " | ".join(f"{r:g}" for r in where) + " |",
        "|---" * (where.size + 1) + "|",
    ]
    for curve in listed:
        missing = np.setdiff1d(where, curve.radii)
        if missing.size:
            raise invalid("at", f"radii of the curve {curve.label!r}", missing[0], "add them to it")
        values = curve.accuracy[np.searchsorted(curve.radii, where)]
        lines.append(f"| {curve.label} | " + " | ".join(f"{v:.4g}" for v in values) + " |")
    return "\n".join(lines)
