"""Where tables lie on disk, and what of the files there belongs to the cache."""

from __future__ import annotations

import os
import re
from pathlib import Path

from numerics.array_file import TEMPORARY_SUFFIX
from numerics.errors import invalid

__all__ = [
    "CACHE_VARIABLE",
    "KEY_DIGITS",
    "cache_folder",
    "lock_path",
    "named_folder",
    "own_files",
    "partial_files",
    "table_path",
]

#: Environment variable that names another folder.
CACHE_VARIABLE = "RADII_CACHE_DIR"
_SUFFIX = ".safetensors"
_LOCK = ".lock"
#: Of the hash that names a table.
KEY_DIGITS = 40
_HASH = rf"[0-9a-f]{{{KEY_DIGITS}}}"
#: Tables, locks and unfinished files; anything else in the folder is somebody else's.
_OWN_NAMES = re.compile(
    rf"{_HASH}(\{_SUFFIX}|\{_LOCK})|\.{_HASH}\{_SUFFIX}\.\w+\{TEMPORARY_SUFFIX}"
)


def cache_folder() -> Path:
    """Folder of the tables: RADII_CACHE_DIR, or the platform's cache folder of the user.

    Examples
    --------
    >>> cache_folder().name
    'tables'
    """
    named = named_folder()
    if named is None:
        from platformdirs import user_cache_path

        named = _absolute(user_cache_path("radii"))
    return named / "tables"


def named_folder() -> Path | None:
    """What RADII_CACHE_DIR says, as an absolute path; None where it says nothing.

    Raises
    ------
    InvalidInputError
        It begins with a home directory that does not exist.
    """
    named = os.environ.get(CACHE_VARIABLE)
    return None if not named else _absolute(Path(named))


def table_path(folder: Path, key: str) -> Path:
    """File of the table whose problem has that hash."""
    return folder / f"{key}{_SUFFIX}"


def lock_path(path: Path) -> Path:
    """Lock of a table, an unfinished table or a lock."""
    return path.with_name(path.name.lstrip(".")[:KEY_DIGITS] + _LOCK)


def partial_files(path: Path) -> list[Path]:
    """Unfinished files of a table."""
    return list(path.parent.glob(f".{path.name}.*{TEMPORARY_SUFFIX}"))


def _absolute(path: Path) -> Path:
    try:
        full = path.expanduser()
    except RuntimeError:
        full = path
    # Without a home directory a "~" would become a folder of that name.
    if full.parts[:1] and full.parts[0].startswith("~"):
        raise invalid(
            CACHE_VARIABLE, "a folder", str(path), "the home directory is unknown; write it out"
        )
    return full.absolute()


def own_files() -> tuple[list[Path], list[Path]]:
    """Tables in the cache folder, and what else the cache has put there."""
    folder = cache_folder()
    try:
        own = sorted(p for p in folder.iterdir() if _OWN_NAMES.fullmatch(p.name))
        tables = [p for p in own if p.suffix == _SUFFIX]
        return tables, [p for p in own if p.suffix != _SUFFIX]
    except FileNotFoundError:
        return [], []
    except OSError as error:
        raise invalid(
            CACHE_VARIABLE, "a folder that can be read", str(folder), f"it gives {error}"
        ) from error
