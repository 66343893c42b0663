"""Looking after the tables on disk: what there is, whether it is whole, and removing it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from levelset.table import LookupTable
from numerics.errors import InvalidInputError
from radii.cache import checked_table
from radii.cache_folder import cache_folder, lock_path, own_files

__all__ = ["CacheEntry", "clear", "entries"]


@dataclass(frozen=True)
class CacheEntry:
    """A file of the cache; `fault` says why it is unusable, `table` is None then."""

    path: Path
    size: int
    table: LookupTable | None
    fault: str | None


def entries() -> Iterator[CacheEntry]:
    """Every table file of the cache folder, read and checked."""
    for path in own_files()[0]:
        try:
            size = path.stat().st_size
        except OSError:
            size = 0
        try:
            yield CacheEntry(path, size, checked_table(path), None)
        except InvalidInputError as error:
            # Another process may have cleared the folder in the meantime.
            if os.path.lexists(path):
                yield CacheEntry(path, size, None, str(error))


def clear() -> int:
    """Delete tables, locks and leftovers of killed processes; return how many tables there were.

    What another process is building at the moment is left alone.

    Raises
    ------
    InvalidInputError
        A file cannot be deleted; all others have been.
    """
    from filelock import FileLock, Timeout

    count, failures = 0, []
    tables, others = own_files()
    for path in [*tables, *others]:
        lock = FileLock(lock_path(path))
        try:
            with lock.acquire(blocking=False):
                path.unlink(missing_ok=True)
                Path(lock.lock_file).unlink(missing_ok=True)
            count += path in tables
        except Timeout:
            continue
        except OSError as error:
            failures.append(f"{path} ({error})")
    if failures:
        raise InvalidInputError(
            f"{len(failures)} of the cache's files could not be deleted, the first is "
            f"{failures[0]}; delete by hand what is in {cache_folder()}"
        )
    return count
