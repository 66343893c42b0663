"""The chain from psi to R: complete, checked in numbers, and honest about what a route knows."""

from __future__ import annotations

import dataclasses
import re
from functools import cache

import numpy as np
import pytest
import sympy

import radii
from radii.chain import general_chain
from radii.derivation import Derivation, DerivationStep
from radii.radius_function import RadiusFunction

DIFFERENTIAL = [
    "Potential", "Gradient", "Law of γ", "Tail", "Partial expectation", "Growth rate",
    "Integrand", "Radius",
]  # fmt: skip

#: (psi, support, dim, adversary, route that is taken)
CASES = {
    "Laplace": ("norm(x, 1)", None, 3072, "l1", "symbolic"),
    "two branches": ("norm(x, oo)**2 + log(norm(x, oo))", None, 3072, "l1", "symbolic"),
    "two branches, diagonal": ("norm(x, oo)**2 + log(norm(x, oo))", None, 20, "linf", "symbolic"),
    "no paper": ("coordinate_sum(t**4 + abs(t))", None, 3072, "l1", "quadrature"),
    "diagonal of the sphere": ("norm(x, 2)**2/2", None, 784, "linf", "symbolic"),
    "sphere": ("norm(x, 2)", None, 3072, "l2", "symbolic"),
    "half line": ("coordinate_sum(t)", "x >= 0", 1, "l1", "symbolic"),
    "truncated": ("coordinate_sum(t**2/2)", "norm(x, oo) <= 1", 30, "l1", "symbolic"),
    "skew": ("coordinate_sum(exp(t) - t)", None, 10, "l1", "symbolic"),
    "cross-polytope": ("norm(x, 1)**2", None, 12, "linf", "quadrature"),
    "cubic sphere": ("norm(x, 2)**3", None, 10, "l2", "quadrature"),
}


@cache
def derived(name: str) -> RadiusFunction:
    psi, support, dim, adversary, _ = CASES[name]
    noise = radii.SmoothingDistribution.parse(psi, dim=dim, support=support, scale=0.5)
    return radii.derive(noise, adversary)


@pytest.mark.parametrize("name", CASES)
def test_chain_is_complete_and_every_step_agrees_with_the_numbers(name: str) -> None:
    radius = derived(name)
    assert radius.route == CASES[name][-1]
    steps = radius.derivation
    assert [step.title for step in steps] == DIFFERENTIAL
    for step in steps:
        assert step.rule
        assert step.checks, step.title
        for check in step.checks:
            # Difference quotients keep half the digits; psi near 1e3 loses three more.
            assert check.difference < (1e-6 if check.note else 1e-9), (step.title, check)
        if step.title not in ("Integrand",):
            assert step.expression is not None


def test_sums_are_compared_with_draws_of_the_noise() -> None:
    noise = radii.SmoothingDistribution.parse("coordinate_sum(t**4)", dim=64)
    steps = radii.derive(noise, "linf").derivation
    assert [step.title for step in steps] == DIFFERENTIAL
    assert steps[1].expression == radii.coordinate_sum(4 * radii.t**3)
    for title in ("Tail", "Partial expectation"):
        step = next(s for s in steps if s.title == title)
        assert step.expression is None
        for check in step.checks:
            error = float(check.note.rsplit(" ", 1)[1])
            # Seeded; by chance a draw beyond 4 standard errors has probability 6e-5 each.
            assert abs(check.by_expression - check.by_numbers) < 4 * error
    # Definition F.4 itself: the integral of the quantile function.
    assert max(check.difference for check in steps[5].checks) < 1e-9


def test_the_last_step_is_the_expression_of_the_radius() -> None:
    for name in ("Laplace", "sphere"):
        radius = derived(name)
        assert radius.derivation[-1].expression == radius.expression
        assert radius.derivation[-1].details
    integral = derived("no paper").derivation[-1].expression
    assert integral is not None
    assert integral.has(sympy.Integral)


def test_closed_growth_rates_are_those_of_the_literature() -> None:
    # Yang et al. 2020: Laplace against l1 has Phi(p) = p; derivations 4 (f): half normal etc. not.
    p = sympy.Symbol("p", positive=True)
    assert derived("Laplace").derivation[5].expression == p
    # The half-line exponential density: Phi = 1 - p for u = -1 (spec 2).
    assert sympy.simplify(derived("half line").derivation[5].expression - (1 - p)) == 0


