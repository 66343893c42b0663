"""The whole path in one run: derive radii, train under noise, certify, and draw the result.

Run it as ``make demo`` or ``python -m certify.demo``. It needs no data beyond scikit-learn's digits
and writes its pictures and logs to a folder.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from certify.datasets import Split, load_digits
from certify.demo_report import (
    Result,
    print_derivations,
    print_header,
    print_results,
    save_pictures,
)
from certify.models import multiply_adds, small_cnn
from certify.smoothed_classifier import SmoothedClassifier
from certify.training import TrainingSettings, train_with_noise
from smoothing import families
from smoothing.distribution import SmoothingDistribution

__all__ = ["DemoSettings", "main", "run"]

#: The noises compared, from their names to functions of sigma.
NOISES: dict[str, Callable[[int, float], SmoothingDistribution]] = {
    "uniform": lambda dim, sigma: families.uniform_cube(dim, sigma=sigma),
    "Laplace": lambda dim, sigma: families.laplace(dim, sigma=sigma),
    "Gaussian": lambda dim, sigma: families.gaussian(dim, sigma=sigma),
}


@dataclass(frozen=True)
class DemoSettings:
    """Size of the demonstration."""

    out: Path = Path("out")
    sigmas: tuple[float, ...] = (0.25, 0.5, 1.0)
    images: int = 100
    samples: int = 10_000
    selection_samples: int = 64
    alpha: float = 1e-3
    epochs: int = 60
    seed: int = 0
    adversary: str = "l1"


def run(settings: DemoSettings, console: Console) -> list[Result]:
    """Derive, train, certify, report; returns one result per model."""
    start = time.perf_counter()
    settings.out.mkdir(parents=True, exist_ok=True)
    print_derivations(console)
    derived = time.perf_counter()
    digits = load_digits(seed=settings.seed)
    cost = multiply_adds(small_cnn(), tuple(digits.test.images.shape[1:]))
    print_header(console, digits, cost, settings.images, settings.samples, settings.alpha)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed}/{task.total}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as progress:
        results = [
            _train_and_certify(name, sigma, digits, settings, progress)
            for name in NOISES
            for sigma in settings.sigmas
        ]
    print_results(console, results, settings.adversary)
    for path in save_pictures(results, settings.adversary, settings.out):
        console.print(f"saved {path}")
    console.print(
        f"{time.perf_counter() - start:.0f} s in all, {derived - start:.0f} s of them deriving"
    )
    return results


def _train_and_certify(
    name: str, sigma: float, digits: Split, settings: DemoSettings, progress: Progress
) -> Result:
    noise = NOISES[name](digits.train.dim, sigma)
    title = f"{name:<8} sigma {sigma:<4g}"
    training = progress.add_task(f"{title} training  ", total=settings.epochs)
    model = small_cnn(seed=settings.seed)
    train_with_noise(
        model,
        digits.train,
        noise,
        TrainingSettings(epochs=settings.epochs, seed=settings.seed),
        report=lambda done, total: progress.update(training, completed=done),
    )
    chosen = digits.test.first(settings.images)
    certifying = progress.add_task(f"{title} certifying", total=len(chosen))
    log = settings.out / f"demo_{name.lower()}_{sigma:g}.tsv"
    log.unlink(missing_ok=True)  # the demonstration starts anew, a log only ever grows
    batch = SmoothedClassifier(model, noise, settings.adversary).certify(
        chosen.images,
        labels=chosen.labels.numpy(),
        alpha=settings.alpha,
        n=settings.samples,
        n0=settings.selection_samples,
        seed=settings.seed,
        log=log,
        progress=lambda done, total: progress.update(certifying, completed=done),
    )
    progress.remove_task(training)
    return Result(name, sigma, batch)


def main(arguments: list[str] | None = None) -> None:
    """Command line of the demonstration."""
    defaults = DemoSettings()
    parser = argparse.ArgumentParser(prog="python -m certify.demo", description=__doc__)
    parser.add_argument("--out", type=Path, default=defaults.out, help="folder for the output")
    parser.add_argument("--images", type=int, default=defaults.images, help="test images")
    parser.add_argument("--samples", type=int, default=defaults.samples, help="copies per image")
    parser.add_argument("--epochs", type=int, default=defaults.epochs, help="training epochs")
    parser.add_argument("--seed", type=int, default=defaults.seed, help="seed of everything random")
    given = parser.parse_args(arguments)
    settings = DemoSettings(
        out=given.out,
        images=given.images,
        samples=given.samples,
        epochs=given.epochs,
        seed=given.seed,
    )
    # The network is so small that handing work to other threads costs more than it saves.
    torch.set_num_threads(1)
    run(settings, Console())


if __name__ == "__main__":
    main()
