"""Cotype-2 constants and the pairwise growth function of RSAS, appendix J."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

import nogo
from numerics.errors import InvalidInputError
from smoothing.norms import LpNorm, PolytopeNorm

NORMS = ["l1", LpNorm(1.5), "l2", LpNorm(3), "linf"]


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("dim", [1, 2, 3, 5])
def test_no_family_of_vectors_beats_the_upper_end(norm: object, dim: int) -> None:
    generator = np.random.default_rng(11)
    enclosure = nogo.cotype_2(norm, dim)
    for n in (1, 2, 3, 6):
        for _ in range(10):
            rows = generator.standard_normal((n, dim)) * generator.exponential(size=(n, 1))
            assert nogo.cotype_ratio(rows, norm) <= enclosure.upper


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("dim", [1, 2, 4, 8])
def test_lower_end_is_attained_by_vectors(norm: object, dim: int) -> None:
    pair = np.zeros((2, dim))
    pair[:, 0] = 1.0
    attained = max(nogo.cotype_ratio(rows, norm) for rows in (pair, np.eye(dim)))
    assert attained == pytest.approx(nogo.cotype_2(norm, dim).lower, rel=1e-13)


def test_square_is_a_rotated_cross_polytope() -> None:
    """linf and l1 are isometric in the plane, so the constant of linf is sqrt(2) there."""
    assert nogo.cotype_2("linf", 2).lower == pytest.approx(nogo.cotype_2("l1", 2).upper, rel=1e-15)


def test_search_raises_the_lower_end_for_a_polytope() -> None:
    cube = np.array(list(product((-1.0, 1.0), repeat=3)))
    norm = PolytopeNorm(cube)
    best, family = nogo.search_cotype(norm, 3, vectors=3, starts=3)
    assert nogo.cotype_ratio(family, norm) == best
    # e_1, e_2, e_3 give sqrt(3); the search may do better, never beyond sqrt(2) sqrt(3)
    assert 3**0.5 * (1 - 1e-6) <= best <= nogo.cotype_2(norm, 3).upper


@given(st.integers(1, 200_000), st.sampled_from([2.5, 4.0, float("inf")]))
def test_growth_in_the_dimension(dim: int, p: float) -> None:
    enclosure = nogo.cotype_2(LpNorm(p), dim)
    assert enclosure.lower <= enclosure.upper <= enclosure.lower * 2**0.5 * (1 + 1e-15)


def test_universal_constants_stay_symbols() -> None:
    limit = nogo.useful_radius("linf", 3072, margin=0.4, accuracy=0.9)
    assert limit.free_symbols == {nogo.UNIVERSAL_CONSTANT}
    ratio = limit / nogo.useful_radius("linf", 3072 * 16, margin=0.4, accuracy=0.9)
    assert sympy.simplify(ratio) == 4  # d^(-1/2)


def random_pair(seed: int, n: int) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    first, second = generator.dirichlet(np.full(n, 0.5), size=2)
    first[0] = 0.0  # a part of q_2 that q_1 does not see
    return first / first.sum(), second


@settings(max_examples=25)
@given(st.integers(0, 10**6), st.integers(2, 7))
def test_facts_of_the_pairwise_growth_function(seed: int, n: int) -> None:
    first, second = random_pair(seed, n)
    growth = nogo.PairwiseGrowth(first, second)
    grid = np.linspace(0.0, 1.0, 41)
    values = np.array([growth(p) for p in grid])
    variation = 0.5 * float(np.abs(first - second).sum())
    assert values[0] >= 0.0
    assert values[-1] == pytest.approx(1.0)  # Fact J.3
    assert np.all(np.diff(values) >= -1e-15)
    assert np.all(values[1:-1] * 2 >= values[:-2] + values[2:] - 1e-14)  # Lemma J.4
    assert growth.total_variation == pytest.approx(variation, abs=1e-14)
    assert growth(0.5) - 0.5 >= variation / 2 - 1e-14  # Corollary J.8


@settings(max_examples=15)
@given(st.integers(0, 10**6), st.floats(0.01, 0.99))
def test_growth_is_the_best_randomised_set(seed: int, p: float) -> None:
    first, second = random_pair(seed, 6)
    found = linprog(-second, A_eq=first[None, :], b_eq=[p], bounds=(0.0, 1.0), method="highs")
    assert nogo.PairwiseGrowth(first, second)(p) == pytest.approx(-found.fun, abs=1e-9)


@settings(max_examples=25)
@given(st.integers(0, 10**6))
def test_a_certificate_bounds_total_variation(seed: int) -> None:
    """The relation of nogo.gap on shifted laws on a circle, both shifts in the ball."""
    generator = np.random.default_rng(seed)
    q = generator.dirichlet(np.full(9, 0.7))
    even = q + q[::-1]
    for law, symmetric in ((q, False), (even / even.sum(), True)):
        there = nogo.PairwiseGrowth(law, np.roll(law, 1))
        back = nogo.PairwiseGrowth(law, np.roll(law, -1))
        tails = np.linspace(0.005, 0.495, 99)
        certified = [s for s in tails if max(there(s), back(s)) <= 0.5]
        if certified:
            limit = nogo.total_variation_limit(tail=max(certified), even=symmetric)
            assert there.total_variation <= limit + 1e-12


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: nogo.cotype_2("l7", 3), "adversary must be"),
        (lambda: nogo.cotype_2("l1", 0), "dim must be"),
        (lambda: nogo.cotype_ratio(np.ones((20, 2)), "l1"), "1 to 14 vectors"),
        (lambda: nogo.cotype_ratio(np.zeros((2, 2)), "l1"), "not all zero"),
        (lambda: nogo.useful_radius("l1", 3, margin=-1, accuracy=1), "margin must be positive"),
        (lambda: nogo.PairwiseGrowth([0.5, 0.6], [0.5, 0.5]), "sum to 1"),
        (lambda: nogo.PairwiseGrowth([0.5, 0.5], [1.0]), "as long as first"),
        (lambda: nogo.PairwiseGrowth([-0.5, 1.5], [0.5, 0.5]), "weights >= 0"),
        (lambda: nogo.PairwiseGrowth([1.0], [1.0])(1.5), "p must be a probability"),
    ],
)
def test_bad_input_is_named(call, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        call()
