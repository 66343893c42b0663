"""Meshes are closed surfaces of the right volume; pictures draw what they say."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path

import matplotlib.figure
import numpy as np
import pytest
from typer.testing import CliRunner

from numerics.errors import InvalidInputError
from radii.cli import app
from smoothing.norms import PolytopeNorm
from wulff import demo
from wulff.crystal import crystal, crystal_zonotope
from wulff.export import obj_text, save_mesh, stl_text
from wulff.meshes import Mesh, body_mesh, crystal_mesh, unit_ball_mesh
from wulff.plot import plot_body, plot_crystal, plot_gallery, shape_name
from wulff.plot_growth import (
    plot_accuracy,
    plot_gaussian_growth,
    plot_robustness,
    plot_uniform_growth,
)


def signed_volume(mesh: Mesh) -> float:
    """Sum of the cones over all triangles; positive when faces are seen from outside."""
    return float(np.linalg.det(mesh.vertices[mesh.triangles]).sum() / 6)


@pytest.mark.parametrize("norm", ["l1", "linf"])
def test_meshes_are_closed_and_oriented(norm: str) -> None:
    for mesh, volume in (
        (crystal_mesh(norm, 3), crystal(norm, 3).volume),
        (unit_ball_mesh(norm, 3), {"l1": 4 / 3, "linf": 8.0}[norm]),
    ):
        edges = Counter((face[i - 1], face[i]) for face in mesh.faces for i in range(len(face)))
        assert set(edges.values()) == {1}
        assert all((b, a) in edges for a, b in edges)
        assert len(mesh.vertices) - len(edges) // 2 + len(mesh.faces) == 2  # Euler
        assert signed_volume(mesh) == pytest.approx(volume, rel=1e-12)


def test_round_and_given_balls() -> None:
    # a sphere of 64 meridians lacks about pi^2 * (2/3) / 32^2 of its volume
    assert signed_volume(unit_ball_mesh("l2", 3)) == pytest.approx(4 * math.pi / 3, rel=0.01)
    hexagon = PolytopeNorm([[2, 0], [1, 1], [1, -1], [-2, 0], [-1, -1], [-1, 1]])
    assert len(unit_ball_mesh(hexagon, 2).vertices) == 6
    assert shape_name(hexagon, 2) == "zonotope with 3 generators"


def test_files(tmp_path: Path) -> None:
    mesh = crystal_mesh("linf", 3)
    obj = save_mesh(mesh, tmp_path / "crystal.obj").read_text().splitlines()
    assert [line[0] for line in obj].count("v") == 14
    read = np.array([[float(v) for v in line.split()[1:]] for line in obj if line[0] == "v"])
    np.testing.assert_array_equal(read, mesh.vertices)
    stl = save_mesh(mesh, tmp_path / "crystal.stl").read_text().splitlines()
    corners = np.array([[float(v) for v in s.split()[1:]] for s in stl if "vertex" in s])
    triangles = corners.reshape(-1, 3, 3)
    assert len(triangles) == 24
    assert np.linalg.det(triangles).sum() / 6 == pytest.approx(2.0, rel=1e-12)
    normals = np.array([[float(v) for v in s.split()[2:]] for s in stl if "normal" in s])
    assert (np.einsum("ij,ij->i", normals, triangles.mean(axis=1)) > 0).all()
    assert obj_text(crystal_mesh("l1", 2)).count("\nv") == 3
    assert stl_text(crystal_mesh("l1", 2)).count("facet normal") == 2
    with pytest.raises(InvalidInputError, match=r"\.obj or \.stl"):
        save_mesh(mesh, tmp_path / "crystal.ply")
    with pytest.raises(InvalidInputError, match="create it first"):
        save_mesh(mesh, tmp_path / "nowhere" / "crystal.obj")
    with pytest.raises(InvalidInputError, match="dim must be 2 or 3"):
        body_mesh(crystal_zonotope("linf", 4))


def test_crystal_pictures() -> None:
    figure = matplotlib.figure.Figure()
    ax = figure.add_subplot()
    assert plot_crystal("linf", 2, ax) is ax
    (corners,) = (patch.get_xy() for patch in ax.patches)
    assert np.abs(corners).sum(axis=1) == pytest.approx(1.0)
    assert ax.get_title().endswith("rhombus")
    space = plot_body(crystal_mesh("linf", 3))
    assert space.name == "3d"
    assert len(space.collections[0].get_facecolor()) == 12
    gallery = plot_gallery(dim=2)
    assert [ax.get_title() for ax in gallery.axes[3:]] == [
        "crystal: square",
        "crystal: disc",
        "crystal: rhombus",
    ]


def test_growth_pictures() -> None:
    for plot in (plot_gaussian_growth, plot_uniform_growth, plot_accuracy):
        ax = matplotlib.figure.Figure().add_subplot()
        assert plot(ax=ax) is ax
    curve = plot_robustness(lambda rho: 2 * rho - 1, s=0.25)
    assert curve.lines[-1].get_xydata().tolist() == [[0.75, 0.5]]
    # ndtr(1) - ndtr(-1) = 0.6827 at distance 1 and sigma 1/2
    assert "0.683" in plot_accuracy(0.5).get_title()
    assert "0.300" in plot_uniform_growth("linf", (0.3, 0.15)).get_title()
    for call in (
        lambda: plot_gaussian_growth(1.0),
        lambda: plot_uniform_growth("linf", (0, 0)),
        lambda: plot_robustness(lambda rho: rho, s=0.5),
        lambda: plot_accuracy(0.0),
    ):
        with pytest.raises(InvalidInputError, match="must be"):
            call()


def test_command(tmp_path: Path) -> None:
    run = CliRunner().invoke
    picture, mesh = tmp_path / "out.png", tmp_path / "out.obj"
    done = run(app, ["wulff", "linf", "--dim", "3", "--plot", str(picture), "--mesh", str(mesh)])
    assert done.exit_code == 0, done.output
    assert "rhombic dodecahedron" in done.output
    assert "facets     12" in done.output
    assert picture.stat().st_size > 10_000
    assert mesh.is_file()
    far = run(app, ["wulff", "linf", "--dim", "3072"])
    assert "2^3071 generators" in far.output
    assert "120.014  cross polytope" in far.output
    bad = run(app, ["wulff", "linf", "--dim", "5", "--plot", str(picture)])
    assert bad.exit_code == 2
    assert "dim must be 2 or 3" in bad.output
    assert run(app, ["wulff", "l1", "--plot", "x.nonsense"]).exit_code == 2


def test_demo(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    demo.main(["--out", str(tmp_path)])
    text = capsys.readouterr().out
    assert "1.640625" in text
    assert {p.name for p in tmp_path.iterdir()} == {
        "crystals_2d.png",
        "crystals_3d.png",
        "growth.png",
    }
