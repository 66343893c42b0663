"""The picture of RSAS, Figure A.1, and what its Appendix B says about it, on the numbers."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure
from typer.testing import CliRunner

import radii
from numerics.errors import InvalidInputError
from radii.cli import app
from radii.family_panels import PANELS, Panel
from radii.plot import certified_radii, plot_families, plot_panel, plot_radius
from smoothing.distribution import SmoothingDistribution

mpl.use("Agg")

DIM = 3072
#: Tails of rho = 0.6, 0.9, 0.99.
TAILS = np.array([0.4, 0.1, 0.01])


@cache
def radius_of(psi: str, adversary: str, support: str | None = None) -> np.ndarray:
    noise = SmoothingDistribution.parse(psi, dim=DIM, support=support, sigma=1.0)
    return np.asarray(certified_radii(noise, adversary)(TAILS))


EXP_LINF, CUBE = ("norm(x, oo)", "l1"), ("0", "l1", "norm(x, oo) <= 1")


@pytest.mark.parametrize(
    ("first", "second"),
    [
        # ||x||_oo^-j exp(-||x||_oo) with j = d - 100, a power law with a = 2 d, the uniform cube.
        (("norm(x, oo) + 2972*log(norm(x, oo))", "l1"), EXP_LINF),
        (("6144*log(1 + norm(x, oo))", "l1"), EXP_LINF),
        (CUBE, EXP_LINF),
        # Cross-polytopes: exp(-||x||_1^2), and Pareto with a large power, beside Laplace.
        (("norm(x, 1)**2", "l1"), ("norm(x, 1)", "l1")),
        (("coordinate_sum(1001*log(1 + abs(t)))", "l1"), ("norm(x, 1)", "l1")),
        # Spheres: the Gaussian, exp(-||x||_2), a power law.
        (("norm(x, 2)", "l2"), ("norm(x, 2)**2/2", "l2")),
        (("3072*log(1 + norm(x, 2)**2)", "l2"), ("norm(x, 2)**2/2", "l2")),
    ],
)
def test_densities_on_one_level_set_have_one_radius(
    first: tuple[str, ...], second: tuple[str, ...]
) -> None:
    # r varies by about 1/sqrt(d - j) relative, 10% for j = d - 100: its square, 1%, enters. The
    # differential bound of exp(-||x||_1^2) is 1.8% below that of Laplace at rho = 0.99.
    np.testing.assert_allclose(radius_of(*first), radius_of(*second), rtol=0.02)


def test_shape_decides_among_concentrated_densities() -> None:
    shapes = [radius_of("norm(x, oo)", "l1"), radius_of("norm(x, 2)", "l1"),
              radius_of("norm(x, 1)", "l1")]  # fmt: skip
    # Cubes are best against l1 at moderate rho, cross-polytopes worst: more than the 2% within a
    # shape, and most near rho = 1/2 (curves cross near 0.95).
    for better, worse in zip(shapes[:-1], shapes[1:], strict=True):
        assert better[0] > 1.3 * worse[0]
        assert better[1] > 1.05 * worse[1]
    # Against linf it is the sphere that is best, and the cube far behind.
    sphere, cube, cross = (radius_of(psi, "linf") for psi in
                           ("norm(x, 2)", "norm(x, oo)", "norm(x, 1)"))  # fmt: skip
    assert np.all(sphere > 1.2 * cross)
    assert np.all(cross > 5 * cube)


def test_densities_that_do_not_concentrate_are_worse() -> None:
    for adversary, spread, concentrated in [
        ("l1", "norm(x, oo) + 3070*log(norm(x, oo))", "norm(x, oo)"),
        ("l1", "3075*log(1 + norm(x, oo))", "norm(x, oo)"),
        ("l1", "coordinate_sum(4*log(1 + abs(t)))", "norm(x, 1)"),
        ("l2", "norm(x, 2)**2 + 3070*log(norm(x, 2))", "norm(x, 2)**2/2"),
        ("l2", "(3075/2)*log(1 + norm(x, 2)**2)", "norm(x, 2)**2/2"),
    ]:
        assert np.all(radius_of(spread, adversary) < 0.75 * radius_of(concentrated, adversary))


@pytest.mark.parametrize(
    ("gauge", "power", "adversary"),
    [("norm(x, oo)", "", "l1"), ("norm(x, 2)", "**2", "l2")],
)
def test_a_singularity_at_the_origin_never_helps(gauge: str, power: str, adversary: str) -> None:
    radii_by_j = [
        radius_of(f"{gauge}{power} + {j}*log({gauge})" if j else f"{gauge}{power}", adversary)
        for j in (0, 2000, 2972, 3070)
    ]
    for weaker, stronger in zip(radii_by_j[:-1], radii_by_j[1:], strict=True):
        # At equal sigma a singularity also fattens the tail, which may gain O(1/d) at rho = 0.99.
        assert np.all(stronger[:2] < weaker[:2])
        assert stronger[2] < weaker[2] * (1 + 1e-4)


def test_fatter_tails_help_at_large_rho_only() -> None:
    tails = np.array([0.4, 0.1, 1e-9])
    for fatter, thinner, support in [
        ("norm(x, oo)", "0", "norm(x, oo) <= 1"),
        ("coordinate_sum(abs(t))", "coordinate_sum(t**2)", None),
    ]:
        fat, thin = (
            np.asarray(certified_radii(
                SmoothingDistribution.parse(psi, dim=DIM, support=s, sigma=1.0), "l1")(tails))
            for psi, s in ((fatter, None), (thinner, support))
        )  # fmt: skip
        # Equal level sets (the first pair) agree to 1/d at moderate rho.
        assert np.all(fat[:2] < thin[:2] * (1 + 1e-3))
        # The cube stops at 2 lambda (rho - 1/2) <= sqrt(3); exp(-||x||_oo) has no limit, but leaves
        # the line only at rho = 1 - 1/(2 d).
        assert fat[2] > 1.002 * thin[2]


def test_nine_panels_as_in_the_figure() -> None:
    assert [panel.adversary for panel in PANELS] == ["l1"] * 6 + ["l2", "l2", "linf"]
    drawn: list[tuple[str, str]] = []

    def stand_in(noise: SmoothingDistribution, adversary: str) -> object:
        drawn.append((noise.describe(), adversary))
        assert noise.sigma == pytest.approx(2.0)
        return lambda tails: 0.5 - tails

    axes = plot_families(12, 2.0, radius_for=stand_in)  # type: ignore[arg-type]
    assert len(axes) == 9
    assert len(drawn) == sum(len(panel.curves) for panel in PANELS) >= 40
    assert len({ax.get_figure() for ax in axes}) == 1
    for ax, panel in zip(axes, PANELS, strict=True):
        assert len(ax.lines) == len(panel.curves)
        assert {line.get_linestyle() for line in ax.lines} == {"-" if panel.tight else "--"}
        assert ("lower bounds" in ax.get_title()) != panel.tight


def test_radii_come_from_the_library_by_default() -> None:
    figure = Figure()
    for panel in (PANELS[1], PANELS[4], PANELS[7]):
        last = Panel(panel.title, panel.adversary, panel.curves[-1:])
        ax = plot_panel(last, 16, 1.0, figure.add_subplot())
        (line,) = ax.lines
        values = np.asarray(line.get_ydata())
        assert np.all(np.isfinite(values))
        assert np.all(np.diff(values[np.argsort(line.get_xdata())]) >= 0)


def test_axes_are_used_and_returned() -> None:
    radius = radii.derive(radii.families.laplace(dim=3, scale=2.0), "l1")
    ax = Figure().subplots()
    assert radius.plot(ax, label="Laplace") is ax
    assert ax.get_ylabel() == "certified ℓ1 radius"
    x, y = ax.lines[0].get_data()
    assert float(np.interp(0.9, x[::-1], y[::-1])) == pytest.approx(2 * np.log(5), rel=1e-3)
    assert plot_radius(radius) is not ax


@pytest.mark.parametrize(
    ("arguments", "message"),
    [((7,), "dim must be"), ((0,), "dim must be"), ((16, -1.0), "sigma must be"),
     ((16, 1.0, []), "axes must be 9 axes")],
)  # fmt: skip
def test_bad_input(arguments: tuple[object, ...], message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        plot_families(*arguments)  # type: ignore[arg-type]


def test_command_line(tmp_path: Path) -> None:
    assert "families" in CliRunner().invoke(app, ["plot", "--help"]).stdout
    out = tmp_path / "picture.xyz"
    result = CliRunner().invoke(app, ["plot", "families", "--dim", "16", "--out", str(out)])
    assert result.exit_code == 2
    assert "out must be a file name ending in" in result.stderr
    missing = tmp_path / "missing" / "picture.png"
    result = CliRunner().invoke(app, ["plot", "families", "--dim", "4", "--out", str(missing)])
    assert result.exit_code == 2
    assert "dim must be" in result.stderr
