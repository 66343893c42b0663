"""The commands ``radii table build|list|verify|clear``: tight lookup tables and their cache."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from radii.cli_options import (
    AdversaryOption,
    DimOption,
    ScaleOption,
    SigmaOption,
    SupportOption,
    exact_number,
    smoothing_from_text,
)

if TYPE_CHECKING:
    from levelset.table import LookupTable

__all__ = ["table"]

#: Exit status of `verify` when a file is bad.
BAD_FILES = 1
#: Exit status after Ctrl-C, by the custom of shells.
STOPPED = 130
#: Digits of the name of a file, enough to tell tables apart.
NAME_DIGITS = 12

table = typer.Typer(
    name="table", no_args_is_help=True, help="Tight radii as lookup tables, built once and kept."
)


@table.command()
def build(
    psi: Annotated[
        list[str], typer.Argument(help='Minus log densities at scale 1: "norm(x, 2)"; several.')
    ],
    adversary: AdversaryOption,
    dim: DimOption,
    support: SupportOption = None,
    scale: ScaleOption = None,
    sigma: SigmaOption = None,
    radius: Annotated[
        list[str] | None,
        typer.Option("--radius", help="Radius of an entry; repeated. Default: chosen by the loss."),
    ] = None,
    loss: Annotated[
        float, typer.Option("--loss", help="Share of the tight radius that a lookup may lose.")
    ] = 1e-6,
    most: Annotated[
        int, typer.Option("--max-radii", help="Entries at most, even where the loss needs more.")
    ] = 300,
    jobs: Annotated[int, typer.Option("--jobs", "-j", help="Processes; -1 for all cores.")] = 1,
) -> None:
    """Build the tables of densities against a norm, or find them in the cache.

    Tables are kept as they are done: after Ctrl-C the same command goes on where it was.
    """
    import radii

    noises = [
        smoothing_from_text(one, dim=dim, support=support, scale=scale, sigma=sigma) for one in psi
    ]
    wanted = None if not radius else sorted({float(exact_number("radius", r)) for r in radius})
    try:
        with _plain_warnings():
            built = radii.tables(
                [(noise, adversary) for noise in noises],
                radii=wanted,
                relative_loss=loss,
                max_radii=most,
                n_jobs=jobs,
                progress=True,
            )
    except KeyboardInterrupt:
        typer.echo("stopped; the tables that are done are kept: run the command again", err=True)
        raise typer.Exit(STOPPED) from None
    _print_rows(("density", *_COLUMNS), ((one.info.noise, *_facts(one)) for one in built))


@table.command(name="list")
def list_tables() -> None:
    """List the tables in the cache folder."""
    from radii.cache_folder import cache_folder
    from radii.cache_upkeep import entries

    typer.echo(f"folder     {cache_folder()}")
    rows: list[tuple[str, ...]] = []
    for entry in entries():
        name, size = entry.path.stem[:NAME_DIGITS], f"{entry.size / 2**20:.1f} MiB"
        if entry.table is None:
            rows.append((name, size, "unusable: see radii table verify"))
        else:
            rows.append((name, size, entry.table.info.noise, *_facts(entry.table)))
    if rows:
        _print_rows(("file", "size", "density", *_COLUMNS), rows)
    else:
        typer.echo("no tables")


@table.command()
def verify() -> None:
    """Check digest, version, problem and arrays of every table; exit status 1 if one is bad.

    A bad table is never used: it is built again when it is asked for.
    """
    from radii.cache_upkeep import entries

    bad = total = 0
    for entry in entries():
        total += 1
        if entry.fault is not None:
            bad += 1
            typer.echo(f"bad   {entry.fault}")
    typer.echo(f"{total - bad} of {total} tables are good")
    if bad:
        raise typer.Exit(BAD_FILES)


@table.command()
def clear() -> None:
    """Delete every table of the cache folder."""
    from radii.cache_folder import cache_folder
    from radii.cache_upkeep import clear as delete

    count = delete()
    typer.echo(f"deleted {count} table{'' if count == 1 else 's'} from {cache_folder()}")


#: What a table is of, beside the density; see `_facts`.
_COLUMNS = ("norm", "direction", "radii", "largest", "loss")


def _facts(one: LookupTable) -> tuple[str, ...]:
    proof = "" if one.refusal is None else ", not proved to be the worst"
    largest = f"{one.radii[-1]:.6g}" if len(one) else "none"
    loss = f"{one.info.relative_loss:.1e}"
    return one.info.norm, one.info.direction + proof, str(len(one)), largest, loss


def _print_rows(columns: Iterable[str], rows: Iterable[tuple[str, ...]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    grid: Any = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for column in columns:
        # A density is folded rather than cut: it is what tells one table from another.
        kind = {"justify": "right"} if column in {"size", "radii", "largest", "loss"} else {}
        grid.add_column(column, overflow="fold", no_wrap=column != "density", **kind)
    for row in rows:
        grid.add_row(*map(Text, row))  # Text: a "[" in a density is no markup
    Console(width=120).print(grid)


@contextmanager
def _plain_warnings() -> Iterator[None]:
    """Warnings as one line each, without the place in the source."""

    def show(message: Warning | str, *_: Any, **__: Any) -> None:
        typer.echo(f"radii: warning: {message}", err=True)

    with warnings.catch_warnings():
        warnings.showwarning = show
        yield
