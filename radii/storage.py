"""Save compiled radii: arrays in safetensors, everything else as JSON, guarded by a digest.

Nothing in such a file is ever executed: the density is read back through the project's own
grammar. A file that was truncated or edited fails its digest.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from numerics.array_file import read_arrays, write_arrays
from numerics.bit_lookup import LookupArrays
from numerics.errors import InvalidInputError
from radii.compile import CompiledRadius
from radii.radius_function import RadiusFunction
from smoothing.distribution import SmoothingDistribution
from smoothing.norms import LpNorm, Norm, as_norm

__all__ = ["FORMAT", "load", "restored", "save"]

#: Changes whenever the meaning of the arrays does.
FORMAT = "radii-radius-function-2"
_ARRAYS = ("bins", "offsets", "rows", "errors")


def save(radius: RadiusFunction, path: Path) -> None:
    """Write a radius function in one atomic step.

    Raises
    ------
    InvalidInputError
        The noise was given by callables, the adversary is not an l_p norm, or the radius holds
        with a probability only: its draws would have to be saved with it.
    """
    if radius.alpha > 0.0:
        raise InvalidInputError(
            f"radius must be sound for certain to be saved, got {radius!r}, which fails with "
            f"probability up to {radius.alpha:g}; keep its draws and derive it again"
        )
    if radius.smoothing.black_box is not None or not isinstance(radius.adversary, LpNorm):
        raise InvalidInputError(
            "only radii of a written-out psi against an l_p norm can be saved, got "
            f"{radius!r}; save psi as an expression"
        )
    compiled = radius.compiled
    arrays = {name: getattr(compiled.arrays, name) for name in _ARRAYS}
    header: dict[str, Any] = {
        "format": FORMAT,
        "noise": radius.smoothing.describe(),
        "p": repr(radius.adversary.p),
        "route": radius.requested,
        "guarantee": radius.guarantee,
        "references": list(radius.references),
        "smallest_tail": compiled.smallest_tail.hex(),
        "limit": float(compiled.limit).hex(),
    }
    write_arrays(path, header, arrays)


def load(path: str | Path) -> RadiusFunction:
    """Read a radius function that `RadiusFunction.save` wrote.

    Raises
    ------
    InvalidInputError
        The file is missing, damaged, edited or of another format version.
    """
    header, arrays = read_arrays(
        Path(path),
        formats=(FORMAT,),
        made_by="RadiusFunction.save",
        remedy="derive the radius again and save it",
    )
    return _rebuild(header, arrays)


def _rebuild(header: dict[str, Any], arrays: dict[str, Any]) -> RadiusFunction:
    compiled = CompiledRadius(
        LookupArrays(*(arrays[name] for name in _ARRAYS)),
        float.fromhex(header["smallest_tail"]),
        float.fromhex(header["limit"]),
    )
    return restored(
        SmoothingDistribution.from_description(header["noise"]),
        as_norm(LpNorm(float(header["p"]))),
        header["route"],
        header["guarantee"],
        tuple(header["references"]),
        compiled,
    )


def restored(
    smoothing: SmoothingDistribution,
    adversary: Norm,
    route: str,
    guarantee: str,
    references: tuple[str, ...],
    compiled: CompiledRadius,
    alpha: float = 0.0,
) -> RadiusFunction:
    """A radius function from its table, whose evaluator is derived again when it is needed.

    Radii are those of the table, bit for bit, so that workers agree with their driver.
    """
    from radii.routes import ROUTES, Accepted

    def rederived() -> RadiusFunction:
        """The same function with its evaluator, for what the table alone cannot answer."""
        verdict = next(r for r in ROUTES if r.name == route).accepts(smoothing, adversary)
        assert isinstance(verdict, Accepted)
        return verdict.build()

    return RadiusFunction(
        smoothing,
        adversary,
        route,
        guarantee,
        references,
        compiled,
        lambda p, r: rederived().grow(p, r),
        lambda: rederived().symbolic(),
        alpha=alpha,
    )
