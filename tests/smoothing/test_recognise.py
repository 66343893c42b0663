"""Structures are found by algebra: every structure, however psi is written, and no other."""

from __future__ import annotations

import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st
from sympy import Abs, And, Piecewise, cosh, exp, log, oo, sqrt

from smoothing.expressions import coordinate_sum, dim, norm, t, x
from smoothing.recognise import analyse, recognise
from smoothing.structure import (
    RADIUS,
    General,
    Marginal,
    Mixed,
    Product,
    Radial,
    Structure,
    Uniform,
)

R = sympy.Rational
r = RADIUS
LINE = (-oo, oo)
RAY = (sympy.S.Zero, oo)
TWO = sympy.Integer(2)


def product(phi: sympy.Expr, d: int, support: tuple[object, object] = LINE) -> Product:
    interval = (sympy.S(support[0]), sympy.S(support[1]))
    return Product((Marginal(sympy.S(phi), interval, d),), d)


def radial(
    order: object, profile: sympy.Expr, d: int, support: tuple[object, object] = RAY
) -> Radial:
    interval = (sympy.S(support[0]), sympy.S(support[1]))
    return Radial(sympy.S(order), sympy.S(profile), interval, d)


HUBER = Piecewise((t**2 / 2, Abs(t) < 1), (Abs(t) - R(1, 2), True))

CASES: list[tuple[str, object, object, int, set[Structure]]] = [
    ("Gaussian", norm(x, 2) ** 2 / 2, None, 3, {product(t**2 / 2, 3), radial(2, r**2 / 2, 3)}),
    ("Laplace", norm(x, 1), None, 4, {product(Abs(t), 4), radial(1, r, 4)}),
    ("quartic", norm(x, 4) ** 4, None, 3, {product(t**4, 3)}),
    ("cubic", norm(x, 3) ** 3, None, 3, {product(Abs(t) ** 3, 3)}),
    ("root", norm(x, R(3, 2)) ** R(3, 2), None, 3, {product(Abs(t) ** R(3, 2), 3)}),
    ("l4 norm itself", norm(x, 4), None, 3, set()),
    (
        "Gaussian cut to a cube",
        norm(x, 2) ** 2 / 2,
        norm(x, oo) <= 1,
        3072,
        {product(t**2 / 2, 3072, (-1, 1))},
    ),
    (
        "Gaussian cut to a ball",
        norm(x, 2) ** 2 / 2,
        norm(x, 2) <= 3,
        5,
        {radial(2, r**2 / 2, 5, (0, 3))},
    ),
    ("l2 exponential cut to a cube", norm(x, 2), norm(x, oo) <= 1, 3, set()),
    ("shell", norm(x, 2), And(norm(x, 2) >= 1, norm(x, 2) ** 2 <= 9), 3, {radial(2, r, 3, (1, 3))}),
    (
        "uniform cube",
        0,
        norm(x, oo) <= R(1, 2),
        6,
        {
            product(0, 6, (-R(1, 2), R(1, 2))),
            radial(oo, 0, 6, (0, R(1, 2))),
            Uniform(oo, R(1, 2), 6),
        },
    ),
    ("uniform ball", 0, norm(x, 2) <= 1, 6, {radial(2, 0, 6, (0, 1)), Uniform(TWO, sympy.S(1), 6)}),
    (
        "uniform cross polytope",
        5,
        coordinate_sum(Abs(t)) <= 2,
        6,
        {radial(1, 0, 6, (0, 2)), Uniform(sympy.S(1), TWO, 6)},
    ),
    ("off-centre cube", 0, And(x >= 0, x <= 1), 3, {product(0, 3, (0, 1))}),
    ("exponential", coordinate_sum(t), x >= 0, 5, {product(t, 5, (0, oo))}),
    ("open support", coordinate_sum(t), And(x > 0), 5, {product(t, 5, (0, oo))}),
    ("l_oo with a pole", norm(x, oo) ** 2 + 3 * log(norm(x, oo)), None, 9,
     {radial(oo, r**2 + 3 * log(r), 9)}),
    ("a function of dim", dim * log(1 + norm(x, 2) ** 2), None, 5,
     {radial(2, 5 * log(1 + r**2), 5)}),
    ("sum of coordinate sums", coordinate_sum(t**4) + coordinate_sum(Abs(t)) / 2, None, 3,
     {product(t**4 + Abs(t) / 2, 3)}),
    ("norms that are sums", norm(x, 1) + norm(x, 2) ** 2, None, 3, {product(t**2 + Abs(t), 3)}),
    ("two norms", norm(x, 1) + norm(x, 2), None, 3, set()),
    ("Huber", coordinate_sum(HUBER), None, 7, {product(HUBER, 7)}),
    ("mixed norm", 3 * log(norm(x, oo)) + norm(x, 2) ** 2 / 2, None, 9,
     {Mixed(3 * log(r), t**2 / 2, 9)}),
    ("mixed with Laplace", norm(x, oo) + norm(x, 1), None, 9, {Mixed(r, Abs(t), 9)}),
    ("maximum times a sum", norm(x, oo) * norm(x, 1), None, 9, set()),
    ("maximum plus an odd sum", norm(x, oo) ** 2 + coordinate_sum(t), None, 9, set()),
    ("mixture per coordinate", coordinate_sum(-log(exp(-(t**2)) + exp(-(t**2) / 4))), None, 2,
     {product(5 * t**2 / 8 - log(cosh(3 * t**2 / 8)), 2)}),
    ("isotropic mixture", -log(exp(-norm(x, 2)) + exp(-2 * norm(x, 2))), None, 2,
     {radial(2, 3 * r / 2 - log(cosh(r / 2)), 2)}),
    ("mixture of products", -log(exp(-norm(x, 1)) + exp(-norm(x, 2) ** 2)), None, 2, set()),
    ("cross term", norm(x, 2) ** 2 + x[0] * x[1], None, 2, set()),
    ("half space through a corner", norm(x, 2) ** 2, x[0] + x[1] > 0, 2, set()),
    ("kink in a radius", Abs(norm(x, 2) ** 2 - 1), None, 2, {radial(2, Abs(r**2 - 1), 2)}),
    ("slope that jumps far out", Piecewise((norm(x, 2) ** 2, norm(x, 2) < 100),
     (2 * norm(x, 2) ** 2 - 10**4, True)), None, 2,
     {radial(2, Piecewise((r**2, r < 100), (2 * r**2 - 10**4, True)), 2)}),
    ("case distinction between norms", Piecewise((norm(x, 2) ** 2, norm(x, 1) < 100),
     (2 * norm(x, 2) ** 2, True)), None, 2, set()),
    ("dependence on one side only", norm(x, 2) + sympy.Max(-x[0], 0), None, 2, set()),
    ("pole at 1", Abs(1 / (norm(x, 2) - 1)) + norm(x, 2), None, 2,
     {radial(2, Abs(1 / (r - 1)) + r, 2)}),
    ("tiny constant", norm(x, 2) ** 2 / 10**300, None, 2,
     {product(t**2 / 10**300, 2), radial(2, r**2 / 10**300, 2)}),
    ("tiny disturbance", norm(x, 2) ** 2 + norm(x, 1) * norm(x, oo) / 10**200, None, 2, set()),
    ("disconnected support", norm(x, 2) ** 2, Abs(x[0]) > 1, 2, set()),
]  # fmt: skip


