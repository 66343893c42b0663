"""Save compiled radii: arrays in safetensors, everything else as JSON, guarded by a digest.

Nothing in such a file is ever executed: the density is read back through the project's own
grammar. A file that was truncated or edited fails its digest, and arrays that would lead the
lookup astray are refused even with a good one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from levelset.table import LookupTable
from levelset.table_file import FORMAT as TABLE_FORMAT
from levelset.table_file import check_described, table_from
from numerics.array_file import read_file, write_arrays
from numerics.bit_file import compiled_from, compiled_parts
from numerics.errors import InvalidInputError
from radii.compile import CompiledRadius
from radii.radius_function import RadiusFunction
from smoothing.distribution import SmoothingDistribution
from smoothing.norms import LpNorm, Norm, as_norm

if TYPE_CHECKING:
    from radii.verdicts import Route

__all__ = ["FORMAT", "load", "restored", "save"]

#: Changes whenever the meaning of the arrays does.
FORMAT = "radii-radius-function-2"
#: What may be saved: a "statistical" radius may not.
_GUARANTEES = frozenset({"proved", "conservative", "estimate"})


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
    check_described(radius.smoothing.describe())
    parts, arrays = compiled_parts(radius.compiled)
    header: dict[str, Any] = {
        "format": FORMAT,
        "noise": radius.smoothing.describe(),
        "p": repr(radius.adversary.p),
        "route": radius.requested,
        "guarantee": radius.guarantee,
        "references": list(radius.references),
        **parts,
    }
    write_arrays(path, header, arrays)


def load(path: str | Path) -> RadiusFunction | LookupTable:
    """Read what `RadiusFunction.save` or `LookupTable.save` wrote, whichever it is.

    Raises
    ------
    InvalidInputError
        The file is missing, damaged, edited, of another kind or of another format version.

    Examples
    --------
    >>> import radii, tempfile
    >>> radius = radii.derive(radii.families.laplace(dim=3, scale=1.0), "l1")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     radius.save(f"{folder}/laplace.safetensors")
    ...     again = radii.load(f"{folder}/laplace.safetensors")
    >>> bool(again(0.9) == radius(0.9))
    True
    """
    readers: dict[str, Callable[..., RadiusFunction | LookupTable]]
    readers = {FORMAT: _rebuilt, TABLE_FORMAT: table_from}
    return read_file(
        Path(path),
        readers,
        made_by="RadiusFunction.save or LookupTable.save",
        remedy="derive the radius again, or build the table again, and save it",
    )


def _rebuilt(header: Mapping[str, Any], arrays: Mapping[str, Any]) -> RadiusFunction:
    route, guarantee = header["route"], header["guarantee"]
    if route not in {known.name for known in _routes()} or guarantee not in _GUARANTEES:
        raise ValueError(f"there is no route {route!r} with guarantee {guarantee!r}")
    return restored(
        SmoothingDistribution.from_description(header["noise"]),
        as_norm(LpNorm(float(header["p"]))),
        route,
        guarantee,
        tuple(str(reference) for reference in header["references"]),
        compiled_from(header, arrays),
    )


def _routes() -> Sequence[Route]:
    from radii.routes import ROUTES

    return ROUTES


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
