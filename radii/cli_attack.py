"""The command ``radii attack``: certify, attack, and report the two accuracies side by side.

Like `radii.cli_recertify` it reaches up into `certify`, inside the command only.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from numerics.errors import invalid
from radii.cli_options import (
    AdversaryOption,
    RouteOption,
    ScaleOption,
    SigmaOption,
    SupportOption,
    exact_number,
    smoothing_from_text,
)

__all__ = ["attack"]

_ATTACK, _STATISTICS, _DATA = "Attack", "Statistics", "Data"

#: Radii of the attacks when none are asked for.
_RADII = 5

#: Exit status when a class changed within its certified radius.
VIOLATED = 1


def attack(
    model: Annotated[str, typer.Argument(help="As for radii certify; its output must be logits.")],
    psi: Annotated[str, typer.Option("--psi", help="Noise: -log of its density at scale 1.")],
    data: Annotated[
        str, typer.Option("--data", help="As for radii certify.", rich_help_panel=_DATA)
    ],
    adversary: AdversaryOption,
    sigma: SigmaOption = None,
    scale: ScaleOption = None,
    support: SupportOption = None,
    route: RouteOption = "auto",
    arch: Annotated[
        str | None, typer.Option("--arch", help="Architecture of a file of weights.")
    ] = None,
    log: Annotated[
        Path | None, typer.Option("--log", "-o", help="Log of the certificates; may exist already.")
    ] = None,
    at: Annotated[
        list[str] | None,
        typer.Option("--at", help="Radius of an attack; repeatable.", rich_help_panel=_ATTACK),
    ] = None,
    steps: Annotated[
        int, typer.Option(help="Gradient steps from a start.", rich_help_panel=_ATTACK)
    ] = 20,
    copies: Annotated[
        int, typer.Option(help="Noisy copies in a step.", rich_help_panel=_ATTACK)
    ] = 32,
    restarts: Annotated[int, typer.Option(help="Starts.", rich_help_panel=_ATTACK)] = 1,
    n: Annotated[
        int, typer.Option("--n", "-n", help="Copies of a certificate.", rich_help_panel=_STATISTICS)
    ] = 10_000,
    n0: Annotated[
        int, typer.Option("--n0", help="Copies to select a class.", rich_help_panel=_STATISTICS)
    ] = 64,
    predict_n: Annotated[
        int, typer.Option(help="Copies of a prediction.", rich_help_panel=_STATISTICS)
    ] = 1000,
    alpha: Annotated[
        float, typer.Option("--alpha", help="Failure probability.", rich_help_panel=_STATISTICS)
    ] = 1e-3,
    seed: Annotated[int, typer.Option("--seed", help="Seed of all noise.")] = 0,
    skip: Annotated[
        int, typer.Option("--skip", help="Take every skip-th image.", rich_help_panel=_DATA)
    ] = 1,
    most: Annotated[
        int, typer.Option("--max", help="Images to take.", rich_help_panel=_DATA)
    ] = 100,
    device: Annotated[str, typer.Option("--device", help="cpu, cuda, cuda:1, mps.")] = "cpu",
) -> None:
    """Accuracy under attack beside certified accuracy."""
    from certify.attack_command import run_attack
    from certify.attacks import AttackSettings
    from certify.command import CertifyCommand
    from certify.execution import Execution
    from certify.input_space import InputSpace

    wanted = [float(exact_number("at", text)) for text in at or ()]
    if any(radius == 0.0 for radius in wanted):
        raise invalid("--at", "radii > 0", 0, "an attack needs room")
    command = CertifyCommand(
        model=model,
        architecture=arch,
        data=data,
        noise=lambda dim: smoothing_from_text(
            psi, dim=dim, support=support, scale=scale, sigma=sigma
        ),
        adversary=adversary,
        route=route,
        inputs=InputSpace(),
        execution=Execution(),
        device=device,
        skip=skip,
        most=most,
        options={
            "alpha": alpha, "n": n, "n0": n0, "seed": seed, "log": log, "target": None, "gain": None
        },
    )  # fmt: skip
    result = run_attack(
        command,
        wanted or _RADII,
        AttackSettings(steps=steps, copies=copies, restarts=restarts, seed=seed),
        n=predict_n,
        alpha=alpha,
        say=typer.echo,
    )
    if result.violations:
        raise typer.Exit(VIOLATED)
