"""The command line, through Typer's runner: what is printed, and how mistakes are answered."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from numerics.errors import InvalidInputError
from radii.cli import app
from radii.cli_options import exact_number, tail_of

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
NEEDS_DATA = pytest.mark.skipif(not DATA.is_dir(), reason="../shared/data is absent")

#: psi and options of uniform noise on a cube, whose l1 radius is 2 lambda (rho - 1/2).
CUBE = ["--psi", "0", "--support", "norm(x, oo) <= 1"]


def run(*arguments: str) -> Result:
    # A wide terminal, so that tables are not cut.
    return CliRunner().invoke(app, list(arguments), env={"COLUMNS": "200"})


def cells(output: str, first: str) -> list[str]:
    """Cells of the table row that starts with `first`."""
    rows = [line.replace("│", "|").strip().strip("|") for line in output.splitlines()]
    found = [[cell.strip() for cell in row.split("|")] for row in rows]
    return next(row for row in found if row[0] == first)


def test_help_lists_the_commands() -> None:
    result = run("--help")
    assert result.exit_code == 0
    for command in ("derive", "families", "recertify"):
        assert command in result.stdout


def test_derive_prints_formula_and_radii_rounded_down() -> None:
    result = run(
        "derive", "norm(x, 1)", "--adversary", "l1", "--dim", "3072", "--scale", "2",
        "--rho", "0.99", "--rho", "0.5", "--latex",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    # 2 * -log(0.02) = 7.824046010856292...
    assert cells(result.stdout, "0.99") == ["0.99", "7.82404"]
    assert cells(result.stdout, "0.5") == ["0.5", "0"]
    assert "log" in next(line for line in result.stdout.splitlines() if line.startswith("R(rho)"))
    assert r"\log" in next(line for line in result.stdout.splitlines() if line.startswith("LaTeX"))


def test_radii_are_rounded_down_and_not_to_nearest() -> None:
    result = run("derive", "norm(x, 2)**2/2", "-a", "l2", "-d", "10", "--rho", "0.99")
    assert result.exit_code == 0, result.output
    # The 0.99 quantile of the normal distribution is 2.326347874..., to nearest 2.32635.
    assert cells(result.stdout, "0.99") == ["0.99", "2.32634"]


def test_derive_explains_routes_and_steps() -> None:
    plain = run("derive", "norm(x, 1)", "-a", "l1", "-d", "4")
    explained = run("derive", "norm(x, 1)", "-a", "l1", "-d", "4", "--explain")
    assert explained.exit_code == 0, explained.output
    assert "step" not in plain.stdout
    assert "step" in explained.stdout
    for route in ("symbolic", "quadrature"):
        assert route in explained.stdout


def test_sigma_sets_the_scale() -> None:
    by_sigma = run("derive", "norm(x, 2)**2/2", "-a", "l2", "-d", "3", "--sigma", "0.5")
    by_scale = run("derive", "norm(x, 2)**2/2", "-a", "l2", "-d", "3", "--scale", "0.5")
    assert by_sigma.exit_code == by_scale.exit_code == 0, by_sigma.output
    assert by_sigma.stdout == by_scale.stdout


def test_families_lists_every_named_density_with_its_noise_level() -> None:
    from smoothing import families

    result = run("families", "--dim", "12", "--sigma", "0.5")
    assert result.exit_code == 0, result.output
    for name in families.__all__:
        assert f"{name}(" in result.stdout
    # Laplace: sigma^2 = 2 at scale 1 (Yang et al. 2020, Table A.2), so sigma 1/2 is scale 8^-1/2.
    assert cells(result.stdout, "laplace()")[3:] == ["1.41421", "0.353553"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["derive", "norm(x, 1", "-a", "l1", "-d", "3"], "')'"),
        (["derive", "__import__('os')", "-a", "l1", "-d", "3"], "__import__"),
        (["derive", "norm(x, 1)", "-a", "l0.5", "-d", "3"], "adversary"),
        (["derive", "norm(x, 1)", "-a", "l1", "-d", "0"], "dim must be"),
        (["derive", "norm(x, 1)", "-a", "l1", "-d", "3", "--scale", "-1"], "scale must be"),
        (["derive", "norm(x, 1)", "-a", "l1", "-d", "3", "--rho", "1.5"], "rho must be"),
        (["derive", "norm(x, 1)", "-a", "l1", "-d", "3", "--rho", "most"], "rho must be"),
        (["derive", "-norm(x, 1)", "-a", "l1", "-d", "3"], "not integrable"),
        (["derive", "norm(x, 1)", "-a", "l1", "-d", "3", "--route", "magic"], "route must be"),
        (
            ["derive", "norm(x, 1)", "-a", "l1", "-d", "3", "--scale", "1", "--sigma", "1"],
            "at most one of scale and sigma",
        ),
        (["derive", "norm(x, 3)**4", "-a", "l1", "-d", "5"], "against l1: overlap refused"),
        (["families", "--dim", "0"], "dim must be"),
        (["families", "--sigma", "-1"], "sigma must be"),
    ],
)
def test_mistakes_are_answered_by_one_line(arguments: list[str], message: str) -> None:
    # "--" would be needed for a psi that starts with a minus sign.
    if arguments[1].startswith("-norm"):
        arguments = [arguments[0], *arguments[2:], "--", arguments[1]]
    result = run(*arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stderr.startswith("radii: ")
    assert len(result.stderr.splitlines()) == 1


def test_a_bug_is_not_disguised_as_a_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise KeyError("a bug")

    monkeypatch.setattr("radii.cli_derive.smoothing_from_text", broken)
    assert isinstance(run("derive", "0", "-a", "l1", "-d", "3").exception, KeyError)


def test_rho_is_read_exactly_and_its_tail_rounded_up() -> None:
    for text in ("0.99", "0.6", "0.999999999", "1", "0", "0.5"):
        tail = tail_of(text)
        assert Fraction(tail) >= 1 - Fraction(text)
        assert Fraction(np.nextafter(tail, -1.0)) < 1 - Fraction(text)


@pytest.mark.parametrize("text", ["", "-1", "nan", "inf", "1e99999", "1/0", "1" * 100, "0x1", "2"])
def test_numbers_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(InvalidInputError, match="rho must be a number from 0 to 1"):
        exact_number("rho", text, maximum=1)


@pytest.fixture
def counts_file(tmp_path: Path) -> Path:
    """Four images at two noise levels, 1000 copies each."""
    path = tmp_path / "uniform.npz"
    np.savez(
        path,
        label=np.array([0, 1, 2, 3]),
        **{
            "predict_0.5": np.array([0, 1, 2, 0]),
            "count_0.5": np.array([1000, 900, 600, 1000]),
            "predict_1.0": np.array([0, 1, -1, 0]),
            "count_1.0": np.array([999, 800, 500, 1000]),
        },
    )
    return path


def test_recertify_counts_at_every_noise_level(counts_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "radii.tsv"
    result = run(
        "recertify", str(counts_file), *CUBE, "-d", "12", "-a", "l1", "--alpha", "0.001",
        "-n", "1000", "--at", "0.25", "--at", "7/5", "--out", str(out),
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    # Clopper-Pearson at alpha = 0.001: 1000/1000 gives 0.001^(1/1000) = 0.993116, radius
    # 2 sqrt(3) sigma (rho - 1/2) = 0.854 at sigma 1/2; 999/1000 gives 0.99080, 1.700 at sigma 1.
    assert cells(result.stdout, "uniform 0.5") == ["uniform 0.5", "0.5", "0"]
    assert cells(result.stdout, "uniform 1.0") == ["uniform 1.0", "0.5", "0.25"]
    assert cells(result.stdout, "best") == ["best", "0.5", "0.25"]
    lines = out.read_text().splitlines()
    assert lines[0] == "run\tidx\tradius\tprob_lower\tcorrect"
    assert lines[1].split("\t")[2][:5] == "0.854"
    assert lines[8].split("\t")[4] == "0"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([*CUBE, "-d", "12", "-a", "l1"], "--alpha must be given"),
        ([*CUBE, "-d", "12", "--alpha", "0.001"], "--adversary must be given"),
        (["-d", "12", "-a", "l1", "--alpha", "0.001"], "--psi must be given"),
        ([*CUBE, "-a", "l1", "--alpha", "0.001"], "--dim must be given"),
        ([*CUBE, "-d", "12", "-a", "l1", "--alpha", "2"], "alpha must be"),
        ([*CUBE, "-d", "12", "-a", "l1", "--alpha", "0.1", "--sigma", "1"], "left out"),
        ([*CUBE, "-d", "12", "-a", "l1", "--alpha", "0.1", "-n", "999"], "count"),
        ([*CUBE, "-d", "12", "-a", "l1", "--alpha", "0.1", "--at", "far"], "at must be"),
    ],
)
def test_recertify_says_what_is_missing(
    counts_file: Path, arguments: list[str], message: str
) -> None:
    # The file has counts of 1000 copies; the default of 100,000 is legal for all but "-n 999".
    result = run("recertify", str(counts_file), *arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert "Traceback" not in result.stderr


def test_a_damaged_log_is_named_by_line(tmp_path: Path) -> None:
    log = tmp_path / "log.tsv"
    log.write_text("idx\tlabel\tpredict\tradius\tcorrect\ttime\n0\t3\t3\tx\t1\t0.1\n")
    result = run("recertify", str(log), "--psi", "norm(x, 2)**2/2", "-d", "4", "-a", "l2")
    assert result.exit_code == 2
    assert "line 2" in result.stderr


@NEEDS_DATA
@pytest.mark.parametrize(
    ("name", "dim", "best"),
    [
        ("cifar10", 3072, ".7055 .5848 .5079 .4319 .3326 .2599 .2066 .1717"),
        ("imagenet", 150528, ".546 .406 .388 .362 .330 .292 .166 .148"),
    ],
)
def test_recertify_published_counts_of_uniform_noise(name: str, dim: int, best: str) -> None:
    # The rows of the README beside the data: one-sided Clopper-Pearson, best of all noise levels.
    radii = [option for k in range(1, 9) for option in ("--at", str(k / 2))]
    log = DATA / f"{name}_uniform_noise_augmentation.npz"
    result = run(
        "recertify", str(log), *CUBE, "-d", str(dim), "-a", "l1", "--alpha", "1e-3", *radii
    )
    assert result.exit_code == 0, result.output
    assert [float(v) for v in cells(result.stdout, "best")[1:]] == [float(v) for v in best.split()]


def test_default_radii_reach_the_last_certified_image(counts_file: Path) -> None:
    options = [*CUBE, "-d", "12", "-a", "l1", "--alpha", "0.001", "-n", "1000"]
    result = run("recertify", str(counts_file), *options)
    assert result.exit_code == 0, result.output
    assert float(cells(result.stdout, "best")[-1]) == 0.25


@NEEDS_DATA
def test_recertify_a_published_gaussian_log_for_another_norm() -> None:
    log = DATA / "gaussian_logs" / "cifar10_trades_sigma_0.12_linf.tsv"
    result = run(
        "recertify", str(log), "--psi", "norm(x, 2)**2/2", "-d", "3072", "--sigma", "0.12",
        "--old-adversary", "linf", "-a", "linf", "--at", "2/255",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    # 311 of the 500 images.
    assert cells(result.stdout, log.stem) == [log.stem, "0.622"]
