"""Bodies as vertices and flat faces, for pictures and for files."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from numerics.errors import InvalidInputError
from smoothing.norms import LpNorm, Norm, PolytopeNorm, as_norm
from wulff.bodies import LpBall
from wulff.crystal import crystal
from wulff.hull import hull_of
from wulff.zonotope import Zonotope

__all__ = ["Mesh", "body_mesh", "crystal_mesh", "unit_ball_mesh"]

Array = NDArray[np.float64]

#: Facets whose normals agree to this are drawn as one polygon.
FLAT = 1e-7
#: A ball is drawn with this many points on its equator.
ROUND = 64


@dataclass(frozen=True, eq=False)
class Mesh:
    """Vertices (n, d) and faces, each a cycle of vertex numbers seen from outside.

    In the plane there is one face, the polygon itself.
    """

    vertices: Array
    faces: tuple[tuple[int, ...], ...]

    @property
    def dim(self) -> int:
        """2 or 3."""
        return int(self.vertices.shape[1])

    @property
    def triangles(self) -> NDArray[np.intp]:
        """Faces fanned into triangles, shape (t, 3)."""
        fans = [(f[0], f[i], f[i + 1]) for f in self.faces for i in range(1, len(f) - 1)]
        return np.array(fans, dtype=np.intp)


def unit_ball_mesh(norm: object, dim: int) -> Mesh:
    """The unit ball B of l1, l2, linf or a polytope norm in R^2 or R^3."""
    adversary = as_norm(norm)
    if isinstance(adversary, PolytopeNorm):
        return _hull_mesh(_in_space(adversary.vertices, adversary.dim))
    return body_mesh(LpBall(_order(adversary), 1.0, dim))


def crystal_mesh(norm: object, dim: int) -> Mesh:
    """The Wulff crystal of a norm in R^2 or R^3.

    Examples
    --------
    >>> mesh = crystal_mesh("linf", 3)
    >>> len(mesh.vertices), len(mesh.faces), {len(face) for face in mesh.faces}
    (14, 12, {4})
    """
    return body_mesh(crystal(norm, dim))


def body_mesh(body: LpBall | Zonotope) -> Mesh:
    """Vertices and faces of a body in R^2 or R^3.

    Raises
    ------
    InvalidInputError
        The body has another dimension.
    """
    if isinstance(body, Zonotope):
        _in_space(body.generators, body.dim)
        return _hull_mesh(body.vertices)
    points = {1.0: _cross_polytope, 2.0: _ball, np.inf: _cube}[body.order](body.dim)
    return _hull_mesh(_in_space(body.radius * points, body.dim))


def _order(adversary: Norm) -> float:
    if isinstance(adversary, LpNorm) and adversary.p in (1.0, 2.0, np.inf):
        return adversary.p
    raise InvalidInputError(f"norm must be l1, l2, linf or a PolytopeNorm, got {adversary.name}")


def _in_space(points: Array, dim: int) -> Array:
    if dim not in (2, 3):
        raise InvalidInputError(
            f"dim must be 2 or 3 for a picture or a mesh, got {dim}; Zonotope.vertices and facets "
            "describe the body in higher dimension"
        )
    return points


def _cross_polytope(dim: int) -> Array:
    return np.concatenate([np.eye(dim), -np.eye(dim)])


def _cube(dim: int) -> Array:
    return np.array(np.meshgrid(*[(-1.0, 1.0)] * dim)).reshape(dim, -1).T


def _ball(dim: int) -> Array:
    around = np.linspace(0, 2 * np.pi, ROUND, endpoint=False)
    if dim == 2:
        return np.stack([np.cos(around), np.sin(around)], axis=1)
    polar = np.linspace(0, np.pi, ROUND // 2 + 1)[1:-1]
    ring = np.stack([np.cos(around), np.sin(around)], axis=1)
    rows = [np.column_stack([np.sin(a) * ring, np.full(ROUND, np.cos(a))]) for a in polar]
    return np.concatenate([*rows, [[0.0, 0.0, 1.0], [0.0, 0.0, -1.0]]])


def _hull_mesh(points: Array) -> Mesh:
    hull = hull_of(points)
    if points.shape[1] == 2:
        # Qhull lists the vertices of a polygon counterclockwise
        vertices = points[hull.vertices]
        return Mesh(vertices, (tuple(range(len(vertices))),))
    used = np.unique(hull.vertices)
    number = {int(v): i for i, v in enumerate(used)}
    _, index = np.unique(np.round(hull.equations / FLAT), axis=0, return_inverse=True)
    faces = []
    for face in range(int(index.max()) + 1):
        members = np.flatnonzero(index.ravel() == face)
        corners = np.unique(hull.simplices[members])
        faces.append(
            tuple(number[int(c)] for c in _cycle(points, corners, hull.equations[members[0], :3]))
        )
    return Mesh(points[used], tuple(faces))


def _cycle(points: Array, corners: NDArray[np.intp], normal: Array) -> NDArray[np.intp]:
    """Corners of a convex face in counterclockwise order seen against its outward normal."""
    centred = points[corners] - points[corners].mean(axis=0)
    first = centred[0] / np.linalg.norm(centred[0])
    second = np.cross(normal, first)
    return np.asarray(corners[np.argsort(np.arctan2(centred @ second, centred @ first))])
