"""Differential against level-set radii, in numbers, as a picture and on the command line."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import radii
from numerics.errors import InvalidInputError, UnsupportedPairError
from radii.cache_folder import CACHE_VARIABLE
from radii.cli import app
from radii.compare import Comparison, compare_methods


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path))
    return tmp_path / "tables"


def figure(dim: int) -> radii.SmoothingDistribution:
    """The density of Figure B.1: its sigma hardly depends on d."""
    return radii.SmoothingDistribution.parse("norm(x, 2)*sqrt(dim)", dim=dim)


@pytest.fixture(scope="module")
def found() -> Comparison:
    rho = [0.6, 0.9, 0.99]
    return compare_methods(figure, "l2", dims=[4, 32, 1024], rho=rho)


def test_the_gap_closes_as_the_dimension_grows(found: Comparison) -> None:
    assert np.all(found.gap >= 0)
    assert np.all(np.diff(found.gap, axis=0) < 0)
    assert np.all(np.diff(found.gap, axis=1) > 0)  # and opens with rho
    # Both converge to the Gaussian radius N^-1(rho) sigma, sigma -> 1: within 1% at d = 1024.
    assert found.levelset[2] == pytest.approx([0.2533471, 1.2815516, 2.3263479], rel=1e-2)


def test_the_tight_radius_is_where_the_tail_is_met(found: Comparison) -> None:
    for dim, radii_at in zip(found.dims, found.levelset, strict=True):
        table = radii.table(figure(dim), "l2", radii=radii_at, cache=False)
        # Algorithm 1 at these radii gives the tails back, from above: the radii are sound.
        assert np.all(table.tails_upper >= (1 - found.rho) * (1 - 1e-12))
        assert table.tails == pytest.approx(1 - found.rho, rel=1e-9)


def test_pictures_have_two_lines_for_each_dimension(found: Comparison) -> None:
    import matplotlib

    matplotlib.use("Agg")
    assert len(found.plot().lines) == 6
    assert len(found.plot_gap().lines) == 3


def test_bad_comparisons_are_named() -> None:
    with pytest.raises(InvalidInputError, match="dims must be"):
        compare_methods(figure, "l2", dims=[])
    with pytest.raises(InvalidInputError, match="rho must be"):
        compare_methods(figure, "l2", rho=[0.5])
    with pytest.raises(UnsupportedPairError, match="tight along"):
        compare_methods(radii.families.exp_linf, "l1", dims=[3], rho=[0.9])


def test_compare_on_the_command_line(tmp_path: Path) -> None:
    picture = tmp_path / "gap.png"
    arguments = ["compare", "norm(x, 2)**2/2", "-a", "l2", "-d", "3", "--rho", "0.9"]
    result = CliRunner().invoke(app, [*arguments, "--plot", str(picture)])
    assert result.exit_code == 0, result.output
    assert "1.28155" in result.output
    assert picture.stat().st_size > 10_000


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--rho", "1"], "rho must be a probability in (1/2, 1), got '1'"),
        (["--rho", "0.5"], "rho must be a probability in (1/2, 1), got '0.5'"),
        (["--plot", "gap.xyz"], "out must be a file name ending in one of"),
        (["--plot", "nowhere/gap.png"], "out must be a file in a folder that exists"),
    ],
)
def test_bad_options_of_compare_are_one_line(options: list[str], reason: str) -> None:
    arguments = ["compare", "norm(x, 2)**2/2", "-a", "l2", "-d", "3", "--rho", "0.9", *options]
    result = CliRunner().invoke(app, arguments)
    assert (result.exit_code, reason in result.stderr) == (2, True), result.stderr
    assert result.stderr.count("\n") == 1


def test_tables_on_the_command_line(folder: Path) -> None:
    run = CliRunner().invoke
    built = run(app, ["table", "build", "norm(x, 2)**2/2", "-a", "l2", "-d", "3"])
    assert built.exit_code == 0, built.output
    assert "r*e_1" in built.output
    assert "not proved" not in built.output
    assert "norm(x, 2)**2/2" in run(app, ["table", "list"]).output
    good = run(app, ["table", "verify"])
    assert (good.exit_code, "1 of 1" in good.output) == (0, True)
    (path,) = folder.glob("*.safetensors")
    path.write_bytes(path.read_bytes()[:-100])
    bad = run(app, ["table", "verify"])
    assert (bad.exit_code, "0 of 1" in bad.output) == (1, True)
    assert "deleted 1 table from" in run(app, ["table", "clear"]).output
    assert not list(folder.glob("*"))


def test_a_stopped_build_says_how_to_go_on(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(radii, "tables", stopped)
    result = CliRunner().invoke(app, ["table", "build", "norm(x, 2)", "-a", "l2", "-d", "3"])
    assert result.exit_code == 130
    assert "run the command again" in result.stderr


def test_results_go_to_one_stream_and_the_rest_to_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "file"))
    arguments = ["table", "build", "norm(x, 2)**2/2", "-a", "l2", "-d", "3", "--radius", "1/2"]
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0
    assert [line.split()[0] for line in result.stdout.splitlines()] == ["density", "psi"]
    assert "radii: warning: the cache folder" in result.stderr
    assert CliRunner().invoke(app, ["table", "list"]).exit_code == 2


def test_a_refused_table_is_one_line(folder: Path) -> None:
    result = CliRunner().invoke(app, ["table", "build", "norm(x, oo)", "-a", "l1", "-d", "9"])
    assert result.exit_code == 2
    assert "tight along" in result.output
    assert not folder.exists()
