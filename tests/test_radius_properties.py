"""What every radius function must satisfy, whatever the density."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sympy import And, Rational, cosh, exp, log, oo, sqrt

import radii
from radii import coordinate_sum, norm, t, x
from tests import strategies

#: psi, support, dim, adversary: each geometry, atoms, boundary terms and heavy tails.
MENU = {
    "laplace": (norm(x, 1), None, 64, "l1"),
    "laplace linf": (norm(x, 1), None, 9, "linf"),
    "student": (coordinate_sum(2 * log(1 + t**2 / 3)), None, 3, "l1"),
    "mixture": (
        coordinate_sum(-log(exp(-((t - 2) ** 2) / 2) + exp(-((t + 2) ** 2) / 2))),
        None,
        2,
        "l1",
    ),
    "gumbel": (coordinate_sum(t + exp(-t)), None, 1, "l1"),
    "cut normal": (coordinate_sum(t**2 / 2), And(x >= -1, x <= 2), 5, "l1"),
    "cubic": (norm(x, oo) + norm(x, oo) ** 2, None, 64, "l1"),
    "cubic linf": (norm(x, oo) ** 2 + log(norm(x, oo)) / 2, None, 10, "linf"),
    "diamond": (sqrt(1 + norm(x, 1) ** 2), None, 3, "l1"),
    "round": (norm(x, 2) ** Rational(3, 2), None, 3072, "l2"),
    "shell": (norm(x, 2), And(norm(x, 2) >= 1, norm(x, 2) <= 2), 3, "l2"),
    "uniform ball": (0, norm(x, 2) <= 1, 3072, "linf"),
}

#: Slack of comparisons between two radii that are each rounded down: what a compiled radius may
#: lie below the exact one, relative; the engine promises a few 1e-13.
SLACK = 1e-12


@cache
def derived(name: str, scale: float = 1.0) -> radii.RadiusFunction:
    psi, support, dim, adversary = MENU[name]
    q = radii.SmoothingDistribution(psi, dim=dim, support=support, scale=scale)
    return radii.derive(q, adversary)


def at(function: radii.RadiusFunction, tail: float) -> float:
    return float(function(tail=tail))


def names() -> st.SearchStrategy[str]:
    return st.sampled_from(sorted(MENU))


@given(names(), strategies.tails(), strategies.tails())
def test_radius_grows_with_rho(name: str, first: float, second: float) -> None:
    low, high = sorted((first, second))
    radius = derived(name)
    assert at(radius, low) >= at(radius, high) * (1 - SLACK) >= 0


@given(names(), st.floats(0, 0.5))
def test_radius_is_zero_up_to_one_half(name: str, rho: float) -> None:
    assert float(derived(name)(rho)) == 0.0
    assert float(derived(name)(tail=1 - rho)) == 0.0


@given(names(), strategies.large_probabilities())
def test_rho_and_tail_agree(name: str, rho: float) -> None:
    radius = derived(name)
    # 1 - rho is exact for a float rho >= 1/2 (Sterbenz).
    assert float(radius(rho)) == pytest.approx(at(radius, 1 - rho), rel=SLACK)


@pytest.mark.parametrize("name", sorted(MENU))
@pytest.mark.parametrize("scale", [1e-3, 0.37, 1e3])
def test_radius_scales_with_the_noise(name: str, scale: float) -> None:
    tails = np.array([1e-9, 1e-3, 0.2, 0.499])
    scaled, unit = derived(name, scale)(tail=tails), derived(name)(tail=tails)
    np.testing.assert_allclose(scaled, scale * unit, rtol=SLACK)


@pytest.mark.parametrize("name", sorted(MENU))
def test_radius_is_linear_near_one_half(name: str) -> None:
    """R(1 - tail) / (1/2 - tail) tends to 1 / Phi(1/2) without loss of accuracy."""
    radius = derived(name)
    gaps = [0.5 - (0.5 - 1e-6), 0.5 - (0.5 - 1e-9), 0.5 - (0.5 - 1e-12)]
    slopes = [at(radius, 0.5 - gap) / gap for gap in gaps]
    # Phi is Lipschitz: the slope moves by a multiple of the gap.
    assert slopes[0] == pytest.approx(slopes[1], rel=1e-4)
    assert slopes[2] == pytest.approx(slopes[1], rel=1e-7)


@pytest.mark.parametrize("name", sorted(MENU))
def test_radius_near_certainty(name: str) -> None:
    radius = derived(name)
    values = radius(tail=np.array([1e-9, 1e-11, 1e-13, 1e-15, 0.0]))
    assert np.all(np.isfinite(values[:-1]))
    assert np.all(np.diff(values[:-1]) >= -SLACK * values[0])
    assert values[-1] >= values[-2]
    assert float(radius(1.0)) == values[-1]


def same_radius(first, second, dim: int, adversary: str, *, scale: float = 1.0) -> None:
    tails = np.array([1e-9, 1e-4, 0.05, 0.3, 0.4999])
    found = [
        radii.derive(radii.SmoothingDistribution(psi, dim=dim, scale=s), adversary)(tail=tails)
        for psi, s in ((first, 1.0), (second, scale))
    ]
    np.testing.assert_allclose(found[0], found[1], rtol=SLACK)


@pytest.mark.parametrize(
    ("psi", "dim", "adversary"),
    [
        (coordinate_sum(abs(t) + t**2), 3, "l1"),
        (norm(x, oo) ** 2 + norm(x, oo), 64, "l1"),
        (norm(x, 2), 3, "l2"),
    ],
)
def test_a_constant_in_psi_changes_nothing(psi, dim: int, adversary: str) -> None:
    same_radius(psi, psi + Rational(700, 3), dim, adversary)
    same_radius(psi, psi - 12345, dim, adversary)


def test_log_cosh_is_softplus() -> None:
    same_radius(
        coordinate_sum(2 * log(cosh(t / 2))), coordinate_sum(t + 2 * log(1 + exp(-t))), 3, "l1"
    )


@pytest.mark.parametrize(
    ("psi", "stretched", "dim", "adversary"),
    [
        (coordinate_sum(sqrt(1 + t**2)), coordinate_sum(sqrt(1 + 9 * t**2)), 3, "l1"),
        (norm(x, oo) + norm(x, oo) ** 2, 3 * norm(x, oo) + 9 * norm(x, oo) ** 2, 64, "l1"),
        (norm(x, 2) ** 4, 81 * norm(x, 2) ** 4, 3, "l2"),
        (2 * log(1 + norm(x, 1) ** 4), 2 * log(1 + 81 * norm(x, 1) ** 4), 3, "linf"),
    ],
)
def test_stretching_psi_is_undone_by_the_scale(psi, stretched, dim: int, adversary: str) -> None:
    same_radius(psi, stretched, dim, adversary, scale=3.0)


@pytest.mark.parametrize(
    ("psi", "dim"),
    [
        (norm(x, 2) + norm(x, 2) ** 2, 64),
        (norm(x, 2) ** 2 / 2, 10),
        (3 * log(1 + norm(x, 2) ** 2), 2),
    ],
)
def test_a_larger_ball_gives_a_smaller_radius(psi, dim: int) -> None:
    """The unit balls of l1, l2 and linf contain one another in this order."""
    q = radii.SmoothingDistribution(psi, dim=dim)
    tails = np.array([1e-9, 1e-3, 0.2, 0.45])
    values = [radii.derive(q, adversary)(tail=tails) for adversary in ("l1", "l2", "linf")]
    assert np.all(values[0] >= values[1] * (1 - SLACK))
    assert np.all(values[1] >= values[2] * (1 - SLACK))
    np.testing.assert_allclose(values[2] * np.sqrt(dim), values[1], rtol=SLACK)


@pytest.mark.parametrize(
    ("psi", "perturbation", "dim", "adversary"),
    [
        (coordinate_sum(abs(t)), coordinate_sum(t**4), 3, "l1"),
        (coordinate_sum(2 * log(cosh(t / 2))), coordinate_sum(t**4), 64, "l1"),
        (norm(x, oo), norm(x, oo) ** 3, 3, "l1"),
        (norm(x, 2), (norm(x, 2) / 64) ** 3, 64, "l2"),
        (norm(x, 1) ** 2, norm(x, 1) ** 3, 3, "linf"),
    ],
)
def test_radius_moves_continuously_with_psi(psi, perturbation, dim: int, adversary: str) -> None:
    """R(psi + eps h) - R(psi) = O(eps): no special case is a jump away from its neighbours."""
    tails = np.array([1e-2, 0.1, 0.3])

    def radius(epsilon: Rational) -> np.ndarray:
        q = radii.SmoothingDistribution(psi + epsilon * perturbation, dim=dim)
        return radii.derive(q, adversary)(tail=tails)

    limit = radius(Rational(0))
    moves = [np.max(np.abs(radius(Rational(1, 10**k)) / limit - 1)) for k in (4, 7, 10)]
    # Linear in eps, with a constant that the fourth moments of these densities keep below 300.
    for move, k in zip(moves, (4, 7, 10), strict=True):
        assert move <= 300 * 10.0**-k + SLACK


@given(names(), st.floats(-9, 0.5))
def test_probability_is_an_inverse_rounded_up(name: str, exponent: float) -> None:
    radius = derived(name)
    # No rho certifies more than R(1), which is finite for a bounded support.
    wanted = min(at(radius, 0.01) * 10.0**exponent, at(radius, 1e-6))
    rho, tail = float(radius.probability(wanted)), float(radius.tail(wanted))
    assert 0.5 <= rho <= 1
    assert 0 <= tail <= 0.5
    assert float(radius(rho)) >= wanted
    assert at(radius, tail) >= wanted
    # Not rounded up more than rounding needs: a slightly smaller rho does not suffice.
    if 1e-6 < tail < 0.5 - 1e-9:
        # Two spacings of float64 near 1/2 are added, or the sum would be the same tail.
        assert at(radius, tail + 1e-9 * min(tail, 0.5 - tail) + 2.0**-53) < wanted


@given(names(), strategies.probabilities(), strategies.probabilities(), st.floats(0, 2))
def test_growth_is_monotone_and_at_least_p(
    name: str, first: float, second: float, stretch: float
) -> None:
    radius = derived(name)
    low, high = sorted((first, second))
    r = stretch * at(radius, 0.2)
    small, large = float(radius.growth(low, r)), float(radius.growth(high, r))
    assert low <= small <= 1
    assert small <= large * (1 + SLACK)
    assert float(radius.growth(low, r / 2)) <= small * (1 + SLACK)


@given(names(), strategies.tails())
def test_growth_at_the_certified_radius_is_one_half(name: str, tail: float) -> None:
    radius = derived(name)
    reached = float(radius.growth(tail, at(radius, tail)))
    assert reached <= 0.5 + 1e-9
    # The growth function integrates the same Phi: no looser than the radius.
    assert reached >= min(0.5 - 1e-6, tail)


@settings(max_examples=25)
@given(names(), strategies.probabilities(), st.floats(0.01, 1))
def test_growth_of_a_set_and_its_complement(name: str, p: float, stretch: float) -> None:
    """What can grow to g can shrink back: 1 - G(1 - G(p, r), r) <= p on the same path."""
    radius = derived(name)
    r = stretch * at(radius, 0.2)
    grown = float(radius.growth(p, r))
    if grown < 1 - 1e-12:  # closer to 1, 1 - grown has no digits left
        assert 1 - float(radius.growth(1 - grown, r)) <= p + 1e-9
