"""Losses for training a base classifier that is to be smoothed.

f is the base classifier up to its logits, p its softmax, d noise. Yang et al. 2020, appendix D:

* noise augmentation, -log p(x + d)_y;
* direct, -log mean over copies of p(x + d)_y, the loss of the smoothed classifier;
* adversarial, the direct loss at the worst x' near x for the same copies (Salman et al. 2019);
* stability, -log p(x)_y + gamma KL(p(x) || p(x + d)) (Li et al. 2019; gamma as Carmon et al. 2019);

and TRADES, -log p(x + d)_y + beta max over x' near x of KL(p(x + d) || p(x' + d)) with one d (Blum
et al. 2020, section 5.1).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Protocol

import torch
from torch import nn
from torch.nn.functional import cross_entropy, kl_div, log_softmax

from certify.balls import ascent_step, project

__all__ = [
    "OBJECTIVES",
    "Adversarial",
    "Direct",
    "Noise",
    "NoiseAugmentation",
    "Objective",
    "Stability",
    "Trades",
    "smoothed_loss",
]

#: Draws k noises for every image of the batch: shape (k, m, *shape).
Noise = Callable[[int], torch.Tensor]


class Objective(Protocol):
    """A loss of a batch; a frozen dataclass, so that its text tells its settings."""

    def loss(
        self, model: nn.Module, x: torch.Tensor, y: torch.Tensor, noise: Noise
    ) -> torch.Tensor:
        """Mean over the batch."""
        ...

    def in_epoch(self, epoch: int) -> Objective:
        """The objective of an epoch, counted from 0."""
        ...


class _Constant:
    """Objectives that are the same in every epoch."""

    def in_epoch(self, epoch: int) -> Objective:
        return self  # type: ignore[return-value]


@dataclass(frozen=True)
class NoiseAugmentation(_Constant):
    """Cross-entropy at one noisy copy."""

    def loss(
        self, model: nn.Module, x: torch.Tensor, y: torch.Tensor, noise: Noise
    ) -> torch.Tensor:
        """Mean over the batch."""
        return cross_entropy(model(x + noise(1)[0]), y)


@dataclass(frozen=True)
class Direct(_Constant):
    """Loss of the smoothed classifier, from `copies` noisy copies of every image."""

    copies: int = 4

    def loss(
        self, model: nn.Module, x: torch.Tensor, y: torch.Tensor, noise: Noise
    ) -> torch.Tensor:
        """Mean over the batch."""
        return smoothed_loss(model, x, y, noise(self.copies)).mean()


@dataclass(frozen=True)
class Adversarial:
    """Direct loss at the worst point found within `radius` by projected gradient ascent.

    Steps are of 2 radius/steps; the radius grows linearly over the first `warm_up` epochs. Both,
    the number of steps and the radius (64/255 in l_2) are those of Salman et al. 2019.
    """

    norm: str = "l2"
    radius: float = 64 / 255
    steps: int = 10
    copies: int = 4
    warm_up: int = 10

    def loss(
        self, model: nn.Module, x: torch.Tensor, y: torch.Tensor, noise: Noise
    ) -> torch.Tensor:
        """Mean over the batch."""
        copies = noise(self.copies)

        def grows(worse: torch.Tensor) -> torch.Tensor:
            return smoothed_loss(model, worse, y, copies).sum()

        step = 2.0 * self.radius / self.steps
        worse = _ascend(model, x, grows, self.norm, self.radius, self.steps, step)
        return smoothed_loss(model, worse, y, copies).mean()

    def in_epoch(self, epoch: int) -> Objective:
        """With a smaller radius while warming up."""
        grown = min(1.0, (epoch + 1) / self.warm_up) if self.warm_up else 1.0
        return replace(self, radius=self.radius * grown)


@dataclass(frozen=True)
class Stability(_Constant):
    """Cross-entropy at the image, and `gamma` times the divergence of a noisy copy from it."""

    gamma: float = 6.0

    def loss(
        self, model: nn.Module, x: torch.Tensor, y: torch.Tensor, noise: Noise
    ) -> torch.Tensor:
        """Mean over the batch."""
        clean, noisy = model(x), model(x + noise(1)[0])
        return cross_entropy(clean, y) + self.gamma * _divergence(clean, noisy) / len(x)


@dataclass(frozen=True)
class Trades(_Constant):
    """Cross-entropy at a noisy copy, and `beta` times its largest divergence within `radius`.

    Settings of Blum et al. 2020, section 5.1, for 32 x 32 images and sigma = 0.12.
    """

    beta: float = 6.0
    norm: str = "l2"
    radius: float = 0.435
    steps: int = 10
    step: float = 0.007

    def loss(
        self, model: nn.Module, x: torch.Tensor, y: torch.Tensor, noise: Noise
    ) -> torch.Tensor:
        """Mean over the batch."""
        noisy = x + noise(1)[0]
        with _frozen(model), torch.no_grad():
            fixed = model(noisy)

        def grows(worse: torch.Tensor) -> torch.Tensor:
            return _divergence(fixed, model(worse))

        # At x' = x the divergence is at its minimum and has no gradient: start beside it.
        beside = 1e-3 * torch.sign(noisy - x)
        start = noisy + project(beside, self.radius, self.norm)
        worse = _ascend(
            model, noisy, grows, self.norm, self.radius, self.steps, self.step, start=start
        )
        logits = model(noisy)
        return cross_entropy(logits, y) + self.beta * _divergence(logits, model(worse)) / len(x)


#: Objectives with their default settings, by the names of the command line.
OBJECTIVES: dict[str, Callable[..., Objective]] = {
    "noise": NoiseAugmentation,
    "direct": Direct,
    "adversarial": Adversarial,
    "stability": Stability,
    "trades": Trades,
}


def smoothed_loss(
    model: Callable[[torch.Tensor], torch.Tensor],
    x: torch.Tensor,
    y: torch.Tensor,
    noise: torch.Tensor,
) -> torch.Tensor:
    """-log of the mean over copies of the probability of class y, shape (m,).

    Parameters
    ----------
    model : callable
        Inputs to logits.
    x, y : tensor
        Images (m, *shape) and classes (m,).
    noise : tensor, shape (k, m, *shape)
        The copies' noise, which stays the same while x is moved.
    """
    copies = len(noise)
    logits = model((x + noise).flatten(0, 1))
    classes = y.expand(copies, -1).flatten().unsqueeze(1)
    chosen = log_softmax(logits, dim=1).gather(1, classes).reshape(copies, -1)
    return math.log(copies) - chosen.logsumexp(dim=0)


def _divergence(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """Sum over the batch of KL(softmax(first) || softmax(second))."""
    target = log_softmax(first, dim=1)
    return kl_div(log_softmax(second, dim=1), target, reduction="sum", log_target=True)


def _ascend(
    model: nn.Module,
    x: torch.Tensor,
    grows: Callable[[torch.Tensor], torch.Tensor],
    norm: str,
    radius: float,
    steps: int,
    step: float,
    start: torch.Tensor | None = None,
) -> torch.Tensor:
    """Projected gradient ascent around x, with the model as it is used in evaluation."""
    moved = (x if start is None else start).detach()
    with _frozen(model):
        for _ in range(steps):
            moved.requires_grad_(True)
            (gradient,) = torch.autograd.grad(grows(moved), moved)
            with torch.no_grad():
                shift = moved - x + step * ascent_step(gradient, norm)
                moved = x + project(shift, radius, norm)
    return moved.detach()


@contextmanager
def _frozen(model: nn.Module) -> Iterator[None]:
    """Evaluation mode, so that a search leaves the statistics of batch normalisation alone."""
    training = [module.training for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, before in zip(model.modules(), training, strict=True):
            module.training = before
