"""Tables on disk: each problem is computed once per machine, by whichever process comes first.

A file is named after the hash of its problem and carries the problem in its header, so that a
changed density, shape or algorithm never finds a stale table; a digest guards it against damage.
A cache that cannot be used costs time and a warning, never the result.
"""

from __future__ import annotations

import hashlib
import json
import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from levelset.table import LookupTable
from levelset.table_file import FORMAT, load_table, load_with_extra, save_table
from levelset.table_info import ALGORITHM_VERSION
from numerics.array_file import TEMPORARY_SUFFIX
from numerics.errors import InvalidInputError
from smoothing.distribution import SmoothingDistribution
from smoothing.norms import LpNorm

__all__ = ["CACHE_VARIABLE", "CacheEntry", "CacheWarning", "Problem", "cache_folder", "fetch"]

#: Environment variable that names another folder.
CACHE_VARIABLE = "RADII_CACHE_DIR"
_SUFFIX = ".safetensors"


class CacheWarning(UserWarning):
    """A table on disk was unusable or could not be written; the result is not affected."""


@dataclass(frozen=True)
class Problem:
    """What a table is asked for.

    Attributes
    ----------
    smoothing : SmoothingDistribution
    adversary : LpNorm
    radii : tuple of float or None
        Radii of the entries; None lets the loss decide.
    relative_loss : float
    max_radii : int
    """

    smoothing: SmoothingDistribution
    adversary: LpNorm
    radii: tuple[float, ...] | None
    relative_loss: float
    max_radii: int

    def specification(self) -> dict[str, Any]:
        """Everything the table depends on, as JSON: numbers exactly, psi in its one spelling."""
        return {
            "psi": self.smoothing.psi_text,
            "support": self.smoothing.support_text,
            "dim": self.smoothing.dim,
            "scale": self.smoothing.scale.hex(),
            "p": float(self.adversary.p).hex(),
            "radii": None if self.radii is None else [r.hex() for r in self.radii],
            "relative_loss": self.relative_loss.hex(),
            "max_radii": self.max_radii,
            "algorithm": ALGORITHM_VERSION,
            "format": FORMAT,
        }

    def key(self) -> str:
        """Hash of the specification."""
        return _key(self.specification())


@dataclass(frozen=True)
class CacheEntry:
    """A file of the cache; `fault` says why it is unusable, `table` is None then."""

    path: Path
    table: LookupTable | None
    fault: str | None


def cache_folder() -> Path:
    """Folder of the tables: RADII_CACHE_DIR, or the platform's cache folder of the user.

    Examples
    --------
    >>> cache_folder().name
    'tables'
    """
    named = os.environ.get(CACHE_VARIABLE)
    if named:
        return Path(named).expanduser() / "tables"
    from platformdirs import user_cache_path

    return user_cache_path("radii") / "tables"


def fetch(problem: Problem, build: Callable[[], LookupTable]) -> LookupTable:
    """Load the table of a problem, or build and keep it.

    Parameters
    ----------
    problem : Problem
    build : callable
        Computes the table; called at most once, and by one process at a time.

    Notes
    -----
    Damaged files are rebuilt, and a folder that cannot be written is done without; both warn.
    """
    path = cache_folder() / f"{problem.key()}{_SUFFIX}"
    table = _read(path, problem)
    if table is not None:
        return table
    with _locked(path) as writable:
        if not writable:
            return build()
        table = _read(path, problem)
        if table is not None:
            return table
        for leftover in _partial_files(path):
            leftover.unlink(missing_ok=True)
        table = build()
        try:
            save_table(table, path, problem.specification())
        except OSError as error:
            _warn(f"the table could not be kept in {path}: {error}")
        return table


def entries() -> Iterator[CacheEntry]:
    """Every table file of the cache folder, read and checked."""
    for path in sorted(cache_folder().glob(f"*{_SUFFIX}")):
        try:
            yield CacheEntry(path, _checked(path), None)
        except InvalidInputError as error:
            yield CacheEntry(path, None, str(error))


def clear() -> int:
    """Delete tables, locks and leftovers of killed processes; return how many tables there were."""
    count = 0
    for pattern in (f"*{_SUFFIX}", f".*{TEMPORARY_SUFFIX}", "*.lock"):
        for path in cache_folder().glob(pattern):
            count += path.suffix == _SUFFIX
            path.unlink(missing_ok=True)
    return count


def _key(specification: Any) -> str:
    text = json.dumps(specification, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:40]


def _checked(path: Path) -> LookupTable:
    """A table whose file is whole, of this version, and named after its own problem."""
    table, specification = load_with_extra(path)
    if _key(specification) != path.stem or specification.get("algorithm") != ALGORITHM_VERSION:
        raise InvalidInputError(
            f"path must be a table of algorithm {ALGORITHM_VERSION} named after its problem, got "
            f"{path}; clear the cache"
        )
    return table


def _read(path: Path, problem: Problem) -> LookupTable | None:
    """The table, or None where there is none to trust; a bad file is reported, then replaced."""
    if not path.exists():
        return None
    try:
        return load_table(path, problem.specification())
    except InvalidInputError as error:
        _warn(f"a cached table is unusable and will be built again: {error}")
        return None


@contextmanager
def _locked(path: Path) -> Iterator[bool]:
    """Hold the lock of a table; yield False where there can be none."""
    from filelock import FileLock

    lock = FileLock(path.with_suffix(".lock"))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except (OSError, NotImplementedError) as error:
        _warn(
            f"the cache folder {path.parent} cannot be used ({error}); set {CACHE_VARIABLE} to a "
            "folder that can be written, or pass cache=False"
        )
        yield False
        return
    try:
        yield True
    finally:
        lock.release()


def _partial_files(path: Path) -> list[Path]:
    return list(path.parent.glob(f".{path.name}.*{TEMPORARY_SUFFIX}"))


def _warn(message: str) -> None:
    warnings.warn(message, CacheWarning, stacklevel=5)
