"""Norms, crystals and growth: closed forms against projections, optimality among bodies."""

from __future__ import annotations

import itertools
import math

import mpmath
import numpy as np
import pytest

from numerics.errors import InvalidInputError
from smoothing.norms import LpNorm, PolytopeNorm
from wulff.bodies import LpBall
from wulff.crystal import crystal, crystal_norm, crystal_zonotope
from wulff.growth import crystal_growth, growth, growth_limit
from wulff.hull import hull_volume
from wulff.products import _series, mean_absolute_product
from wulff.sign_determinants import fourth_moment_ratio, log_mean_determinant
from wulff.zonotope import Zonotope

ORDERS = (1.0, 2.0, math.inf)


def sign_rows(dim: int) -> np.ndarray:
    return np.array(list(itertools.product((1.0, -1.0), repeat=dim)))


def ball_norm(order: float, dim: int) -> PolytopeNorm:
    vertices = sign_rows(dim) if order == math.inf else np.vstack([np.eye(dim), -np.eye(dim)])
    return PolytopeNorm(vertices)


# -- the norm E|<x, v>| -------------------------------------------------------------------------


@pytest.mark.parametrize("count", [21, 22, 50, 3072, 150_528])
def test_mean_of_many_equal_signs(count: int) -> None:
    """E|sum of n signs| = 2 ceil(n/2) C(n, ceil(n/2)) / 2^n."""
    k = -(-count // 2)
    with mpmath.workdps(40):
        exact = 2 * k * mpmath.binomial(count, k) / mpmath.mpf(2) ** count
    bounds = mean_absolute_product(np.ones(count))
    assert bounds.lower <= exact <= bounds.upper
    # equal entries make a lattice of spacing 2 / sqrt(n), which the blur must resolve
    assert bounds.relative_width < 1e-3


@pytest.mark.parametrize("seed", range(4))
def test_series_encloses_the_list_of_sums(seed: int) -> None:
    generator = np.random.default_rng(seed)
    vector = np.abs(generator.standard_normal(16)) ** generator.integers(1, 4)
    vector /= np.linalg.norm(vector)
    exact = mean_absolute_product(vector)
    widths = []
    for terms in (1024, 4096):
        series = _series(vector, terms)
        assert series.lower <= exact.lower
        assert exact.upper <= series.upper
        widths.append(series.width)
    # second order in the number of terms would give 16; sums that stay away from 0 cost nothing
    assert widths[1] < max(widths[0] / 6, 1e-12)


def test_mean_products_of_hard_vectors() -> None:
    two = np.concatenate([[1.0, 1.0], np.full(40, 1e-9)])
    bounds = mean_absolute_product(two)  # S is near 0 half of the time: E|S| = 1 + 1e-9 E|small|/2
    assert bounds.lower <= 1.0 + 0.5e-9 * 6.4 <= bounds.upper
    assert mean_absolute_product(np.zeros(30)).upper == 0.0
    assert mean_absolute_product([3e200, 4e200]).contains(4e200)
    for bad in ([], [1.0, math.nan], [[1.0]]):
        with pytest.raises(InvalidInputError, match="finite vector"):
            mean_absolute_product(bad)


@pytest.mark.parametrize("norm", ["l1", "l2", "linf"])
@pytest.mark.parametrize("dim", [1, 2, 3, 5])
def test_crystal_is_the_ball_of_the_dual_norm(norm: str, dim: int) -> None:
    """||x||_* is the support function of the crystal, by definition of the dual norm."""
    body = crystal(norm, dim)
    for x in np.random.default_rng(dim).standard_normal((5, dim)):
        bounds = crystal_norm(norm, x)
        assert bounds.midpoint == pytest.approx(body.support_function(x).item(), rel=1e-12)
        if dim in (2, 3) and norm == "l2":

            def integrand(z: float, x: np.ndarray = x) -> float:
                return abs(float(np.linalg.norm(x)) * z)

            mean = mpmath.quad(integrand, [0, 1]) if dim == 3 else np.linalg.norm(x) * 2 / math.pi
            assert bounds.lower <= mean * (1 + 1e-14)
            assert mean * (1 - 1e-14) <= bounds.upper


@pytest.mark.parametrize("dim", [1, 2, 3, 4])
@pytest.mark.parametrize("norm", ["l1", "linf"])
def test_special_cases_equal_the_general_construction(norm: str, dim: int) -> None:
    special, general = crystal(norm, dim), crystal_zonotope(norm, dim)
    points = np.random.default_rng(dim).standard_normal((8, dim))
    np.testing.assert_allclose(
        special.support_function(points), general.support_function(points), rtol=1e-13
    )
    polytope = crystal(ball_norm(1.0 if norm == "l1" else math.inf, dim))
    assert polytope.volume == pytest.approx(general.volume, rel=1e-13)


def test_crystals_have_their_names() -> None:
    assert crystal("l1", 7).name == "cube"
    assert crystal("l2", 7).name == "ball"
    assert crystal("linf", 2) == LpBall(1.0, 1.0, 2)
    with pytest.raises(InvalidInputError, match=r"dim <= 16, got 2\^29 .* crystal_norm"):
        crystal("linf", 30)
    with pytest.raises(InvalidInputError, match="dim must be an integer >= 1, got 0"):
        crystal("linf", 0)
    with pytest.raises(InvalidInputError, match="infinitely many extreme points"):
        crystal(LpNorm(3), 4)
    with pytest.raises(InvalidInputError, match=r"row 2, \[0.5, 0.0\], is none"):
        crystal(PolytopeNorm([[1, 0], [-1, 0], [0.5, 0], [-0.5, 0], [0, 1], [0, -1]]))
    with pytest.raises(InvalidInputError, match="leave it out"):
        crystal(ball_norm(1.0, 3), 4)


# -- growth -------------------------------------------------------------------------------------


@pytest.mark.parametrize("dim", [2, 3, 4])
@pytest.mark.parametrize("adversary", ["l1", "l2", "linf"])
def test_closed_forms_agree_with_projections(adversary: str, dim: int) -> None:
    for order in (1.0, math.inf):
        by_hull = growth(ball_norm(order, dim), adversary)
        assert growth(LpBall(order, 3.0, dim), adversary).overlaps(by_hull)
    assert growth(crystal_zonotope("l1", dim), adversary).overlaps(
        growth(LpBall(math.inf, 1.0, dim), adversary)
    )
    shadows = {2: 2.0, 3: math.pi, 4: 4 * math.pi / 3}
    volumes = {2: math.pi, 3: 4 * math.pi / 3, 4: math.pi**2 / 2}
    length = math.sqrt(dim) if adversary == "linf" else 1.0
    value = length * shadows[dim] / volumes[dim] ** ((dim - 1) / dim)
    assert growth(LpBall(2.0, 5.0, dim), adversary).contains(value)


def test_growth_of_polytope_adversaries_and_other_norms() -> None:
    for body in (LpBall(o, 1.0, 3) for o in ORDERS):
        for order, name in ((1.0, "l1"), (math.inf, "linf")):
            assert growth(body, ball_norm(order, 3)).overlaps(growth(body, name))
    assert growth(LpBall(math.inf, 1.0, 4), LpNorm(3)).contains(4 ** (2 / 3))
    with pytest.raises(InvalidInputError, match="worst v is open"):
        growth(LpBall(1.0, 1.0, 4), LpNorm(3))
    with pytest.raises(InvalidInputError, match="finitely many directions"):
        growth(crystal_zonotope("linf", 3), LpNorm(3))


@pytest.mark.parametrize("adversary", ["l1", "l2", "linf"])
@pytest.mark.parametrize("order", ORDERS)
def test_limits(adversary: str, order: float) -> None:
    """G.8 to G.12: at d = 150,528 the relative distance to the limit is of order log d / d."""
    limit, power = growth_limit(order, adversary)
    values = [
        growth(LpBall(order, 1.0, d), adversary).midpoint / d ** float(power)
        for d in (100, 3072, 150_528)
    ]
    errors = [abs(v / float(limit) - 1) for v in values]
    assert errors[2] < 1e-4
    assert errors[2] <= errors[1] <= errors[0] + 1e-12
    with pytest.raises(InvalidInputError, match=r"G\.8"):
        growth_limit(3, adversary)


# -- the crystal of linf ------------------------------------------------------------------------


@pytest.mark.parametrize("dim", [1, 2, 3, 4, 5])
def test_growth_of_the_crystal(dim: int) -> None:
    known = crystal_growth("linf", dim)
    if dim > 1:
        assert growth(crystal_zonotope("linf", dim), "linf").overlaps(known)
    # G.14 as a sum of determinants: the shadow along (1, ..., 1)
    body = crystal_zonotope("linf", dim)
    shadow = body.projection_volume(np.ones(dim)) / body.volume ** ((dim - 1) / dim)
    assert known.contains(shadow) or known.midpoint == pytest.approx(shadow, rel=1e-12)


def test_sign_determinants_lie_between_their_moments() -> None:
    """d = 2 and 3 by all matrices; d = 12 by 4,000 random ones (eight standard errors)."""
    for dim in (2, 3):
        matrices = sign_rows(dim * dim).reshape(-1, dim, dim)
        determinants = np.linalg.det(matrices)
        fourth = (determinants**4).mean() / math.factorial(dim) ** 2
        assert fourth_moment_ratio(dim) == pytest.approx(fourth, rel=1e-12)
        mean = math.log(np.abs(determinants).mean())
        assert log_mean_determinant(dim).midpoint == pytest.approx(mean, abs=1e-12)
    draws = np.random.default_rng(2).choice((1.0, -1.0), (4000, 12, 12))
    sizes = np.abs(np.linalg.det(draws))
    error = 8 * sizes.std() / math.sqrt(len(sizes)) / sizes.mean()
    bounds = log_mean_determinant(12)
    assert bounds.lower - error < math.log(sizes.mean()) < bounds.upper + error
    assert bounds.width < 1.5


def test_claims_g14_and_g15() -> None:
    """sqrt(e) is the limit of Phi / sqrt(d) for the crystal, and the ball reaches it too."""
    for dim, width in ((100, 0.05), (3072, 3e-3), (150_528, 1e-4)):
        bounds = crystal_growth("linf", dim) / math.sqrt(dim)
        assert bounds.lower < math.sqrt(math.e) * (1 + 1e-12)
        assert bounds.width < width
        ratio = growth(LpBall(2.0, 1.0, dim), "linf") / crystal_growth("linf", dim)
        assert ratio.upper < 1 + width
    for order in (1.0, math.inf):
        assert (growth(LpBall(order, 1.0, 3072), "linf") / crystal_growth("linf", 3072)).lower > 1.3


# -- optimality ---------------------------------------------------------------------------------


def random_symmetric_body(generator: np.random.Generator, dim: int) -> PolytopeNorm:
    """Hull of random points and their negatives."""
    points = generator.standard_normal((int(generator.integers(dim + 1, 12)), dim))
    points = np.vstack([points, 3 * generator.random() * np.eye(dim)])
    return PolytopeNorm(np.vstack([points, -points]))


@pytest.mark.parametrize("dim", [2, 3])
@pytest.mark.parametrize("adversary", ["l1", "linf"])
def test_no_symmetric_body_does_better(adversary: str, dim: int) -> None:
    """Theorem G.7, on random polytopes, random zonotopes and perturbed crystals."""
    best = crystal_growth(adversary, dim)
    generator = np.random.default_rng(dim)
    zonotope = crystal_zonotope(adversary, dim)
    for _ in range(15):
        shape = zonotope.generators.shape
        near = zonotope.generators + 0.1 * generator.standard_normal(shape)
        vertices = zonotope.vertices * (1 + 0.05 * generator.standard_normal((1, dim)))
        bodies = (
            random_symmetric_body(generator, dim),
            Zonotope(generator.standard_normal((dim + 3, dim))),
            Zonotope(near),
            PolytopeNorm(np.vstack([vertices, -vertices])),
        )
        for body in bodies:
            assert growth(body, adversary).lower > best.upper


def test_turning_the_facets_costs_first_order() -> None:
    """A sharp minimum: ||.||_* has a kink at every facet normal, so that turning costs about h."""
    best = crystal_growth("linf", 3).midpoint
    zonotope = crystal_zonotope("linf", 3)
    move = np.random.default_rng(4).standard_normal(zonotope.generators.shape)

    def mean(body: Zonotope) -> float:
        """The mean over vertices, on which the proof of the theorem rests."""
        shadows = [body.projection_volume(v) for v in sign_rows(3)]
        return float(np.mean(shadows)) / body.volume ** (2 / 3)

    costs = [mean(Zonotope(zonotope.generators + h * move)) - best for h in (0.04, 0.02, 0.01)]
    assert min(costs) > 0
    for coarse, fine in itertools.pairwise(costs):
        assert 1.8 < coarse / fine < 2.2


def test_hull_volume_of_a_segment() -> None:
    assert hull_volume([[-1.0], [3.0], [2.0]]) == 4.0
