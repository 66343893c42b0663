"""Tables on disk: each problem is computed once per machine, by whichever process comes first.

A file is named after the hash of its problem and carries the problem in its header, so that a
changed density, shape or algorithm never finds a stale table; a digest guards it against damage.
A cache that cannot be used costs time and a warning, never the result.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from levelset.table import LookupTable
from levelset.table_file import FORMAT, load_table, load_with_extra, save_table
from levelset.table_info import ALGORITHM_VERSION
from numerics.errors import InvalidInputError
from radii.cache_folder import (
    CACHE_VARIABLE,
    KEY_DIGITS,
    cache_folder,
    lock_path,
    partial_files,
    table_path,
)
from smoothing.distribution import SmoothingDistribution
from smoothing.norms import LpNorm

__all__ = ["CacheWarning", "Problem", "checked_table", "fetch"]

#: Seconds after which a process says what it is waiting for.
_PATIENCE = 20.0


class CacheWarning(UserWarning):
    """A table on disk is unusable, cannot be written or is waited for; the result is the same."""


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


def fetch(
    problem: Problem, build: Callable[[], LookupTable], folder: Path | None = None
) -> LookupTable:
    """Load the table of a problem, or build and keep it.

    Parameters
    ----------
    problem : Problem
    build : callable
        Computes the table; called at most once, and by one process at a time.
    folder : Path, optional
        Where tables lie, by default `cache_folder()`.

    Notes
    -----
    Damaged files are rebuilt, and a folder that cannot be written is done without; both warn.
    """
    try:
        folder = folder or cache_folder()
    except InvalidInputError as error:
        _warn(f"no table is kept: {error}")
        return build()
    path = table_path(folder, problem.key())
    table = _read(path, problem, quietly=True)
    if table is not None:
        return table
    with _locked(path) as writable:
        if not writable:
            return build()
        table = _read(path, problem)
        if table is not None:
            return table
        for leftover in partial_files(path):
            with suppress(OSError):
                leftover.unlink()
        table = build()
        try:
            save_table(table, path, problem.specification())
        except (OSError, InvalidInputError) as error:
            _warn(f"the table could not be kept in {path}: {error}")
        return table


def _key(specification: Any) -> str:
    text = json.dumps(specification, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:KEY_DIGITS]


def checked_table(path: Path) -> LookupTable:
    """A table whose file is whole, of this version, and named after its own problem."""
    table, specification = load_with_extra(path)
    named = isinstance(specification, dict) and _key(specification) == path.stem
    if not named or specification.get("algorithm") != ALGORITHM_VERSION:
        raise InvalidInputError(
            f"path must be a table of algorithm {ALGORITHM_VERSION} named after its problem, got "
            f"{path}; clear the cache"
        )
    return table


def _read(path: Path, problem: Problem, *, quietly: bool = False) -> LookupTable | None:
    """The table, or None where there is none to trust.

    A bad file is reported by whoever holds the lock and will replace it, so once.
    """
    if not os.path.lexists(path):
        return None
    try:
        table = load_table(path, problem.specification())
        if table.info.noise != problem.smoothing.describe():
            raise InvalidInputError(f"{path} is not a table of the problem in its header")
        return table
    except InvalidInputError as error:
        if not quietly:
            _warn(f"a cached table is unusable and will be built again: {error}")
        return None


@contextmanager
def _locked(path: Path) -> Iterator[bool]:
    """Hold the lock of a table; yield False where there can be none."""
    from filelock import FileLock, Timeout

    lock = FileLock(lock_path(path))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire(timeout=_PATIENCE)
        except Timeout:
            _warn(
                f"another process has been building the same table for {_PATIENCE:.0f} s and is "
                f"waited for (it holds {lock.lock_file}); with cache=False nothing is waited for"
            )
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


def _warn(message: str) -> None:
    """Warn at the line that asked for the table."""
    level, frame = 2, inspect.currentframe()
    frame = frame and frame.f_back
    while frame and frame.f_globals["__name__"].split(".")[0] in {"radii", "contextlib"}:
        level, frame = level + 1, frame.f_back
    warnings.warn(message, CacheWarning, stacklevel=level)
