"""Save compiled radii: arrays in safetensors, everything else as JSON, guarded by a digest.

Nothing in such a file is ever executed: the density is read back through the project's own
grammar. A file that was truncated or edited fails its digest.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from numerics.bit_lookup import LookupArrays
from numerics.errors import InvalidInputError
from radii.compile import CompiledRadius
from radii.radius_function import RadiusFunction
from smoothing.distribution import SmoothingDistribution
from smoothing.norms import LpNorm, as_norm

__all__ = ["FORMAT", "load", "save"]

#: Changes whenever the meaning of the arrays does.
FORMAT = "radii-radius-function-2"
_ARRAYS = ("bins", "offsets", "rows", "errors")


def save(radius: RadiusFunction, path: Path) -> None:
    """Write a radius function in one atomic step.

    Raises
    ------
    InvalidInputError
        The noise was given by callables or the adversary is not an l_p norm.
    """
    from safetensors.numpy import save as to_bytes

    if radius.smoothing.black_box is not None or not isinstance(radius.adversary, LpNorm):
        raise InvalidInputError(
            "only radii of a written-out psi against an l_p norm can be saved, got "
            f"{radius!r}; save psi as an expression"
        )
    compiled = radius.compiled
    arrays = {name: np.ascontiguousarray(getattr(compiled.arrays, name)) for name in _ARRAYS}
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
    text = json.dumps(header, sort_keys=True)
    metadata = {"header": text, "sha256": _digest(text, arrays)}
    _write_atomically(path, to_bytes(arrays, metadata=metadata))


def load(path: str | Path) -> RadiusFunction:
    """Read a radius function that `RadiusFunction.save` wrote.

    Raises
    ------
    InvalidInputError
        The file is missing, damaged, edited or of another format version.
    """
    from safetensors import SafetensorError, safe_open

    source = Path(path)
    try:
        with safe_open(source, framework="numpy") as file:
            metadata = file.metadata() or {}
            arrays = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        text = metadata["header"]
        if metadata["sha256"] != _digest(text, arrays):
            raise _damaged(source, "its digest does not match its contents")
        header = json.loads(text)
    except FileNotFoundError as error:
        raise _damaged(source, "there is no such file") from error
    except (SafetensorError, KeyError, json.JSONDecodeError, OSError) as error:
        raise _damaged(source, f"it cannot be read ({error})") from error
    if header.get("format") != FORMAT:
        raise _damaged(
            source, f"its format is {header.get('format')!r}, this version needs {FORMAT!r}"
        )
    return _rebuild(header, arrays)


def _rebuild(header: dict[str, Any], arrays: dict[str, Any]) -> RadiusFunction:
    from radii.routes import ROUTES, Accepted

    compiled = CompiledRadius(
        LookupArrays(*(arrays[name] for name in _ARRAYS)),
        float.fromhex(header["smallest_tail"]),
        float.fromhex(header["limit"]),
    )
    smoothing = SmoothingDistribution.from_description(header["noise"])
    adversary = as_norm(LpNorm(float(header["p"])))

    def rederived() -> RadiusFunction:
        """The same function with its evaluator, for what the table alone cannot answer."""
        verdict = next(r for r in ROUTES if r.name == header["route"]).accepts(smoothing, adversary)
        assert isinstance(verdict, Accepted)
        return verdict.build()

    return RadiusFunction(
        smoothing,
        adversary,
        header["route"],
        header["guarantee"],
        tuple(header["references"]),
        compiled,
        lambda p, r: rederived().grow(p, r),
        lambda: rederived().symbolic(),
    )


def _digest(header: str, arrays: dict[str, Any]) -> str:
    total = hashlib.sha256(header.encode())
    for key in sorted(arrays):
        array = np.ascontiguousarray(arrays[key])
        total.update(f"{key}{array.dtype.str}{array.shape}".encode())
        total.update(array.tobytes())
    return total.hexdigest()


def _damaged(path: Path, reason: str) -> InvalidInputError:
    return InvalidInputError(
        f"path must be a file written by RadiusFunction.save, got {path}: {reason}; derive the "
        "radius again and save it"
    )


def _write_atomically(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
