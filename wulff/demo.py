"""Crystals in one run: volumes, growth, and how far each shape is from the best.

Run it as ``make demo-wulff`` or ``python -m wulff.demo``; pictures go to the folder ``out``.
"""

from __future__ import annotations

import argparse
import math
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from wulff.bodies import LpBall
from wulff.crystal import crystal_zonotope
from wulff.growth import crystal_growth, growth
from wulff.plot import plot_gallery
from wulff.plot_growth import (
    plot_accuracy,
    plot_gaussian_growth,
    plot_robustness,
    plot_uniform_growth,
)

__all__ = ["main"]

SHAPES = (("cube", math.inf), ("ball", 2.0), ("cross polytope", 1.0))


def growth_table(adversary: str, dims: tuple[int, ...]) -> Table:
    """Growth at volume 1 of the standard shapes, divided by that of the crystal."""
    table = Table(title=f"growth against {adversary}, divided by the crystal's (1 is best)")
    table.add_column("dim", justify="right")
    table.add_column("crystal, absolute", justify="right")
    for name, _ in SHAPES:
        table.add_column(name, justify="right")
    for dim in dims:
        best = crystal_growth(adversary, dim)
        shapes = [growth(LpBall(order, 1.0, dim), adversary) / best for _, order in SHAPES]
        # The fourth digit of what moments enclose is not known, and is not printed.
        cells = [_digits(float(s.lower), float(s.upper)) for s in shapes]
        table.add_row(f"{dim:,}", _digits(float(best.lower), float(best.upper)), *cells)
    return table


def _digits(lower: float, upper: float) -> str:
    """One number where the ends agree to four digits, else both."""
    first, last = f"{lower:.4g}", f"{upper:.4g}"
    return first if first == last else f"{first} to {last}"


def volume_table() -> Table:
    """Crystals of linf: generators, vertices, facets and volume by two methods."""
    table = Table(title="Wulff crystal of linf")
    for column in ("dim", "generators", "vertices", "facets", "volume: determinants", "hull"):
        table.add_column(column, justify="right")
    for dim in (2, 3, 4, 5):
        body = crystal_zonotope("linf", dim)
        numbers = (dim, len(body.generators), len(body.vertices), len(body.facets[0]))
        volumes = (f"{body.volume:.12g}", f"{body.hull_volume:.12g}")
        table.add_row(*map(str, numbers), *volumes)
    return table


def save_pictures(folder: Path) -> list[Path]:
    """Write the pictures and return their paths."""
    from matplotlib.figure import Figure
    from scipy.special import ndtri

    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for dim in (2, 3):
        written.append(folder / f"crystals_{dim}d.png")
        plot_gallery(dim=dim).savefig(written[-1], dpi=130)
    figure = Figure(figsize=(10.0, 7.6), layout="constrained")
    axes = figure.subplots(2, 2).ravel()
    plot_gaussian_growth(ax=axes[0])
    plot_uniform_growth(ax=axes[1])
    plot_robustness(lambda rho: 0.5 * ndtri(rho), ax=axes[2], label="Gaussian, sigma = 0.5")
    plot_accuracy(0.5, ax=axes[3])
    written.append(folder / "growth.png")
    figure.savefig(written[-1], dpi=110)
    return written


def main(arguments: list[str] | None = None) -> None:
    """Print the tables and save the pictures."""
    parser = argparse.ArgumentParser(prog="python -m wulff.demo", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("out"), help="folder for the pictures")
    folder = parser.parse_args(arguments).out
    start, console = time.perf_counter(), Console()
    console.print(volume_table())
    for adversary in ("l1", "linf"):
        console.print(growth_table(adversary, (2, 3, 5, 784, 3072, 150_528)))
    for path in save_pictures(folder):
        console.print(f"written {path}")
    console.print(f"{time.perf_counter() - start:.1f} s")


if __name__ == "__main__":
    main()
