"""The compiled radius against the integral it was tabulated from, point by point."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest

import radii
from differential.gamma import cover
from differential.integrate import integrate_reciprocal
from levelset.uniform import overlap_radius
from numerics.bit_lookup import lower_radii
from numerics.errors import InvalidInputError
from radii import RadiusFunction, SmoothingDistribution, norm, x
from radii.compile import Evaluator, compile_radius
from smoothing.norms import as_norm
from smoothing.structure import Uniform

#: What is lost by rounding down: the laws' error budget, largest for exp_l2 at d = 150,528, where
#: it is 2.4e-12, plus the interpolation error, of which `numerics.bit_table` aims at 2e-14.
LOSS = 3e-12
#: Inside a piece the table is monotone up to the rounding of a polynomial of degree 5 whose
#: terms add up to little more than the value: three eps for each of two neighbours.
WIGGLE = 6 * np.finfo(float).eps

Case = tuple[Callable[[], SmoothingDistribution], str]
CASES: dict[str, Case] = {
    "gaussian l2": (lambda: SmoothingDistribution(norm(x, 2) ** 2 / 2, dim=4), "l2"),
    "exp_linf l1, one kink": (lambda: radii.families.exp_linf(3072), "l1"),
    "laplace linf, thousands of kinks": (
        lambda: SmoothingDistribution(norm(x, 1), dim=150_528),
        "linf",
    ),
    "cauchy l1": (lambda: SmoothingDistribution.parse("coordinate_sum(log(1+t**2))", dim=3), "l1"),
    "exp_l2 l2": (lambda: radii.families.exp_l2(150_528), "l2"),
    "uniform cube linf": (lambda: radii.families.uniform_cube(3072), "linf"),
}


@cache
def derived(name: str) -> tuple[RadiusFunction, Evaluator]:
    """The radius of a case, and what its table was built from."""
    build, adversary = CASES[name]
    noise = build()
    bodies = [s for s in noise.structures if isinstance(s, Uniform)]
    if bodies:
        evaluator: Any = overlap_radius(bodies[0], as_norm(adversary))
    else:
        recipe = cover(noise.structures, as_norm(adversary), noise.dim)
        assert recipe is not None
        phi = recipe()
        evaluator = integrate_reciprocal(phi, phi.kinks, phi.relative_error)
    return radii.derive(noise, adversary), evaluator


def exact(evaluator: Evaluator, tails: np.ndarray) -> np.ndarray:
    return np.where(
        tails < 0.25,
        evaluator.at_tail(np.minimum(tails, 0.25)),
        evaluator.at_margin(np.minimum(0.5 - tails, 0.25)),
    )


@cache
def hard_tails(name: str) -> np.ndarray:
    """Sorted tails over the whole table, around its bin edges, its kinks and its seam at 1/4."""
    rng = np.random.default_rng(5)
    kinks = np.asarray(derived(name)[1].kinks)
    octaves = 2.0 ** -rng.integers(2, 99, 10_000).astype(float)
    edges = octaves * (1 + rng.integers(0, 64, octaves.size) / 64)
    centres = np.concatenate([kinks, edges, 0.5 - edges[edges > 1e-12], [0.25]])
    points = [
        0.5 * 2.0 ** -rng.uniform(0, 99, 60_000),
        0.5 - 0.25 * 2.0 ** -rng.uniform(0, 50, 30_000),
        *(centres * (1 + shift) for shift in (-1e-6, -1e-10, 0.0, 1e-10, 1e-6)),
        np.nextafter(centres, 0),
        np.nextafter(centres, 1),
    ]
    tails = np.sort(np.concatenate(points))
    return tails[(tails >= 2.0**-100) & (tails < 0.5)]


@pytest.mark.parametrize("name", CASES)
def test_the_table_stays_below_the_integral_and_close_to_it(name: str) -> None:
    radius, evaluator = derived(name)
    tails = hard_tails(name)
    values, expected = radius(tail=tails) / radius.smoothing.scale, exact(evaluator, tails)
    assert np.all(values <= expected)
    assert np.all(values >= expected * (1 - LOSS))
    bounds = radius.bounds(tail=tails)
    assert np.all(bounds.lower == radius(tail=tails))
    assert np.all(bounds.upper >= expected * radius.smoothing.scale)
    assert np.all(bounds.upper <= bounds.lower * (1 + 4 * LOSS))


@pytest.mark.parametrize("name", CASES)
def test_the_table_is_monotone(name: str) -> None:
    radius, _ = derived(name)
    values = radius(tail=hard_tails(name))
    assert len(values) > 10**5
    assert np.all(np.diff(values) <= WIGGLE * values[1:])
    assert radius(tail=0.0) >= values[0]


def test_the_smallest_tails_get_the_value_at_the_end_and_zero_gets_the_limit() -> None:
    radius, _ = derived("gaussian l2")
    end = radius(tail=2.0**-100)
    assert radius(tail=1e-40) == radius(tail=5e-324) == end
    assert radius(tail=0.0) == radius(1.0) == np.inf
    assert np.isinf(radius.bounds(tail=1e-40).upper)
    half = radii.derive(radii.families.uniform_cube(4, scale=2.0), "l1")
    assert half(tail=0.0) == pytest.approx(2.0, rel=1e-13)


def test_half_and_less_get_zero_and_the_next_float_more() -> None:
    radius, _ = derived("exp_linf l1, one kink")
    assert np.all(radius(np.array([-0.0, 0.0, 1e-300, 0.25, 0.5])) == 0)
    assert np.all(radius(tail=np.array([1.0, 0.75, 0.5])) == 0)
    assert radius(np.nextafter(0.5, 1)) > 0
    assert radius(tail=np.nextafter(0.5, 0)) > 0


def test_minus_zero_and_integers_are_probabilities() -> None:
    radius, _ = derived("gaussian l2")
    assert radius(tail=-0.0) == np.inf
    assert radius(0) == 0
    assert np.array_equal(radius(np.array([0, 1])), [0, np.inf])


@pytest.mark.parametrize("bad", [np.nan, -1e-300, np.nextafter(1.0, 2), np.inf, -np.inf, 95.0])
@pytest.mark.parametrize("length", [1, 8, 1003])
def test_an_illegal_probability_is_found_wherever_it_stands(bad: float, length: int) -> None:
    radius, _ = derived("gaussian l2")
    for position in {0, length // 2, length - 1}:
        points = np.full(length, 0.9)
        points[position] = bad
        with pytest.raises(InvalidInputError, match="prob_lower"):
            radius(points)
        with pytest.raises(InvalidInputError, match="tail"):
            radius(tail=points)


def test_any_shape_comes_back() -> None:
    radius, _ = derived("gaussian l2")
    block = np.linspace(0.5, 1, 60).reshape(3, 4, 5)
    assert isinstance(radius(0.9), float)
    assert isinstance(radius(np.array(0.9)), float)
    assert radius(np.empty((0, 3))).shape == (0, 3)
    values = radius(block)
    assert values.shape == block.shape
    assert np.array_equal(radius(block.T), values.T)
    assert np.array_equal(radius(block[:, ::-2]), values[:, ::-2])
    # One at a time and several at a time are different machine code.
    assert np.array_equal(values.ravel(), [radius(rho) for rho in block.ravel()])


def test_compiled_and_interpreted_lookups_agree() -> None:
    radius, _ = derived("laplace linf, thousands of kinks")
    points = hard_tails("laplace linf, thousands of kinks")[::997]
    out = np.empty_like(points)
    smallest = radius.compiled.smallest_tail
    legal = lower_radii.python(points, True, 1.0, np.inf, smallest, *radius._table, out)
    assert legal
    # The interpreter's multiply-add rounds twice.
    np.testing.assert_allclose(out, radius(tail=points), rtol=WIGGLE)


def kinked_radius(kinks: np.ndarray) -> Any:
    """Phi(p) = p with its slope reduced by a tenth at every kink: concave, as Phi is."""

    def phi(p: np.ndarray) -> np.ndarray:
        return p - 0.1 * np.maximum(p[..., None] - kinks, 0).sum(axis=-1)

    return integrate_reciprocal(phi, kinks, 1e-14)


@pytest.mark.parametrize(
    ("distance", "loss"),
    [
        # As one kink computed in two ways; as close as bins can be told apart; between, where a
        # piece holds a kink: its error is the jump of R'' times the squared distance.
        (1e-15, 1e-12),
        (1e-3, 1e-12),
        (1e-5, 1e-9),
    ],
)
def test_close_kinks_cost_no_soundness(distance: float, loss: float) -> None:
    kinks = 0.1 * (1 + distance * np.arange(4))
    evaluator = kinked_radius(kinks)
    arguments = compile_radius(evaluator)
    near = 0.1 * (1 + distance * np.linspace(-5, 9, 10_000))
    tails = np.unique(np.concatenate([near, np.linspace(0.05, 0.24, 10_000)]))
    out = np.empty_like(tails)
    arrays = arguments.arrays
    table = (arguments.smallest_tail, arrays.bins, arrays.offsets, arrays.rows)
    assert lower_radii(tails, True, 1.0, arguments.limit, *table, out)
    expected = evaluator.at_tail(tails)
    assert np.all(out <= expected)
    assert np.all(out >= expected * (1 - loss))
    assert np.all(np.diff(out) <= WIGGLE * out[1:])
