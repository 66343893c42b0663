"""Bounds of Phi lie above Phi along every direction tried, and touch it where they are exact.

Phi_u is computed here from the definition, as half the mean of the top 2p of |gamma_u| over an
explicit grid of equally likely outcomes; nothing of the engine is used.
"""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import sympy
from numpy.typing import NDArray
from scipy import stats

import radii
from differential.gamma import cover
from differential.information import Information, fisher_information
from differential.majorant import Majorant, interpolated, smallest_of
from differential.majorants import known_bounds, majorant
from differential.majorants_cubical import cubical_bounds
from differential.majorants_exponential import standard_slope
from numerics.errors import AssumptionError
from smoothing.norms import LpNorm, PolytopeNorm
from smoothing.structure import COORDINATE, RADIUS, Marginal, Product, Radial

Array = NDArray[np.float64]
GENERATOR = np.random.default_rng(20261121)
PROBABILITIES = np.array([0.003, 0.02, 0.09, 0.17, 0.25, 0.31, 0.44, 0.5])
WHOLE = (-sympy.oo, sympy.oo)
HALF = (sympy.S.Zero, sympy.oo)


def density(psi: str, dim: int) -> radii.SmoothingDistribution:
    return radii.SmoothingDistribution.parse(psi, dim=dim)


def top_half_mean(magnitudes: Array, p: float) -> float:
    """Half of E[|gamma|; top 2p] for equally likely values: E[gamma; top p] when symmetric."""
    ordered = np.sort(magnitudes)[::-1]
    count = 2 * p * len(ordered)
    whole = int(count)
    rest = (count - whole) * ordered[min(whole, len(ordered) - 1)]
    return float(ordered[:whole].sum() + rest) / (2 * len(ordered))


def unit_vectors(dim: int, p: float, count: int) -> Array:
    """Directions of many shapes on the sphere of l_p: dense, sparse, flat."""
    raw = np.abs(GENERATOR.normal(size=(count, dim))) ** GENERATOR.choice([0.3, 1, 3], (count, 1))
    raw *= GENERATOR.random((count, dim)) < GENERATOR.choice([0.4, 1.0], (count, 1))
    flat = np.tril(np.ones((dim, dim)))
    vectors = np.concatenate([raw[raw.sum(axis=1) > 0], flat])
    return vectors / np.linalg.norm(vectors, ord=p, axis=1)[:, None]


#: Midpoints of 4000 equally likely cells of r: the top mean is then below the true one, by 1e-3.
CELLS = (np.arange(4000) + 0.5) / 4000


@pytest.mark.parametrize("p", [1.5, 2.0, 4.0])
@pytest.mark.parametrize(
    ("psi", "drift"),
    [
        ("norm(x, oo)", lambda d: np.ones(1)),
        ("norm(x, oo)**2", lambda d: 2 * np.sqrt(stats.gamma.ppf(CELLS, d / 2))),
        ("norm(x, oo)**(1/2)", lambda d: 0.5 / stats.gamma.ppf(CELLS, 2 * d)),
    ],
)
def test_cubical_bounds_are_above_every_direction(psi: str, drift, p: float) -> None:
    dim = 4
    (radial,) = (s for s in density(psi, dim).structures if isinstance(s, Radial))
    bounds = cubical_bounds(radial, p)
    for s in PROBABILITIES:
        bound = min(float(b(s)) for b in bounds)
        best = max(
            top_half_mean(np.abs(np.outer(drift(dim), u)).ravel(), s)
            for u in unit_vectors(dim, p, 60)
        )
        # The grid of r puts its cells' midpoints in place of their means: 1e-3 at most.
        assert best <= bound * (1 + 1e-3)


def test_constant_drift_attains_the_exchange_bound() -> None:
    """u proportional to (1, ..., 1, f): derivations 4a."""
    dim = 5
    (radial,) = (s for s in density("norm(x, oo)", dim).structures if isinstance(s, Radial))
    (bound,) = cubical_bounds(radial, 2.0)
    for s in PROBABILITIES:
        m = 2 * dim * s
        u = np.clip(m - np.arange(dim), 0.0, 1.0)
        exact = top_half_mean(u / np.linalg.norm(u), s)
        above = float(bound(s)) * (1 + bound.relative_error)
        assert exact <= above <= exact * (1 + 2e-12)


