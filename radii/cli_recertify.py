"""The command ``radii recertify``: certified accuracy from logged counts or radii.

This is the one place where `radii` reaches up into `certify`. The command line is where all rooms
are put together, so something has to see both; keeping the import inside the command means that no
importable part of `radii` depends on `certify`.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from numerics.errors import invalid
from radii.cli_options import (
    RouteOption,
    ScaleOption,
    SigmaOption,
    SupportOption,
    exact_number,
    smoothing_from_text,
)

if TYPE_CHECKING:
    from certify.evaluate import Curve
    from certify.recertify import Recertified
    from smoothing.distribution import SmoothingDistribution

__all__ = ["recertify"]

#: Significant digits of a printed radius and probability, the same as in certification logs.
RADIUS_DIGITS, PROBABILITY_DIGITS = 6, 12


def recertify(
    logs: Annotated[
        list[Path],
        typer.Argument(metavar="LOG...", exists=True, dir_okay=False, help="TSV or .npz files."),
    ],
    adversary: Annotated[
        str | None, typer.Option("--adversary", "-a", help="Norm wanted; default: the log's.")
    ] = None,
    psi: Annotated[
        str | None, typer.Option("--psi", help="Noise of the logs, where they do not name it.")
    ] = None,
    dim: Annotated[int | None, typer.Option("--dim", "-d", help="Coordinates of an input.")] = None,
    support: SupportOption = None,
    scale: ScaleOption = None,
    sigma: SigmaOption = None,
    at: Annotated[
        list[str] | None, typer.Option("--at", help="Radius to evaluate at; may be repeated.")
    ] = None,
    alpha: Annotated[
        float | None, typer.Option("--alpha", help="Failure probability; default: the log's.")
    ] = None,
    samples: Annotated[
        int, typer.Option("--samples", "-n", help="Noisy copies per image behind an .npz file.")
    ] = 100_000,
    old_adversary: Annotated[
        str, typer.Option(help="Norm of the radius column of a log without counts.")
    ] = "l2",
    rounding: Annotated[
        str, typer.Option(help="How that column was printed: nearest or down.")
    ] = "nearest",
    route: RouteOption = "auto",
    out: Annotated[
        Path | None, typer.Option("--out", help="Also write the radius of every image, as TSV.")
    ] = None,
) -> None:
    """Recompute certified radii from logs, for this norm or another, without the model.

    The best curve over several logs or noise levels is shown as the envelope. An .npz file holds
    one noise level per key: leave out --sigma and --scale for it.
    """
    from certify.evaluate import accuracy_curve, accuracy_table, envelope

    wanted = None if at is None else [exact_number("at", text) for text in at]
    runs: dict[str, Recertified] = {}
    for path in logs:
        noise = _Noise(psi, dim, support, scale, sigma, adversary, route)
        if path.suffix == ".npz":
            runs |= _from_npz(path, noise, alpha=alpha, samples=samples)
        else:
            runs[path.stem] = _from_tsv(path, noise, alpha, old_adversary, rounding)
    radii = _radii_to_show(wanted, runs)
    curves: list[Curve] = [
        accuracy_curve(label, run.radius, run.correct, radii) for label, run in runs.items()
    ]
    if len(curves) > 1:
        curves.append(envelope("best", curves))
    typer.echo(accuracy_table(curves, at=radii))
    if out is not None:
        write_radii(out, runs)


class _Noise:
    """The density and norm given on the command line, any part of which may be missing."""

    def __init__(
        self,
        psi: str | None,
        dim: int | None,
        support: str | None,
        scale: float | None,
        sigma: float | None,
        adversary: str | None,
        route: str,
    ) -> None:
        self.psi, self.dim, self.support = psi, dim, support
        self.scale, self.sigma = scale, sigma
        self.adversary, self.route = adversary, route

    def distribution(self, sigma: float | None = None) -> SmoothingDistribution:
        """The density, at its own noise level or at that of a key of an .npz file."""
        if self.psi is None or self.dim is None:
            missing = "--psi" if self.psi is None else "--dim"
            raise invalid(missing, "given for a log that does not name its noise", None, "add it")
        level = self.sigma if sigma is None else sigma
        scale = self.scale if sigma is None else None
        return smoothing_from_text(
            self.psi, dim=self.dim, support=self.support, scale=scale, sigma=level
        )

    def radius(self, smoothing: SmoothingDistribution, adversary: str | None) -> Any:
        import radii

        if adversary is None:
            remedy = "add --adversary l1, l2 or linf"
            raise invalid("--adversary", "given for a log that does not name it", None, remedy)
        return radii.derive(smoothing, adversary, route=self.route)


def _from_npz(
    path: Path, noise: _Noise, *, alpha: float | None, samples: int
) -> dict[str, Recertified]:
    from certify.recertify import counts_from_npz, recertify_levels

    if noise.scale is not None or noise.sigma is not None:
        given = noise.scale if noise.sigma is None else noise.sigma
        raise invalid("--sigma and --scale", "left out for an .npz file", given, "drop the option")
    if alpha is None:
        raise invalid("--alpha", "given for an .npz file", None, "add for example --alpha 0.001")
    runs = recertify_levels(
        counts_from_npz(path, n=samples),
        lambda level: noise.radius(noise.distribution(level), noise.adversary),
        alpha=alpha,
    )
    return {f"{path.stem} {level}": run for level, run in runs.items()}


def _from_tsv(
    path: Path, noise: _Noise, alpha: float | None, old_adversary: str, rounding: str
) -> Recertified:
    from certify.log_reader import read_log
    from certify.recertify import recertify_log

    log = read_log(path)
    if not log.has_counts:
        smoothing = noise.distribution()
        old = noise.radius(smoothing, old_adversary)
        new = noise.radius(smoothing, noise.adversary or old_adversary)
        return recertify_log(path, new, old=old, alpha=alpha, rounding=rounding)
    smoothing, norm = _named_in(log)
    if noise.psi is not None:
        smoothing = noise.distribution()
    return recertify_log(path, noise.radius(smoothing, noise.adversary or norm), alpha=alpha)


def _named_in(log: Any) -> tuple[SmoothingDistribution, str]:
    """Noise and norm that a log of ours names, the same on every line."""
    from smoothing.distribution import SmoothingDistribution

    named = {(record.noise, record.adversary) for record in log.records}
    if len(named) != 1:
        raise invalid("the log", "of one noise and one norm", sorted(named), "split the file")
    description, norm = named.pop()
    return SmoothingDistribution.from_description(description), norm


def _radii_to_show(wanted: list[Fraction] | None, runs: dict[str, Recertified]) -> list[float]:
    import math

    import numpy as np

    from numerics.decimals import down_text

    if wanted is not None:
        # Upwards: an image certified at the float is then certified at the number asked for.
        floats = [float(value) for value in wanted]
        return [
            f if Fraction(f) >= value else math.nextafter(f, math.inf)
            for f, value in zip(floats, wanted, strict=True)
        ]
    largest = max(float(run.radius.max(initial=0.0)) for run in runs.values())
    if not math.isfinite(largest):
        raise invalid("--at", "given where a radius is infinite", None, "add for example --at 1")
    # Rounded down, so that the last one is still reached by an image.
    return sorted({float(down_text(value, 3)) for value in np.linspace(0.0, largest, 9)})


def write_radii(path: Path, runs: dict[str, Recertified]) -> None:
    """Write one line per image; radii and probabilities are rounded down."""
    from numerics.decimals import down_text

    lines = ["run\tidx\tradius\tprob_lower\tcorrect"]
    for label, run in runs.items():
        columns = zip(run.index, run.radius, run.prob_lower, run.correct, strict=True)
        lines += [
            f"{label}\t{index}\t{down_text(float(radius), RADIUS_DIGITS)}"
            f"\t{down_text(float(prob_lower), PROBABILITY_DIGITS)}\t{int(correct)}"
            for index, radius, prob_lower, correct in columns
        ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
