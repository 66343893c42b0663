"""Residual networks of the papers for 32 x 32 images: ResNet-110 and Wide ResNet 40-2.

Weights carry the names of the published implementations (Cohen et al. 2019 for ResNet-110, Yang et
al. 2020 for the Wide ResNet), so that their checkpoints load (`certify.weight_names`).
"""

from __future__ import annotations

import math

import torch
from torch import nn

__all__ = ["CifarResNet", "WideResNet", "initialise"]


def _conv3(inputs: int, outputs: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, kernel_size=3, stride=stride, padding=1, bias=False)


def _conv1(inputs: int, outputs: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, kernel_size=1, stride=stride, bias=False)


def initialise(network: nn.Module) -> None:
    """Normal weights of variance 2/(outgoing connections) for convolutions (He et al. 2015)."""
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d):
            fan_out = layer.kernel_size[0] * layer.kernel_size[1] * layer.out_channels
            nn.init.normal_(layer.weight, 0.0, math.sqrt(2.0 / fan_out))


class _Basic(nn.Module):
    """Two convolutions and the identity, or its projection where the shape changes."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = _conv3(inputs, outputs, stride), nn.BatchNorm2d(outputs)
        self.conv2, self.bn2 = _conv3(outputs, outputs), nn.BatchNorm2d(outputs)
        self.downsample = (
            nn.Sequential(_conv1(inputs, outputs, stride), nn.BatchNorm2d(outputs))
            if stride != 1 or inputs != outputs
            else None
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = torch.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        return torch.relu(y + (x if self.downsample is None else self.downsample(x)))


class CifarResNet(nn.Module):
    """Residual network of depth 6n + 2 with 16, 32 and 64 channels.

    The last mean is over the whole picture, so that inputs of 48 or 64 pixels are possible (Blum et
    al. 2020, section 5.2); at 32 pixels it is the published mean over 8 x 8.

    References
    ----------
    .. [1] He et al., Deep residual learning for image recognition, CVPR 2016, section 4.2.
    """

    def __init__(self, depth: int, classes: int = 10) -> None:
        super().__init__()
        blocks = (depth - 2) // 6
        self.conv1, self.bn1 = _conv3(3, 16), nn.BatchNorm2d(16)
        self.layer1 = self._stage(16, 16, blocks, 1)
        self.layer2 = self._stage(16, 32, blocks, 2)
        self.layer3 = self._stage(32, 64, blocks, 2)
        self.fc = nn.Linear(64, classes)
        initialise(self)

    @staticmethod
    def _stage(inputs: int, outputs: int, blocks: int, stride: int) -> nn.Sequential:
        rest = (_Basic(outputs, outputs, 1) for _ in range(blocks - 1))
        return nn.Sequential(_Basic(inputs, outputs, stride), *rest)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = torch.relu(self.bn1(self.conv1(x)))
        y = self.layer3(self.layer2(self.layer1(y)))
        return self.fc(y.mean(dim=(2, 3)))


class _Wide(nn.Module):
    """Normalisation and activation come first; a projection starts after them."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.bn1, self.conv1 = nn.BatchNorm2d(inputs), _conv3(inputs, outputs, stride)
        self.bn2, self.conv2 = nn.BatchNorm2d(outputs), _conv3(outputs, outputs)
        # The published name, since weights are stored under it.
        self.convShortcut = _conv1(inputs, outputs, stride) if inputs != outputs else None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        activated = torch.relu(self.bn1(x))
        y = self.conv2(torch.relu(self.bn2(self.conv1(activated))))
        return y + (x if self.convShortcut is None else self.convShortcut(activated))


class _WideStage(nn.Module):
    def __init__(self, inputs: int, outputs: int, blocks: int, stride: int) -> None:
        super().__init__()
        rest = (_Wide(outputs, outputs, 1) for _ in range(blocks - 1))
        self.layer = nn.Sequential(_Wide(inputs, outputs, stride), *rest)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer(x)


class WideResNet(nn.Module):
    """Wide residual network of depth 6n + 4.

    References
    ----------
    .. [1] Zagoruyko and Komodakis, Wide residual networks, BMVC 2016.
    """

    def __init__(self, depth: int, widen: int, classes: int = 10) -> None:
        super().__init__()
        blocks = (depth - 4) // 6
        width = 16 * widen
        self.conv1 = _conv3(3, 16)
        self.block1 = _WideStage(16, width, blocks, 1)
        self.block2 = _WideStage(width, 2 * width, blocks, 2)
        self.block3 = _WideStage(2 * width, 4 * width, blocks, 2)
        self.bn1 = nn.BatchNorm2d(4 * width)
        self.fc = nn.Linear(4 * width, classes)
        initialise(self)
        nn.init.zeros_(self.fc.bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.block3(self.block2(self.block1(self.conv1(x))))
        return self.fc(torch.relu(self.bn1(y)).mean(dim=(2, 3)))
