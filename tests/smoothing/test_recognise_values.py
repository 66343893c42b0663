"""A structure must give back psi: the potential it stands for, at points, plus its constant."""

from __future__ import annotations

import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from smoothing.evaluate import evaluate_psi
from smoothing.expressions import as_expression, coordinate_sum, norm, t, x
from smoothing.recognise import analyse
from smoothing.structure import COORDINATE, RADIUS, General, Mixed, Product, Radial, Structure
from tests.strategies import potentials, summands

DIM = 3
R = sympy.Rational

#: Points of several sizes, none on a coordinate plane.
POINTS = np.random.default_rng(5).uniform(0.1, 3.0, (12, DIM)) * np.random.default_rng(6).choice(
    [-1.0, 1.0], (12, DIM)
)


def potential_of(structure: Structure) -> sympy.Expr:
    """The potential a structure stands for, as an expression in x again."""
    if isinstance(structure, Product):
        groups = structure.indices or (tuple(range(structure.dim)),)
        return sympy.Add(
            *(
                marginal.phi.xreplace({COORDINATE: x[i]})
                for marginal, indices in zip(structure.marginals, groups, strict=True)
                for i in indices
            )
        )
    if isinstance(structure, Radial):
        return structure.profile.subs(RADIUS, norm(x, structure.order))
    assert isinstance(structure, Mixed)
    return structure.profile.subs(RADIUS, norm(x, sympy.oo)) + coordinate_sum(structure.phi)


def check(psi: sympy.Expr) -> set[type]:
    values = evaluate_psi(psi, POINTS)
    found = analyse(psi, None, DIM)
    for structure, offset in found.offsets:
        if not isinstance(structure, General):
            again = evaluate_psi(potential_of(structure), POINTS) + float(offset)
            # nested exponentials of numbers up to e^9 magnify eps by a few thousand
            np.testing.assert_allclose(again, values, rtol=1e-9, atol=1e-9, err_msg=str(psi))
    return {type(structure) for structure in found.structures}


@given(potentials())
@settings(max_examples=40)
def test_structures_of_arbitrary_expressions(psi: sympy.Expr) -> None:
    check(as_expression(psi))


@given(summands(), summands(), st.sampled_from([1, 2, sympy.oo]))
@settings(max_examples=25)
def test_structures_of_sums(first: sympy.Expr, second: sympy.Expr, order: sympy.Expr) -> None:
    phi = as_expression(first)
    assert Product in check(coordinate_sum(phi) / 3 - x[1] ** 2 + R(1, 7))
    radius = as_expression(second).subs(t, norm(x, order))
    expected = {Radial} if radius.free_symbols else set()
    assert expected <= check(radius + R(2, 3))
    even = coordinate_sum(phi.subs(t, sympy.Abs(t)))
    kinds = check(norm(x, sympy.oo) ** 2 + even)
    assert kinds & {Mixed, Radial}


@pytest.mark.parametrize(
    ("psi", "d"), [(norm(x, 2) ** 2 / 2, 150_528), (norm(x, sympy.oo) * 150_528, 150_528)]
)
def test_high_dimension_costs_nothing(psi: sympy.Expr, d: int) -> None:
    assert General not in {type(s) for s in analyse(psi, None, d).structures}
