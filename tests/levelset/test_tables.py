"""Lookup tables against radii that are known exactly, on stand-in rays."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.special import ndtr, ndtri

from differential.integrate import integrate_reciprocal
from levelset.build import build_table
from levelset.table import LookupTable
from numerics.errors import AssumptionError, InvalidInputError
from tests.levelset.stand_in_rays import GaussianRay, five_peaks

#: Tails from where few samples stop to far beyond what any number of samples can reach.
TAILS = np.unique(
    np.concatenate(
        [
            10.0 ** np.random.default_rng(3).uniform(-15.9, np.log10(0.5), 20_000),
            0.5 - 10.0 ** np.random.default_rng(4).uniform(-6, -1, 5_000),
        ]
    )
)


def gaussian_phi(p: np.ndarray) -> np.ndarray:
    """Phi(p) is the density at the quantile (Yang et al., I.1)."""
    return np.exp(-(ndtri(p) ** 2) / 2) / np.sqrt(2 * np.pi)


def integral(loose: float = 1.0) -> Any:
    """S for the Gaussian, or for a Phi that is too large except at 1/2, where Phi is tight."""

    def phi(p: np.ndarray) -> np.ndarray:
        return gaussian_phi(p) * (1 + (loose - 1) * (1 - 2 * p))

    return integrate_reciprocal(phi, np.array([]), 1e-14)


def near(radii: np.ndarray) -> np.ndarray:
    """Tails on both sides of each entry."""
    tails = ndtr(-radii)
    return np.concatenate([tails * (1 + shift) for shift in (-1e-6, -1e-11, 1e-11, 1e-6)])


def test_with_a_tight_phi_few_entries_give_every_radius() -> None:
    table = build_table(GaussianRay(), integral=integral())
    assert len(table) < 100
    tails = np.concatenate([TAILS, near(table.radii)])
    exact, values = -ndtri(tails), table.radius(tail=tails)
    assert np.all(values <= exact)
    # Composition with an exact Phi loses nothing but rounding: budgets of 1e-14 and 1e-13.
    assert np.all(values >= exact * (1 - 1e-11))
    assert table.info.relative_loss <= 1e-6


def test_an_entry_beyond_the_last_tail_does_not_hide_the_loss() -> None:
    """N(-30) is below 2^-100, where S is no longer read: its value there only loosens the bound."""
    table = build_table(GaussianRay(), integral=integral(1.2), radii=[0.5, 2.0, 30.0])
    tails = ndtr(-np.linspace(0.6, 6.0, 50))
    exact, values = -ndtri(tails), table.radius(tail=tails)
    assert np.max(1 - values[tails > table.tails[1]] / exact[tails > table.tails[1]]) > 1e-3
    assert np.max(1 - values / exact) <= table.info.relative_loss
    bounds = table.bounds(tail=tails)
    assert np.all(bounds.lower <= exact)
    assert np.all(exact <= bounds.upper)


@pytest.mark.parametrize("loose", [1.0001, 1.01])
def test_entries_are_added_until_the_loss_is_met(loose: float) -> None:
    table = build_table(GaussianRay(), integral=integral(loose), relative_loss=1e-4, most=2000)
    tails = np.concatenate([TAILS, near(table.radii)])
    tails = tails[(tails <= table.tails[0]) & (tails > 1e-16)]
    exact, values = -ndtri(tails), table.radius(tail=tails)
    assert np.all(values <= exact)
    assert np.max(1 - values / exact) <= table.info.relative_loss <= 1.01e-4


def test_without_phi_a_radius_steps_down_to_the_entry_before() -> None:
    table = build_table(GaussianRay(), radii=[0.5, 1.0, 2.0])
    tails = ndtr(-np.array([0.3, 0.5000001, 0.99, 1.01, 1.99, 2.01, 7.0]))
    assert table.radius(tail=tails) == pytest.approx([0, 0.5, 0.5, 1, 1, 2, 2], rel=1e-13)
    assert np.all(table.radius(tail=tails) <= [0, 0.5, 0.5, 1, 1, 2, 2])
    assert table.radius(tail=0.0) <= 2.0
    assert table.info.between == "steps"


def test_every_entry_is_found_by_the_lookup() -> None:
    radii = np.linspace(0.02, 4, 300)
    for kind in (None, integral(1.1)):
        table = build_table(GaussianRay(), radii=radii, integral=kind)
        # 4 eps and the rounding of the row, relative.
        assert np.all(table.radius(tail=table.tails) >= radii * (1 - 1e-11))
        assert np.all(table.radius(tail=table.tails_upper * (1 + 1e-12)) <= radii)
        assert table.tail(radii[::50] * (1 - 1e-10)) == pytest.approx(ndtr(-radii[::50]), rel=1e-8)


@pytest.mark.parametrize("loose", [None, 1.0, 1.05])
def test_bounds_enclose_the_exact_radius(loose: float | None) -> None:
    S = None if loose is None else integral(loose)
    table = build_table(GaussianRay(), radii=np.geomspace(1e-3, 9, 200), integral=S)
    bounds = table.bounds(tail=TAILS)
    exact = -ndtri(TAILS)
    assert np.all(bounds.lower <= exact)
    assert np.all(exact <= bounds.upper)
    inside = (table.tails[0] > TAILS) & (table.tails_upper[-1] < TAILS)
    # No wider than the step from one entry to the next.
    ratio = (9 / 1e-3) ** (1 / 199)
    assert np.all(bounds.upper[inside] <= ratio * bounds.lower[inside] * (1 + 1e-9))
    assert bool(table.bounds(0.4).upper == 0.0)


def test_radii_fall_as_the_tail_grows() -> None:
    for S in (None, integral(1.1)):
        table = build_table(GaussianRay(), radii=np.linspace(0.05, 3, 60), integral=S)
        tails = np.unique(np.concatenate([TAILS, near(table.radii)]))
        values = table.radius(tail=tails)
        # The rounding of a polynomial of degree 5 in two neighbouring rows.
        assert np.all(np.diff(values) <= 6 * np.finfo(float).eps * values[1:])


def test_peaks_in_phase_again_certify_nothing_beyond_the_first_crossing() -> None:
    ray = five_peaks()
    at_one, at_two = ray.tails(np.array([1.0, 2.0])).tail_lower
    assert at_one < 0.01 < 0.3 < at_two  # in phase at 2: four peaks of five cover each other
    # Phi <= half the sum of all jumps, Phi(p) = total variation of the density / 2.
    walls = np.concatenate([[0.0], ray.values, [0.0]])
    most = float(np.abs(np.diff(walls)).sum() / 2)
    S = integrate_reciprocal(lambda p: np.full_like(p, most), np.array([]), 1e-14)
    radii = np.arange(1, 160) * ray.step
    table = build_table(ray, radii=radii, integral=S)
    scan = ray.tails(radii)
    for s in (0.3, 0.2, 0.1, 0.05):
        crossing = radii[np.argmax(scan.tail_upper < s)]
        assert 0 < table.radius(tail=s) <= crossing < 1.0
    believed = build_table(replace(ray, monotone_by="a claim that is false"), radii=radii)
    assert believed.radius(tail=0.3) > 1.99  # what the proof of monotony is for


def test_without_monotony_and_without_phi_there_is_no_certificate() -> None:
    with pytest.raises(AssumptionError, match="grows along the ray"):
        build_table(five_peaks(), radii=[0.5, 1.0])


def test_first_crossing_loses_little_where_the_radius_is_monotone_after_all() -> None:
    ray = replace(GaussianRay(), monotone_by=None)
    table = build_table(ray, radii=np.linspace(0.01, 8, 800), integral=integral(1.02))
    tails = TAILS[TAILS > 1e-13]
    exact, values = -ndtri(tails), table.radius(tail=tails)
    assert np.all(values <= exact)
    # Every cell is left through its end, two hundredths of a step late, and its step is 0.01.
    assert np.all(values >= exact * 0.98 - 0.02)


@pytest.mark.parametrize("S", [None, integral(1.1)], ids=["steps", "composition"])
def test_saved_and_loaded_tables_are_the_same(tmp_path: Path, S: Any) -> None:
    table = build_table(GaussianRay(), radii=[0.5, 1.0, 2.0], integral=S)
    table.save(tmp_path / "deep" / "table.safetensors")
    again = LookupTable.load(tmp_path / "deep" / "table.safetensors")
    assert again.info == table.info
    assert np.array_equal(again.radius(tail=TAILS), table.radius(tail=TAILS))
    assert np.array_equal(again.kappa, table.kappa)
    assert again.bounds(tail=TAILS) == table.bounds(tail=TAILS)


def test_only_a_proved_direction_certifies() -> None:
    proved = build_table(GaussianRay(), radii=[1.0])
    assert (proved.guarantee, proved.refusal) == ("conservative", None)
    along = build_table(replace(GaussianRay(), proved_by=None), radii=[1.0])
    assert along.guarantee == "estimate"
    assert along.refusal is not None
    assert "tight along r*e_1 only" in along.refusal


@pytest.mark.parametrize(
    "radii", [[], [0.0, 1.0], [2.0, 1.0], [1.0, np.nan], [1.0, np.inf], [-1.0], "one", [1.0, 1.0]]
)
def test_bad_radii_are_named(radii: Any) -> None:
    with pytest.raises(InvalidInputError, match="radii must be"):
        build_table(GaussianRay(), radii=radii)


@pytest.mark.parametrize("loss", [0.0, 1.0, -1.0, np.nan])
def test_bad_losses_are_named(loss: float) -> None:
    with pytest.raises(InvalidInputError, match="relative_loss must be"):
        build_table(GaussianRay(), relative_loss=loss)


def test_bad_probabilities_are_named() -> None:
    table = build_table(GaussianRay(), radii=[1.0])
    with pytest.raises(InvalidInputError, match="prob_lower must be"):
        table.radius(95)
    with pytest.raises(InvalidInputError, match="exactly one of"):
        table.radius()
    with pytest.raises(InvalidInputError, match="exactly one of"):
        table.bounds(0.9, tail=0.1)
    with pytest.raises(InvalidInputError, match="numbers >= 0"):
        table.tail(-1.0)


def test_the_picture_shows_the_entries() -> None:
    import matplotlib

    matplotlib.use("Agg")
    table = build_table(GaussianRay(), radii=[0.5, 1.0, 2.0])
    ax = table.plot()
    assert len(ax.lines[1].get_xdata()) == 3
    assert table.plot(ax=ax) is ax
