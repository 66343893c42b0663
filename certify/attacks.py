"""Attacks on smoothed classifiers.

A certificate holds against every perturbation within its radius, so no attack may succeed there; an
attack shows how much of the gap above a certified accuracy is real. Projected gradient descent
lowers the mean over noisy copies of the probability of the certified class (Salman et al. 2019,
section 2.2); whether it succeeded is decided by `SmoothedClassifier.predict` on copies that the
search has not seen.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from certify.balls import BALLS, ascent_step, norms, project
from certify.forward import evaluation_mode
from certify.inputs import model_placement
from certify.objectives import smoothed_loss
from certify.sampling import sampling_device
from certify.smoothed_classifier import SmoothedClassifier
from certify.streams import item_generator
from numerics.errors import InvalidInputError, invalid
from numerics.validation import check_choice, check_count

__all__ = ["AttackSettings", "attack"]

#: Stage of the noise streams that attacks draw from; selection and counting have 0 and 1.
_SEARCH = 2

#: Perturbations are this much, relative, inside their ball, for the rounding of sums of squares
#: and of the addition to the image. float32 has 6e-8, and its sums over coordinates lose more.
_INSIDE = 1e-4


@dataclass(frozen=True)
class AttackSettings:
    """Effort of an attack.

    Attributes
    ----------
    steps : int
        Gradient steps from every start.
    copies : int
        Noisy copies by which the smoothed classifier is judged in a step.
    restarts : int
        Starts: the image itself, then random points of the ball.
    fresh : bool
        Draw the copies anew in every step (a search on the expectation), or keep them.
    step : float
        Length of the first steps in radii of the ball; it falls linearly to a tenth.
    seed : int
        Seed of copies and starts.
    """

    steps: int = 20
    copies: int = 32
    restarts: int = 1
    fresh: bool = True
    step: float = 0.3
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("steps", "copies", "restarts"):
            check_count(name, getattr(self, name), minimum=1)


def attack(
    smoothed: SmoothedClassifier,
    images: torch.Tensor,
    classes: Sequence[int] | npt.NDArray[np.int64],
    radius: float | npt.NDArray[np.float64],
    *,
    norm: str | None = None,
    settings: AttackSettings | None = None,
) -> torch.Tensor:
    """Points near images where the smoothed classifier is least sure of a class.

    Parameters
    ----------
    smoothed : SmoothedClassifier
        Its base classifier must be a module with logits.
    images : tensor, shape (m, *shape)
        Where to start.
    classes : sequence of int
        Classes to lead away from, one per image.
    radius : float or array of shape (m,)
        How far to go, >= 0, in input units.
    norm : {"l1", "l2", "linf"}, optional
        By default that of the smoothed classifier's certificates.
    settings : AttackSettings, optional
        Effort.

    Returns
    -------
    tensor, shape (m, *shape)
        Within `radius` of the images. They may leave the range of the images, since certificates
        hold there, too.

    Raises
    ------
    InvalidInputError
        Another norm, or a model without gradients.

    References
    ----------
    .. [1] Salman et al., Provably robust deep learning via adversarially trained smoothed
       classifiers, NeurIPS 2019, section 2.2.
    """
    chosen = settings or AttackSettings()
    own = smoothed.smoother.radius.adversary
    ball = check_choice("norm", norm or str(getattr(own, "name", own)), BALLS)
    limits = np.broadcast_to(np.asarray(radius, dtype=np.float64), (len(images),))
    if not (limits >= 0.0).all() or not np.isfinite(limits).all():
        raise invalid("radius", "finite numbers >= 0", float(limits.min()), "pass a distance")
    with evaluation_mode(smoothed.model):
        rows = [
            _attack_one(smoothed, image, int(label), float(limit), ball, chosen, number)
            for number, (image, label, limit) in enumerate(
                zip(images, classes, limits, strict=True)
            )
        ]
    return torch.stack(rows)


def _attack_one(
    smoothed: SmoothedClassifier,
    image: torch.Tensor,
    label: int,
    radius: float,
    ball: str,
    settings: AttackSettings,
    number: int,
) -> torch.Tensor:
    """The best point of all starts, by its mean loss over the last copies."""
    if radius == 0.0:
        return image
    device, dtype = model_placement(smoothed.model, image)
    generator = item_generator(settings.seed, number, _SEARCH, sampling_device(device))
    x = image.to(device=device, dtype=torch.promote_types(image.dtype, dtype))
    target = torch.tensor([label], device=device)
    forward = _logits(smoothed, dtype)
    best, best_loss = x, -np.inf
    for restart in range(settings.restarts):
        shift = torch.zeros_like(x)
        if restart:
            shift = torch.randn(x.shape, generator=generator, device=generator.device).to(x)
            shift = radius * ascent_step(shift.unsqueeze(0), ball)[0]
        noise = _noise(smoothed, x, settings.copies, generator)
        for step in range(settings.steps):
            if settings.fresh and step:
                noise = _noise(smoothed, x, settings.copies, generator)
            at = (x + shift).unsqueeze(0).requires_grad_(True)
            loss = smoothed_loss(forward, at, target, noise).sum()
            gradient = _gradient(loss, at)
            length = radius * settings.step * (1.0 - 0.9 * step / settings.steps)
            moved = shift + length * ascent_step(gradient, ball)[0]
            shift = project(moved.unsqueeze(0), radius * (1.0 - _INSIDE), ball)[0]
        with torch.no_grad():
            final = float(smoothed_loss(forward, (x + shift).unsqueeze(0), target, noise))
        if final > best_loss:
            best, best_loss = x + shift, final
    found = best.to(image)
    if float(norms((found.double() - image.double()).unsqueeze(0), ball)) > radius:
        raise InvalidInputError(
            f"the radius {radius:g} is too small for the precision of {image.dtype}; attack images "
            "in float64"
        )
    return found


def _noise(
    smoothed: SmoothedClassifier, x: torch.Tensor, copies: int, generator: torch.Generator
) -> torch.Tensor:
    """Noise of copies, shape (copies, 1, *shape)."""
    drawn = smoothed.smoother.sample(torch.zeros_like(x), copies, generator)
    return drawn.unsqueeze(1)


def _logits(
    smoothed: SmoothedClassifier, dtype: torch.dtype
) -> Callable[[torch.Tensor], torch.Tensor]:
    """The base classifier behind its normalisation."""

    def forward(batch: torch.Tensor) -> torch.Tensor:
        batch = batch.to(dtype)
        output = smoothed.model(
            batch if smoothed.inputs is None else smoothed.inputs.normalise(batch)
        )
        if not isinstance(output, torch.Tensor) or output.ndim != 2:
            raise invalid("the model's output", "logits", type(output).__name__, "return logits")
        return output

    return forward


def _gradient(loss: torch.Tensor, at: torch.Tensor) -> torch.Tensor:
    if not loss.requires_grad:
        raise invalid(
            "the model", "differentiable", "no gradient", "attack a module, not a NumPy function"
        )
    (gradient,) = torch.autograd.grad(loss, at)
    return gradient
