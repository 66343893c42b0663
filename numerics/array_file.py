"""Files of arrays with a JSON header: safetensors, guarded by a digest, written in one step.

Nothing in such a file is ever executed. A file that was truncated, damaged or edited fails its
digest; a process killed while writing leaves the old file or none.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from numerics.errors import InvalidInputError

__all__ = ["TEMPORARY_SUFFIX", "read_file", "write_arrays", "write_atomically"]

T = TypeVar("T")

#: Ending of the name of a file that is being written.
TEMPORARY_SUFFIX = ".partial"


class _Fault(ValueError):
    """What is wrong with a file."""


#: What the contents of a file can provoke; `RecursionError` is JSON nested a thousand deep.
_FAULTS = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)


def write_arrays(path: Path, header: Mapping[str, Any], arrays: Mapping[str, Any]) -> None:
    """Write arrays and what JSON can say about them in one atomic step.

    Parameters
    ----------
    path : Path
        Parent folders are made.
    header : mapping
        JSON values; "format" names the meaning of the arrays.
    arrays : mapping from names to arrays

    Raises
    ------
    OSError
        The file cannot be written.
    """
    from safetensors.numpy import save as to_bytes

    contiguous = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    text = json.dumps(dict(header), sort_keys=True)
    metadata = {"header": text, "sha256": _digest(text, contiguous)}
    write_atomically(path, to_bytes(contiguous, metadata=metadata))


def read_file(
    path: Path,
    readers: Mapping[str, Callable[[Mapping[str, Any], Mapping[str, Any]], T]],
    *,
    made_by: str,
    remedy: str,
) -> T:
    """Read a file that `write_arrays` wrote, with the reader of its format.

    Parameters
    ----------
    path : Path
    readers : mapping
        For each legal "format" of the header a function of header and arrays. What it raises on
        values that make no sense is reported as a fault of the file.
    made_by, remedy : str
        For the error: what writes such files, and what to do.

    Raises
    ------
    InvalidInputError
        The file is missing, damaged, edited, of another format, or holds what no such file can.
    """
    try:
        header, arrays = _contents(_bytes_of(path))
        named = str(header.get("format"))
        if named not in readers:
            legal = " or ".join(repr(name) for name in readers)
            raise _Fault(f"its format is {named!r}, this version needs {legal}")
        return readers[named](header, arrays)
    except _FAULTS as error:
        reason = f"it lacks {error}" if isinstance(error, KeyError) else str(error)
        raise InvalidInputError(
            f"path must be a file written by {made_by}, got {path}: {reason}; {remedy}"
        ) from error


def _bytes_of(path: Path) -> bytes:
    """The whole file: a map of it would break where somebody else cuts it short meanwhile."""
    try:
        # Opening a pipe waits for a writer, and a device may never end.
        if path.exists() and not path.is_file():
            raise _Fault("it is not a regular file")
        return path.read_bytes()
    except FileNotFoundError as error:
        raise _Fault("there is no such file") from error
    except OSError as error:
        raise _Fault(f"it cannot be read ({error})") from error


def _contents(content: bytes) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and arrays, if they are what was written."""
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        arrays = load(content)
        length = int.from_bytes(content[:8], "little")
        metadata = json.loads(content[8 : 8 + length]).get("__metadata__", {})
    except (SafetensorError, *_FAULTS) as error:
        raise _Fault(f"it is cut short, damaged or of another kind ({error})") from error
    if "header" not in metadata or "sha256" not in metadata:
        raise _Fault("it holds arrays of something else, without the header of this library")
    text = metadata["header"]
    if metadata["sha256"] != _digest(text, arrays):
        raise _Fault("its digest does not match its contents")
    header = json.loads(text)
    if not isinstance(header, dict):
        raise _Fault("its header is not a JSON object")
    return header, arrays


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that readers see all of it or nothing, also after a crash."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # Not `tempfile`: its files can be read by their owner alone, and tables are for sharing.
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}{TEMPORARY_SUFFIX}")
    try:
        with temporary.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _digest(header: str, arrays: Mapping[str, Any]) -> str:
    total = hashlib.sha256(header.encode())
    for key in sorted(arrays):
        array = np.ascontiguousarray(arrays[key])
        total.update(f"{key}{array.dtype.str}{array.shape}".encode())
        total.update(array.tobytes())
    return total.hexdigest()
