"""Crystals as OBJ or STL text, for three-dimensional viewers and printers."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from numerics.errors import InvalidInputError, invalid
from wulff.meshes import Mesh

__all__ = ["obj_text", "save_mesh", "stl_text"]


def obj_text(mesh: Mesh) -> str:
    """Wavefront OBJ: vertices with three coordinates, faces counted from 1.

    Examples
    --------
    >>> from wulff.meshes import crystal_mesh
    >>> print(obj_text(crystal_mesh("linf", 2)).splitlines()[-1])
    f 1 2 3 4
    """
    rows = np.pad(mesh.vertices, ((0, 0), (0, 3 - mesh.dim)))
    lines = [f"v {a!r} {b!r} {c!r}" for a, b, c in (rows + 0.0).tolist()]
    lines += [f"f {' '.join(str(i + 1) for i in face)}" for face in mesh.faces]
    return "\n".join(lines) + "\n"


def stl_text(mesh: Mesh, *, name: str = "crystal") -> str:
    """STL as text: one facet per triangle, with its outward unit normal."""
    rows = np.pad(mesh.vertices, ((0, 0), (0, 3 - mesh.dim))) + 0.0
    lines = [f"solid {name}"]
    for triangle in mesh.triangles:
        a, b, c = rows[triangle]
        normal = np.cross(b - a, c - a)
        normal = normal / np.linalg.norm(normal) + 0.0
        lines.append(f"facet normal {_numbers(normal)}")
        lines.append(" outer loop")
        lines += [f"  vertex {_numbers(corner)}" for corner in (a, b, c)]
        lines += [" endloop", "endfacet"]
    return "\n".join([*lines, f"endsolid {name}"]) + "\n"


def save_mesh(mesh: Mesh, path: str | Path) -> Path:
    """Write a mesh to a file that ends in .obj or .stl and return its path.

    Raises
    ------
    InvalidInputError
        Another ending, or a folder that does not exist.
    """
    target = Path(path)
    writers = {".obj": obj_text, ".stl": stl_text}
    if target.suffix.lower() not in writers:
        raise invalid("path", "a name that ends in .obj or .stl", str(path), "change the ending")
    if not target.parent.is_dir():
        raise InvalidInputError(f"the folder {target.parent} does not exist; create it first")
    target.write_text(writers[target.suffix.lower()](mesh), encoding="ascii")
    return target


def _numbers(values: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> str:
    return " ".join(repr(v) for v in values.tolist())
