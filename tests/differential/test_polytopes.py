"""Radii against polytopes: symmetries, scaling, nesting, and pairs that another norm covers."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import sympy

import radii
from numerics.errors import InvalidInputError
from radii import PolytopeNorm, coordinate_sum, norm, t, x
from smoothing.distribution import SmoothingDistribution

RHO = np.array([0.51, 0.6, 0.9, 0.999])
#: Two budgets of 5e-12, when one radius is computed along two ways.
SAME = 1e-11
LOGISTIC = 2 * sympy.log(sympy.cosh(t / 2))


def noise(psi: sympy.Expr, dim: int) -> SmoothingDistribution:
    return SmoothingDistribution(psi, dim=dim)


def signs(dim: int) -> np.ndarray:
    return np.array(list(itertools.product((-1.0, 1.0), repeat=dim)))


def radius(q: SmoothingDistribution, adversary: object) -> np.ndarray:
    return radii.derive(q, adversary, route="quadrature")(RHO)


PSIS = {
    "product": coordinate_sum(LOGISTIC),
    "weighted": coordinate_sum(t**2 / 2, weights=(1, 4, 9)),
    "l2": norm(x, 2),
    "l1": norm(x, 1) ** 2,
    "linf": norm(x, sympy.oo) ** 2,
}


@pytest.mark.parametrize("psi", PSIS.values(), ids=PSIS)
def test_the_cube_as_a_list_is_linf(psi: sympy.Expr) -> None:
    q = noise(psi, 3)
    np.testing.assert_allclose(radius(q, PolytopeNorm(signs(3))), radius(q, "linf"), rtol=SAME)


@pytest.mark.parametrize("name", ["product", "weighted", "l2"])
def test_the_cross_polytope_as_a_list_is_l1(name: str) -> None:
    q = noise(PSIS[name], 3)
    cross = PolytopeNorm(np.concatenate([np.eye(3), -np.eye(3)]))
    np.testing.assert_allclose(radius(q, cross), radius(q, "l1"), rtol=SAME)


def test_a_turned_square_sees_a_turned_density() -> None:
    # exp(-||x||_1) turned by 45 degrees is exp(-sqrt(2) ||y||_oo), and the l1 ball turns with it
    half = np.sqrt(0.5)
    turned = PolytopeNorm(half * signs(2))
    first = radius(noise(norm(x, 1), 2), turned)
    second = radius(noise(norm(x, sympy.oo), 2), "l1") / np.sqrt(2)
    np.testing.assert_allclose(first, second, rtol=SAME)


def test_order_and_signs_of_vertices_change_nothing() -> None:
    q = noise(coordinate_sum(LOGISTIC), 40)
    point = np.zeros(40)
    point[[3, 17]], point[20:30] = (-0.5, 1.0), 1.0
    first = PolytopeNorm.from_orbits([point])
    second = PolytopeNorm.from_orbits([-point[::-1], point])
    assert radius(q, first).tolist() == radius(q, second).tolist()


def test_scaled_balls_scale_radii() -> None:
    q = noise(coordinate_sum(LOGISTIC), 20)
    point = np.append(np.ones(12), np.full(8, 0.25))
    one, two = (radius(q, PolytopeNorm.from_orbits([s * point])) for s in (1.0, 2.0))
    np.testing.assert_allclose(one, 2 * two, rtol=1e-15)


@pytest.mark.parametrize(
    "psi", [coordinate_sum(LOGISTIC), norm(x, 1), norm(x, sympy.oo) ** 2, norm(x, 2)]
)
def test_larger_balls_have_smaller_radii(psi: sympy.Expr) -> None:
    q = noise(psi, 32)
    sizes = [np.where(np.arange(32) < k, 1.0, s) for k, s in ((16, 0.0), (16, 0.5), (24, 0.5))]
    found = [radius(q, PolytopeNorm.from_orbits([u])) for u in sizes]
    assert (found[0] >= found[1]).all()
    assert (found[1] >= found[2]).all()
    assert (found[2] >= radius(q, "linf") * (1 - SAME)).all()


def test_vertices_inside_the_hull_of_an_orbit_are_left_out() -> None:
    q = noise(coordinate_sum(LOGISTIC), 32)
    first = PolytopeNorm.from_orbits([np.ones(32)])
    second = PolytopeNorm.from_orbits([np.ones(32), np.full(32, 0.5), np.arange(32) < 20])
    assert radius(q, first).tolist() == radius(q, second).tolist()


def test_l1_and_linf_together_at_d_3072() -> None:
    # vectors with l1 norm up to 64 and no entry above 1: as hard as linf in 64 dimensions
    both = PolytopeNorm.from_orbits([np.arange(3072) < 64])
    for psi in (norm(x, 1), coordinate_sum(t**4)):
        found = radius(noise(psi, 3072), both)
        np.testing.assert_allclose(found, radius(noise(psi, 64), "linf"), rtol=SAME)


@pytest.mark.parametrize("phi", [t**4, LOGISTIC])
def test_the_central_limit_of_products_against_linf(phi: sympy.Expr) -> None:
    # R sqrt(d I) -> N^-1(rho), I = E phi'^2 (spec 2.1); the error is of order 1/d for even phi
    from scipy.special import ndtri

    from differential.term_measure import term_measure
    from smoothing.structure import COORDINATE, Marginal

    measure = term_measure(Marginal(phi.subs(t, COORDINATE), (-sympy.oo, sympy.oo), 1))
    information = float(np.sum(measure.weight * measure.value**2))
    gaps = []
    for dim in (300, 150_528):
        scaled = radius(noise(coordinate_sum(phi), dim), "linf") * np.sqrt(dim * information)
        gaps.append(np.abs(scaled / ndtri(RHO) - 1).max())
    assert gaps[0] < 0.02
    assert gaps[1] < 1e-4


def test_no_direction_of_the_ball_is_harder_than_its_vertices() -> None:
    # Phi_u is convex in u: a point inside an edge cannot have a larger Phi than both its ends
    q = noise(coordinate_sum(t**4), 24)
    inside = PolytopeNorm.from_orbits([np.where(np.arange(24) < 20, 0.9, 0.3)])
    assert (radius(q, inside) >= radius(q, "linf")).all()


@pytest.mark.parametrize(
    ("points", "symmetry", "message"),
    [
        ([[0.0, 0.0]], "hyperoctahedral", "not zero"),
        ([[1.0, np.nan]], "hyperoctahedral", "row 0"),
        ([[1.0, 0.0]], "reflection", "span"),
        ([[1.0, 0.0]], "cyclic", "symmetry must be"),
        ("abc", "hyperoctahedral", "array of shape"),
    ],
)
def test_bad_representatives_are_refused(points: object, symmetry: str, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        PolytopeNorm.from_orbits(points, symmetry)  # type: ignore[arg-type]


def test_dimensions_must_match() -> None:
    with pytest.raises(InvalidInputError, match=r"R\^4"):
        radii.derive(noise(norm(x, 1), 4), PolytopeNorm.from_orbits([[1.0, 0.0, 0.0]]))


def test_gauges_of_orbits_agree_with_vertex_lists() -> None:
    point = np.array([1.0, 0.6, 0.1])
    orbit = {tuple(s * point[list(p)]) for p in itertools.permutations(range(3)) for s in signs(3)}
    listed, short = PolytopeNorm(sorted(orbit)), PolytopeNorm.from_orbits([point])
    v = np.random.default_rng(3).normal(size=(6, 3))
    np.testing.assert_allclose(short.gauge(v), listed.gauge(v), rtol=1e-9)
    np.testing.assert_allclose(short.support_function(v), listed.support_function(v), rtol=1e-14)
