"""Samplers against distribution functions that are written down without the library.

Kolmogorov-Smirnov at 10^6 draws. By the Dvoretzky-Kiefer-Wolfowitz inequality with Massart's
constant a correct sampler exceeds the distance `threshold(n, 1e-6)` with probability at most 1e-6;
there are fewer than 150 such checks, so that a new seed fails by accident less than once in 6,000
times. Seeds are fixed, so the outcome is reproducible. Each structure of a density is sampled, not
only the one that `sample` prefers.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import gammaincinv, ndtri
from sympy import Abs, And, Or, Piecewise, S, oo

from numerics.errors import AssumptionError, InvalidInputError
from smoothing import families
from smoothing.distribution import SmoothingDistribution
from smoothing.sampling import carry_out, find_recipe, recipe_of
from smoothing.structure import COORDINATE, RADIUS, Marginal, Product, Radial
from tests.reference.sampling_laws import DIM, MIXED, PRODUCTS, RADIALS, UNIFORMS

N = 1_000_000
LEVEL = 1e-6
LAWS = PRODUCTS | RADIALS | UNIFORMS | {f"mixed, {name}": law for name, law in MIXED.items()}


def threshold(n, level=LEVEL):
    return np.sqrt(np.log(2 / level) / (2 * n))


def distance(draws, cdf):
    """Largest difference between a distribution function and that of the draws.

    A function known on a grid only is compared there, which can only make the distance smaller.
    """
    ordered = np.sort(draws)
    n = len(ordered)
    grid = getattr(cdf, "grid", None)
    if grid is not None:
        return np.abs(np.searchsorted(ordered, grid, side="right") / n - cdf(grid)).max()
    steps = np.arange(n + 1) / n
    levels = cdf(ordered)
    return max((steps[1:] - levels).max(), (levels - steps[:-1]).max())


def distribution(law):
    return SmoothingDistribution.parse(law.psi, dim=DIM, support=law.support)


def norms(draws, order):
    return (np.abs(draws) ** order).sum(axis=1) if order < 1 else np.linalg.norm(draws, order, 1)


def draw(structure, n, seed):
    rng = np.random.default_rng(seed)
    recipe = find_recipe(structure)
    return carry_out(recipe, rng.random((n, recipe.scalars)), rng.random((n, recipe.dim)))


@pytest.mark.parametrize("name", LAWS)
def test_draws_follow_the_law(name):
    """Seed 4; the first and the last coordinate (all, if they differ) and the norm."""
    law = LAWS[name]
    structures = distribution(law).structures
    assert "General" not in {type(s).__name__ for s in structures}
    for structure in structures:
        draws = draw(structure, N, seed=4)
        if isinstance(law.coordinate, tuple):
            checks = [(draws[:, i], cdf) for i, cdf in enumerate(law.coordinate)]
        elif law.coordinate is not None:
            checks = [(draws[:, 0], law.coordinate), (draws[:, -1], law.coordinate)]
        else:
            checks = []
        if law.radius is not None:
            checks.append((norms(draws, law.order) ** (1 / min(law.order, 1)), law.radius))
        assert checks
        for values, cdf in checks:
            assert distance(values, cdf) < threshold(N), type(structure).__name__


@pytest.mark.parametrize("name", ["gaussian", "logistic", "cube", "exp linf", "mixed, normal"])
def test_a_scale_off_by_one_percent_is_noticed(name):
    """All coordinates together: 3 10^6 of them (independent ones, for the products)."""
    law = LAWS[name]
    draws = 1.01 * draw(min(distribution(law).structures, key=str), N, seed=4)
    assert distance(draws.ravel(), law.coordinate) > threshold(DIM * N)


@pytest.mark.parametrize("name", [name for name, law in LAWS.items() if law.exchangeable])
def test_sign_patterns_and_orders(name):
    """All 2^d d! ways to sign and order the coordinates are equally likely (seed 5).

    Each of the 48 counts is within 6.5 standard deviations except with probability 8e-11. A bias of
    3 % of one pattern, or a coordinate that tends to be large with another, would show.
    """
    n = 200_000
    for structure in distribution(LAWS[name]).structures:
        draws = draw(structure, n, seed=5)
        signs = (draws > 0) @ (1 << np.arange(DIM))
        order = np.argsort(np.abs(draws), axis=1) @ (DIM ** np.arange(DIM))
        _, counts = np.unique(signs * DIM**DIM + order, return_counts=True)
        assert len(counts) == 48
        assert np.abs(counts - n / 48).max() < 6.5 * np.sqrt(n / 48)


@pytest.mark.parametrize("name", ["gaussian", "Student", "half line", "unequal", "mixture"])
def test_coordinates_of_a_product_are_independent(name):
    """Probability integral transforms of neighbours: 8 x 8 cells, each within 6.5 deviations."""
    law = LAWS[name]
    (structure,) = [s for s in distribution(law).structures if type(s).__name__ == "Product"]
    cdfs = law.coordinate if isinstance(law.coordinate, tuple) else (law.coordinate,) * DIM
    draws = draw(structure, N, seed=6)
    cells = np.stack([(8 * cdf(x)).astype(int) for cdf, x in zip(cdfs, draws.T, strict=True)])
    for first in range(DIM - 1):
        counts = np.bincount(8 * cells[first] + cells[first + 1], minlength=64)
        assert np.abs(counts - N / 64).max() < 6.5 * np.sqrt(N / 64)


@pytest.mark.parametrize("name", ["exp l1 2", "exp l2", "exp linf", "ball"])
def test_the_radius_says_nothing_about_the_direction(name):
    """Largest share of a coordinate in the norm, above and below the median radius (seed 7).

    Two independent samples of N/2: each is within `threshold(N/2)` of the common law.
    """
    law = LAWS[name]
    for structure in distribution(law).structures:
        draws = draw(structure, N, seed=7)
        radius = norms(draws, law.order)
        share = np.abs(draws[:, 0]) / radius
        outer = radius > np.median(radius)
        grid = np.linspace(0, 1, 101)
        inside, outside = (
            np.searchsorted(np.sort(share[side]), grid) / len(share[side])
            for side in (~outer, outer)
        )
        assert np.abs(inside - outside).max() < 2 * threshold(N / 2)


@pytest.mark.parametrize("dim", [1, 3072, 150_528])
def test_radii_agree_with_inverse_gamma_functions_in_every_dimension(dim):
    """Quantiles of ||x|| for exp(-||x||^2/2) in each gauge: r^2/2 ~ Gamma(d/2).

    Tails reach 2^-40. SciPy's inverse is good to 1e-14 there; the table claims 1e-12.
    """
    p = np.append(2.0 ** -np.arange(1.0, 41.0), [0.3, 0.49999])
    for order in (S(1), S(2), oo):
        table = find_recipe(Radial(order, RADIUS**2 / 2, (S(0), oo), dim)).radius
        assert table(-p) == pytest.approx(np.sqrt(2 * gammaincinv(dim / 2, p)), rel=2e-12)


def test_the_largest_dimension_is_sampled():
    """Five draws of 150,528 coordinates; the l1 norm of the Laplace ones is Gamma(d).

    Its standard deviation is sqrt(d); six of them are exceeded with probability 1e-8 in all.
    """
    d = 150_528
    rng = np.random.default_rng(8)
    draws = families.laplace(d).sample(5, rng)
    assert np.abs(np.abs(draws).sum(axis=1) - d).max() < 6 * np.sqrt(d)
    for q in (families.exp_l2(d), families.exp_l1(d), families.exp_linf(d)):
        order = {"2": 2, "1": 1, "o": np.inf}[q.psi_text[8]]
        assert np.abs(norms(q.sample(5, rng), order) - d).max() < 6 * np.sqrt(d)
    top = np.abs(families.mixed_linf_l2(d, k=1).sample(5, rng)).max(axis=1)
    # without the factor 1/m the maximum has median Phi^-1(1 - log 2 / (2 d)); it moves by 1/m^2
    assert np.abs(top + ndtri(np.log(2) / 2 / d)).max() < 2.0


def test_scale_multiplies_at_the_end():
    unit = families.exp_linf(5, k=2).sample(100, np.random.default_rng(9))
    scaled = families.exp_linf(5, k=2, scale=0.3).sample(100, np.random.default_rng(9))
    assert np.array_equal(scaled, 0.3 * unit)
    assert unit.dtype == np.float64


def test_a_gap_in_the_support_stays_empty():
    """Density zero between -1 and 1 and between 2 and 3: not one draw may land there."""
    t = COORDINATE
    phi = Piecewise((S(0), Or(And(Abs(t) > 1, t < 2), t > 3)), (oo, True))
    draws = draw(Product((Marginal(phi, (S(-2), S(4)), 1),), 1), N, seed=10)[:, 0]
    pieces = np.array([(-2, -1), (1, 2), (3, 4)])
    inside = [(draws >= a) & (draws <= b) for a, b in pieces]
    assert sum(inside).all()
    # Each third has binomial(N, 1/3) draws: 6 deviations, 6e-9 in all.
    assert np.abs(np.sum(inside, axis=1) - N / 3).max() < 6 * np.sqrt(N * 2 / 9)
    assert distance(draws[inside[2]] - 3, lambda x: x) < threshold(inside[2].sum())


def test_extreme_uniforms_give_finite_draws():
    ends = np.array([0.0, 2.0**-53, 0.5 - 2.0**-53, 0.5, 1 - 2.0**-53])
    for law in LAWS.values():
        for structure in distribution(law).structures:
            recipe = find_recipe(structure)
            scalars = np.repeat(ends[:, None], recipe.scalars, axis=1)
            for shift in range(len(ends)):
                uniforms = np.repeat(np.roll(ends, shift)[:, None], DIM, axis=1)
                assert np.isfinite(carry_out(recipe, scalars, uniforms)).all(), law.psi


def test_draws_depend_on_the_generator_alone():
    q = families.pareto(4, a=2)
    first, again, other = (q.sample(10, np.random.default_rng(s)) for s in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert q.sample(0, np.random.default_rng(1)).shape == (0, 4)


def test_without_structure_the_error_names_the_remedy():
    q = SmoothingDistribution.parse("norm(x, 2) + norm(x, 1)", dim=3)
    with pytest.raises(AssumptionError, match="from_callable"):
        q.sample(1, np.random.default_rng(0))


def test_bad_arguments():
    q = families.gaussian(2)
    with pytest.raises(InvalidInputError, match="generator must be a numpy"):
        q.sample(1, np.random.RandomState(0))
    with pytest.raises(InvalidInputError, match="n must be an integer >= 0, got -1"):
        q.sample(-1, np.random.default_rng(0))


@pytest.mark.parametrize(
    ("sampler", "message"),
    [
        (lambda n, g: np.zeros((n, 3)), r"shape \(4, 2\), got \(4, 3\)"),
        (lambda n, g: np.full((n, 2), np.nan), "must be finite, got nan"),
        (lambda n, g: [["a", "b"]] * n, r"real numbers of shape \(4, 2\)"),
    ],
)
def test_the_sampler_of_a_black_box_is_checked(sampler, message):
    q = SmoothingDistribution.from_callable(lambda x: x.sum(axis=1), np.sign, sampler, dim=2)
    with pytest.raises(InvalidInputError, match=message):
        q.sample(4, np.random.default_rng(0))


def test_the_sampler_of_a_black_box_is_scaled():
    q = SmoothingDistribution.from_callable(
        lambda x: x.sum(axis=1), np.sign, lambda n, g: g.normal(size=(n, 2)), dim=2, scale=2.0
    )
    expected = 2.0 * np.random.default_rng(3).normal(size=(7, 2))
    assert np.array_equal(q.sample(7, np.random.default_rng(3)), expected)


def test_a_product_is_sampled_as_a_product():
    assert recipe_of(families.gaussian(3).structures).scalars == 0
