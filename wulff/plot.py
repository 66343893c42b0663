"""Pictures of unit balls and their Wulff crystals; every function returns axes, none shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from smoothing.norms import as_norm
from wulff.crystal import crystal
from wulff.meshes import Mesh, crystal_mesh, unit_ball_mesh

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["BALL", "CRYSTAL", "plot_body", "plot_crystal", "plot_gallery"]

#: Colours of a ball and of a crystal; they differ in lightness as well as in hue.
BALL, CRYSTAL = "#8c6bb1", "#f4a63b"
#: Where light comes from and where the eye is, in degrees.
LIGHT = (0.35, -0.6, 0.72)
ELEVATION, AZIMUTH = 20.0, -65.0
#: With more faces than this a body is round, and edges would be a net over it.
FEW_FACES = 200


def plot_body(mesh: Mesh, ax: Axes | None = None, *, color: str = CRYSTAL) -> Axes:
    """Draw a body in the plane or in space.

    Parameters
    ----------
    mesh : Mesh
    ax : Axes, optional
        Three-dimensional for a mesh in space; new ones by default.
    color : str

    Returns
    -------
    Axes
    """
    axes = _axes(ax, mesh.dim)
    if mesh.dim == 2:
        corners = mesh.vertices
        axes.fill(*corners.T, facecolor=color, edgecolor="0.15", linewidth=1.2, alpha=0.85)
        axes.set_aspect("equal")
    else:
        _draw_faces(mesh, axes, color)
    # in space a picture shows projections, so the farthest vertex sets the scale
    order = None if mesh.dim == 3 else np.inf
    _frame(axes, float(np.linalg.norm(mesh.vertices, ord=order, axis=1).max()), mesh.dim)
    return axes


def plot_crystal(norm: object, dim: int = 2, ax: Axes | None = None) -> Axes:
    """Draw the Wulff crystal of a norm, scaled to the size of the unit ball in the same axes.

    In the plane the unit ball is drawn as an outline around it.

    Examples
    --------
    >>> plot_crystal("linf", 2).get_title()
    'Wulff crystal of linf: rhombus'
    """
    mesh = crystal_mesh(norm, dim)
    axes = plot_body(mesh, ax)
    if dim == 2:
        outline = unit_ball_mesh(norm, dim).vertices
        closed = np.concatenate([outline, outline[:1]])
        axes.plot(*closed.T, color=BALL, linewidth=1.6, linestyle="--", label="unit ball")
        _frame(axes, 1.15 * float(np.abs(closed).max()), dim)
        axes.legend(loc="upper right", fontsize=8, frameon=False)
    axes.set_title(f"Wulff crystal of {as_norm(norm).name}: {shape_name(norm, dim)}", fontsize=10)
    return axes


def plot_gallery(norms: tuple[object, ...] = ("l1", "l2", "linf"), dim: int = 3) -> Figure:
    """The unit ball of each norm above its crystal, at equal size (the figure of the RSAS blog).

    Returns
    -------
    Figure
        With axes in two rows: balls, crystals.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(2.6 * len(norms), 5.4), layout="constrained")
    kind = {"projection": "3d"} if dim == 3 else {}
    axes: Any = figure.subplots(2, len(norms), subplot_kw=kind, squeeze=False)
    for column, norm in enumerate(norms):
        name = as_norm(norm).name
        plot_body(unit_ball_mesh(norm, dim), axes[0, column], color=BALL)
        axes[0, column].set_title(f"unit ball of {name}", fontsize=10)
        plot_body(crystal_mesh(norm, dim), axes[1, column])
        axes[1, column].set_title(f"crystal: {shape_name(norm, dim)}", fontsize=10)
    return figure


def shape_name(norm: object, dim: int) -> str:
    """What the crystal is called: by its faces where it has a name of its own.

    Examples
    --------
    >>> shape_name("linf", 3), shape_name("l1", 2), shape_name("linf", 4)
    ('rhombic dodecahedron', 'square', 'zonotope with 8 generators in R^4')
    """
    name = crystal(norm, dim).name
    if dim == 2:
        return {"cube": "square", "ball": "disc"}.get(name, name.replace(" in R^2", ""))
    if dim == 3 and name.startswith("zonotope"):
        mesh = crystal_mesh(norm, dim)
        if len(mesh.faces) == 12 and {len(face) for face in mesh.faces} == {4}:
            edges = [_edge_lengths(mesh.vertices[list(face)]) for face in mesh.faces]
            if np.ptp(edges) <= 1e-9 * float(np.max(edges)):
                return "rhombic dodecahedron"
    return name


def _edge_lengths(corners: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.linalg.norm(corners - np.roll(corners, 1, axis=0), axis=1))


def _axes(ax: Axes | None, dim: int) -> Any:
    if ax is not None:
        return ax
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.2, 4.2), layout="constrained")
    return figure.add_subplot(projection="3d" if dim == 3 else None)


def _draw_faces(mesh: Mesh, axes: Any, color: str) -> None:
    from matplotlib.colors import to_rgb
    from mpl_toolkits.mplot3d.art3d import Poly3DCollection

    corners = [mesh.vertices[list(face)] for face in mesh.faces]
    normals = np.array([np.cross(c[1] - c[0], c[2] - c[0]) for c in corners])
    normals /= np.linalg.norm(normals, axis=1)[:, None]
    light = np.asarray(LIGHT) / np.linalg.norm(LIGHT)
    shade = 0.62 + 0.38 * (normals @ light)
    colours = np.clip(np.outer(shade, to_rgb(color)) * 1.05, 0, 1)
    round_body = len(corners) > FEW_FACES
    faces = Poly3DCollection(
        corners,
        facecolors=colours,
        edgecolors=colours if round_body else "0.15",
        linewidths=0.4 if round_body else 1.0,
    )
    axes.add_collection3d(faces)
    axes.set_box_aspect((1, 1, 1), zoom=1.25)
    axes.view_init(ELEVATION, AZIMUTH)
    axes.set_axis_off()


def _frame(axes: Any, size: float, dim: int) -> None:
    reach = (0.8 if dim == 3 else 1.08) * size
    axes.set_xlim(-reach, reach)
    axes.set_ylim(-reach, reach)
    if dim == 3:
        axes.set_zlim(-reach, reach)
    else:
        axes.tick_params(labelsize=8)
