"""Training under noise, so that the base classifier is worth smoothing."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import nn

from certify.checkpoints import load_checkpoint, save_checkpoint
from certify.datasets import ImageSet, ImageSource
from certify.objectives import Noise, NoiseAugmentation, Objective
from certify.sampling import NoiseSampler, noise_sampler, sampling_device
from certify.training_batches import Batches, Variation
from numerics.errors import InvalidInputError, invalid
from numerics.validation import check_count
from smoothing.distribution import SmoothingDistribution

__all__ = ["TrainingSettings", "paper_settings", "train_with_noise"]

#: A learning rate that falls in steps falls by this factor.
_DECAY = 0.1


@dataclass(frozen=True)
class TrainingSettings:
    """Stochastic gradient descent with momentum.

    Learning rate, momentum and weight decay are those of Yang et al. 2020, appendix D. The rate
    falls along a cosine, or, with `decay_epochs`, tenfold after each of these epochs.
    """

    epochs: int = 60
    batch_size: int = 128
    learning_rate: float = 0.1
    momentum: float = 0.9
    weight_decay: float = 1e-4
    seed: int = 0
    decay_epochs: tuple[int, ...] = ()
    variation: Variation = field(default_factory=Variation)

    def rate(self, step: int, steps: int) -> float:
        """Learning rate of a step, counted from 0, with so many steps per epoch."""
        if self.decay_epochs:
            passed = sum(step >= epoch * steps for epoch in self.decay_epochs)
            return self.learning_rate * _DECAY**passed
        return self.learning_rate * (1.0 + math.cos(math.pi * step / (self.epochs * steps))) / 2.0


def paper_settings(objective: str, shape: tuple[int, ...]) -> TrainingSettings:
    """Hyper-parameters of the papers for an objective and a shape of images.

    Yang et al. 2020, appendix D: 120 epochs in batches of 128 for CIFAR-10, 30 in batches of 64 for
    ImageNet. Blum et al. 2020, section 5.1, for TRADES: 55 in batches of 256, a tenth of the
    rate after 50. Shifts of 4 pixels and mirroring are those of the published programs. Grey
    images (digits) get the defaults of `TrainingSettings`.

    Examples
    --------
    >>> paper_settings("stability", (3, 32, 32)).epochs
    120
    """
    if len(shape) != 3 or shape[0] != 3:
        return TrainingSettings()
    if shape[-1] >= 128:
        return TrainingSettings(epochs=30, batch_size=64, variation=Variation(flip=True))
    vary = Variation(padding=4, flip=True)
    if objective == "trades":
        return TrainingSettings(epochs=55, batch_size=256, decay_epochs=(50,), variation=vary)
    return TrainingSettings(epochs=120, variation=vary)


def train_with_noise(
    model: nn.Module,
    data: ImageSource,
    q: SmoothingDistribution,
    settings: TrainingSettings | None = None,
    *,
    objective: Objective | None = None,
    extra: ImageSet | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    report: Callable[[int, int], None] | None = None,
) -> float:
    """Train a model on images with fresh noise from `q` in every step.

    Parameters
    ----------
    model : torch.nn.Module
        Trained in place, on the device where it lies; left in evaluation mode.
    data : ImageSource
        Training images.
    q : SmoothingDistribution
        Noise of the dimension of an image.
    settings : TrainingSettings, optional
        Hyper-parameters and seed.
    objective : Objective, optional
        Loss; noise augmentation by default.
    extra : ImageSet, optional
        More images, labelled by a teacher (`pseudo_labelled`), half of every batch.
    checkpoint : path, optional
        Written after every epoch. If it exists, training goes on from it; on a CPU the weights
        are then the same, bit for bit, as without the interruption.
    report : callable, optional
        Called with (epochs done, epochs in all).

    Returns
    -------
    float
        Mean loss of the last epoch.

    Raises
    ------
    InvalidInputError
        Noise and images differ in dimension, the loss is not finite, or the checkpoint is of other
        settings.

    References
    ----------
    .. [1] Cohen et al., ICML 2019, section 3.3; Yang et al., ICML 2020, appendix D.
    """
    chosen = settings or TrainingSettings()
    dim = math.prod(data.shape)
    if q.dim != dim:
        raise invalid("the dimension of the noise", f"{dim}, as the images'", q.dim, "match")
    epochs = check_count("epochs", chosen.epochs, minimum=1)
    check_count("batch_size", chosen.batch_size, minimum=1)
    goal = objective or NoiseAugmentation()
    device = next(model.parameters()).device
    if isinstance(data, ImageSet):
        data = ImageSet(data.images.to(device), data.labels.to(device))
    batches = Batches(data, chosen.batch_size, device, chosen.variation, extra)
    generator = torch.Generator(device=sampling_device(device))
    generator.manual_seed(chosen.seed)
    sample = noise_sampler(q, device)
    optimizer = torch.optim.SGD(
        model.parameters(),
        lr=chosen.learning_rate,
        momentum=chosen.momentum,
        weight_decay=chosen.weight_decay,
    )
    stated = _stated(chosen, goal, q, data, extra)
    done, mean_loss = 0, float("nan")
    with _own_randomness(device, chosen.seed):
        if checkpoint is not None and Path(checkpoint).exists():
            progress = load_checkpoint(checkpoint, model, optimizer, generator, settings=stated)
            done, mean_loss = int(progress["epochs"]), float(progress["loss"])
        for epoch in range(done, epochs):
            mean_loss = _epoch(
                model, batches, goal.in_epoch(epoch), sample, generator, optimizer, chosen, epoch
            )
            if checkpoint is not None:
                progress = {"epochs": epoch + 1, "loss": mean_loss}
                save_checkpoint(
                    checkpoint, model, optimizer, generator, settings=stated, progress=progress
                )
            if report is not None:
                report(epoch + 1, epochs)
    model.eval()
    return mean_loss


def _epoch(
    model: nn.Module,
    batches: Batches,
    objective: Objective,
    sample: NoiseSampler,
    generator: torch.Generator,
    optimizer: torch.optim.SGD,
    settings: TrainingSettings,
    epoch: int,
) -> float:
    """One pass over the images; returns the mean loss of its steps."""
    model.train()
    losses = []
    for step, (images, labels) in enumerate(batches.epoch(generator)):
        for group in optimizer.param_groups:
            group["lr"] = settings.rate(epoch * batches.steps + step, batches.steps)
        loss = objective.loss(model, images, labels, _noise(sample, generator, images))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        losses.append(loss.detach())
    mean = float(torch.stack(losses).mean())
    if not mean < float("inf"):
        raise InvalidInputError(
            f"the training loss is {mean} in epoch {epoch + 1}; lower learning_rate "
            f"(it is {settings.learning_rate})"
        )
    return mean


def _noise(sample: NoiseSampler, generator: torch.Generator, images: torch.Tensor) -> Noise:
    """Draws of the noise in the shape and the type of a batch."""

    def draw(copies: int) -> torch.Tensor:
        drawn = sample(copies * len(images), generator)
        return drawn.reshape(copies, *images.shape).to(images)

    return draw


@contextmanager
def _own_randomness(device: torch.device, seed: int) -> Iterator[None]:
    """What layers draw (dropout) follows the seed, and the caller's generators stay as they are."""
    devices = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(seed)
        yield


def _stated(
    settings: TrainingSettings,
    objective: Objective,
    q: SmoothingDistribution,
    data: ImageSource,
    extra: ImageSet | None,
) -> dict[str, str]:
    """What a resumed run has to agree in."""
    return {
        "settings": repr(settings),
        "objective": repr(objective),
        "noise": q.describe(),
        "data": data.describe(),
        "extra": "none" if extra is None else extra.describe(),
    }
