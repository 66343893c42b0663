"""Integrability and realness are decided, and the refusal gives the exponents."""

from __future__ import annotations

import contextlib
import time

import pytest
import sympy
from sympy import Abs, Piecewise, cos, cosh, exp, log, oo, sin, sqrt

from numerics.errors import AssumptionError, InvalidInputError
from smoothing.distribution import SmoothingDistribution
from smoothing.exponents import at_infinity, at_point, at_zero
from smoothing.expressions import coordinate_sum, norm, t, x

R = sympy.Rational
r = sympy.Symbol("r", positive=True)
loglog = log(log(3 + norm(x, 2)))

#: (psi, dim), densities; many sit just inside the border that the next list is beyond.
GOOD = [
    (norm(x, 2) ** 2 / 2, 3),
    (R(301, 100) * log(1 + norm(x, 2)), 3),
    (3 * log(1 + norm(x, 2)) + 2 * loglog, 3),
    (3 * log(1 + norm(x, 2)) + loglog + 2 * log(1 + loglog), 3),
    (norm(x, 2) + R(299, 100) * log(norm(x, 2)), 3),
    (norm(x, oo) ** 2 + 3071 * log(norm(x, oo)), 3072),
    (150_529 * log(1 + norm(x, oo)), 150_528),
    (norm(x, 1) ** R(1, 100), 2),
    (coordinate_sum(Abs(t) ** R(1, 1000)), 1),
    (coordinate_sum(log(1 + t**2)), 2),
    (coordinate_sum(exp(t) - t), 2),
    (coordinate_sum(exp(exp(t**2))), 2),
    (coordinate_sum(2 ** (2 ** (t**2))), 2),
    (coordinate_sum(t**2 / 10**300), 2),
    (coordinate_sum(t**2 + 1 / Abs(t)), 2),
    (coordinate_sum(log(Abs(t - 1)) / 2 + t**2), 2),
    (coordinate_sum(log(Abs(t**2 - 2)) / 2 + t**2), 2),
    (coordinate_sum(log(Abs(t**3 - t - 1)) / 2 + t**2), 2),
    (coordinate_sum(log(Abs(cos(t))) / 2 + t**2), 2),
    (coordinate_sum(1 / Abs(exp(t) - 2) + t**2), 2),
    (coordinate_sum(t**2 + log(Abs(t)) + 2 * log(2 + Abs(log(Abs(t))))), 1),
    (coordinate_sum(t**2 / 2 + cos(9 * t)), 2),
    (coordinate_sum(Abs(t) + sin(t) / 2), 2),
    (coordinate_sum(Piecewise((t**2, t > 0), (-t, True))), 2),
    (99 * log(norm(x, oo)) + norm(x, 2) ** 2, 100),
    (3 * norm(x, oo) - norm(x, 1), 2),
]


@pytest.mark.parametrize(("psi", "d"), GOOD, ids=[str(c[0]) for c in GOOD])
def test_densities_are_accepted(psi: sympy.Expr, d: int) -> None:
    assert SmoothingDistribution(psi, dim=d).dim == d


BAD = [
    (2 * log(1 + norm(x, 2)), 3, "~ r^-2 at infinity, needs faster than r^-3 in d=3"),
    (3 * log(1 + norm(x, 2)), 3, "~ r^-3 at infinity, needs faster than r^-3 in d=3"),
    (3 * log(1 + norm(x, 2)) + loglog, 3, "~ r^-3 at infinity"),
    (R(5, 2) * log(1 + norm(x, oo) ** 2), 7, "~ r^-5 at infinity, needs faster than r^-7 in d=7"),
    (norm(x, 1) + 3 * log(norm(x, 1)), 3, "~ r^-3 at r = 0, needs slower than r^-3 in d=3"),
    (norm(x, 1) + R(7, 2) * log(norm(x, 1)), 3, "~ r^-3.5 at r = 0"),
    (norm(x, 2) + log(Abs(norm(x, 2) - 1)), 3, "r - 1|^-1 at r = 1"),
    (-norm(x, 2), 3, "grows faster than any power of r at infinity"),
    (coordinate_sum(-(t**2)), 2, "grows faster than any power of t at t = oo"),
    (coordinate_sum(t), 2, "at t = -oo"),
    (coordinate_sum(log(1 + Abs(t))), 2, "~ t^-1 at t = oo, needs faster than t^-1"),
    (coordinate_sum(R(9, 10) * log(1 + Abs(t))), 2, "~ t^-0.9 at t = oo"),
    (coordinate_sum(log(1 + Abs(t)) + log(1 + log(1 + Abs(t)))), 1, "~ t^-1 at t = oo"),
    (coordinate_sum(t**2 + log(Abs(t))), 2, "~ t^-1 at t = 0, needs slower than t^-1"),
    (coordinate_sum(t**2 + 2 * log(Abs(t + 3))), 2, "~ |t + 3|^-2 at t = -3"),
    (coordinate_sum(t**2 + 2 * log(Abs(t**3 - t - 1))), 2, "~ |t - 1.32472|^-2 at t = 1.32472"),
    (coordinate_sum(t**2 + log(Abs(cos(t)))), 2, "needs slower than"),
    (coordinate_sum(t**2 - 1 / Abs(exp(t) - 2)), 2, "any power of 1/|t - 0.693147|"),
    (norm(x, 2) + log(Abs(norm(x, 2) ** 3 - 5)), 3, "~ |r - 1.70998|^-1 at r = 1.70998"),
    (norm(x, 2) ** 2 + 3 * norm(x, oo) + log(Abs(norm(x, oo) - 1)), 3, "|r - 1|^-1 at r = 1"),
    (coordinate_sum(t**2 - 1 / Abs(t)), 2, "grows faster than any power of 1/t at t = 0"),
    (sympy.S(0), 3, "does not decay at t = oo"),
    (sympy.S(7), 3, "does not decay"),
    (x[0] ** 2, 2, "does not decay"),
    (100 * log(norm(x, oo)) + norm(x, 2) ** 2, 100, "~ r^-100 at r = 0, needs slower than r^-100"),
    (norm(x, 1) - 2 * norm(x, oo), 2, "at infinity"),
    (norm(x, 1) - 2 * norm(x, 2), 2, "along a generic direction"),
    (log(1 + norm(x, 1) + norm(x, 2)), 3, "along a generic direction"),
]


