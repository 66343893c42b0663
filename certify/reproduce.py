"""Carry out experiments of the papers: ``python -m certify.reproduce NAME --data digits``.

Every experiment writes a table (Markdown), a picture, and the record of what was run into its
folder. Repeating a command resumes it.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console

from certify.distributed import Workers
from certify.evaluate import Curve, accuracy_curve, envelope
from certify.experiments import EXPERIMENTS, Experiment
from certify.log_header import current_versions
from certify.plots import plot_curves
from certify.reproduce_accuracy import clean, crossed, rotation, scatter
from certify.reproduction import Bench, Scale
from certify.tables import accuracy_rows, format_table
from numerics.decimals import down_text
from numerics.errors import RadiiError, invalid

__all__ = ["main", "reproduce"]

#: Points of drawn curves, and columns of tables that the papers do not have.
_POINTS, _COLUMNS = 400, 7

#: Small enough for minutes on two cores.
_ON_DIGITS: dict[str, Any] = {"epochs": 20, "images": 100, "n": 2000}
_SIGMAS_ON_DIGITS = (0.25, 0.5, 1.0)


def reproduce(experiment: Experiment, scale: Scale, say: Callable[[str], None]) -> Path:
    """Carry out one experiment.

    Parameters
    ----------
    experiment : Experiment
        One of `EXPERIMENTS`, possibly with fewer variants or noise levels.
    scale : Scale
        Data, sizes, and the folder of results.
    say : callable
        Prints a line.

    Returns
    -------
    Path
        Folder with ``table.md``, ``figure.png`` and ``record.json``.
    """
    folder = scale.out / experiment.name
    folder.mkdir(parents=True, exist_ok=True)
    bench = Bench(scale, say)
    special = {"clean": clean, "crossed": crossed, "rotation": rotation, "scatter": scatter}
    if experiment.kind in special:
        table, figure = special[experiment.kind](bench, experiment)
    else:
        table, figure = _curves(bench, experiment)
    (folder / "table.md").write_text(f"# {experiment.title}\n\n{table}\n", encoding="utf-8")
    figure.savefig(folder / "figure.png", dpi=120)
    record = {
        "experiment": asdict(experiment),
        "scale": {name: str(value) for name, value in asdict(scale).items()},
        "versions": current_versions(),
    }
    (folder / "record.json").write_text(json.dumps(record, indent=1), encoding="utf-8")
    say(table)
    say(f"written to {folder}")
    return folder


def _curves(bench: Bench, experiment: Experiment) -> tuple[str, Any]:
    """Certified accuracy: the best over sigma, one curve per sigma, or one per size of input."""
    found: dict[str, list[tuple[str, Any]]] = {}
    for variant in experiment.variants:
        for architecture in experiment.architectures:
            for sigma, size in _levels(bench, experiment):
                network = bench.architecture(architecture, sizes=size is not None)
                batch = bench.certificates(variant, sigma, experiment.adversary, network, size=size)
                label = f"sigma = {sigma:g}" if size is None else f"{size} pixels"
                found.setdefault(variant.label, []).append((label, batch))
    largest = max(float(b.radius.max(initial=0.0)) for runs in found.values() for _, b in runs)
    paper = np.array(experiment.radii)
    spread = [float(down_text(v, 3)) for v in np.linspace(0.0, largest, _COLUMNS)]
    columns = np.unique(paper if paper.size and not bench.on_digits else spread)
    grid = np.unique(np.concatenate([columns, np.linspace(0.0, 1.02 * largest, _POINTS)]))
    curves: list[Curve] = []
    for name, runs in found.items():
        members = [
            accuracy_curve(f"{name}, {label}", b.radius, b.correct, grid) for label, b in runs
        ]
        curves += [envelope(name, members)] if experiment.kind == "envelope" else members
    axes = plot_curves(curves, adversary=experiment.adversary, title=experiment.title)
    table = format_table(accuracy_rows(curves, columns), columns, norm=experiment.adversary)
    return table, axes.figure


def _levels(bench: Bench, experiment: Experiment) -> list[tuple[float, int | None]]:
    if experiment.kind != "sizes":
        return [(sigma, None) for sigma in experiment.sigmas]
    side = bench.images("test").shape[-1]
    # 32, 48 and 64 pixels with sigma 0.12, 0.18 and 0.24.
    return [(experiment.sigmas[0] * share, int(side * share)) for share in (1.0, 1.5, 2.0)]


def _scale(given: argparse.Namespace) -> Scale:
    sizes = dict(_ON_DIGITS) if given.data == "digits" else {}
    for name in ("epochs", "images", "n"):
        if getattr(given, name) is not None:
            sizes[name] = getattr(given, name)
    return Scale(
        data=given.data,
        out=given.out,
        device=given.device,
        extra=given.extra,
        init=given.init,
        workers=Workers.parse(given.workers),
        **sizes,
    )


def _chosen(given: argparse.Namespace) -> Experiment:
    if given.name not in EXPERIMENTS:
        raise invalid("the experiment", f"one of {', '.join(EXPERIMENTS)}", given.name, "pick one")
    experiment = EXPERIMENTS[given.name]
    few = [sigma for sigma in _SIGMAS_ON_DIGITS if sigma in experiment.sigmas]
    sigmas = given.sigma or (few if given.data == "digits" and few else experiment.sigmas)
    variants = experiment.variants
    if given.only:
        variants = tuple(v for v in variants if v.label in given.only)
        if not variants:
            labels = [variant.label for variant in experiment.variants]
            raise invalid("--only", f"labels among {labels}", given.only, "repeat one of them")
    return replace(experiment, sigmas=tuple(sigmas), variants=variants)


def main(arguments: list[str] | None = None) -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m certify.reproduce", description=__doc__)
    parser.add_argument("name", help="name of an experiment, or 'list'")
    parser.add_argument("--data", default="digits", help="digits, cifar10:FOLDER, or ImageNet's")
    parser.add_argument("--recorded", type=Path, help="folder of recorded outputs, instead of data")
    parser.add_argument("--out", type=Path, default=Path("out/reproduce"), help="folder to write")
    parser.add_argument("--sigma", type=float, action="append", help="noise level; repeatable")
    parser.add_argument("--only", action="append", help="label of a line; repeatable")
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--images", type=int, help="images to certify")
    parser.add_argument("--n", type=int, help="copies per certificate")
    parser.add_argument("--extra", help="unlabelled images (.npz with any labels)")
    parser.add_argument("--init", help="pre-trained weights")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--workers", default="1", help="as for radii certify")
    given = parser.parse_args(arguments)
    console = Console(highlight=False)

    def say(text: str) -> None:
        console.print(text, markup=False, soft_wrap=True)

    if given.name == "list":
        for record in EXPERIMENTS.values():
            say(f"{record.name:18} {record.title}")
        return 0
    try:
        if given.recorded is not None:
            from certify.reproduce_recorded import recorded

            say(recorded(given.name, given.recorded, given.out))
            return 0
        if given.device == "cpu" and given.data == "digits":
            torch.set_num_threads(1)  # these networks are too small for more
        reproduce(_chosen(given), _scale(given), say)
    except RadiiError as error:
        console.print(f"reproduce: {error}", markup=False, style="red")
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
