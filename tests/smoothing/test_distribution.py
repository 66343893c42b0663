"""SmoothingDistribution as a value: what it accepts, what it refuses, what it knows."""

from __future__ import annotations

import dataclasses
import math
import pickle
from typing import Any

import mpmath as mp
import numpy as np
import pytest
import sympy
from sympy import Abs, And, cosh, log, oo

from numerics.errors import AssumptionError, InvalidInputError
from smoothing.distribution import SmoothingDistribution
from smoothing.expressions import coordinate_sum, dim, norm, t, x
from smoothing.structure import General, Product

R = sympy.Rational
GAUSS = norm(x, 2) ** 2 / 2
#: density with infinite variance, finite mean
HEAVY = coordinate_sum(R(5, 2) * log(1 + Abs(t)))


@pytest.mark.parametrize("d", [0, -1, 2.0, 1.5, "3", None, True])
def test_the_dimension_is_a_whole_number(d: Any) -> None:
    with pytest.raises(InvalidInputError, match="dim must be an integer >= 1"):
        SmoothingDistribution(GAUSS, dim=d)


@pytest.mark.parametrize("name", ["scale", "sigma"])
@pytest.mark.parametrize("value", [0, -1, math.nan, math.inf, "1", 1j])
def test_scales_are_positive(name: str, value: Any) -> None:
    with pytest.raises(InvalidInputError, match=f"{name} must be a finite number > 0"):
        SmoothingDistribution(GAUSS, dim=2, **{name: value})


def test_scale_and_sigma_exclude_each_other() -> None:
    with pytest.raises(InvalidInputError, match="at most one of scale and sigma"):
        SmoothingDistribution(GAUSS, dim=2, scale=1.0, sigma=1.0)


@pytest.mark.parametrize("psi", [HEAVY, coordinate_sum(3 * log(1 + Abs(t)))])
def test_sigma_needs_a_finite_variance(psi: sympy.Expr) -> None:
    assert SmoothingDistribution(psi, dim=2, scale=3).sigma == math.inf
    with pytest.raises(AssumptionError, match=r"variance .* infinite; pass scale="):
        SmoothingDistribution(psi, dim=2, sigma=1.0)


def test_sigma_needs_a_structure() -> None:
    psi = norm(x, 1) + norm(x, 2)
    assert SmoothingDistribution(psi, dim=2).scale == 1.0
    with pytest.raises(AssumptionError, match=r"depends jointly .* pass scale="):
        SmoothingDistribution(psi, dim=2, sigma=1.0)


@pytest.mark.parametrize(
    ("psi", "support", "words"),
    [
        (sympy.Symbol("a") * GAUSS, None, "psi has unknown symbols: a"),
        (sympy.Symbol("x") * GAUSS, None, r"use the symbol radii\.x"),
        (coordinate_sum(t) * sympy.Symbol("t"), None, r"use the symbol radii\.t"),
        (t**2, None, "t outside coordinate_sum"),
        (x**2, None, "vector x on its own"),
        (GAUSS + x[5], None, r"x\[5\], but dim is 2"),
        (GAUSS + sympy.Function("f")(x[0]), None, "undefined functions"),
        ("norm(x, 2)", None, r"SmoothingDistribution\.parse"),
        (None, None, "psi must be a SymPy expression"),
        (coordinate_sum(Abs(t), weights=(1, 1, 1)), None, "weights must be 2 numbers"),
        (GAUSS, norm(x, 2) <= sympy.Symbol("b"), "support has unknown symbols: b"),
        (GAUSS, x[2] >= 0, r"support has x\[2\]"),
        (GAUSS, "x >= 0", "support must be a comparison"),
        (GAUSS, GAUSS, "support must be a comparison"),
        (GAUSS, sympy.Or(x > 1, x < -1), "joined by And"),
        (GAUSS, sympy.Eq(norm(x, 2), 1), "joined by And"),
        (GAUSS, And(norm(x, 2) >= 3, norm(x, 2) <= 2), "support is empty"),
        (GAUSS, And(x >= 1, x <= 0), "support is empty"),
        (GAUSS, norm(x, 2) < -1, "support"),
        (GAUSS, sympy.false, "support is empty"),
        (GAUSS, dim > sympy.Symbol("n"), "unknown symbols: n"),
    ],
)
def test_bad_psi_and_support(psi: Any, support: Any, words: str) -> None:
    with pytest.raises(InvalidInputError, match=words):
        SmoothingDistribution(psi, dim=2, support=support)


def test_a_support_that_is_everything_is_none() -> None:
    assert SmoothingDistribution(GAUSS, dim=2, support=sympy.true).support is None
    assert SmoothingDistribution(GAUSS, dim=2, support=norm(x, 2) >= 0).support is None


