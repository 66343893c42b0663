"""Noisy copies per second against bare forward passes of the same network and batch size.

    pytest benchmarks/test_certify.py -s

prints the ratio. The target is 0.95: drawing noise, adding it and counting votes cost at most a
twentieth. Passes alternate, so that a busy machine slows both sides alike.
"""

from __future__ import annotations

import statistics
import time

import pytest
import torch
from torch import nn

from certify.execution import Execution
from certify.procedures import Settings, certify_one
from certify.runner import Runner
from certify.smoothers import AdditiveSmoother, as_radius
from certify.stopping import FixedRule
from smoothing import families

DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]


class Block(nn.Module):
    """Two 3 x 3 convolutions before which normalisation and ReLU stand (Zagoruyko, 2016)."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.BatchNorm2d(inputs), nn.BatchNorm2d(outputs)
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        same = inputs == outputs and stride == 1
        self.skip = nn.Identity() if same else nn.Conv2d(inputs, outputs, 1, stride, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = torch.relu(self.norm1(x))
        y = self.conv2(torch.relu(self.norm2(self.conv1(y))))
        shortcut: torch.Tensor = self.skip(x)
        return y + shortcut


def wide_resnet_40_2() -> nn.Sequential:
    """Wide ResNet 40-2 for 32 x 32 colour images: three groups of six blocks."""
    layers: list[nn.Module] = [nn.Conv2d(3, 16, 3, 1, 1, bias=False)]
    width = 16
    for outputs, stride in ((32, 1), (64, 2), (128, 2)):
        for block in range(6):
            layers.append(Block(width, outputs, stride if block == 0 else 1))
            width = outputs
    layers += [nn.BatchNorm2d(128), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    return nn.Sequential(*layers, nn.Linear(128, 10)).eval()


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("noise", ["gaussian", "uniform_cube", "laplace"])
def test_throughput_against_bare_passes(device: str, noise: str) -> None:
    batch, rounds = (32, 3) if device == "cpu" else (1024, 20)
    model = wide_resnet_40_2().to(device)
    image = torch.rand(3, 32, 32, generator=torch.Generator().manual_seed(0))
    q = getattr(families, noise)(3072, sigma=0.5)
    smoother = AdditiveSmoother(q, as_radius(q, "l2" if noise == "gaussian" else "l1"))
    execution = Execution(batch_size=batch)
    runner = Runner(model, image, execution)
    copies = 2 * batch
    settings = Settings(FixedRule(copies, 1e-3), batch, 0)
    x = image.to(device).expand(batch, 3, 32, 32).clone()

    def bare() -> float:
        start = time.perf_counter()
        for _ in range(copies // batch + 1):
            output = model(x)
        output.sum().item()  # waits for an accelerator
        return time.perf_counter() - start

    def certified() -> float:
        start = time.perf_counter()
        certify_one(runner, smoother, image, 0, None, settings)
        return time.perf_counter() - start

    with torch.inference_mode():
        bare(), certified()
        ratios = [bare() / certified() for _ in range(rounds)]
    rate = (copies + batch) / certified()
    print(f"{device} {noise}: ratio {statistics.median(ratios):.3f}, {rate:.0f} copies/s")
    # 0.95 is the target on a quiet machine; this only catches a real loss on a busy one.
    assert statistics.median(ratios) > 0.8
