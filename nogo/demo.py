"""What no noise can do, in one run: limits over dimensions and norms, and how close noises come.

Run it as ``make demo-nogo`` or ``python -m nogo.demo``; it prints two tables and saves a picture.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import track
from rich.table import Table

from nogo.advise import CANDIDATES
from nogo.blum import BOUNDS
from nogo.compare import headroom
from nogo.limits import largest_radius
from nogo.search import line_constants
from numerics.errors import RadiiError
from smoothing.norms import LpNorm

__all__ = ["Slack", "main", "slacks"]

INF = float("inf")
#: One of each shape, so that the run stays well under a minute.
NOISES = ("gaussian", "laplace", "uniform_cube", "uniform_ball", "exp_linf(k=1)", "exp_l2(k=1)")
RHOS = (0.501, 0.6, 0.75, 0.9, 0.99, 0.999)


@dataclass(frozen=True)
class Slack:
    """The noise that comes closest to one bound: limit / radius, 1 being equality."""

    bound: str
    ratio: float
    where: str


def slacks(
    noises: Sequence[str] = NOISES,
    dims: Sequence[int] = (1, 16, 3072),
    console: Console | None = None,
) -> list[Slack]:
    """For every bound, the smallest limit / radius over noises, norms, dimensions and rho.

    Parameters
    ----------
    noises : sequence of str
        Names of `nogo.advise.CANDIDATES`.
    dims : sequence of int
    console : rich Console, optional
        Where progress is shown.

    Returns
    -------
    list of Slack
        In the order of `nogo.BOUNDS`; a ratio below 1 would refute the bound or the radius.
    """
    import radii

    best: dict[str, Slack] = {}
    pairs = [(name, p, d) for name in noises for p in (1.0, 2.0, INF) for d in dims]
    for name, p, d in track(pairs, "deriving", console=console, transient=True):
        try:
            radius = radii.derive(CANDIDATES[name](d, 1.0), LpNorm(p))
        except RadiiError:
            continue  # no route, or no variance in this dimension: nothing to compare
        for rho in RHOS:
            found = headroom(radius, rho)
            for limit in found.limits:
                if found.radius > 0.0:
                    ratio = limit.value / found.radius
                    place = f"{name}, {radius.adversary.name}, d = {d}, rho = {rho:g}"
                    key = limit.bound.name
                    if key not in best or ratio < best[key].ratio:
                        best[key] = Slack(key, ratio, place)
    return [best[b.name] for b in BOUNDS if b.name in best]


def main(arguments: list[str] | None = None) -> int:
    """Print the tables and save the picture; returns the exit status."""
    parser = argparse.ArgumentParser(prog="nogo.demo", description=main.__doc__)
    parser.add_argument("--out", type=Path, default=Path("out"), help="folder of the picture")
    options = parser.parse_args(arguments)
    console = Console()
    console.print(_limits_table())
    table = Table("bound", "smallest limit / radius", "attained by", title="how close noises come")
    for slack in slacks(console=console):
        table.add_row(slack.bound, f"{slack.ratio:.3f}", slack.where)
    console.print(table)
    room = Table("bound", "room in the constant", "closest at delta", title="search on the line")
    for constant in line_constants():
        room.add_row(constant.bound, f"{constant.factor:.2f}", f"{constant.delta:.3g}")
    console.print(room)
    console.print(f"picture: {_picture(options.out)}")
    return 0


def _limits_table() -> Table:
    orders, rho = (1.0, 2.0, 4.0, INF), 0.9
    title = f"no radius above (sigma 1, rho {rho:g})"
    table = Table("d", *(LpNorm(p).name for p in orders), title=title)
    for d in (1, 100, 3072, 150_528):
        values = (largest_radius(sigma=1.0, dim=d, p=p, rho=rho) for p in orders)
        table.add_row(str(d), *(f"{value:.4g}" for value in values))
    return table


def _picture(folder: Path) -> Path:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    from nogo.plots import plot_limits

    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "nogo_limits.png"
    figure, ax = pyplot.subplots(figsize=(6.0, 4.0), layout="constrained")
    plot_limits(0.9, ax=ax)
    figure.savefig(path, dpi=150)
    return path


if __name__ == "__main__":
    raise SystemExit(main())
