"""The command ``radii merge``: one log out of the logs of the parts of a run.

Like `radii.cli_recertify` it reaches up into `certify`, inside the command only.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["merge"]


def merge(
    logs: Annotated[
        list[Path],
        typer.Argument(metavar="LOG...", exists=True, dir_okay=False, help="Logs of the parts."),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Log to write.")],
) -> None:
    """Join the logs of the parts of a run (certify --shard i/k), sorted by image."""
    from certify.shards import merge_logs

    path, images = merge_logs(logs, out)
    typer.echo(f"{path}: {images} images of {len(logs)} logs")