@pytest.mark.parametrize(
    ("psi", "support", "d", "expected"), [c[1:] for c in CASES], ids=[c[0] for c in CASES]
)
def test_all_structures_are_found(
    psi: object, support: sympy.Basic | None, d: int, expected: set[Structure]
) -> None:
    found = recognise(sympy.S(psi), support, d)
    if expected:
        assert found == expected
    else:
        (only,) = found
        assert isinstance(only, General)
        assert len(only.reason) > 20


@pytest.mark.parametrize(
    "psi",
    [norm(x, 1), norm(x, 2), norm(x, oo), coordinate_sum(Abs(t)), Abs(x[0]), norm(x, 7)],
)
def test_in_one_dimension_every_norm_is_the_modulus(psi: sympy.Expr) -> None:
    assert recognise(psi + psi**2, None, 1) == {product(t**2 + Abs(t), 1)}
    assert recognise(psi, norm(x, 2) <= 3, 1) == {product(Abs(t), 1, (-3, 3))}


def test_one_dimensional_supports() -> None:
    assert recognise(x[0], x[0] >= 0, 1) == {product(t, 1, (0, oo))}
    assert Uniform(oo, sympy.S(2), 1) in recognise(sympy.S(0), norm(x, 1) <= 2, 1)
    (gap,) = recognise(norm(x, 2), norm(x, 2) >= 1, 1)
    assert isinstance(gap, General)


def test_coordinates_of_different_kinds() -> None:
    (found,) = recognise(x[0] ** 2 + Abs(x[2]) + x[1] ** 2, None, 3)
    assert found == Product((Marginal(t**2, LINE, 2), Marginal(Abs(t), LINE, 1)), 3, ((0, 1), (2,)))


def test_weights_give_each_coordinate_its_own_marginal() -> None:
    (found,) = recognise(coordinate_sum(t**2, weights=(1, 3, 1)), None, 3)
    assert found == Product(
        (Marginal(t**2, LINE, 2), Marginal(3 * t**2, LINE, 1)), 3, ((0, 2), (1,))
    )
    equal = recognise(coordinate_sum(t**2, weights=(3, 3)), None, 2)
    assert equal == recognise(3 * norm(x, 2) ** 2, None, 2)