def test_second_branch_is_compared_beyond_its_joint() -> None:
    steps = derived("two branches").derivation
    joint = 1 / (2 * 3072)
    beyond = [c.what for c in steps[-1].checks if float(c.what.split("=")[1]) > 1 - joint]
    assert beyond


def test_a_wrong_table_shows_in_the_checks() -> None:
    radius = derived("Laplace")
    wrong = dataclasses.replace(radius, compiled=derived("skew").compiled)
    steps = wrong.derivation
    assert max(check.difference for check in steps[-1].checks) > 1e-2
    assert max(check.difference for check in steps[-2].checks) > 1e-2


def test_uniform_bodies_are_derived_from_volumes() -> None:
    noise = radii.families.uniform_cube(dim=12, scale=2.0)
    steps = radii.derive(noise, "linf").derivation
    assert [s.title for s in steps] == ["Potential", "Gradient", "Growth", "Radius"]
    assert max(c.difference for s in steps for c in s.checks) < 1e-12
    assert not any("F.6" in detail.rule for step in steps for detail in step.details)


def test_an_unknown_route_gives_what_is_known() -> None:
    radius = dataclasses.replace(derived("no paper"), requested="oracle", references=("a book",))
    steps = radius.derivation
    assert [s.title for s in steps] == ["Potential", "Radius"]
    assert steps[-1].rule == "a book"
    assert "'oracle'" in steps[-1].words
    assert [c.by_expression for c in steps[-1].checks] == [0.5] * 3
    assert max(c.difference for c in steps[-1].checks) < 1e-9
    assert "oracle" in str(steps)
    assert "oracle" in steps.latex()
    assert "oracle" in steps.html()


def test_a_route_may_bring_its_own_steps() -> None:
    own = DerivationStep("Variance", sympy.Symbol("v"), sympy.Integer(2), "a theorem")
    radius = dataclasses.replace(
        derived("no paper"), chain=lambda r: (*general_chain(r)[:1], own, *general_chain(r)[1:])
    )
    assert [s.title for s in radius.derivation] == ["Potential", "Variance", "Radius"]


def test_a_pair_without_a_law_falls_back() -> None:
    # The square of the 3-norm has no structure that the differential laws know.
    from radii.chain_differential import differential_chain

    noise = radii.SmoothingDistribution.parse("norm(x, 3)**2", dim=3)
    radius = dataclasses.replace(derived("Laplace"), smoothing=noise, symbolic=lambda: None)
    assert [s.title for s in differential_chain(radius)] == ["Potential", "Radius"]


def test_a_loaded_radius_has_the_same_derivation(tmp_path: object) -> None:
    from pathlib import Path

    path = Path(str(tmp_path)) / "radius.safetensors"
    derived("Laplace").save(path)
    assert str(radii.load(path).derivation) == str(derived("Laplace").derivation)


def test_as_text_and_sequence() -> None:
    derivation = derived("Laplace").derivation
    assert isinstance(derivation, Derivation)
    text = str(derivation)
    assert re.search(r"^1\. Potential$", text, re.MULTILINE)
    assert "Phi(p) = p" in text
    assert "R(rho) = -log(2 - 2*rho)/2" in text
    assert len(derivation) == 8
    assert derivation[-1].title == "Radius"
    assert [s.title for s in derivation[:2]] == ["Potential", "Gradient"]


@pytest.mark.parametrize("name", CASES)
def test_latex_is_balanced(name: str) -> None:
    text = derived(name).derivation.latex()
    plain = re.sub(r"\\[{}]", "", text)
    assert plain.count("{") == plain.count("}")
    assert text.count(r"\left") - text.count(r"\leftarrow") == text.count(r"\right") - text.count(
        r"\rightarrow"
    )
    assert text.count(r"\[") == text.count(r"\]") >= 7


def test_checks_repeat_themselves() -> None:
    first, again = (radii.derive(radii.families.laplace(dim=5), "l1").derivation for _ in range(2))
    assert [
        np.array([(c.by_expression, c.by_numbers) for c in s.checks]).tolist() for s in first
    ] == [np.array([(c.by_expression, c.by_numbers) for c in s.checks]).tolist() for s in again]
