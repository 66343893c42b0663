"""No radius of the library exceeds a no-go bound; the reports that say how close it comes."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

import nogo
import radii
from nogo.advise import CANDIDATES, advise, favoured_shape
from nogo.compare import headroom, is_even
from nogo.demo import main, slacks
from nogo.plots import plot_limits
from numerics.errors import InvalidInputError, RadiiError
from radii import LpNorm, PolytopeNorm, SmoothingDistribution
from radii.cli import app

INF = float("inf")
CHEAP = ("gaussian", "laplace", "uniform_cube", "uniform_ball", "exp_linf(k=2)", "exp_l2(k=1)")
#: Named noises of every shape, and one that is in no paper.
NOISES = {
    **{name: CANDIDATES[name] for name in CHEAP},
    "logistic": lambda d, s: SmoothingDistribution.parse(
        "coordinate_sum(2*log(cosh(t/2)))", dim=d, sigma=s
    ),
}


@pytest.fixture
def few_candidates(monkeypatch: pytest.MonkeyPatch) -> None:
    """The ranking of all names derives a dozen radii, half a minute on a cold machine."""
    monkeypatch.setattr("nogo.advise.CANDIDATES", {name: CANDIDATES[name] for name in CHEAP})


@cache
def derived(name: str, p: float, dim: int) -> radii.RadiusFunction | None:
    try:
        return radii.derive(NOISES[name](dim, 0.7), LpNorm(p))
    except RadiiError:
        return None  # no route for the pair, or no variance in this dimension


@settings(max_examples=30, deadline=None)
@given(
    st.sampled_from(sorted(NOISES)),
    st.sampled_from([1.0, 2.0, INF]),
    st.sampled_from([1, 3072]),
    st.floats(1e-9, 0.499),
)
def test_no_radius_exceeds_a_limit(name: str, p: float, dim: int, tail: float) -> None:
    radius = derived(name, p, dim)
    if radius is not None:
        found = headroom(radius, tail=tail)
        assert found.limits
        assert all(found.radius <= limit.value for limit in found.limits)
        assert 0.0 <= found.share <= 1.0


def test_noise_that_is_not_even() -> None:
    skewed = SmoothingDistribution.parse("coordinate_sum(t)", dim=1, support="-x[0] <= 0")
    assert not is_even(skewed)
    radius = radii.derive(skewed, "l1")
    for tail in np.geomspace(1e-6, 0.49, 12):
        found = headroom(radius, tail=float(tail))
        assert found.radius <= found.limit


def test_what_has_no_limit() -> None:
    cauchy = SmoothingDistribution.parse("coordinate_sum(log(1 + t**2))", dim=2)
    found = headroom(radii.derive(cauchy, "l1"), 0.9)
    assert found.limits == ()
    assert found.limit == INF
    assert str(found) == "no limit is known for this norm or noise level"


def test_smallest_ratio_of_every_bound() -> None:
    found = {slack.bound: slack.ratio for slack in slacks(("gaussian", "uniform_cube"), (1, 64))}
    assert min(found.values()) >= 1.0
    # a uniform density on the line moves like the extremal law of the second moment, as rho -> 1/2
    assert found["line, second moment"] < 1.01


def test_advice_ranks_and_explains(few_candidates: None) -> None:
    advice = advise("l1", dim=10, rho=0.8, sigma=0.5)
    values = [c.radius for c in advice.ranking if c.radius is not None]
    assert len(values) >= 5
    assert values == sorted(values, reverse=True)
    assert advice.limit == nogo.largest_radius(sigma=0.5, dim=10, p=1, rho=0.8)
    assert "cube" in advice.shape
    assert all(c.reason for c in advice.ranking if c.radius is None)
    assert "between" in favoured_shape(LpNorm(3))
    with pytest.raises(InvalidInputError, match="noises must be"):
        advise("l1", dim=2, rho=0.9, noises=["lapalce"])
    with pytest.raises(InvalidInputError, match="adversary must be"):
        advise(PolytopeNorm([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]]), dim=2, rho=0.9)


def test_picture_shows_the_phase_transition() -> None:
    import matplotlib

    matplotlib.use("Agg")
    ax = plot_limits(0.9, orders=(2.0, INF), dims=(4, 400))
    level, falling = (line.get_ydata() for line in ax.get_lines())
    assert level[0] == level[1]
    assert falling[0] / falling[1] == pytest.approx(10.0)


def test_commands(tmp_path: Path, few_candidates: None) -> None:
    run = CliRunner()
    picture = tmp_path / "limits.png"
    arguments = ["nogo", "--sigma", "0.5", "--dim", "3072", "--p", "inf", "--plot", str(picture)]
    shown = run.invoke(app, arguments)
    assert shown.exit_code == 0, shown.output
    assert "0.027951" in shown.output  # 2 * 0.5 * sqrt(3 * 0.8) / sqrt(3072): delta = 2/3
    assert "Theorem 1.2" in shown.output
    assert picture.stat().st_size > 5000
    ranked = run.invoke(app, ["advise", "--adversary", "l1", "--dim", "2", "--rho", "0.9"])
    assert ranked.exit_code == 0, ranked.output
    assert "uniform_cube" in ranked.output
    assert "which no noise of this level exceeds" in ranked.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nogo", "--dim", "3", "--p", "half"], "p must be a number >= 1"),
        (["nogo", "--dim", "3", "--p", "0.5"], "p must be"),
        (["nogo", "--dim", "3", "--rho", "0.4"], "tail must be"),
        (["nogo", "--dim", "0"], "dim must be"),
        (["nogo", "--dim", "3", "--sigma", "-1"], "sigma must be"),
        (["advise", "--adversary", "l7", "--dim", "3"], "adversary must be"),
    ],
)
def test_commands_name_bad_input(arguments: list[str], message: str) -> None:
    shown = CliRunner().invoke(app, arguments)
    assert shown.exit_code == 2
    assert message in shown.output


def test_demo_prints_and_draws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.setattr("nogo.demo.slacks", lambda console: slacks(("laplace",), (2,)))
    assert main(["--out", str(tmp_path / "deep" / "folder")]) == 0
    assert "Theorem 1.2" in capsys.readouterr().out
    assert (tmp_path / "deep" / "folder" / "nogo_limits.png").is_file()


@pytest.mark.parametrize(
    ("name", "dim", "p"), [("gaussian", 3072, INF), ("laplace", 16, 1.0), ("uniform_cube", 3, 1.0)]
)
def test_usefulness_is_consistent_with_total_variation(name: str, dim: int, p: float) -> None:
    from levelset import growth_function

    noise = CANDIDATES[name](dim, 0.5)
    radius = radii.derive(noise, LpNorm(p))
    eps = float(radius(0.7))
    found = nogo.usefulness(radius, eps)
    assert 0.2 - 1e-9 <= found.margin <= 0.2 + 1e-9
    assert 0.0 < found.accuracy.lower <= found.accuracy.upper < 1.0
    # Lemma J.7: inside the radius TV is at most 2 s; at distance 1 it is at least l
    first = np.eye(1, dim)[0]
    assert growth_function(noise, eps * first).total_variation().lower <= 2 * found.margin
    for shift in (first, 2.0 * first, np.ones(dim)):
        assert growth_function(noise, shift).total_variation().upper >= found.accuracy.lower


def test_usefulness_names_bad_input() -> None:
    radius = derived("uniform_cube", 1.0, 1)
    assert radius is not None
    with pytest.raises(InvalidInputError, match="a radius the noise certifies"):
        nogo.usefulness(radius, 100.0)
    with pytest.raises(InvalidInputError, match="radius must be"):
        nogo.usefulness(radius, -1.0)
