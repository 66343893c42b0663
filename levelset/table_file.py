"""Tables on disk: the arrays of a table and its metadata in a guarded file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

import numpy as np
from numpy.typing import NDArray

from levelset.table import LookupTable
from levelset.table_info import TableInfo
from numerics.array_file import read_file, write_arrays
from numerics.bit_file import array_of, compiled_from, compiled_parts
from numerics.errors import InvalidInputError
from smoothing.distribution import SmoothingDistribution
from smoothing.norms import LpNorm

__all__ = ["FORMAT", "check_described", "load_table", "load_with_extra", "save_table", "table_from"]

#: Changes whenever the meaning of the arrays does.
FORMAT = "radii-lookup-table-1"
_ENTRIES = ("radii", "kappa", "tails", "tails_upper")


def save_table(table: LookupTable, path: Path, extra: Mapping[str, Any] | None = None) -> None:
    """Write a table; `extra` is JSON that the header carries along.

    Raises
    ------
    InvalidInputError
        The density is too long to be read back.
    OSError
        The file cannot be written.
    """
    if table.info.noise:
        check_described(table.info.noise)
    parts, arrays = compiled_parts(table.compiled)
    arrays |= {name: getattr(table, name) for name in _ENTRIES}
    header = {
        "format": FORMAT,
        "info": table.info.as_json(),
        "p": None if table.adversary is None else repr(table.adversary.p),
        "extra": dict(extra or {}),
        **parts,
    }
    write_arrays(path, header, arrays)


def check_described(noise: str) -> None:
    """Raise InvalidInputError where the grammar cannot read a density's description back."""
    try:
        SmoothingDistribution.from_description(noise)
    except InvalidInputError as error:
        raise InvalidInputError(
            f"only a density that can be read back can be saved: {error}"
        ) from error


def load_table(path: Path, expected: Mapping[str, Any] | None = None) -> LookupTable:
    """Read a table; with `expected`, only one whose `extra` equals it.

    Raises
    ------
    InvalidInputError
        The file is missing, damaged, edited, of another version or of another problem.
    """
    table, extra = load_with_extra(path)
    if expected is not None and extra != dict(expected):
        raise InvalidInputError(
            f"path must be a table of the problem asked for, got {path}, which says {extra!r}; "
            "build the table again"
        )
    return table


def load_with_extra(path: Path) -> tuple[LookupTable, Any]:
    """Read a table and what was saved along with it.

    Raises
    ------
    InvalidInputError
        The file is missing, damaged, edited or of another version.
    """
    return read_file(
        path,
        {FORMAT: lambda header, arrays: (table_from(header, arrays), header["extra"])},
        made_by="LookupTable.save",
        remedy="build the table again",
    )


def table_from(header: Mapping[str, Any], arrays: Mapping[str, Any]) -> LookupTable:
    """A table from what is in its file.

    Raises
    ------
    KeyError, TypeError, ValueError
        The contents are not those of a table.
    """
    info = TableInfo.from_json(header["info"])
    _check_info(info)
    noise = SmoothingDistribution.from_description(info.noise) if info.noise else None
    norm = None if header["p"] is None else LpNorm(float(header["p"]))
    said = (info.dim if noise else 0, info.norm)
    if said != (noise.dim if noise else 0, norm.name if norm else ""):
        raise ValueError(f"dimension and norm {said} are not those of {info.noise} and {norm}")
    return LookupTable(
        **_entries(arrays),
        info=info,
        compiled=compiled_from(header, arrays),
        smoothing=noise,
        adversary=norm,
    )


def _entries(arrays: Mapping[str, Any]) -> dict[str, NDArray[np.float64]]:
    """Radii, multipliers and the tails that enclose."""
    entries = {name: array_of(arrays, name, np.float64, (None,)) for name in _ENTRIES}
    radii, lower, upper = entries["radii"], entries["tails"], entries["tails_upper"]
    if len({len(entry) for entry in entries.values()}) != 1:
        raise ValueError(f"{', '.join(entries)} have different lengths")
    if not (np.all(np.isfinite(radii)) and np.all(np.diff(radii, prepend=0.0) > 0)):
        raise ValueError("radii are not finite, positive and increasing")
    if not np.all((lower >= 0) & (lower <= upper) & (upper <= 1)):
        raise ValueError("tails and tails_upper do not enclose probabilities")
    if not np.all(entries["kappa"] >= 0):
        raise ValueError("kappa are not multipliers >= 0")
    for entry in entries.values():
        entry.flags.writeable = False
    return entries


def _check_info(info: TableInfo) -> None:
    """JSON may hold anything where a text or a number belongs."""
    for name, kind in get_type_hints(TableInfo).items():
        value = getattr(info, name)
        if not _is_a(value, kind) or (isinstance(value, float) and not value >= 0):
            raise ValueError(f"{name} is {value!r}")


def _is_a(value: Any, kind: Any) -> bool:
    """Whether a value is of a type such as ``str | None`` or ``tuple[str, ...]``."""
    if get_origin(kind) is UnionType:
        return any(_is_a(value, one) for one in get_args(kind))
    if get_origin(kind) is tuple:
        return isinstance(value, tuple) and all(_is_a(one, get_args(kind)[0]) for one in value)
    return isinstance(value, kind)
