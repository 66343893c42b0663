"""The networks of the papers by name, each behind the normalisation of its data.

Noise is added to images in [0, 1]; the network normalises the noisy image in its first layer, so
that radii are in units of the image (Cohen et al. 2019, appendix D).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from certify.bottleneck_network import ResNet50
from certify.models import pooled_cnn, small_cnn
from certify.residual_networks import CifarResNet, WideResNet

__all__ = [
    "ARCHITECTURES",
    "Normalise",
    "alexnet",
    "mlp",
    "resnet20",
    "resnet50",
    "resnet110",
    "wide_resnet40_2",
]

#: Mean and standard deviation per channel that the published models use.
CIFAR10_MEAN, CIFAR10_STD = (0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010)
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class Normalise(nn.Module):
    """(x - mean)/std per channel; constants, so not among the weights.

    Examples
    --------
    >>> Normalise((0.5,), (0.25,))(torch.ones(1, 1, 1, 1)).item()
    2.0
    """

    mean: torch.Tensor
    std: torch.Tensor

    def __init__(self, mean: tuple[float, ...], std: tuple[float, ...]) -> None:
        super().__init__()
        for name, values in (("mean", mean), ("std", std)):
            self.register_buffer(name, torch.tensor(values).view(-1, 1, 1), persistent=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return (x - self.mean) / self.std


def _cifar(make: Callable[[], nn.Module], seed: int) -> nn.Sequential:
    return _normalised(make, seed, CIFAR10_MEAN, CIFAR10_STD)


def _normalised(
    make: Callable[[], nn.Module], seed: int, mean: tuple[float, ...], std: tuple[float, ...]
) -> nn.Sequential:
    """Initial weights follow the seed and leave PyTorch's global generator alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Sequential(Normalise(mean, std), make())


def resnet20(*, classes: int = 10, seed: int = 0) -> nn.Sequential:
    """ResNet-20 for 32 x 32 colour images."""
    return _cifar(lambda: CifarResNet(20, classes), seed)


def resnet110(*, classes: int = 10, seed: int = 0) -> nn.Sequential:
    """ResNet-110 for 32 x 32 colour images (Cohen et al., Blum et al., Zhang et al.)."""
    return _cifar(lambda: CifarResNet(110, classes), seed)


def wide_resnet40_2(*, classes: int = 10, seed: int = 0) -> nn.Sequential:
    """Wide ResNet 40-2 for 32 x 32 colour images (Yang et al.).

    Examples
    --------
    >>> sum(p.numel() for p in wide_resnet40_2().parameters())
    2243546
    """
    return _cifar(lambda: WideResNet(40, 2, classes), seed)


def resnet50(*, classes: int = 1000, seed: int = 0) -> nn.Sequential:
    """ResNet-50 for 224 x 224 colour images."""
    return _normalised(lambda: ResNet50(classes), seed, IMAGENET_MEAN, IMAGENET_STD)


def mlp(*, classes: int = 10, pixels: int = 3072, seed: int = 0) -> nn.Sequential:
    """Fully connected network with hidden layers of 2048 and 512 (Yang et al., appendix D)."""
    widths = (2048, 512)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Sequential(
            nn.Flatten(),
            nn.Linear(pixels, widths[0]),
            nn.ReLU(inplace=True),
            nn.Linear(widths[0], widths[1]),
            nn.ReLU(inplace=True),
            nn.Linear(widths[1], classes),
        )


def alexnet(*, classes: int = 10, seed: int = 0) -> nn.Sequential:
    """AlexNet with the strides that fit 32 x 32 images (Yang et al., appendix C)."""

    def make() -> nn.Module:
        def conv(
            inputs: int, outputs: int, size: int, stride: int, padding: int
        ) -> list[nn.Module]:
            layer = nn.Conv2d(inputs, outputs, size, stride=stride, padding=padding)
            return [layer, nn.ReLU(inplace=True)]

        return nn.Sequential(
            *conv(3, 64, 11, 4, 5),
            nn.MaxPool2d(2),
            *conv(64, 192, 5, 1, 2),
            nn.MaxPool2d(2),
            *conv(192, 384, 3, 1, 1),
            *conv(384, 256, 3, 1, 1),
            *conv(256, 256, 3, 1, 1),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Dropout(0.5),
            nn.Linear(256, classes),
        )

    return _cifar(make, seed)


#: Factories by name. The names that Cohen et al. write into their checkpoints are among them.
ARCHITECTURES: dict[str, Callable[..., Any]] = {
    "small_cnn": small_cnn,
    "pooled_cnn": pooled_cnn,
    "resnet20": resnet20,
    "cifar_resnet20": resnet20,
    "resnet110": resnet110,
    "cifar_resnet110": resnet110,
    "wide_resnet40_2": wide_resnet40_2,
    "resnet50": resnet50,
    "mlp": mlp,
    "alexnet": alexnet,
}
