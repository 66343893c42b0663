"""What the demonstration prints and draws."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.table import Table

from certify.certificate import CertificateBatch
from certify.datasets import Split
from certify.evaluate import Curve, accuracy_curve, average_certified_radius, envelope
from certify.plots import plot_curves
from smoothing import families
from smoothing.distribution import SmoothingDistribution

__all__ = [
    "Result",
    "envelopes",
    "print_derivations",
    "print_header",
    "print_results",
    "save_pictures",
    "winners",
]

#: Radii of the printed table.
TABLE_RADII = np.array([0.0, 0.25, 0.5, 0.75, 1.0, 1.25])

#: A density from no paper: independent logistic coordinates, psi written as text.
LOGISTIC = "coordinate_sum(2*log(cosh(t/2)))"


@dataclass(frozen=True)
class Result:
    """Certificates of one model."""

    noise: str
    sigma: float
    batch: CertificateBatch


def print_derivations(console: Console, dim: int = 3072) -> None:
    """Derive and print three radii against l1: two from the literature, one from no paper."""
    from radii import derive

    examples = {
        "Laplace": families.laplace(dim),
        "exp(-||x||_oo)": families.exp_linf(dim, k=1, j=0),
        "logistic coordinates, a density from no paper": SmoothingDistribution.parse(
            LOGISTIC, dim=dim
        ),
    }
    for title, noise in examples.items():
        start = time.perf_counter()
        radius = derive(noise, "l1")
        seconds = time.perf_counter() - start
        console.print(f"\n[bold]{title}[/bold]: psi = {noise.psi_text}, d = {dim}, against l1")
        for line in (f"R(rho) = {radius.expression}", f"LaTeX    {radius.latex()}"):
            console.print(f"  {line}", highlight=False, markup=False, soft_wrap=True)
        console.print(
            f"  R(0.99) = {float(radius(0.99)):.6g}; route {radius.route}, {radius.guarantee}, "
            f"{seconds:.1f} s",
            highlight=False,
        )


def print_header(
    console: Console, digits: Split, cost: int, images: int, samples: int, alpha: float
) -> None:
    """Say what is trained and certified."""
    console.print(
        f"\n{len(digits.train)} digits of 8 x 8 pixels in [0, 1] for training; a network of "
        f"{cost:,} multiply-adds; the first {images} of {len(digits.test)} test digits certified "
        f"with {samples:,} noisy copies each, alpha = {alpha:g}\n",
        highlight=False,
    )


def _curves(results: Sequence[Result], radii: npt.NDArray[np.float64]) -> dict[str, list[Curve]]:
    curves: dict[str, list[Curve]] = {}
    for result in results:
        label = f"sigma = {result.sigma:g}"
        curve = accuracy_curve(label, result.batch.radius, result.batch.correct, radii)
        curves.setdefault(result.noise, []).append(curve)
    return curves


def envelopes(results: Sequence[Result], radii: npt.NDArray[np.float64]) -> list[Curve]:
    """Upper envelope over sigma of each noise."""
    return [envelope(noise, curves) for noise, curves in _curves(results, radii).items()]


def print_results(console: Console, results: Sequence[Result], adversary: str) -> None:
    """Print the table of certified accuracy (upper envelope over sigma) and who wins where."""
    curves = envelopes(results, TABLE_RADII)
    console.print(_table(curves, adversary))
    for line in (*_summary(curves), *_averages(results), _caution(len(results[0].batch))):
        console.print(line, highlight=False)


def _table(curves: Sequence[Curve], adversary: str) -> Table:
    title = (
        f"certified accuracy against the {adversary} radius (below it the sigma that reaches it)"
    )
    table = Table(title=title)
    table.add_column("noise")
    for radius in TABLE_RADII:
        table.add_column(f"{radius:g}", justify="right")
    for curve in curves:
        cells = [
            f"{accuracy:.2f}\n{best.removeprefix('sigma = ') if accuracy > 0 else '-'}"
            for accuracy, best in zip(curve.accuracy, curve.best or (), strict=True)
        ]
        table.add_row(curve.label, *cells)
    table.add_row("best", *("\n".join(names) or "none" for names in winners(curves)), style="bold")
    return table


def winners(curves: Sequence[Curve]) -> list[tuple[str, ...]]:
    """Which noises certify most at each radius: several if tied, none if nothing is certified."""
    best = []
    for column in range(curves[0].radii.size):
        top = max(curve.accuracy[column] for curve in curves)
        names = (curve.label for curve in curves if curve.accuracy[column] == top)
        best.append(tuple(names) if top > 0 else ())
    return best


def _summary(curves: Sequence[Curve]) -> list[str]:
    best = winners(curves)
    lines = []
    for curve in curves:
        alone = [
            f"{r:g}" for r, names in zip(curve.radii, best, strict=True) if names == (curve.label,)
        ]
        lines.append(
            f"{curve.label}: "
            + (f"alone best at {', '.join(alone)}" if alone else "alone best nowhere")
        )
    lines.append(
        "(Yang et al. 2020 report uniform noise ahead against l1 on CIFAR-10 and ImageNet; these "
        "are 64 pixels.)"
    )
    return lines


def _averages(results: Sequence[Result]) -> list[str]:
    """Average certified radius of every model."""
    lines = []
    for noise in dict.fromkeys(result.noise for result in results):
        values = ", ".join(
            f"{average_certified_radius(r.batch.radius, r.batch.correct):.3f} at sigma {r.sigma:g}"
            for r in results
            if r.noise == noise
        )
        lines.append(f"average certified radius, {noise}: {values}")
    return lines


def _caution(images: int) -> str:
    # Standard deviation of a share near 1/2 of that many images.
    return (
        f"with {images} images a share is uncertain by up to {0.5 / images**0.5:.2f} (one standard "
        "deviation), and a few sigmas leave gaps in an envelope: small differences mean little"
    )


def save_pictures(results: Sequence[Result], adversary: str, folder: Path) -> list[Path]:
    """Save the envelopes in one picture and every noise with its sigmas in another each."""
    largest = max(float(result.batch.radius.max(initial=0.0)) for result in results)
    radii = np.linspace(0.0, max(largest, 0.1) * 1.02, 400)
    pictures = {"envelopes": ("upper envelopes over sigma", envelopes(results, radii))}
    for noise, curves in _curves(results, radii).items():
        pictures[noise.lower()] = (f"{noise} noise", curves)
    paths = []
    for name, (title, curves) in pictures.items():
        axes = plot_curves(curves, adversary=adversary, title=title)
        path = folder / f"demo_{name}.png"
        figure = axes.get_figure(root=True)
        assert figure is not None  # an Axes made by plot_curves lies in a figure
        figure.savefig(path, dpi=150)
        paths.append(path)
    return paths