def test_distributions_are_values() -> None:
    first = SmoothingDistribution(dim * GAUSS, dim=3, scale=0.5)
    second = SmoothingDistribution(3 * GAUSS, dim=3, scale=0.5)
    assert first == second
    assert hash(first) == hash(second)
    assert first != SmoothingDistribution(3 * GAUSS, dim=3, scale=0.25)
    assert first != SmoothingDistribution(3 * GAUSS, dim=3, support=x >= 0, scale=0.5)
    assert first != "something else"
    assert pickle.loads(pickle.dumps(first)) == first
    with pytest.raises(dataclasses.FrozenInstanceError):
        first.scale = 2.0  # type: ignore[misc]


DESCRIBED = [
    SmoothingDistribution(coordinate_sum(2 * log(cosh(t / 2))), dim=5, scale=0.1),
    SmoothingDistribution(0, dim=3072, support=norm(x, oo) <= R(1, 3), sigma=0.25),
    SmoothingDistribution(coordinate_sum(t), dim=2, support=And(x >= 0, x[0] <= 2), scale=1e-9),
    SmoothingDistribution(x[0] ** 2 + Abs(x[1]), dim=2, scale=1 / 3),
    SmoothingDistribution(coordinate_sum(Abs(t), weights=(1, 2.5)), dim=2),
]


@pytest.mark.parametrize("noise", DESCRIBED, ids=lambda q: q.psi_text)
def test_a_log_line_rebuilds_the_noise(noise: SmoothingDistribution) -> None:
    line = noise.describe()
    assert "\n" not in line
    assert SmoothingDistribution.from_description(line) == noise


@pytest.mark.parametrize(
    "line",
    [
        "",
        "psi = norm(x, 1)",
        "psi = norm(x, 1); dim = 3",
        "psi = norm(x, 1); dim = three; scale = 1",
        "psi = norm(x, 1); dim = 3; scale = 1; dim = 4",
        "psi = norm(x, 1); dim = 3; scale = 1; colour = red",
        "psi = t.__class__; dim = 3; scale = 1",
        None,
    ],
)
def test_damaged_log_lines_are_refused(line: Any) -> None:
    with pytest.raises(InvalidInputError):
        SmoothingDistribution.from_description(line)


def test_repr_names_everything() -> None:
    noise = SmoothingDistribution(norm(x, 1), dim=3, support=norm(x, 1) <= 2, scale=0.5)
    expected = "SmoothingDistribution(norm(x, 1), dim=3, support=norm(x, 1) <= 2, scale=0.5)"
    assert repr(noise) == expected


def test_sigma_includes_the_mean() -> None:
    # exponential coordinates: E X = 1, E X^2 = 2
    noise = SmoothingDistribution(coordinate_sum(t), dim=4, support=x >= 0, scale=3)
    np.testing.assert_allclose(noise.mean, 3.0, rtol=1e-14)
    assert noise.sigma == pytest.approx(3 * math.sqrt(2), rel=1e-14)


def test_centering_removes_the_mean() -> None:
    noise = SmoothingDistribution(coordinate_sum(t), dim=4, support=x >= 0, centered=True)
    assert noise.support == (x >= -1)
    np.testing.assert_allclose(noise.mean, 0.0, atol=1e-14)
    assert noise.sigma == pytest.approx(1.0, rel=1e-14)
    (found,) = noise.structures
    assert isinstance(found, Product)


def test_centering_leaves_even_densities_alone() -> None:
    assert SmoothingDistribution(GAUSS, dim=3, centered=True) == SmoothingDistribution(GAUSS, dim=3)
    psi = norm(x, oo) + log(norm(x, oo))
    assert SmoothingDistribution(psi, dim=3, centered=True).psi == psi


def test_centering_single_coordinates() -> None:
    noise = SmoothingDistribution(x[0] + x[1] ** 2, dim=2, support=x[0] >= 0, centered=True)
    np.testing.assert_allclose(noise.mean, 0.0, atol=1e-14)
    assert noise.support == (x[0] >= -1)


def test_centering_needs_a_mean() -> None:
    half_cauchy = coordinate_sum(log(1 + t**2))
    with pytest.raises(AssumptionError, match="finite mean"):
        SmoothingDistribution(half_cauchy, dim=2, support=x >= 0, centered=True)


def test_mean_of_unequal_coordinates() -> None:
    psi = coordinate_sum(t, weights=(1, 4, 1))
    noise = SmoothingDistribution(psi, dim=3, support=x >= 0, scale=2)
    np.testing.assert_allclose(noise.mean, [2.0, 0.5, 2.0], rtol=1e-14)


