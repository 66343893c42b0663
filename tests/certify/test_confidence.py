"""Clopper–Pearson limits: exact coverage, agreement with high precision, and the safe side."""

from __future__ import annotations

import flint
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mpmath import mp

from certify import confidence
from certify.confidence import clopper_pearson_lower, clopper_pearson_upper, smallest_sample_size
from numerics.errors import InvalidInputError


def upper_tail(k: int, n: int, p: float) -> flint.arb:
    """P[Binomial(n, p) >= k] in ball arithmetic, through the incomplete beta function."""
    with flint.ctx.workprec(300):
        return flint.arb(p).beta_lower(k, n - k + 1, True)


def pairs() -> st.SearchStrategy[tuple[int, int]]:
    return st.integers(1, 10**9).flatmap(lambda n: st.tuples(st.integers(1, n), st.just(n)))


@given(pairs(), st.sampled_from([1e-12, 1e-6, 1e-3, 0.05, 0.5, 0.9]))
def test_lower_limit_is_on_the_safe_side_and_close(pair, alpha):
    k, n = pair
    limit = float(clopper_pearson_lower(k, n, alpha))
    assert upper_tail(k, n, limit) <= alpha  # proved: not above the exact limit
    # and at most 1e-9 below it: moving up by that much crosses the exact limit
    assert limit == 1.0 or upper_tail(k, n, min(limit * (1 + 1e-9), 1.0)) >= alpha


@given(pairs(), st.sampled_from([1e-12, 1e-3, 0.5, 0.9]))
def test_the_error_bound_of_betainc_that_the_proof_uses(pair, alpha):
    k, n = pair
    p = float(clopper_pearson_lower(k, n, alpha))
    exact = upper_tail(k, n, p)
    relative = abs(float((flint.arb(float(confidence.betainc(k, n - k + 1.0, p))) - exact) / exact))
    # Half of the bound in the source: measured errors stay below 1.3e-11.
    assert relative < confidence._BETAINC_ERROR / 2


@pytest.mark.parametrize("n", [1, 2, 7, 30, 101])
@pytest.mark.parametrize("alpha", [1e-3, 0.05])
def test_coverage_by_exact_summation(n, alpha):
    """P_p[limit > p] <= alpha at every p, worst just below a limit, by binomial sums in mpmath."""
    limits = clopper_pearson_lower(np.arange(n + 1), n, alpha)
    # The miss probability at p is P[K >= smallest k with limit(k) > p]; between limits it grows
    # with p, so its supremum is approached from below each limit: there are n values to try.
    worst = mp.mpf(0)
    with mp.workdps(40):
        for j in range(1, n + 1):
            p = mp.mpf(float(limits[j]))
            miss = mp.fsum(mp.binomial(n, i) * p**i * (1 - p) ** (n - i) for i in range(j, n + 1))
            worst = max(worst, miss)
            assert miss <= alpha
    # The limits are not wasteful either: the bound is attained to 1e-8 (they are rounded down).
    assert worst >= alpha * (1 - 1e-8)


def test_known_values():
    # alpha^(1/n) for n of n successes; 1 - (1 - alpha)^(1/n) for one
    assert float(clopper_pearson_lower(100_000, 100_000, 1e-3)) == pytest.approx(
        0.001**1e-5, rel=1e-13
    )
    assert float(clopper_pearson_lower(1, 50, 0.05)) == pytest.approx(
        -np.expm1(np.log1p(-0.05) / 50), rel=1e-9
    )
    assert float(clopper_pearson_lower(0, 10, 0.05)) == 0.0
    assert float(clopper_pearson_upper(10, 10, 0.05)) == 1.0


@given(st.integers(1, 10**6).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_upper_limit_mirrors_the_lower_one_and_rounds_up(pair):
    k, n = pair
    upper = float(clopper_pearson_upper(k, n, 1e-3))
    assert float(clopper_pearson_lower(k, n, 1e-3)) <= k / n <= upper <= 1.0
    if k < n:
        with flint.ctx.workprec(300):
            below = 1 - upper_tail(k + 1, n, upper)  # P[K <= k] at the limit
        assert below <= 1e-3


def test_vectorised_and_monotone():
    k = np.arange(0, 1001)
    limits = clopper_pearson_lower(k, 1000, 1e-3)
    assert limits.shape == (1001,)
    assert (np.diff(limits) > 0).all()
    assert clopper_pearson_lower([[5], [6]], [10, 20], 0.1).shape == (2, 2)


@pytest.mark.parametrize(
    ("k", "n", "message"),
    [
        (11, 10, "at most the number of trials \\(10\\), got 11"),
        (-1, 10, "successes must be whole numbers >= 0"),
        (1, 0, "trials must be whole numbers from 1"),
        (1, 10**10, "trials must be"),
        (0.5, 10, "whole numbers"),
        (float("nan"), 10, "whole numbers"),
    ],
)
def test_bad_counts(k, n, message):
    with pytest.raises(InvalidInputError, match=message):
        clopper_pearson_lower(k, n, 1e-3)


@pytest.mark.parametrize("alpha", [0.0, 1.0, -1e-3, float("nan")])
def test_bad_alpha(alpha):
    with pytest.raises(InvalidInputError, match="alpha"):
        clopper_pearson_lower(5, 10, alpha)


@pytest.mark.parametrize("alpha", [0.4, 0.25, 1e-3, 2.0**-20, 1e-12])
def test_smallest_sample_size(alpha):
    n = smallest_sample_size(alpha)
    assert float(clopper_pearson_lower(n, n, alpha)) > 0.5
    assert n == 1 or not float(clopper_pearson_lower(n - 1, n - 1, alpha)) > 0.5
