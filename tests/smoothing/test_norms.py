"""Norms of adversaries."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st

from numerics.errors import InvalidInputError
from smoothing.norms import LpNorm, Norm, PolytopeNorm, as_norm

CROSS = np.concatenate([np.eye(3), -np.eye(3)])
CUBE = np.array(list(itertools.product([1.0, -1.0], repeat=3)))

vectors = st.lists(st.floats(-1e3, 1e3), min_size=3, max_size=3).map(np.array)


@pytest.mark.parametrize(("name", "p"), [("l1", 1.0), ("l2", 2.0), ("linf", math.inf)])
def test_names(name: str, p: float) -> None:
    assert as_norm(name) == LpNorm(p)
    assert as_norm(name).name == name
    assert isinstance(LpNorm(p), Norm)


def test_norms_pass_through() -> None:
    polytope = PolytopeNorm(CROSS)
    assert as_norm(polytope) is polytope
    assert as_norm(LpNorm(sympy.oo)) == LpNorm(math.inf)


@pytest.mark.parametrize("adversary", ["l3", "L2", "", None, 2, np.ones(3), LpNorm])
def test_unknown_adversaries_get_the_legal_set(adversary: Any) -> None:
    with pytest.raises(InvalidInputError, match=r'adversary must be "l1", "l2", "linf", LpNorm'):
        as_norm(adversary)


@pytest.mark.parametrize("p", [0.5, 0, -1, math.nan, "one", None])
def test_orders_below_one_are_no_norms(p: Any) -> None:
    with pytest.raises(InvalidInputError, match="p must be a number >= 1"):
        LpNorm(p)


@given(vectors)
def test_gauges_of_polytopes_agree_with_norms(v: np.ndarray) -> None:
    for polytope, lp in ((PolytopeNorm(CROSS), LpNorm(1)), (PolytopeNorm(CUBE), LpNorm(math.inf))):
        # the linear programme is solved to 1e-7 absolute feasibility
        assert polytope.gauge(v) == pytest.approx(float(lp.gauge(v)), rel=1e-6, abs=1e-6)
        assert polytope.support_function(v) == pytest.approx(float(lp.support_function(v)))


@given(vectors, vectors, st.sampled_from([1, 1.5, 2, 3, math.inf]))
def test_duality(u: np.ndarray, v: np.ndarray, p: float) -> None:
    lp = LpNorm(p)
    # Hoelder's inequality, up to rounding
    assert float(u @ v) <= float(lp.gauge(u) * lp.support_function(v)) * (1 + 1e-12) + 1e-12
    assert lp.dual.dual.p == pytest.approx(p)


def test_gauges_do_not_overflow_and_keep_shapes() -> None:
    large = np.full((2, 5, 3), 1e300)
    assert LpNorm(2).gauge(large).shape == (2, 5)
    np.testing.assert_allclose(LpNorm(2).gauge(large), math.sqrt(3) * 1e300, rtol=1e-15)
    assert LpNorm(3).gauge(np.zeros(3)) == 0


def test_orbit_representatives() -> None:
    one, ones = LpNorm(1).orbit_representatives(4), LpNorm(math.inf).orbit_representatives(4)
    assert one is not None
    assert ones is not None
    assert one.tolist() == [[1, 0, 0, 0]]
    assert ones.tolist() == [[1, 1, 1, 1]]
    assert LpNorm(3).orbit_representatives(4) is None
    assert LpNorm(3).orbit_representatives(1) is not None
    pairs = PolytopeNorm(CUBE).orbit_representatives(3)
    assert len(pairs) == 4
    with pytest.raises(InvalidInputError, match=r"points of R\^2"):
        PolytopeNorm(CUBE).orbit_representatives(2)


BAD_VERTICES = [
    ([[1, 0], [-1, 0]], "must span R"),
    (np.zeros((4, 2)), "must span R"),
    ([[1, 0], [-1, 0], [0, 1]], r"symmetric about 0, but row 2, \[0.0, 1.0\]"),
    ([[1, 0], [-1, 0], [0, 1], [0, -1.001]], "symmetric about 0"),
    ([[1, 0], [-1, math.nan]], "finite"),
    ([[1, 0], [-1, math.inf]], "correct row 1"),
    ([1, -1], r"shape \(m, dim\)"),
    ([], r"shape \(m, dim\)"),
    ([[1, 0], [-1]], r"shape \(m, dim\)"),
    ("vertices", r"shape \(m, dim\)"),
]


@pytest.mark.parametrize(("vertices", "words"), BAD_VERTICES)
def test_bad_vertices(vertices: Any, words: str) -> None:
    with pytest.raises(InvalidInputError, match=words):
        PolytopeNorm(vertices)


def test_polytopes_are_values() -> None:
    assert PolytopeNorm(CUBE) == PolytopeNorm(CUBE.tolist())
    assert hash(PolytopeNorm(CUBE)) == hash(PolytopeNorm(CUBE.copy()))
    assert PolytopeNorm(CUBE) != PolytopeNorm(CROSS)
    with pytest.raises(ValueError, match="read-only"):
        PolytopeNorm(CUBE).vertices[0, 0] = 2
    with pytest.raises(InvalidInputError, match=r"shape \(\.\.\., 3\)"):
        PolytopeNorm(CUBE).gauge([1.0, 2.0])
