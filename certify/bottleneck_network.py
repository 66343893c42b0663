"""ResNet-50 for 224 x 224 images, with the names of weights of torchvision."""

from __future__ import annotations

import torch
from torch import nn

__all__ = ["ResNet50"]

#: Blocks, channels inside a block, and stride of the four stages.
_STAGES = ((3, 64, 1), (4, 128, 2), (6, 256, 2), (3, 512, 2))

#: A block has so many times more channels outside than inside.
_EXPANSION = 4


def _conv(inputs: int, outputs: int, size: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, size, stride=stride, padding=size // 2, bias=False)


class _Bottleneck(nn.Module):
    """1 x 1, 3 x 3 and 1 x 1 convolutions; the stride is in the middle one."""

    def __init__(self, inputs: int, inside: int, stride: int) -> None:
        super().__init__()
        outputs = _EXPANSION * inside
        self.conv1, self.bn1 = _conv(inputs, inside, 1), nn.BatchNorm2d(inside)
        self.conv2, self.bn2 = _conv(inside, inside, 3, stride), nn.BatchNorm2d(inside)
        self.conv3, self.bn3 = _conv(inside, outputs, 1), nn.BatchNorm2d(outputs)
        self.downsample = (
            nn.Sequential(_conv(inputs, outputs, 1, stride), nn.BatchNorm2d(outputs))
            if stride != 1 or inputs != outputs
            else None
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = torch.relu(self.bn1(self.conv1(x)))
        y = torch.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        return torch.relu(y + (x if self.downsample is None else self.downsample(x)))


class ResNet50(nn.Module):
    """Residual network of 50 layers.

    References
    ----------
    .. [1] He et al., Deep residual learning for image recognition, CVPR 2016, table 1.
    """

    def __init__(self, classes: int = 1000) -> None:
        super().__init__()
        self.conv1, self.bn1 = _conv(3, 64, 7, 2), nn.BatchNorm2d(64)
        self.pool = nn.MaxPool2d(kernel_size=3, stride=2, padding=1)
        stages, inputs = [], 64
        for blocks, inside, stride in _STAGES:
            outputs = _EXPANSION * inside
            rest = (_Bottleneck(outputs, inside, 1) for _ in range(blocks - 1))
            stages.append(nn.Sequential(_Bottleneck(inputs, inside, stride), *rest))
            inputs = outputs
        self.layer1, self.layer2, self.layer3, self.layer4 = stages
        self.fc = nn.Linear(inputs, classes)
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.pool(torch.relu(self.bn1(self.conv1(x))))
        y = self.layer4(self.layer3(self.layer2(self.layer1(y))))
        return self.fc(y.mean(dim=(2, 3)))
