"""How many samples: against binomial sums, and settings that can never certify."""

from __future__ import annotations

import numpy as np
import pytest
from mpmath import mp
from scipy.special import betainc

from certify.confidence import clopper_pearson_lower
from certify.planning import check_settings, required_samples
from numerics.errors import InvalidInputError
from tests.reference.stand_in_radius import StandInRadius

CUBE = StandInRadius("uniform", scale=1.0)  # radius 0.5 needs rho = 0.75


def power(n: int, rho: float, needed: float, alpha: float) -> mp.mpf:
    """P[limit of Binomial(n, rho) >= needed] as a sum over all counts."""
    limits = clopper_pearson_lower(range(n + 1), n, alpha)
    with mp.workdps(30):
        p = mp.mpf(rho)
        return mp.fsum(
            mp.binomial(n, k) * p**k * (1 - p) ** (n - k)
            for k in range(n + 1)
            if limits[k] >= needed
        )


@pytest.mark.parametrize("rho", [0.8, 0.9, 0.99, 1.0])
@pytest.mark.parametrize("wanted", [0.5, 0.95])
def test_power_is_reached_at_the_smallest_n(rho, wanted):
    n = required_samples(CUBE, radius=0.5, rho=rho, alpha=1e-3, power=wanted)
    assert power(n, rho, 0.75, 1e-3) >= wanted
    assert all(power(m, rho, 0.75, 1e-3) < wanted for m in range(max(1, n - 60), n))


@pytest.mark.parametrize(("needed", "gap"), [(0.6, 0.03), (0.75, 0.02), (0.97, 0.01)])
@pytest.mark.parametrize("wanted", [0.3, 0.8])
def test_no_smaller_n_has_the_power_although_power_is_a_saw(needed, gap, wanted):
    """Every n from nine tenths of the answer on, by the sum over counts (a beta integral)."""
    n = required_samples(
        CUBE, radius=2 * (needed - 0.5), rho=needed + gap, alpha=1e-3, power=wanted
    )
    trials = np.arange(int(0.9 * n), n + 1.0)
    least, most = np.zeros(trials.size), trials + 1.0  # counts that do not and do prove `needed`
    for _ in range(20):
        middle = np.floor((least + most) / 2).clip(1)
        inside = middle <= trials
        proves = inside & (betainc(middle, trials - np.minimum(middle, trials) + 1, needed) <= 1e-3)
        least, most = np.where(proves, least, middle), np.where(proves, middle, most)
    reached = betainc(most, (trials - most + 1).clip(1e-300), needed + gap) >= wanted
    assert trials[np.argmax(reached & (most <= trials))] == n


def test_certainty_needs_what_the_limit_of_all_successes_needs():
    # rho = 1: the smallest n with 0.001^(1/n) >= 0.75, that is log(0.001) / log(0.75) = 24.01
    assert required_samples(CUBE, radius=0.5, rho=1.0, alpha=1e-3) == 25


def test_out_of_reach():
    with pytest.raises(InvalidInputError, match=r"rho must be above 0\.75"):
        required_samples(CUBE, radius=0.5, rho=0.75, alpha=1e-3)
    with pytest.raises(InvalidInputError, match="more than 1e9 samples"):
        required_samples(CUBE, radius=0.5, rho=0.75000001, alpha=1e-3)
    for wrong in ({"radius": 0.0}, {"rho": 1.5}, {"alpha": 0.0}, {"power": 1.0}):
        arguments = {"radius": 0.5, "rho": 0.9, "alpha": 1e-3} | wrong
        with pytest.raises(InvalidInputError, match=next(iter(wrong))):
            required_samples(CUBE, **arguments)


def test_settings():
    assert check_settings(1e-3, 10, 1, CUBE) == (1e-3, 10, 1)
    with pytest.raises(InvalidInputError, match="n must be at least 10"):
        check_settings(1e-3, 9, 1, CUBE)
    with pytest.raises(InvalidInputError, match="at most 1000000000"):
        check_settings(1e-3, 10**10, 1, CUBE)
    useless = StandInRadius("uniform", scale=1e-323)
    with pytest.raises(InvalidInputError, match="large enough for a positive radius"):
        check_settings(1e-3, 10, 1, useless)
