"""Properties of growth functions and of the two radii, over densities, dimensions and shapes.

Equalities come from theorems, inequalities from the definition: the differential method bounds what
the level sets compute, so its radius is never above theirs.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from levelset import growth_function, rays
from levelset.ray import Ray, Refusal
from nogo import cube_shift, gaussian_shift, gaussian_shift_envelope
from radii import RadiusFunction, derive
from smoothing import families
from smoothing.distribution import SmoothingDistribution

#: What the search for a multiplier may leave between the two sides of an enclosure.
SEARCH = 1e-9

Case = tuple[Callable[..., SmoothingDistribution], tuple[tuple[str, float], ...], str]

#: A small pool, so that each radius function is derived once.
POOL: list[Case] = [
    (families.exp_l2, (("k", 1),), "l2"),
    (families.exp_l2, (("k", 2), ("j", 0.5)), "l2"),
    (families.exp_l2, (("k", 0.5),), "linf"),
    (families.power_l2, (("k", 2), ("a", 40)), "l2"),
    (families.exp_lp, (("p", 1.5),), "l1"),
    (families.laplace, (), "l1"),
    (families.uniform_cube, (), "l1"),
    (families.uniform_ball, (), "l2"),
]
DIMS = (2, 17)


@cache
def both_methods(case: Case, dim: int) -> tuple[RadiusFunction, Ray | Refusal]:
    make, shape, adversary = case
    q = make(dim, **dict(shape))
    return derive(q, adversary, route="quadrature"), rays(q, adversary)


@settings(max_examples=15)
@given(
    case=st.sampled_from(POOL),
    dim=st.sampled_from(DIMS),
    tail=st.one_of(st.floats(1e-6, 1e-2), st.floats(1e-2, 0.49)),
)
def test_differential_radius_is_not_above_the_tight_one(case: Case, dim: int, tail: float) -> None:
    derived, ray = both_methods(case, dim)
    assert isinstance(ray, Ray)
    assert ray.proved_by is not None
    radius = float(derived(1 - tail))
    found = ray.tails(np.array([radius]))
    # The tail of the tight radius falls with r: R <= R_tight if and only if p(R) >= 1 - rho.
    assert found.tail_upper[0] >= 1 - (1 - tail)


@pytest.mark.parametrize("text", ["t**2/2", "abs(t)", "abs(t)**3", "2*log(cosh(t/2))"])
@pytest.mark.parametrize("dim", [6])
def test_the_two_radii_of_log_concave_products_are_equal(text: str, dim: int) -> None:
    # Yang et al. 2020, Theorem I.2: equality against l1 for even log-concave iid coordinates.
    q = SmoothingDistribution.parse(f"coordinate_sum({text})", dim=dim)
    derived, ray = derive(q, "l1", route="quadrature"), rays(q, "l1")
    rho = np.array([0.55, 0.9, 0.999])
    found = ray.tails(derived(rho))
    assert np.all(found.tail_upper >= 1 - rho)
    # 1e-6 is what a derived radius may give away: p'(R)/p(R) is at most 5 for these tails.
    assert found.tail_lower == pytest.approx(1 - rho, rel=1e-5)


@pytest.mark.parametrize("k", [0.5, 1])
def test_ratio_of_the_radii_tends_to_one(k: float) -> None:
    ratios = []
    for dim in (4, 32, 512):
        q = families.exp_l2(dim, k=k)
        derived, ray = derive(q, "l2", route="quadrature"), rays(q, "l2")
        ratios.append(tight_share(ray, float(derived(0.9)), 0.1))
    assert all(low < high for low, high in zip(ratios, ratios[1:], strict=False))
    # The gap falls like 1/d: from d = 32 to 512 by more than tenfold.
    assert 1 - ratios[2] <= (1 - ratios[1]) / 10
    assert 1 - ratios[2] < 2e-3


def tight_share(ray: Ray, radius: float, tail: float) -> float:
    """The radius over the tight one, by bisection on the enclosed tails."""
    low, high = 1.0, 3.0
    for _ in range(26):
        middle = 0.5 * (low + high)
        if float(ray.tails(np.array([middle * radius])).tail_lower[0]) >= tail:
            low = middle
        else:
            high = middle
    return 1 / low


@settings(max_examples=6)
@given(
    dim=st.integers(1, 200),
    sigma=st.floats(0.1, 3),
    ratio=st.floats(0.05, 4),
    seed=st.integers(0, 99),
)
def test_total_variation_of_gaussians(dim: int, sigma: float, ratio: float, seed: int) -> None:
    direction = np.random.default_rng(seed).standard_normal(dim)
    shift = ratio * sigma * direction / np.linalg.norm(direction)
    found = growth_function(families.gaussian(dim, sigma=sigma), shift).total_variation()
    distance = float(np.linalg.norm(shift))
    exact, envelope = gaussian_shift(distance, sigma), gaussian_shift_envelope(distance, sigma)
    # sigma and the norm of the shift are each rounded once: 1e-14 relative.
    assert found.lower <= exact.upper * (1 + 1e-14)
    assert found.upper >= exact.lower * (1 - 1e-14)
    assert found.width <= SEARCH
    assert envelope.lower <= found.upper
    assert found.lower <= envelope.upper


@settings(max_examples=8)
@given(
    half_width=st.floats(0.2, 5),
    parts=st.lists(st.floats(-2.5, 2.5), min_size=1, max_size=40).filter(any),
)
def test_total_variation_of_cubes(half_width: float, parts: list[float]) -> None:
    shift = np.array(parts) * half_width  # the longest ones leave no overlap at all
    q = families.uniform_cube(len(parts), scale=half_width)
    found, exact = (
        growth_function(q, shift).total_variation(),
        cube_shift(shift, half_width),
    )
    assert found.lower <= exact.upper + 1e-15
    assert found.upper >= exact.lower - 1e-15
    # What the overlap of bodies is rounded by: 14 eps each way and a few for every factor.
    assert found.width <= 1e-15 * (len(parts) + 10)


EVEN = [
    (families.exp_l2(5, k=1), np.array([0.4, 0.1, 0.0, 0.0, 0.3])),
    (families.power_l2(3, k=2, a=4), np.array([0.5, 0.2, -0.2])),
    (families.exp_linf(4, k=1), np.full(4, 0.2)),
    (families.exp_l1(4, k=2), np.array([0.0, 0.4, 0.0, 0.0])),
    (families.pareto(3, a=2), np.array([0.0, 0.0, 0.6])),
    (families.uniform_ball(6), np.array([0.3, 0.1, 0.0, 0.0, 0.0, 0.1])),
]


@pytest.mark.parametrize(("q", "shift"), EVEN, ids=lambda value: getattr(value, "name", None))
def test_growth_of_even_densities(q: SmoothingDistribution, shift: np.ndarray) -> None:
    there, back = growth_function(q, shift), growth_function(q, -shift)
    p = np.linspace(0.02, 0.98, 9)
    up, down = there(p), back(p)
    assert np.all(up.overlaps(down))
    # increasing, above the diagonal, and concave: chords lie below, up to the enclosures' widths
    assert np.all(up.upper >= p)
    assert np.all(np.diff(up.upper) >= -SEARCH)
    slack = SEARCH + float(np.max(up.width))
    assert np.all(np.diff(up.upper, 2) <= 2 * slack)
    # G of the complement: 1 - G(1 - G(p, v), -v) = p by Neyman-Pearson where L has no atoms, and
    # never above p with them.
    returned = 1 - back(np.clip(1 - up.lower, 0, 1)).upper
    assert np.all(returned <= p + slack)


@pytest.mark.parametrize(("q", "shift"), EVEN, ids=lambda value: getattr(value, "name", None))
def test_total_variation_is_the_largest_growth(q: SmoothingDistribution, shift: np.ndarray) -> None:
    growth = growth_function(q, shift)
    variation = growth.total_variation()
    p = np.linspace(0.025, 0.975, 39)
    values = growth(p)
    gain = values.lower - p
    assert np.max(gain) <= variation.upper + 1e-15
    # G - p is concave and has slope within [-1, L_max - 1], flat at the top: a step of 0.025
    # misses its maximum by less than the step.
    assert np.max(values.upper - p) >= variation.lower - 0.025
