"""Files of arrays with a JSON header: safetensors, guarded by a digest, written in one step.

Nothing in such a file is ever executed. A file that was truncated, damaged or edited fails its
digest; a process killed while writing leaves the old file or none.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from numerics.errors import InvalidInputError

__all__ = ["TEMPORARY_SUFFIX", "read_arrays", "write_arrays", "write_atomically"]

#: Ending of the name of a file that is being written.
TEMPORARY_SUFFIX = ".partial"


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


def read_arrays(
    path: Path, *, formats: tuple[str, ...], made_by: str, remedy: str
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Read header and arrays that `write_arrays` wrote.

    Parameters
    ----------
    path : Path
    formats : tuple of str
        Legal values of the header's "format".
    made_by, remedy : str
        For the error: what writes such files, and what to do.

    Raises
    ------
    InvalidInputError
        The file is missing, damaged, edited or of another format.
    """
    from safetensors import SafetensorError, safe_open

    def damaged(reason: str) -> InvalidInputError:
        return InvalidInputError(
            f"path must be a file written by {made_by}, got {path}: {reason}; {remedy}"
        )

    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            arrays = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        text = metadata["header"]
        if metadata["sha256"] != _digest(text, arrays):
            raise damaged("its digest does not match its contents")
        header = json.loads(text)
    except FileNotFoundError as error:
        raise damaged("there is no such file") from error
    except (SafetensorError, KeyError, ValueError, OSError) as error:
        if isinstance(error, InvalidInputError):
            raise
        raise damaged(f"it cannot be read ({error})") from error
    if not isinstance(header, dict) or header.get("format") not in formats:
        named = header.get("format") if isinstance(header, dict) else header
        raise damaged(f"its format is {named!r}, this version needs {' or '.join(formats)!r}")
    return header, arrays


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that readers see all of it or nothing, also after a crash."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(
        dir=path.parent, prefix=f".{path.name}.", suffix=TEMPORARY_SUFFIX
    )
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _digest(header: str, arrays: Mapping[str, Any]) -> str:
    total = hashlib.sha256(header.encode())
    for key in sorted(arrays):
        array = np.ascontiguousarray(arrays[key])
        total.update(f"{key}{array.dtype.str}{array.shape}".encode())
        total.update(array.tobytes())
    return total.hexdigest()
