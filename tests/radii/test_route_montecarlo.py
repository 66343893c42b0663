"""The route "montecarlo" through the front door."""

from __future__ import annotations

import math

import numpy as np
import pytest

import radii
from numerics.errors import InvalidInputError
from radii.route_montecarlo import monte_carlo

RHO = np.array([0.55, 0.7, 0.9, 0.99, 0.999, 1 - 1e-6])


def laplace(dim: int, **options: object) -> radii.SmoothingDistribution:
    return radii.SmoothingDistribution.from_callable(
        lambda x: np.abs(x).sum(axis=1),
        np.sign,
        lambda n, generator: generator.laplace(size=(n, dim)),
        dim=dim,
        **{"gradient_moment": (math.inf, 1.0), **options},
    )


def gaussian(dim: int, moment: tuple[float, float] = (8, 105 ** (1 / 8))):
    return radii.SmoothingDistribution.from_callable(
        lambda x: (x**2).sum(axis=1) / 2,
        lambda x: x,
        lambda n, generator: generator.standard_normal((n, dim)),
        dim=dim,
        gradient_moment=moment,
    )


def test_front_door_takes_it_only_on_request_and_carries_alpha() -> None:
    q = laplace(5, scale=2.0)
    with pytest.raises(radii.UnsupportedPairError):
        radii.derive(q, "l1")
    radius = radii.derive(q, "l1", route="montecarlo")
    exact = radii.derive(radii.families.laplace(dim=5, scale=2.0), "l1")
    assert (radius.route, radius.guarantee, radius.alpha) == ("montecarlo", "statistical", 1e-4)
    assert exact.alpha == 0
    # gamma is +-1: the band knows Phi from the bound alone, and loses only chords
    assert np.all(radius(RHO) <= exact(RHO) * (1 + 1e-12))
    assert np.all(radius(RHO[:3]) >= 0.97 * exact(RHO[:3]))


@pytest.mark.parametrize(("adversary", "dim"), [("l1", 20), ("l2", 2), ("linf", 4)])
def test_gaussian_radii_stay_below_the_truth(adversary: str, dim: int) -> None:
    longest = math.sqrt(dim) if adversary == "linf" else 1.0
    q = gaussian(dim, (8, longest * 105 ** (1 / 8)))
    radius = monte_carlo(q, adversary, n=40_000, alpha=1e-3, seed=1)
    exact = radii.derive(radii.families.gaussian(dim=dim, scale=1.0), adversary)
    assert np.all(radius(RHO) <= exact(RHO))
    assert np.all(radius(RHO[:3]) >= 0.9 * exact(RHO[:3]))


def test_norms_without_a_list_of_vertices_use_the_dual_norm() -> None:
    radius = monte_carlo(gaussian(30), "l2", n=20_000, alpha=1e-3)
    exact = radii.derive(radii.families.gaussian(dim=30, scale=1.0), "l2")
    assert 0 < radius(0.9) < exact(0.9)


def test_other_seeds_other_draws_same_seed_same_radius() -> None:
    values = [monte_carlo(gaussian(2), "l1", n=5000, seed=s)(0.8) for s in (1, 1, 2)]
    assert values[0] == values[1] != values[2]


def test_without_a_stated_moment_there_is_no_guarantee() -> None:
    with pytest.raises(radii.UnsupportedPairError, match="gradient_moment"):
        radii.derive(laplace(3, gradient_moment=None), "l1", route="montecarlo")
    with pytest.raises(radii.UnsupportedPairError, match="has an expression"):
        radii.derive(radii.families.laplace(dim=3, scale=1.0), "l1", route="montecarlo")


def test_a_sampler_of_another_density_is_refused() -> None:
    q = radii.SmoothingDistribution.from_callable(
        lambda x: np.abs(x).sum(axis=1),
        np.sign,
        lambda n, generator: generator.logistic(size=(n, 3)),
        dim=3,
        gradient_moment=(math.inf, 1.0),
    )
    with pytest.raises(radii.AssumptionError, match="sampler"):
        radii.derive(q, "l1", route="montecarlo")


@pytest.mark.parametrize("options", [{"n": 10}, {"alpha": 0.0}, {"alpha": 2.0}, {"n": 10**9}])
def test_bad_options_are_refused(options: dict) -> None:
    with pytest.raises(radii.InvalidInputError):
        monte_carlo(laplace(2), "l1", **options)


def test_a_statistical_radius_is_not_saved_without_its_draws(tmp_path) -> None:
    radius = monte_carlo(gaussian(2), "l1", n=20_000, alpha=1e-3)
    with pytest.raises(InvalidInputError, match="sound for certain"):
        radius.save(tmp_path / "radius")
    assert not list(tmp_path.iterdir())