NORMALISED = [
    # log of the integral of exp(-psi) over R^3
    (GAUSS + 1, None, 1.5 * mp.log(2 * mp.pi) - 1),
    (norm(x, 1), None, 3 * mp.log(2)),
    (norm(x, 2), None, mp.log(8 * mp.pi)),  # 4 pi Gamma(3)
    (norm(x, oo), None, mp.log(48)),  # 3 * 8 * Gamma(3)
    (norm(x, 1) ** 2, None, mp.log(4 * mp.gamma(1.5) / 2)),  # 8/3! * 3 * Gamma(3/2)/2
    (0, norm(x, 2) <= 2, mp.log(32 * mp.pi / 3)),
    (7, norm(x, oo) <= 2, mp.log(64) - 7),
    (0, norm(x, 1) <= 2, mp.log(mp.mpf(32) / 3)),
    (coordinate_sum(t + 2 * log(1 + sympy.exp(-t))), None, mp.mpf(0)),  # logistic
    (coordinate_sum(t, weights=(1, 2, 4)), x >= 0, -mp.log(8)),
    (x[0] ** 2 + Abs(x[1]) + x[2] ** 2 + 3, None, mp.log(2 * mp.pi) - 3),
]


@pytest.mark.parametrize(("psi", "support", "expected"), NORMALISED)
def test_normaliser_and_density(psi: Any, support: Any, expected: Any) -> None:
    noise = SmoothingDistribution(psi, dim=3, support=support, scale=2)
    # sums of a few hundred panels in float64
    assert noise.log_normaliser == pytest.approx(float(expected), rel=1e-13, abs=1e-13)
    point = np.array([[0.5, 0.25, 1.0]])
    values = {x[0]: R(1, 4), x[1]: R(1, 8), x[2]: R(1, 2)}
    potential = _at_a_point(sympy.S(psi), values)
    log_density = -float(potential) - float(expected) - 3 * math.log(2)
    np.testing.assert_allclose(noise.log_density(point), log_density, rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(noise.density(point), math.exp(log_density), rtol=1e-12)


def _at_a_point(psi: sympy.Expr, values: dict[sympy.Symbol, sympy.Rational]) -> sympy.Expr:
    """psi with norms and sums written out, independently of the library's own evaluation."""
    point = [values[x[i]] for i in range(3)]
    images: dict[sympy.Basic, sympy.Expr] = dict(values)
    for n in psi.atoms(norm):
        images[n] = max(point) if n.order is oo else sum(p**n.order for p in point) ** (1 / n.order)
    for s in psi.atoms(coordinate_sum):
        weights = s.weights or (1, 1, 1)
        images[s] = sum(w * s.phi.subs(t, p) for w, p in zip(weights, point, strict=True))
    return psi.xreplace(images)


def test_density_vanishes_outside_the_support() -> None:
    noise = SmoothingDistribution(coordinate_sum(t), dim=2, support=And(x >= 0, norm(x, oo) <= 1))
    points = np.array([[0.5, 0.5], [-0.1, 0.5], [0.5, 1.1]])
    assert (noise.density(points) > 0).tolist() == [True, False, False]


@pytest.mark.parametrize("shape", [(3,), (2, 4), (1, 2, 3)])
def test_points_have_the_dimension_of_the_noise(shape: tuple[int, ...]) -> None:
    with pytest.raises(InvalidInputError, match=r"points must be an array of shape \(n, 3\)"):
        SmoothingDistribution(GAUSS, dim=3).density(np.zeros(shape))


def test_callables_are_wrapped() -> None:
    def psi(points: np.ndarray) -> np.ndarray:
        return np.asarray(np.sum(points**4, axis=1))

    def grad(points: np.ndarray) -> np.ndarray:
        return 4 * points**3

    def sampler(n: int, generator: np.random.Generator) -> np.ndarray:
        return generator.standard_normal((n, 2))

    noise = SmoothingDistribution.from_callable(psi, grad, sampler, dim=2, scale=2.0)
    (found,) = noise.structures
    assert isinstance(found, General)
    assert noise.sample(5, np.random.default_rng(1)).shape == (5, 2)
    again = SmoothingDistribution.from_callable(psi, grad, sampler, dim=2, scale=2.0)
    assert noise == again
    assert noise != SmoothingDistribution.from_callable(grad, grad, sampler, dim=2, scale=2.0)
    with pytest.raises(AssumptionError, match="callable"):
        _ = noise.sigma
    with pytest.raises(AssumptionError, match="normaliser"):
        noise.density(np.zeros((1, 2)))
    with pytest.raises(InvalidInputError, match="grad must be a callable"):
        SmoothingDistribution.from_callable(psi, None, sampler, dim=2)  # type: ignore[arg-type]