def test_truncation_adds_its_jump() -> None:
    """A uniform cube has no drift: Phi_u = sum |u_i| / 2 (its faces), at most sqrt(d)/2."""
    cube = Radial(sympy.oo, sympy.S.Zero, (sympy.S.Zero, sympy.S.One), 9)
    (bound,) = cubical_bounds(cube, 2.0)
    assert 1.5 <= float(bound(0.2)) * (1 + bound.relative_error) <= 1.5 * (1 + 1e-11)


@pytest.mark.parametrize("dim", [2, 7, 11])
def test_laplace_bound_is_above_every_rademacher_sum(dim: int) -> None:
    signs = np.array(list(itertools.product([1.0, -1.0], repeat=dim)))
    bound = majorant(density("norm(x, 1)", dim).structures, LpNorm(2), dim)
    assert bound is not None
    phi = bound()
    for s in PROBABILITIES:
        best = max(top_half_mean(np.abs(signs @ u), s) for u in unit_vectors(dim, 2, 120))
        assert best <= float(phi(s))
    # Two equal coordinates attain sqrt(p/2) at p = 1/4, one at p = 1/2.
    for s in (0.25, 0.5):
        assert math.isclose(float(phi(s)), math.sqrt(s / 2), rel_tol=1e-11)


def test_exponential_slope_against_a_fine_search() -> None:
    """inf arcosh(1 + (e^(s^2/2) - 1)/(2p))/s by brute force over s (derivations 4e)."""
    s = np.geomspace(1e-4, 12, 400_000)
    for p in (1e-20, 1e-4, 0.1, 0.16, 0.2, 0.5):
        w = np.expm1(s**2 / 2) / (2 * p)
        brute = float(np.min(np.log1p(w + np.sqrt(w * (2 + w))) / s))
        found = float(standard_slope(np.array([p]))[0])
        # The brute minimum misses by the square of the step, 1e-9.
        assert brute * (1 - 1e-8) <= found <= brute * (1 + 1e-13)


@pytest.mark.parametrize(
    ("psi", "marginal_slope"),
    [
        ("coordinate_sum(2*log(cosh(t/2)))", lambda u: 2 * u - 1),
        ("coordinate_sum(2*log(1 + t**2))", lambda u: _student_slope(stats.t(3).ppf(u))),
    ],
)
@pytest.mark.parametrize("p", [2.0, 3.0])
def test_product_bounds_are_above_every_direction(psi: str, marginal_slope, p: float) -> None:
    """phi'(X) on a grid of quantiles of X: logistic, and Student t with 3 degrees (scaled)."""
    dim = 2
    slope = marginal_slope((np.arange(200) + 0.5) / 200)
    grid = np.array(list(itertools.product(slope, repeat=dim)))
    bounds, _ = known_bounds(density(psi, dim).structures, LpNorm(p), dim)
    phi = smallest_of(bounds)
    for s in PROBABILITIES:
        best = max(top_half_mean(np.abs(grid @ u), s) for u in unit_vectors(dim, p, 12))
        # 200 cells per coordinate: midpoints for means, 1e-3 where few cells are in the set.
        assert best <= float(phi(s)) * (1 + 2e-3)


def _student_slope(x: Array) -> Array:
    """phi = 2 log(1 + t^2) has the law of x / sqrt(3), x Student with 3 degrees of freedom."""
    y = x / math.sqrt(3)
    return 4 * y / (1 + y**2)


def test_interpolation_is_exact_for_rotations() -> None:
    """l_2 radial: Phi_p is known for every p, and interpolation between 1 and oo lies above."""
    gaussian = density("norm(x, 2)**2/2", 5).structures
    one, infinite = (cover(gaussian, LpNorm(p), 5)() for p in (1.0, math.inf))  # type: ignore[misc]
    for p in (2.0, 3.0):
        share = 1 - 1 / p
        bound = interpolated(one, infinite, share, "")
        exact = 5 ** max(0.0, 0.5 - 1 / p) * stats.norm.pdf(stats.norm.ppf(PROBABILITIES))
        assert np.all(bound(PROBABILITIES) >= exact * (1 - 1e-12))
        rotations = majorant(gaussian, LpNorm(p), 5)
        assert rotations is not None
        if p != 2:
            assert np.allclose(rotations()(PROBABILITIES), exact, rtol=1e-11)