def test_one_coordinate_cut_in_high_dimension() -> None:
    (found,) = recognise(norm(x, 2) ** 2, x[0] >= 0, 150_528)
    assert isinstance(found, Product)
    assert [m.count for m in found.marginals] == [1, 150_527]
    assert [m.support for m in found.marginals] == [(0, oo), LINE]


SAME = [
    # softplus, log cosh, and a mixture of exponentials: three names of the logistic density
    (coordinate_sum(2 * log(cosh(t / 2))), coordinate_sum(t + 2 * log(1 + exp(-t)))),
    (coordinate_sum(2 * log(cosh(t / 2))), coordinate_sum(2 * log(exp(t / 2) + exp(-t / 2)))),
    (coordinate_sum(log(cosh(t))), coordinate_sum(-log(sympy.sech(t)))),
    (coordinate_sum(log(cosh(t))), coordinate_sum(log(1 + exp(2 * t)) - t)),
    (norm(x, 2) ** 2 / 2, (norm(x, 2) ** 2 + 1) / 2),
    (norm(x, 2) ** 2 / 2, coordinate_sum(t**2) / 2),
    (norm(x, 2), sqrt(coordinate_sum(t**2))),
    (norm(x, 2) ** 2, log(exp(norm(x, 2) ** 2))),
    (norm(x, 2) ** 2, (norm(x, 1) + norm(x, 2)) ** 2 - norm(x, 1) * (norm(x, 1) + 2 * norm(x, 2))),
    (norm(x, 2) ** 2, coordinate_sum((t - 1) ** 2) + 2 * coordinate_sum(t)),
    (norm(x, 2) ** 2, x[0] ** 2 + x[1] ** 2 + x[2] ** 2),
    (norm(x, 2) ** 2, coordinate_sum(log(exp(t**2) * (1 + exp(t))) - log(1 + exp(-t)) - t)),
    (norm(x, 1), coordinate_sum(sqrt(t**2))),
    (norm(x, 1), coordinate_sum(Piecewise((t, t > 0), (-t, True)))),
    (norm(x, oo) + log(norm(x, oo)), log(norm(x, oo) * exp(norm(x, oo)))),
    (3 * log(1 + norm(x, 2)), log((1 + norm(x, 2)) ** 3)),
    (3 * log(1 + norm(x, 2)), -log((1 + norm(x, 2)) ** (-3))),
    (log(norm(x, oo)) + norm(x, 2) ** 2, log(norm(x, oo) * exp(coordinate_sum(t**2) + 2))),
]  # fmt: skip


@pytest.mark.parametrize(("plain", "written_otherwise"), SAME)
def test_structure_does_not_depend_on_how_psi_is_written(
    plain: sympy.Expr, written_otherwise: sympy.Expr
) -> None:
    assert recognise(written_otherwise, None, 3) == recognise(plain, None, 3)


BASES = [c[1] for c in CASES if c[4]]


@given(
    psi=st.sampled_from([sympy.S(b) for b in BASES]),
    constant=st.sampled_from([sympy.S(1), R(-7, 3), sympy.pi, 3 * log(2)]),
    rewrite=st.sampled_from([sympy.expand, sympy.factor, sympy.together, lambda e: log(exp(e))]),
)
@settings(max_examples=20)
def test_constants_and_rewriting_change_nothing(
    psi: sympy.Expr, constant: sympy.Expr, rewrite: object
) -> None:
    assert callable(rewrite)
    before = analyse(psi, norm(x, oo) <= 2, 3)
    after = analyse(rewrite(psi + constant), norm(x, oo) <= 2, 3)
    assert after.structures == before.structures or all(
        isinstance(s, General) for s in (*before.structures, *after.structures)
    )


def test_left_out_constants_are_accounted_for() -> None:
    psi = coordinate_sum(t + 2 * log(1 + exp(-t))) + 5
    ((structure, offset),) = analyse(psi, None, 3).offsets
    assert isinstance(structure, Product)
    value = structure.marginals[0].phi.subs(t, R(1, 3)) * 3 + offset
    # the same potential at x = (1/3, 1/3, 1/3)
    assert abs(sympy.N(value - (1 + 6 * log(1 + exp(-R(1, 3))) + 5), 30)) < 1e-25


@pytest.mark.parametrize(
    ("psi", "support", "words"),
    [
        (norm(x, 1) + norm(x, 2), None, "depends jointly on sum_i"),
        (norm(x, 4), None, "no norm of order 1, 2 or oo"),
        (norm(x, 2), norm(x, 1) <= 1, "support does not share a structure"),
        (norm(x, 2), norm(x, 3) <= 1, "norm of order 3"),
        (norm(x, 2), x[0] * x[1] <= 1, "joins several quantities"),
        (norm(x, 2), Abs(x[0]) >= 1, "one interval"),
    ],
)
def test_the_reason_says_what_is_in_the_way(
    psi: sympy.Expr, support: sympy.Basic | None, words: str
) -> None:
    (found,) = recognise(psi, support, 3)
    assert isinstance(found, General)
    assert words in found.reason
