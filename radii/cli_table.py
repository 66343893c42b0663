"""The commands ``radii table build|list|verify|clear``: tight lookup tables and their cache."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

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
        float, typer.Option("--loss", help="What a lookup may lose of the tight radius.")
    ] = 1e-6,
    jobs: Annotated[int, typer.Option("--jobs", "-j", help="Processes; -1 for all cores.")] = 1,
) -> None:
    """Build the tables of densities against a norm, or find them in the cache."""
    import radii

    noises = [
        smoothing_from_text(one, dim=dim, support=support, scale=scale, sigma=sigma) for one in psi
    ]
    wanted = None if not radius else sorted(float(exact_number("radius", r)) for r in radius)
    built = radii.tables(
        [(noise, adversary) for noise in noises],
        radii=wanted,
        relative_loss=loss,
        n_jobs=jobs,
        progress=len(noises) > 1,
    )
    for one in built:
        typer.echo(_described(one))


@table.command(name="list")
def list_tables() -> None:
    """List the tables in the cache folder."""
    from radii.cache_folder import cache_folder
    from radii.cache_upkeep import entries

    typer.echo(f"folder     {cache_folder()}")
    for entry in entries():
        size = f"{entry.path.stat().st_size / 2**20:.1f} MiB"
        text = _described(entry.table) if entry.table is not None else "unusable; see verify"
        typer.echo(f"{entry.path.stem[:12]}  {size:>9}  {text}")


@table.command()
def verify() -> None:
    """Check digest, version and problem of every table; exit status 1 if one is bad."""
    from radii.cache_upkeep import entries

    bad = total = 0
    for entry in entries():
        total += 1
        if entry.fault is not None:
            bad += 1
            typer.echo(f"bad   {entry.path.name}: {entry.fault}")
    typer.echo(f"{total - bad} of {total} tables are good")
    if bad:
        raise typer.Exit(BAD_FILES)


@table.command()
def clear() -> None:
    """Delete every table of the cache folder."""
    from radii.cache_folder import cache_folder
    from radii.cache_upkeep import clear as delete

    typer.echo(f"deleted {delete()} tables from {cache_folder()}")


def _described(one: LookupTable) -> str:
    proof = "proved worst direction" if one.refusal is None else "along this direction only"
    last = one.radii[-1] if len(one) else 0.0
    return (
        f"{one.info.noise}; {one.info.norm} along {one.info.direction}, {proof}; {len(one)} radii "
        f"to {last:.6g}, loss {one.info.relative_loss:.1e}"
    )