@pytest.mark.parametrize(("psi", "d", "words"), BAD, ids=[str(c[0]) for c in BAD])
def test_refusals_give_the_exponents(psi: sympy.Expr, d: int, words: str) -> None:
    with pytest.raises(AssumptionError) as caught:
        SmoothingDistribution(psi, dim=d)
    assert str(caught.value).startswith("psi is not integrable: ")
    assert words in str(caught.value)


def test_a_support_makes_the_difference() -> None:
    for psi, support in (
        (coordinate_sum(t), x >= 0),
        (sympy.S(0), norm(x, oo) <= 1),
        (-norm(x, 2), norm(x, 2) <= 2),
        (coordinate_sum(log(t) / 2 + t), x > 0),
        (norm(x, 2) + 9 * log(norm(x, 2)), norm(x, 2) >= 1),
    ):
        assert SmoothingDistribution(psi, dim=3, support=support).support is not None
    with pytest.raises(AssumptionError, match="t = 0"):
        SmoothingDistribution(coordinate_sum(log(t) + t), dim=3, support=x > 0)


@pytest.mark.parametrize(
    ("psi", "support"),
    [
        (coordinate_sum(sqrt(t)), None),
        (coordinate_sum(log(t)), None),
        (coordinate_sum(log(1 - t**2)), None),
        (norm(x, 2) ** 2 + log(norm(x, 2) - 1), None),
        (coordinate_sum(t + log(t - 1)), x > 0),
        (norm(x, 1) + norm(x, 2) + log(x[0]), None),
        (sympy.I * norm(x, 2), None),
    ],
)
def test_potentials_are_real(psi: sympy.Expr, support: sympy.Basic | None) -> None:
    with pytest.raises(AssumptionError, match="not real"):
        SmoothingDistribution(psi, dim=2, support=support)


@pytest.mark.parametrize("power", [R(1, 2), 1, R(101, 100), 3, 150_528])
def test_exponents_of_powers(power: sympy.Expr) -> None:
    behaviour = at_infinity(power * log(1 + r), r)
    # an average over decades with one extrapolation, reported to nine decimals
    assert behaviour.exponent == pytest.approx(float(power), rel=1e-8)
    assert behaviour.integrable == (power > 1)


@pytest.mark.parametrize("potential", [r, r**2, sqrt(r), log(cosh(r)), exp(r), r ** R(1, 50)])
def test_exponentials_beat_every_power(potential: sympy.Expr) -> None:
    assert at_infinity(potential, r).integrable
    assert not at_infinity(-potential, r).integrable


@pytest.mark.parametrize("pole", [-2, 0, R(1, 2), R(99, 100)])
def test_exponents_next_to_a_point(pole: sympy.Expr) -> None:
    found = at_point(pole * log(Abs(t - R(1, 3))) + cos(t), t, R(1, 3), -1)
    assert found == pytest.approx(float(pole), abs=1e-8)


def test_logarithms_decide_the_border_at_a_point() -> None:
    for potential, integrable in (
        (log(Abs(t)) + 2 * log(2 + Abs(log(Abs(t)))), True),
        (log(Abs(t)) + log(2 + Abs(log(Abs(t)))), False),
    ):
        moved = potential.subs(t, t - R(1, 3))
        assert (at_zero(potential, t, -1) < 1) == integrable
        assert (at_point(moved, t, R(1, 3), 1) < 1) == integrable


def test_what_overflows_everywhere_is_not_guessed() -> None:
    psi = coordinate_sum(exp(exp(10**9 * t**2)))
    with pytest.raises(AssumptionError, match=r"could not be decided .* rescale"):
        SmoothingDistribution(psi, dim=2)


#: Text in the grammar that asks for long computations if they are done naively.
LONG = [
    "coordinate_sum((1 + t)**1000)",
    "(x[0] + x[1] + x[2])**100 + norm(x, 2)**2",
    "coordinate_sum(exp(exp(exp(t**2))))",
    "abs(" * 12 + "norm(x, 2) - 1" + ") - 1" * 12,
    "coordinate_sum(" + "*".join(f"(t - {i})**2" for i in range(30)) + ")",
    "coordinate_sum(" + "log(1 + exp(" * 12 + "t" + "))" * 12 + " + t**2)",
]


@pytest.mark.parametrize("text", LONG, ids=range(len(LONG)))
def test_long_densities_are_built_quickly(text: str) -> None:
    start = time.perf_counter()
    SmoothingDistribution.parse(text, dim=3)
    # about a second at most here; done naively, each takes minutes or all memory
    assert time.perf_counter() - start < 20


@pytest.mark.parametrize(
    "support", ["x**100 + x <= 1", "exp(exp(exp(norm(x, 2)))) <= 10", "erf(x) <= 1/2"]
)
def test_long_supports_are_read_quickly(support: str) -> None:
    start = time.perf_counter()
    with contextlib.suppress(InvalidInputError):
        SmoothingDistribution.parse("norm(x, 2)**2", dim=3, support=support)
    assert time.perf_counter() - start < 20
