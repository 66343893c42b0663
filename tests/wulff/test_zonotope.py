"""Zonotopes: every quantity by at least two methods that share nothing but the generators."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy.stats import binomtest, kstest

from numerics.errors import InvalidInputError, PrecisionError
from wulff.crystal import crystal_zonotope
from wulff.determinants import sign_determinant_mean
from wulff.hull import hull_facets, hull_volume
from wulff.sampling import _reach_by_facets, _reach_by_programme, hit_and_run
from wulff.zonotope import Zonotope


def cube_vertices(dim: int) -> np.ndarray:
    return np.array(list(itertools.product((1.0, -1.0), repeat=dim)))


def random_zonotope(seed: int, dim: int, count: int) -> Zonotope:
    return Zonotope(np.random.default_rng(seed).standard_normal((count, dim)))


#: Volumes of Zon({+-1}^d), d = 2..6: the integers next to the determinant sums. The test is that
#: four methods agree on them.
VOLUMES = {2: 8, 3: 128, 4: 7680, 5: 1_720_320, 6: 1_439_170_560}


@pytest.mark.parametrize("dim", [2, 3, 4, 5, 6])
def test_volume_of_the_sum_of_all_sign_vectors(dim: int) -> None:
    body = Zonotope(cube_vertices(dim))
    lemma = 2.0 ** (dim * dim) / math.factorial(dim) * sign_determinant_mean(dim)  # G.16
    # 906,192 determinants of size up to 160, each with 1e-14: the sum keeps 1e-13
    assert body.volume == pytest.approx(VOLUMES[dim], rel=1e-13)
    assert lemma == pytest.approx(VOLUMES[dim], rel=1e-13)
    if dim <= 5:
        assert body.boundary.volume == pytest.approx(VOLUMES[dim], rel=1e-12)
        assert body.hull_volume == pytest.approx(VOLUMES[dim], rel=1e-10)  # Qhull merges at 1e-13


def chamber_volume(dim: int) -> float:
    """Hull volume through the part with x_1 >= ... >= x_d >= 0, one of 2^d d! congruent ones.

    There <n, x> <= h for all images of n under sign changes and permutations follows from the
    one image that is sorted the same way, so that few half-spaces are left.
    """
    from scipy.spatial import HalfspaceIntersection

    gradients = np.sort(np.abs(Zonotope(cube_vertices(dim)).boundary.facet_gradients), axis=1)
    gradients = gradients[:, ::-1] / gradients.max()
    _, first = np.unique(np.round(gradients * 1e9), axis=0, return_index=True)
    sides = gradients[first]
    walls = -np.eye(dim) + np.eye(dim, k=1)
    rows = np.block([[sides, -np.ones((len(sides), 1))], [walls, np.zeros((dim, 1))]])
    inside = np.arange(dim, 0, -1) * 1e-3
    corners = HalfspaceIntersection(rows, inside).intersections
    # where many sides meet Qhull returns one corner several times, off by rounding
    _, first = np.unique(np.round(corners * 1e8), axis=0, return_index=True)
    largest = Zonotope(cube_vertices(dim)).boundary.facet_gradients
    share = hull_volume(corners[first]) / np.abs(largest).max() ** dim
    return share * 2**dim * math.factorial(dim)


@pytest.mark.parametrize("dim", [3, 4, 5, pytest.param(6, marks=pytest.mark.slow)])
def test_volume_by_the_hull_of_a_chamber(dim: int) -> None:
    # corners where many sides meet are known to 1e-8
    assert chamber_volume(dim) == pytest.approx(VOLUMES[dim], rel=1e-6)


@pytest.mark.parametrize("dim", [2, 3, 4, 5])
def test_volume_by_counting_points_of_a_box(dim: int) -> None:
    """20,000 points of the bounding box; the interval has 1 - 1e-6 coverage for each dimension."""
    body = crystal_zonotope("linf", dim)
    box = body.support_function(np.eye(dim))
    generator = np.random.default_rng(dim)
    points = box * (2 * generator.random((20_000, dim)) - 1)
    hits = int((body.boundary.gauge(points) <= 1).sum())
    interval = binomtest(hits, len(points)).proportion_ci(1 - 1e-6)
    share = VOLUMES[dim] * 2.0 ** (dim * (1 - dim)) / float(np.prod(2 * box))
    assert interval.low <= share <= interval.high


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("dim", [1, 2, 3, 4])
def test_methods_agree_on_random_zonotopes(seed: int, dim: int) -> None:
    body = random_zonotope(seed, dim, dim + 3)
    assert body.hull_volume == pytest.approx(body.volume, rel=1e-10)
    generator = np.random.default_rng(100 + seed)
    points = generator.standard_normal((4, dim))
    # HiGHS stops at a feasibility of 1e-7 relative to the data
    np.testing.assert_allclose(body.gauge(points), body.boundary.gauge(points), rtol=1e-6)
    support = (body.vertices @ points.T).max(axis=0)
    np.testing.assert_allclose(body.support_function(points), support, rtol=1e-12)
    if dim > 1:
        v = points[0]
        across = np.linalg.svd(v[None])[2][1:]
        shadow = Zonotope(body.generators @ across.T).hull_volume * np.linalg.norm(v)
        assert body.projection_volume(v) == pytest.approx(shadow, rel=1e-9)
        normals, _, areas = body.facets
        assert np.abs(normals @ v) @ areas / 2 == pytest.approx(shadow, rel=1e-9)


@pytest.mark.parametrize("dim", [2, 3, 4, 5])
def test_cells_cover_the_boundary(dim: int) -> None:
    """int x n^T dS = Vol I (divergence theorem), which fails if cells overlap or are missing."""
    generators = np.random.default_rng(dim).integers(-2, 3, (dim + 3, dim)).astype(float)
    for body in (crystal_zonotope("linf", dim), Zonotope(np.vstack([generators, np.eye(dim)]))):
        cells = body.boundary
        moment = np.einsum("k,ki,kj->ij", cells.shares * dim, cells.centres, cells.gradients)
        np.testing.assert_allclose(moment, np.eye(dim), atol=1e-12)
        assert cells.gauge(cells.centres) == pytest.approx(1.0, abs=1e-12)
        corner = cells.centres + cells.edges.sum(axis=1) / 2
        assert cells.gauge(corner) == pytest.approx(1.0, abs=1e-9)


@pytest.mark.parametrize("dim", [2, 3, 4, 5])
def test_vertices_and_facets_of_the_crystal(dim: int) -> None:
    """RSAS, G.13: e_i are the farthest vertices, +-x_i +-x_j <= 1 the nearest facets."""
    body = crystal_zonotope("linf", dim)
    lengths = np.linalg.norm(body.vertices, axis=1)
    farthest = body.vertices[lengths > lengths.max() * (1 - 1e-9)]
    axes = np.concatenate([np.eye(dim), -np.eye(dim)])
    assert len(farthest) == 2 * dim
    for axis in axes:
        assert np.abs(farthest - axis).max(axis=1).min() < 1e-12
    normals, heights, _ = body.facets
    assert heights.min() == pytest.approx(math.sqrt(0.5), rel=1e-12)
    nearest = normals[heights < heights.min() * (1 + 1e-9)]
    assert len(nearest) == 2 * dim * (dim - 1)
    assert np.abs(np.sort(np.abs(nearest), axis=1)[:, -2:] - math.sqrt(0.5)).max() < 1e-12


def test_counts_of_vertices_and_facets() -> None:
    """Vertices are the regions of an arrangement, threshold functions (OEIS A000609)."""
    found = [len(crystal_zonotope("linf", d).vertices) for d in (2, 3, 4, 5)]
    assert found == [4, 14, 104, 1882]
    for dim, facets in ((2, 4), (3, 12), (4, 40), (5, 280)):
        body = crystal_zonotope("linf", dim)
        assert len(body.facets[0]) == 2 * len(body.boundary.facet_gradients) == facets


def test_areas_of_a_box() -> None:
    normals, heights, areas = hull_facets(Zonotope(np.diag([1.0, 2.0, 3.0])).vertices)
    sizes = np.array([1.0, 2.0, 3.0])
    axis = np.argmax(np.abs(normals), axis=1)
    np.testing.assert_allclose(heights, sizes[axis] / 2)
    np.testing.assert_allclose(areas, 6.0 / sizes[axis])


@pytest.mark.parametrize("method", ["cells", "rejection", "hit-and-run"])
def test_uniform_points(method: str) -> None:
    """gauge^d is uniform on [0, 1]; 2,000 points, false alarm 1e-6 (walks thinned by 2 d)."""
    body = random_zonotope(5, 3, 6)
    points = body.sample(2_000, np.random.default_rng(3), method=method)
    assert kstest(body.boundary.gauge(points) ** 3, "uniform").pvalue > 1e-6
    # a linear statistic against an exact sampler, eight standard errors of the mean
    spread = points.std(axis=0) / math.sqrt(len(points))
    assert (np.abs(points.mean(axis=0)) < 8 * spread).all()


def test_the_walk_says_when_it_has_not_mixed() -> None:
    needle = Zonotope(np.diag([1.0, 300.0]))
    with pytest.raises(PrecisionError, match="R-hat"):
        needle.sample(64, np.random.default_rng(0), method="hit-and-run")
    walk = hit_and_run(crystal_zonotope("linf", 3), 400, np.random.default_rng(0))
    assert walk.r_hat < 1.02
    assert 400 < walk.effective_size <= 3200


def test_chords_by_facets_and_by_linear_programmes() -> None:
    body = random_zonotope(8, 3, 5)
    generator = np.random.default_rng(8)
    points, directions = body.sample(6, generator), generator.standard_normal((6, 3))
    facets = _reach_by_facets(body.boundary.facet_gradients, points, directions)
    programme = _reach_by_programme(body.generators, points, directions)
    np.testing.assert_allclose(facets, programme, rtol=1e-6)  # HiGHS stops at 1e-7
    # {+-1}^7 has 75 million pairs of cells, so the walk has nothing but programmes
    seven = crystal_zonotope("linf", 7)
    walk = hit_and_run(seven, 2, generator, thin=1)
    assert (seven.gauge(walk.points[:2, -1]) <= 1 + 1e-6).all()


def test_scaling_and_merging() -> None:
    body = Zonotope([[1, 0], [-1, 0], [0, 0], [1, 1]])
    np.testing.assert_array_equal(body.generators, [[2, 0], [1, 1]])
    assert body.scaled(3.0).volume == pytest.approx(9 * body.volume)
    assert body.contains([[1.5, 0.5], [1.51, 0.5]]).tolist() == [True, False]


@pytest.mark.parametrize(
    ("generators", "message"),
    [
        ([[1, 0, 0], [0, 1, 0]], "must span R^3, got rank 2 in 2 rows"),
        ([[1, 0], [2, 0]], "must span R^2, got rank 1"),
        ([[1, float("nan")]], "finite array"),
        ([1, 2], "shape"),
        ("cube", "shape"),
    ],
)
def test_bad_generators(generators: object, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message.replace("^", r"\^")):
        Zonotope(generators)  # type: ignore[arg-type]


def test_what_is_too_large_is_refused_with_its_count_and_a_remedy() -> None:
    six = crystal_zonotope("linf", 6)
    with pytest.raises(InvalidInputError, match=r"412,736 in R\^6 .* determinant sums"):
        _ = six.vertices
    with pytest.raises(InvalidInputError, match=r"621,216,192 .* crystal_growth"):
        _ = crystal_zonotope("linf", 7).volume
    with pytest.raises(InvalidInputError, match=r"74,974,368"):
        _ = crystal_zonotope("linf", 7).boundary
    with pytest.raises(InvalidInputError, match="method"):
        six.sample(3, np.random.default_rng(0), method="guess")
    with pytest.raises(InvalidInputError, match="shape"):
        six.gauge([1.0, 2.0])
