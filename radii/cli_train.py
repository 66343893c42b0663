"""The command ``radii train``: an architecture, data and a noise in; weights out.

Like `radii.cli_recertify` it reaches up into `certify`, inside the command only.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from radii.cli_options import ScaleOption, SigmaOption, SupportOption, smoothing_from_text

__all__ = ["train"]

_LOSS, _SGD, _MORE = "Objective", "Descent (default: the papers')", "More data"


def train(
    architecture: Annotated[
        str,
        typer.Argument(help="wide_resnet40_2, resnet110, resnet50, small_cnn, ..., or a factory."),
    ],
    psi: Annotated[str, typer.Option("--psi", help="Noise: -log of its density at scale 1.")],
    data: Annotated[
        str,
        typer.Option(
            "--data", help="As for certify; digits?part=train, cifar10:FOLDER?part=train."
        ),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Weights to write (.safetensors).")],
    sigma: SigmaOption = None,
    scale: ScaleOption = None,
    support: SupportOption = None,
    objective: Annotated[
        str,
        typer.Option(
            help="noise, direct, adversarial, stability or trades.", rich_help_panel=_LOSS
        ),
    ] = "noise",
    gamma: Annotated[
        float | None, typer.Option(help="Weight of stability.", rich_help_panel=_LOSS)
    ] = None,
    beta: Annotated[
        float | None, typer.Option(help="Weight of TRADES.", rich_help_panel=_LOSS)
    ] = None,
    norm: Annotated[
        str | None,
        typer.Option(help="Ball of adversarial or trades: l1, l2, linf.", rich_help_panel=_LOSS),
    ] = None,
    radius: Annotated[
        float | None, typer.Option(help="Radius of that ball.", rich_help_panel=_LOSS)
    ] = None,
    steps: Annotated[
        int | None, typer.Option(help="Steps of the search in it.", rich_help_panel=_LOSS)
    ] = None,
    copies: Annotated[
        int | None,
        typer.Option(help="Noisy copies of direct and adversarial.", rich_help_panel=_LOSS),
    ] = None,
    epochs: Annotated[int | None, typer.Option(rich_help_panel=_SGD)] = None,
    batch_size: Annotated[int | None, typer.Option(rich_help_panel=_SGD)] = None,
    learning_rate: Annotated[float | None, typer.Option(rich_help_panel=_SGD)] = None,
    weight_decay: Annotated[float | None, typer.Option(rich_help_panel=_SGD)] = None,
    seed: Annotated[
        int, typer.Option(help="Seed of weights, order and noise.", rich_help_panel=_SGD)
    ] = 0,
    init: Annotated[
        str | None, typer.Option(help="Weights to start from.", rich_help_panel=_MORE)
    ] = None,
    new_head: Annotated[
        bool, typer.Option("--new-head", help="Start the last layer anew.", rich_help_panel=_MORE)
    ] = False,
    extra: Annotated[
        str | None, typer.Option(help="More images, half of every batch.", rich_help_panel=_MORE)
    ] = None,
    teacher: Annotated[
        str | None, typer.Option(help="Model that labels them.", rich_help_panel=_MORE)
    ] = None,
    device: Annotated[str, typer.Option(help="cpu, cuda, cuda:1.")] = "cpu",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what was found and what the run would cost.")
    ] = False,
) -> None:
    """Train a classifier under noise; repeat the command to resume it."""
    from certify.train_command import TrainCommand

    settings = {
        "epochs": epochs,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        "weight_decay": weight_decay,
        "seed": seed,
    }
    options = {
        "gamma": gamma,
        "beta": beta,
        "norm": norm,
        "radius": radius,
        "steps": steps,
        "copies": copies,
    }
    TrainCommand(
        architecture=architecture,
        data=data,
        noise=lambda dim: smoothing_from_text(
            psi, dim=dim, support=support, scale=scale, sigma=sigma
        ),
        objective=objective,
        out=out,
        changes={name: value for name, value in settings.items() if value is not None},
        options={name: value for name, value in options.items() if value is not None},
        init=init,
        new_head=new_head,
        extra=extra,
        teacher=teacher,
        device=device,
    ).run(dry=dry_run, say=typer.echo)
