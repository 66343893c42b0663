"""Experiments on recorded outputs of published models, without a forward pass.

A folder holds counts under uniform noise (``cifar10_uniform_noise_augmentation.npz`` and the same
for ``imagenet``, arrays as `certify.counts.counts_from_npz` reads them) and logs of Cohen et al.'s
form (``gaussian_logs/*.tsv``).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from certify.counts import counts_from_npz
from certify.evaluate import Curve, accuracy_curve, envelope
from certify.experiments import EXPERIMENTS
from certify.log_reader import read_log
from certify.plots import plot_curves
from certify.recertify import recertify_levels
from certify.tables import accuracy_rows, format_table
from numerics.errors import invalid
from smoothing.distribution import SmoothingDistribution

__all__ = ["RECORDED", "recorded"]

#: Dimension of the inputs, copies per image, failure probability per image.
_DIM = {"cifar10": 3072, "imagenet": 150_528}
_N, _ALPHA = 100_000, 1e-3

_POINTS = 400


def recorded(name: str, folder: Path, out: Path) -> str:
    """Carry out an experiment on recorded outputs; returns its table.

    Parameters
    ----------
    name : str
        One of `RECORDED`.
    folder : path
        The outputs.
    out : path
        Folder to write table and picture to.

    Raises
    ------
    InvalidInputError
        There are no recorded outputs for it.
    """
    if name not in RECORDED:
        raise invalid("the experiment", f"one of {', '.join(RECORDED)} with --recorded", name,
                      "drop --recorded, and train")  # fmt: skip
    experiment = EXPERIMENTS[name]
    columns, curves = RECORDED[name](folder)
    axes = plot_curves(curves, adversary=experiment.adversary, title=experiment.title)
    table = format_table(accuracy_rows(curves, columns), columns, norm=experiment.adversary)
    place = out / f"{name}-recorded"
    place.mkdir(parents=True, exist_ok=True)
    (place / "table.md").write_text(f"# {experiment.title}\n\n{table}\n", encoding="utf-8")
    figure: Any = axes.figure
    figure.savefig(place / "figure.png", dpi=120)
    return table


def _grid(columns: np.ndarray, largest: float) -> np.ndarray:
    return np.unique(np.concatenate([columns, np.linspace(0.0, largest, _POINTS)]))


def _uniform(folder: Path, *, levels: bool) -> tuple[np.ndarray, list[Curve]]:
    """Best l1 accuracy over sigma, or one curve per sigma, of both data sets."""
    import radii

    columns = np.array(EXPERIMENTS["rsas-table-1"].radii)
    grid, curves = _grid(columns, 4.5), []
    for data, dim in _DIM.items():
        counts = counts_from_npz(folder / f"{data}_uniform_noise_augmentation.npz", n=_N)

        def radius_of(sigma: float, dim: int = dim) -> radii.RadiusFunction:
            cube = SmoothingDistribution.parse(
                "0", dim=dim, support="norm(x, oo) <= 1", sigma=sigma
            )
            return radii.derive(cube, "l1")

        members = [
            accuracy_curve(f"{data}, sigma = {level}", found.radius, found.correct, grid)
            for level, found in recertify_levels(counts, radius_of, alpha=_ALPHA).items()
        ]
        curves += members if levels else [envelope(f"uniform, {data}", members)]
    return columns, curves


def _logs(folder: Path, names: dict[str, list[str]], columns: np.ndarray) -> list[Curve]:
    """Printed radii; the best of several logs where a label has more."""
    grid, curves = _grid(columns, 1.6 * float(columns.max())), []
    for label, files in names.items():
        logs = [read_log(folder / "gaussian_logs" / file) for file in files]
        members = [accuracy_curve(label, log.radius, log.correct, grid) for log in logs]
        curves.append(envelope(label, members))
    return curves


def _blum(folder: Path) -> tuple[np.ndarray, list[Curve]]:
    columns = np.array(EXPERIMENTS["blum-table-1"].radii)
    return columns, _logs(folder, {"TRADES": ["cifar10_trades_sigma_0.12_linf.tsv"]}, columns)


def _zhang(folder: Path) -> tuple[np.ndarray, list[Curve]]:
    columns = np.array(EXPERIMENTS["zhang-table-2"].radii)
    files = [f"cifar10_resnet110_sigma_{sigma}.tsv" for sigma in ("0.25", "0.50")]
    return columns, _logs(folder, {"Gaussian, sigma 0.25 and 0.5": files}, columns)


#: Experiments with recorded outputs: radii of the table, and curves.
RECORDED: dict[str, Callable[[Path], tuple[np.ndarray, list[Curve]]]] = {
    "rsas-table-1": lambda folder: _uniform(folder, levels=False),
    "rsas-figure-2": lambda folder: _uniform(folder, levels=False),
    "rsas-figure-c1": lambda folder: _uniform(folder, levels=True),
    "blum-table-1": _blum,
    "zhang-table-2": _zhang,
}
