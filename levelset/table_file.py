"""Tables on disk: the arrays of a table and its metadata in a guarded file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from levelset.table import LookupTable
from levelset.table_info import TableInfo
from numerics.array_file import read_arrays, write_arrays
from numerics.bit_lookup import LookupArrays
from numerics.bit_table import CompiledRadius
from numerics.errors import InvalidInputError
from smoothing.distribution import SmoothingDistribution
from smoothing.norms import LpNorm

__all__ = ["FORMAT", "load_table", "load_with_extra", "save_table"]

#: Changes whenever the meaning of the arrays does.
FORMAT = "radii-lookup-table-1"
_ENTRIES = ("radii", "kappa", "tails", "tails_upper")
_LOOKUP = ("bins", "offsets", "rows", "errors")


def save_table(table: LookupTable, path: Path, extra: Mapping[str, Any] | None = None) -> None:
    """Write a table; `extra` is JSON that the header carries along.

    Raises
    ------
    OSError
        The file cannot be written.
    """
    arrays = {name: getattr(table, name) for name in _ENTRIES}
    arrays |= {name: getattr(table.compiled.arrays, name) for name in _LOOKUP}
    header = {
        "format": FORMAT,
        "info": table.info.as_json(),
        "p": None if table.adversary is None else repr(table.adversary.p),
        "smallest_tail": table.compiled.smallest_tail.hex(),
        "limit": float(table.compiled.limit).hex(),
        "extra": dict(extra or {}),
    }
    write_arrays(path, header, arrays)


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
    header, arrays = read_arrays(
        path,
        formats=(FORMAT,),
        made_by="LookupTable.save",
        remedy="build the table again",
    )
    try:
        return _rebuilt(header, arrays), header["extra"]
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidInputError(
            f"path must be a file written by LookupTable.save, got {path}: {error!r}; build the "
            "table again"
        ) from error


def _rebuilt(header: Mapping[str, Any], arrays: Mapping[str, Any]) -> LookupTable:
    info = TableInfo.from_json(header["info"])
    compiled = CompiledRadius(
        LookupArrays(*(arrays[name] for name in _LOOKUP)),
        float.fromhex(header["smallest_tail"]),
        float.fromhex(header["limit"]),
    )
    radii, kappa, tails, tails_upper = (arrays[name] for name in _ENTRIES)
    return LookupTable(
        radii,
        kappa,
        tails,
        tails_upper,
        info,
        compiled,
        SmoothingDistribution.from_description(info.noise) if info.noise else None,
        None if header["p"] is None else LpNorm(float(header["p"])),
    )