def test_smallest_of_is_below_all_parts() -> None:
    parts = [
        Majorant("a", lambda p: p, np.empty(0)),
        Majorant("b", lambda p: 0.1 + 0 * p, np.empty(0)),
        Majorant("c", lambda p: 0.5 * np.sqrt(p), np.empty(0)),
    ]
    both = smallest_of(parts)
    points = np.linspace(1e-3, 0.999, 77)
    expected = np.min([b(points) for b in parts], axis=0)
    # The choice may keep a bound that is not the smallest by 1e-6.
    assert np.all(both(points) <= expected * (1 + 2e-6))
    assert np.all(both(points) >= expected)


@pytest.mark.parametrize(
    ("phi", "information"),
    [
        (COORDINATE**2 / 2, 1.0),
        (sympy.Abs(COORDINATE), 1.0),
        (2 * sympy.log(sympy.cosh(COORDINATE / 2)), 1 / 3),  # logistic: E (2U - 1)^2
        (COORDINATE**4, 12 * math.gamma(0.75) / math.gamma(0.25)),  # E phi'' = E 12 t^2
        (sympy.log(1 + COORDINATE**2), 0.5),  # Cauchy
        (COORDINATE + sympy.exp(-COORDINATE), 1.0),  # Gumbel: E (1 - E)^2, E exponential
    ],
)
def test_information_of_a_coordinate(phi: sympy.Expr, information: float) -> None:
    product = Product((Marginal(phi, WHOLE, 4),), 4)
    found = fisher_information(product)
    assert information * (1 - 1e-15) <= found.values[0] <= information * (1 + 1e-12)
    assert math.isclose(found.over_ball(LpNorm(math.inf)), 4 * information, rel_tol=1e-11)
    assert math.isclose(found.over_ball(LpNorm(2)), information, rel_tol=1e-11)


def test_information_of_a_radius() -> None:
    """E g'(r)^2 = 4 E r^2 = 2 d for g = r^2 with r^2 ~ Gamma(d/2)."""
    for order, share in ((sympy.S.One, 1.0), (sympy.Integer(2), 1 / 6), (sympy.oo, 1 / 6)):
        found = fisher_information(Radial(order, RADIUS**2, HALF, 6))
        assert math.isclose(found.values[0], 12 * share, rel_tol=1e-11)
        assert found.values[0] >= 12 * share


def test_information_over_balls() -> None:
    """Brute force over the ball for a diagonal that is not constant."""
    diagonal = np.array([2.0, 0.5, 0.5])
    information = Information((2.0, 0.5), (1, 2), ((0,), (1, 2)))
    for p in (1.0, 1.7, 2.0, 3.0, 8.0):
        vectors = np.abs(GENERATOR.normal(size=(40_000, 3))) ** (2 / p)
        vectors /= np.linalg.norm(vectors, ord=p, axis=1)[:, None]
        brute = float(np.max(vectors**2 @ diagonal))
        assert brute <= information.over_ball(LpNorm(p)) <= brute * 1.01
    box = PolytopeNorm([[1, 2, 0], [-1, -2, 0], [0, 1, 1], [0, -1, -1], [1, 0, 0], [-1, 0, 0]])
    assert math.isclose(information.over_ball(box), 4.0, rel_tol=1e-12)


@pytest.mark.parametrize(
    ("phi", "support", "reason"),
    [
        (sympy.sqrt(sympy.Abs(COORDINATE)), WHOLE, "infinite"),
        (COORDINATE, HALF, "jumps"),
        (sympy.S.Zero, (-sympy.S.One, sympy.S.One), "jumps"),
    ],
)
def test_information_is_refused(phi: sympy.Expr, support: tuple, reason: str) -> None:
    with pytest.raises(AssumptionError, match=reason):
        fisher_information(Product((Marginal(phi, support, 2),), 2))
