"""Accuracy under attack beside certified accuracy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from certify.attacks import AttackSettings, attack
from certify.certificate import ABSTAIN, CertificateBatch
from certify.smoothed_classifier import SmoothedClassifier

__all__ = ["AttackedAccuracy", "attacked_accuracy"]


def _without_range(smoothed: SmoothedClassifier, radius: float) -> SmoothedClassifier:
    """The same classifier for points that an attack moved out of the range of the images."""
    space = smoothed.inputs
    if space is not None:
        space = replace(space, low=space.low - radius, high=space.high + radius)
    return SmoothedClassifier.from_smoother(
        smoothed.model,
        smoothed.smoother,
        inputs=space,
        execution=smoothed.execution,
        classes=smoothed.classes,
    )


@dataclass(frozen=True)
class AttackedAccuracy:
    """What an attack left, beside what was certified.

    Attributes
    ----------
    radii : array, shape (k,)
        Radii of the attacks.
    certified, empirical : array, shape (k,)
        Share of images certified correctly at the radius, and of those still classified correctly
        at the point that the attack found.
    violations : tuple of (index, radius)
        Images whose class changed within their certified radius, which at most a share alpha of
        images may do.
    """

    radii: npt.NDArray[np.float64]
    certified: npt.NDArray[np.float64]
    empirical: npt.NDArray[np.float64]
    violations: tuple[tuple[int, float], ...]


def attacked_accuracy(
    smoothed: SmoothedClassifier,
    images: torch.Tensor,
    labels: Sequence[int] | Any,
    batch: CertificateBatch,
    radii: Sequence[float],
    *,
    settings: AttackSettings | None = None,
    n: int = 1000,
    alpha: float = 1e-3,
    report: Callable[[int, int], None] | None = None,
) -> AttackedAccuracy:
    """Attack at several radii, and compare with certificates.

    Parameters
    ----------
    smoothed : SmoothedClassifier
        What was certified.
    images, labels
        The certified images, in the order of `batch`, and their classes.
    batch : CertificateBatch
        Certificates.
    radii : sequence of float
        Radii > 0 of the attacks.
    settings : AttackSettings, optional
        Effort.
    n, alpha
        Copies and significance with which the class at a found point is decided. An undecided
        point counts as a success of the attack in `empirical`, and as no violation.
    report : callable, optional
        Called with (radii done, radii in all).

    Returns
    -------
    AttackedAccuracy
    """
    chosen = settings or AttackSettings()
    truth = np.asarray(labels, dtype=np.int64)
    certified, empirical, violations = [], [], []
    judge = _without_range(smoothed, float(max(radii)))
    # An image that is not certified is led away from its label.
    away = np.where(batch.prediction == ABSTAIN, truth, batch.prediction)
    for done, radius in enumerate(radii, 1):
        points = attack(smoothed, images, away, radius, settings=chosen)
        # Another seed than the certificates', and another for every radius.
        named = judge.predict(points, n=n, alpha=alpha, seed=chosen.seed + 7919 * done)
        held = (batch.radius >= radius) & (batch.prediction != ABSTAIN)
        certified.append(float((held & batch.correct).mean()))
        empirical.append(float((named == truth).mean()))
        broken = held & (named != ABSTAIN) & (named != batch.prediction)
        violations += [(batch[int(row)].index, float(radius)) for row in np.flatnonzero(broken)]
        if report is not None:
            report(done, len(radii))
    return AttackedAccuracy(
        np.asarray(radii, dtype=np.float64),
        np.array(certified),
        np.array(empirical),
        tuple(violations),
    )
