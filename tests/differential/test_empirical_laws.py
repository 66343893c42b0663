"""Confidence bands on Phi and tests of samplers: how often they fail, and what they find."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.special import ndtri

from differential.empirical_laws import MomentBound, empirical_bound
from differential.sampler_test import check_sampler
from numerics.errors import AssumptionError, InvalidInputError
from smoothing.black_box import BlackBox

P = np.array([1e-6, 1e-3, 0.01, 0.1, 0.3, 0.5])
#: (E|Z|^8)^(1/8) of a standard normal Z: E Z^8 = 105.
EIGHTH = 105 ** (1 / 8)


def normal_phi(p: np.ndarray) -> np.ndarray:
    return np.exp(-(ndtri(p) ** 2) / 2) / np.sqrt(2 * np.pi)


def test_band_is_above_phi_and_not_far() -> None:
    draws = np.random.default_rng(3).standard_normal(100_000)
    bound = empirical_bound([draws], 1, 1e-3, MomentBound(8, EIGHTH))
    ratio = bound(P) / normal_phi(P)
    assert np.all(ratio >= 1)
    # a few percent in the middle; in the tail the moment takes over, E|Z|^8 far above the truth
    assert np.all(ratio[3:] < 1.06)
    assert ratio[2] < 1.2


def test_band_fails_no_more_often_than_it_says() -> None:
    """300 bands at alpha = 0.2: more than 90 failures have probability below 4e-5 (binomial)."""
    generator = np.random.default_rng(4)
    grid = np.linspace(0.002, 0.5, 200)
    failures = 0
    for _ in range(300):
        draws = generator.laplace(size=(2, 1000))
        bound = empirical_bound(draws, 2, 0.2, MomentBound(4, 24**0.25))
        # Phi of a Laplace variable: the integral of the quantile -log(2 s) over (0, p)
        failures += bool(np.any(bound(grid) < grid * (1 - np.log(2 * grid))))
    assert failures <= 90


def test_more_draws_and_larger_alpha_tighten_the_band() -> None:
    draws = np.random.default_rng(5).standard_normal(64_000)
    moment = MomentBound(8, EIGHTH)
    few = empirical_bound([draws[:4000]], 1, 1e-3, moment)(P)
    many = empirical_bound([draws], 1, 1e-3, moment)(P)
    loose = empirical_bound([draws], 1, 1e-9, moment)(P)
    assert np.all(many[2:] < few[2:])
    assert np.all(many[2:] < loose[2:])


def test_a_variable_above_many_gets_no_credit_for_their_moment() -> None:
    draws = np.abs(np.random.default_rng(6).standard_normal(20_000))
    moment = MomentBound(8, EIGHTH)
    own = empirical_bound([draws], 1, 1e-3, moment)
    shared = empirical_bound([draws], 1, 1e-3, moment, shared=True)
    assert np.all(shared(P) >= own(P))


def test_draws_beyond_the_stated_bound_are_refused() -> None:
    with pytest.raises(AssumptionError, match="beyond the stated bound"):
        empirical_bound([np.linspace(-2, 2, 5000)], 1, 1e-3, MomentBound(math.inf, 1.0))


@pytest.mark.parametrize(("order", "value"), [(1, 1.0), (2, 0.0), (2, math.inf), (math.nan, 1.0)])
def test_bad_moments_are_refused(order: float, value: float) -> None:
    with pytest.raises(InvalidInputError):
        MomentBound(order, value)


def box(sampler, psi=None, grad=None) -> BlackBox:
    return BlackBox(psi or (lambda x: np.sum(x**2, axis=1) / 2), grad or (lambda x: x), sampler)


def normal(n: int, generator: np.random.Generator) -> np.ndarray:
    return generator.standard_normal((n, 3))


def run(candidate: BlackBox, seed: int = 7) -> None:
    draws = candidate.sampler(50_000, np.random.default_rng(seed))
    check_sampler(candidate, draws, np.random.default_rng(seed + 1))


def test_right_samplers_pass() -> None:
    """20 runs; one false alarm would have probability below 1e-7 (density) plus 20 x 1e-14."""
    for seed in range(20):
        run(box(normal), seed)
    run(box(lambda n, g: g.laplace(size=(n, 2)), lambda x: np.abs(x).sum(axis=1), np.sign))


WRONG = {
    "scale": box(lambda n, g: 1.1 * normal(n, g)),
    "shift": box(lambda n, g: normal(n, g) + 0.1),
    "tails": box(lambda n, g: g.logistic(size=(n, 3)) * math.sqrt(3) / math.pi),
    "one coordinate": box(lambda n, g: normal(n, g) * np.array([1.0, 1.0, 1.15])),
    "gradient": box(normal, grad=lambda x: 1.1 * x),
    "potential": box(normal, psi=lambda x: np.sum(x**2, axis=1)),
    "values": box(lambda n, g: np.where(normal(n, g) > 4, np.nan, normal(n, g))),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_samplers_are_refused(name: str) -> None:
    with pytest.raises(AssumptionError):
        run(WRONG[name])
