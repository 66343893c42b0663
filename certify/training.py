"""Training under noise, so that the base classifier is worth smoothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn

from certify.datasets import ImageSet
from certify.sampling import noise_sampler, sampling_device
from numerics.errors import InvalidInputError, invalid
from numerics.validation import check_count
from smoothing.distribution import SmoothingDistribution

__all__ = ["TrainingSettings", "train_with_noise"]


@dataclass(frozen=True)
class TrainingSettings:
    """Stochastic gradient descent with momentum and a cosine schedule.

    Learning rate, momentum and weight decay are those of Yang et al. 2020, appendix D.
    """

    epochs: int = 60
    batch_size: int = 128
    learning_rate: float = 0.1
    momentum: float = 0.9
    weight_decay: float = 1e-4
    seed: int = 0


def train_with_noise(
    model: nn.Module,
    data: ImageSet,
    q: SmoothingDistribution,
    settings: TrainingSettings | None = None,
    *,
    report: Callable[[int, int], None] | None = None,
) -> float:
    """Train a model on images with fresh noise from `q` in every step (noise augmentation).

    Parameters
    ----------
    model : torch.nn.Module
        Trained in place, on the device where it lies; left in evaluation mode.
    data : ImageSet
        Training images.
    q : SmoothingDistribution
        Noise of the dimension of an image.
    settings : TrainingSettings, optional
        Hyper-parameters and seed.
    report : callable, optional
        Called with (epochs done, epochs in all).

    Returns
    -------
    float
        Mean loss of the last epoch.

    Raises
    ------
    InvalidInputError
        Noise and images differ in dimension, or the loss is not finite.

    References
    ----------
    .. [1] Cohen et al., ICML 2019, section 3.3; Yang et al., ICML 2020, appendix D.
    """
    chosen = settings or TrainingSettings()
    if q.dim != data.dim:
        raise invalid("the dimension of the noise", f"{data.dim}, as the images'", q.dim, "match")
    epochs = check_count("epochs", chosen.epochs, minimum=1)
    device = next(model.parameters()).device
    images, labels = data.images.to(device), data.labels.to(device)
    generator = torch.Generator(device=sampling_device(device))
    generator.manual_seed(chosen.seed)
    sample = noise_sampler(q, device)
    optimizer = torch.optim.SGD(
        model.parameters(),
        lr=chosen.learning_rate,
        momentum=chosen.momentum,
        weight_decay=chosen.weight_decay,
    )
    steps = -(-len(data) // chosen.batch_size)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=epochs * steps)
    model.train()
    mean_loss = 0.0
    for epoch in range(epochs):
        order = torch.randperm(len(data), generator=generator, device=generator.device)
        losses = []
        for rows in order.split(chosen.batch_size):
            clean = images[rows.to(device)]
            noise = sample(len(rows), generator).reshape(clean.shape).to(clean)
            loss = nn.functional.cross_entropy(model(clean + noise), labels[rows.to(device)])
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            schedule.step()
            losses.append(loss.detach())
        mean_loss = float(torch.stack(losses).mean())
        if not mean_loss < float("inf"):
            raise InvalidInputError(
                f"the training loss is {mean_loss} in epoch {epoch + 1}; lower learning_rate "
                f"(it is {chosen.learning_rate})"
            )
        if report is not None:
            report(epoch + 1, epochs)
    model.eval()
    return mean_loss
