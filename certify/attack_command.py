"""What ``radii attack`` does: certify, attack at several radii, compare."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from certify.attacked_accuracy import AttackedAccuracy, attacked_accuracy
from certify.attacks import AttackSettings
from certify.command import CertifyCommand
from numerics.decimals import down_text
from numerics.errors import InvalidInputError
from numerics.progress import reporter

__all__ = ["run_attack"]


def run_attack(
    command: CertifyCommand,
    radii: Sequence[float] | int,
    settings: AttackSettings,
    *,
    n: int,
    alpha: float,
    say: Callable[[str], None],
) -> AttackedAccuracy:
    """Certify images, attack them, and say what was found.

    Parameters
    ----------
    command : CertifyCommand
        Model, data, noise and norm.
    radii : sequence of float, or int
        Radii of the attacks, or how many to spread up to the largest certified radius.
    settings : AttackSettings
        Effort.
    n, alpha
        Copies and significance of predictions at the points found.
    say : callable
        Prints a line.

    Returns
    -------
    AttackedAccuracy
    """
    ready = command.prepare(say)
    batch = command.certified(ready)
    if isinstance(radii, int):
        largest = float(batch.radius.max(initial=0.0))
        if not 0.0 < largest < np.inf:
            raise InvalidInputError("no image has a finite certified radius; pass radii with --at")
        radii = [float(down_text(v, 3)) for v in np.linspace(0.0, largest, radii + 1)[1:]]
    images = ready.data.take([c.index for c in batch])
    with reporter(True, len(radii), "attacking") as report:
        result = attacked_accuracy(
            ready.smoothed,
            images.images,
            images.labels.numpy(),
            batch,
            radii,
            settings=settings,
            n=n,
            alpha=alpha,
            report=report,
        )
    say(f"attack     {settings}")
    say(f"| {command.adversary} radius | certified | under attack |")
    say("|---|---|---|")
    for radius, sure, left in zip(result.radii, result.certified, result.empirical, strict=True):
        say(f"| {radius:g} | {sure:.4f} | {left:.4f} |")
    for index, radius in result.violations:
        say(
            f"violation  image {index} changed its class at {radius:g}, inside its certified radius"
        )
    say(f"violations {len(result.violations)} of {len(batch) * len(radii)}")
    return result
