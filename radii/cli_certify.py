"""The command ``radii certify``: a model, data and a noise in; a log of certificates out.

Like `radii.cli_recertify` it reaches up into `certify`, inside the command only.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from radii.cli_options import (
    AdversaryOption,
    RouteOption,
    ScaleOption,
    SigmaOption,
    SupportOption,
    smoothing_from_text,
)

__all__ = ["certify"]

_STATISTICS, _FORWARD, _DATA = "Statistics", "Forward passes", "Data"


def certify(
    model: Annotated[
        str,
        typer.Argument(
            help="package.module:function, .pt2 (torch.export), or weights with --arch."
        ),
    ],
    psi: Annotated[str, typer.Option("--psi", help="Noise: -log of its density at scale 1.")],
    data: Annotated[
        str,
        typer.Option(
            "--data",
            help="digits, cifar10:FOLDER, a folder of images by class, or a file .npz.",
            rich_help_panel=_DATA,
        ),
    ],
    adversary: AdversaryOption,
    sigma: SigmaOption = None,
    scale: ScaleOption = None,
    support: SupportOption = None,
    route: RouteOption = "auto",
    arch: Annotated[
        str | None, typer.Option("--arch", help="Factory package.module:function of the weights.")
    ] = None,
    log: Annotated[
        Path | None, typer.Option("--log", "-o", help="Log to write, or to resume.")
    ] = None,
    n: Annotated[
        int, typer.Option("--n", "-n", help="Copies to count, or cap.", rich_help_panel=_STATISTICS)
    ] = 100_000,
    n0: Annotated[
        int, typer.Option("--n0", help="Copies to select a class.", rich_help_panel=_STATISTICS)
    ] = 64,
    alpha: Annotated[
        float, typer.Option("--alpha", help="Failure probability.", rich_help_panel=_STATISTICS)
    ] = 1e-3,
    whole: Annotated[
        bool,
        typer.Option(
            "--alpha-for-all",
            help="alpha covers all images together, not each.",
            rich_help_panel=_STATISTICS,
        ),
    ] = False,
    target: Annotated[
        float | None,
        typer.Option(help="Only ask whether this radius holds.", rich_help_panel=_STATISTICS),
    ] = None,
    gain: Annotated[
        float | None,
        typer.Option(help="Stop when a step gains less.", rich_help_panel=_STATISTICS),
    ] = None,
    step: Annotated[
        int | None, typer.Option(help="Copies in a step of --gain.", rich_help_panel=_STATISTICS)
    ] = None,
    top: Annotated[
        int | None,
        typer.Option(help="Count all classes; stay among the top k.", rich_help_panel=_STATISTICS),
    ] = None,
    accept_statistical: Annotated[
        bool,
        typer.Option(help="Accept a radius that itself holds only with a stated probability."),
    ] = False,
    seed: Annotated[int, typer.Option("--seed", help="Seed of the noise.")] = 0,
    skip: Annotated[
        int, typer.Option("--skip", help="Take every skip-th image.", rich_help_panel=_DATA)
    ] = 1,
    most: Annotated[
        int | None, typer.Option("--max", help="Images to take.", rich_help_panel=_DATA)
    ] = None,
    on_corrupt: Annotated[
        str,
        typer.Option(help="stop or skip at an unreadable image.", rich_help_panel=_DATA),
    ] = "stop",
    shard: Annotated[
        str,
        typer.Option(help="Part i/k of the images; radii merge joins logs.", rich_help_panel=_DATA),
    ] = "1/1",
    low: Annotated[
        float, typer.Option(help="Smallest value of an image.", rich_help_panel=_DATA)
    ] = 0.0,
    high: Annotated[
        float, typer.Option(help="Largest value of an image.", rich_help_panel=_DATA)
    ] = 1.0,
    mean: Annotated[
        list[float] | None,
        typer.Option(help="Subtracted after the noise, per channel.", rich_help_panel=_DATA),
    ] = None,
    std: Annotated[
        list[float] | None,
        typer.Option(help="Divided by after the noise, per channel.", rich_help_panel=_DATA),
    ] = None,
    pixels: Annotated[
        bool, typer.Option("--pixels", help="Print radii in steps of 8-bit images too.")
    ] = False,
    workers: Annotated[
        str,
        typer.Option("--workers", help="N or processes:N, ray or ray:N.", rich_help_panel=_FORWARD),
    ] = "1",
    device: Annotated[
        str, typer.Option("--device", help="cpu, cuda, cuda:1, mps.", rich_help_panel=_FORWARD)
    ] = "cpu",
    batch_size: Annotated[
        int | None, typer.Option(help="Copies per pass; default: timed.", rich_help_panel=_FORWARD)
    ] = None,
    autocast: Annotated[
        str | None, typer.Option(help="bfloat16 or float16.", rich_help_panel=_FORWARD)
    ] = None,
    compile_model: Annotated[
        bool, typer.Option("--compile", help="Use torch.compile.", rich_help_panel=_FORWARD)
    ] = False,
    channels_last: Annotated[
        bool, typer.Option(help="Lay tensors out with channels last.", rich_help_panel=_FORWARD)
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what was found and what the run would cost.")
    ] = False,
) -> None:
    """Certify a classifier under noise; repeat the command to resume it."""
    from certify.command import CertifyCommand
    from certify.distributed import Workers
    from certify.execution import Execution
    from certify.input_space import InputSpace
    from certify.interfaces import ACCEPTED_BY_DEFAULT
    from certify.shards import Shard

    CertifyCommand(
        model=model,
        architecture=arch,
        data=data,
        noise=lambda dim: smoothing_from_text(
            psi, dim=dim, support=support, scale=scale, sigma=sigma
        ),
        adversary=adversary,
        route=route,
        inputs=InputSpace(low, high, tuple(mean) if mean else None, tuple(std) if std else None),
        execution=Execution(batch_size, autocast, compile_model, channels_last),
        device=device,
        skip=skip,
        most=most,
        options={
            "alpha": alpha,
            "n": n,
            "n0": n0,
            "target": target,
            "gain": gain,
            "step": step,
            "top": top,
            "seed": seed,
            "log": log,
            "accept": (*ACCEPTED_BY_DEFAULT, *(("statistical",) if accept_statistical else ())),
        },
        alpha_for_all=whole,
        pixels=pixels,
        on_corrupt=on_corrupt,
        shard=Shard.parse(shard),
        workers=Workers.parse(workers),
    ).run(dry=dry_run, say=typer.echo)
