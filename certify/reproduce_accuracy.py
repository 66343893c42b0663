"""The experiments that are about accuracies: architectures, rotations, noises crossed.

Each function returns a table as Markdown and a figure.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from certify.datasets import ImageSet, ImageSource
from certify.evaluate import certified_accuracy
from certify.experiments import Experiment
from certify.reproduction import Bench, smoothed_accuracy

__all__ = ["clean", "crossed", "rotation", "scatter"]

#: Images by which an accuracy is measured.
_MOST = 500


def clean(bench: Bench, experiment: Experiment) -> tuple[str, Any]:
    """Accuracy of the smoothed classifier on training and test images, by architecture."""
    rows, series = [], {}
    for paper_name in experiment.architectures:
        network = bench.architecture(paper_name)
        for variant in experiment.variants:
            found = []
            for sigma in experiment.sigmas:
                model = bench.model(variant, sigma, network)
                q = bench.noise(variant.noise, sigma, math.prod(bench.images("test").shape))
                pair = [smoothed_accuracy(model, q, _some(bench.images(p))) for p in _PARTS]
                found.append(pair)
                rows.append((network, variant.label, f"{sigma:g}", *(f"{v:.4f}" for v in pair)))
            series[f"{network}, {variant.label}"] = (experiment.sigmas, [p[1] for p in found])
    table = _table(("architecture", "noise", "sigma", "training", "test"), rows)
    return table, _lines(series, "sigma", "test accuracy", experiment.title)


def scatter(bench: Bench, experiment: Experiment) -> tuple[str, Any]:
    """Certified accuracy at one radius against the training accuracy."""
    radius, rows, series = experiment.radii[0], [], {}
    network = bench.architecture(experiment.architectures[0])
    for variant in experiment.variants:
        points = []
        for sigma in experiment.sigmas:
            model = bench.model(variant, sigma, network)
            q = bench.noise(variant.noise, sigma, math.prod(bench.images("train").shape))
            training = smoothed_accuracy(model, q, _some(bench.images("train")))
            batch = bench.certificates(variant, sigma, experiment.adversary, network)
            sure = float(certified_accuracy(batch.radius, batch.correct, [radius])[0])
            points.append((training, sure))
            rows.append((variant.label, f"{sigma:g}", f"{training:.4f}", f"{sure:.4f}"))
        points.sort()
        series[variant.label] = ([p[0] for p in points], [p[1] for p in points])
    table = _table(("noise", "sigma", "training", f"certified at {radius:g}"), rows)
    return table, _lines(series, "training accuracy", "certified accuracy", experiment.title)


class _Rotate(nn.Module):
    """Images times a fixed orthogonal matrix."""

    matrix: torch.Tensor

    def __init__(self, matrix: torch.Tensor) -> None:
        super().__init__()
        self.register_buffer("matrix", matrix, persistent=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return (x.flatten(1) @ self.matrix.T).reshape(x.shape)


def rotation(bench: Bench, experiment: Experiment) -> tuple[str, Any]:
    """Training accuracy with x replaced by W x, and with the noise d replaced by W d.

    The second is trained as x + W d = W (W^T x + d): images W^T x, and W in front of the network.
    """
    train = bench.images("train")
    dim = math.prod(train.shape)
    generator = torch.Generator().manual_seed(0)
    matrix = torch.linalg.qr(torch.randn(dim, dim, generator=generator))[0]
    forth, back = _Rotate(matrix), _Rotate(matrix.T.contiguous())
    whole = train.take(range(len(train)))
    plans: dict[str, tuple[ImageSet, Any]] = {
        "neither": (whole, lambda module: module),
        "rotated images": (ImageSet(forth(whole.images), whole.labels), lambda module: module),
        "rotated noise": (
            ImageSet(back(whole.images), whole.labels),
            lambda module: nn.Sequential(_Rotate(matrix), module),
        ),
    }
    network = bench.architecture(experiment.architectures[0])
    rows, series = [], {}
    for plan, (images, wrap) in plans.items():
        for variant in experiment.variants:
            found = []
            for sigma in experiment.sigmas:
                model = bench.model(variant, sigma, network, images=images, wrap=wrap, tag=plan)
                q = bench.noise(variant.noise, sigma, dim)
                found.append(smoothed_accuracy(model, q, _some(images)))
                rows.append((plan, variant.label, f"{sigma:g}", f"{found[-1]:.4f}"))
            series[f"{variant.label}, {plan}"] = (experiment.sigmas, found)
    table = _table(("rotated", "noise", "sigma", "training"), rows)
    return table, _lines(series, "sigma", "training accuracy", experiment.title)


def crossed(bench: Bench, experiment: Experiment) -> tuple[str, Any]:
    """Test accuracy of every model under every noise, at one sigma."""
    sigma, test = experiment.sigmas[0], _some(bench.images("test"))
    network = bench.architecture(experiment.architectures[0])
    labels = [variant.label for variant in experiment.variants]
    rows, series = [], {}
    for variant in experiment.variants:
        model = bench.model(variant, sigma, network)
        found = []
        for other in experiment.variants:
            q = bench.noise(other.noise, sigma, math.prod(test.shape))
            found.append(smoothed_accuracy(model, q, test))
        rows.append((variant.label, *(f"{value:.4f}" for value in found)))
        series[f"trained on {variant.label}"] = (range(len(found)), found)
    table = _table(("trained on", *labels), rows)
    figure = _lines(series, "tested on", "test accuracy", experiment.title)
    figure.axes[0].set_xticks(range(len(labels)), labels)
    return table, figure


_PARTS = ("train", "test")


def _some(data: ImageSource) -> ImageSet:
    step = max(1, len(data) // _MOST)
    return data.take(range(0, len(data), step))


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _lines(series: dict[str, tuple[Any, Any]], x: str, y: str, title: str) -> Any:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.2, 4.4), layout="constrained")
    axes = figure.add_subplot()
    for label, (where, values) in series.items():
        axes.plot(list(where), list(values), marker="o", label=label)
    axes.set(xlabel=x, ylabel=y, title=title)
    axes.grid(alpha=0.3)
    axes.legend(fontsize="small")
    return figure
