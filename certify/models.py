"""Small networks, and their cost in multiply-adds."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

__all__ = ["multiply_adds", "pooled_cnn", "small_cnn"]


def small_cnn(*, classes: int = 10, seed: int = 0) -> nn.Sequential:
    """Convolutional network for 8 x 8 grey images, below 0.1 M multiply-adds.

    The first layer keeps the full resolution: at high noise that was worth more accuracy than
    depth. `seed` fixes the initial weights and leaves PyTorch's global generator alone.

    Examples
    --------
    >>> multiply_adds(small_cnn(), (1, 8, 8))
    46592
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Sequential(
            nn.Conv2d(1, 8, kernel_size=3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(8, 32, kernel_size=3, stride=2, padding=1),
            nn.ReLU(inplace=True),
            nn.Flatten(),
            nn.Linear(512, classes),
        )


def pooled_cnn(*, classes: int = 10, seed: int = 0) -> nn.Sequential:
    """As `small_cnn`, for grey images of any size from 8 x 8: features are averaged to 4 x 4."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Sequential(
            nn.Conv2d(1, 8, kernel_size=3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(8, 32, kernel_size=3, stride=2, padding=1),
            nn.ReLU(inplace=True),
            nn.AdaptiveAvgPool2d(4),
            nn.Flatten(),
            nn.Linear(512, classes),
        )


def multiply_adds(model: nn.Module, shape: tuple[int, ...]) -> int:
    """Multiply-adds of one forward pass on an input of this shape (convolutions, linear layers).

    Counted from the shapes that pass through the layers: every output number of a layer costs as
    many multiply-adds as one row of its weight has entries.
    """
    total = 0

    def count(layer: nn.Module, inputs: Any, output: torch.Tensor) -> None:
        nonlocal total
        weight = layer.get_parameter("weight")
        total += output[0].numel() * weight[0].numel()

    layers = [m for m in model.modules() if isinstance(m, (nn.Conv2d, nn.Linear))]
    hooks = [layer.register_forward_hook(count) for layer in layers]
    try:
        with torch.inference_mode():
            model(torch.zeros(1, *shape))
    finally:
        for hook in hooks:
            hook.remove()
    return total
