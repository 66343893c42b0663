"""Limits that hold at all times: against integrals, and coverage by exact dynamic programming."""

from __future__ import annotations

import numpy as np
import pytest
from mpmath import mp
from scipy.special import betaln, gammaln

from certify.confidence import clopper_pearson_lower
from certify.rule_text import check_rule, lower_limit
from certify.sequential import (
    LARGEST_ALPHA,
    capped_lower,
    confidence_sequence_lower,
    log_wealth,
    looks,
)
from certify.stopping import FixedRule, GainRule, TargetRule, smallest_count
from numerics.errors import InvalidInputError
from tests.reference.stand_in_radius import StandInRadius

GAUSSIAN = StandInRadius("gaussian", scale=0.5)


def wealth(k: int, f: int, p: float) -> mp.mpf:
    """The wealth as the average over theta in [p, 1] of what betting on theta wins."""
    q = mp.mpf(p)
    peak = max(q, mp.mpf(k) / (k + f))
    spread = mp.sqrt(peak * (1 - peak) / (k + f)) + mp.mpf(1) / (k + f)
    cuts = sorted({q, mp.mpf(1), *(min(mp.mpf(1), max(q, peak + i * spread)) for i in (-8, 0, 8))})
    value = mp.quad(lambda t: (t / q) ** k * ((1 - t) / (1 - q)) ** f, cuts)
    return value / (1 - q)


@pytest.mark.parametrize("p", [0.3, 0.5, 0.9, 0.999])
def test_wealth_is_that_of_the_definition_rounded_down(p):
    """The budget is 2^-30 plus 2^-48 of terms below 2e4: together below 2e-9."""
    with mp.workdps(30):
        for n in (1, 7, 100, 1500):
            for share in (p, (1 + p) / 2, 1.0):
                k = round(n * share)
                exact = mp.log(wealth(k, n - k, p))
                assert 0 <= exact - mp.mpf(float(log_wealth(k, n - k, p))) < 2e-9


@pytest.mark.parametrize("n", [10**6, 10**9])
def test_wealth_of_many_votes_stays_below(n):
    """All successes have a closed form: (1 - p^(n+1)) / ((n+1) (1-p) p^n).

    The budget at 1e9 is 2^-48 of n log n, 8e-5.
    """
    with mp.workdps(40):
        for p in (0.5, 0.9, 1 - 1e-6):
            q = mp.mpf(p)
            exact = mp.log((1 - q ** (n + 1)) / ((n + 1) * (1 - q))) - n * mp.log(q)
            assert 0 <= exact - mp.mpf(float(log_wealth(n, 0, p))) < 2e-4


def test_wealth_is_fair_at_p_and_unfavourable_below():
    """Expected wealth after n votes, summed over all counts: 1 at p, at most 1 below."""
    n = np.arange(1, 200)
    for p in (0.5, 0.8, 0.99):
        for truth, least in ((p, 1 - 1e-7), (p - 0.05, 0.0)):
            for total in n[::37]:
                k = np.arange(total + 1)
                log_pmf = binomial_log_pmf(k, total, truth)
                mean = float(np.exp(log_pmf + log_wealth(k, total - k, p)).sum())
                assert least <= mean <= 1.0


def binomial_log_pmf(k, n, p):
    choose = gammaln(n + 1.0) - gammaln(k + 1.0) - gammaln(n - k + 1.0)
    return choose + k * np.log(p) + (n - k) * np.log1p(-p)


def test_rejected_hypotheses_form_an_interval():
    p = np.linspace(1e-4, 1 - 1e-4, 4001)
    for k, n in ((3, 3), (40, 50), (999, 1000), (1, 2000), (1500, 3000)):
        rejected = log_wealth(k, n - k, p) >= 1.0  # alpha = 1/e, the largest legal one
        assert (np.diff(rejected.astype(int)) <= 0).all()
        limit = float(confidence_sequence_lower(k, n, LARGEST_ALPHA))
        assert (p[rejected] <= limit).all()
        assert (p[~rejected] >= limit).all()


def failure(rule, p):
    """P[the limit where the rule stops exceeds p], by stepping through the looks.

    `weight[k]` is the probability of having k successes and not having stopped.
    """
    weight, before, failed, stopped = np.ones(1), 0, 0.0, 0.0
    for look in rule.looks:
        more = look - before
        weight = np.convolve(weight, np.exp(binomial_log_pmf(np.arange(more + 1.0), more, p)))
        for k in np.flatnonzero(weight > 1e-14):  # at most 400 * 400 of them: below 2e-9 in all
            if rule.stops(int(k), look):
                stopped += weight[k]
                failed += weight[k] * (rule.limit(int(k), look) > p)
                weight[k] = 0.0
        before = look
    assert stopped == pytest.approx(1.0, abs=1e-8)
    return failed + abs(1.0 - stopped)


ALPHA = 0.05


@pytest.mark.parametrize("p", [0.55, 0.84, 0.86, 0.95])
@pytest.mark.parametrize("mode", ["fixed", "target", "gain"])
def test_coverage_by_dynamic_programming(mode, p):
    """No simulation: the probability of a wrong limit is summed over all paths of votes."""
    rule = {
        "fixed": FixedRule(300, ALPHA),
        # needed: the probability of radius 0.5 at scale 0.5, the standard normal's at 1
        "target": TargetRule(400, ALPHA, 0.8413447460685430, 0.5),
        "gain": GainRule(200, ALPHA, 0.02, 40, GAUSSIAN),
    }[mode]
    assert failure(rule, p) <= ALPHA


def test_coverage_just_above_the_limit_of_a_path():
    """The worst truths lie just below a limit that can occur; there alpha is nearly spent."""
    rule = FixedRule(300, ALPHA)
    limits = clopper_pearson_lower(np.arange(240, 301, 6), 300, ALPHA)
    rates = [failure(rule, np.nextafter(limit, 0.0)) for limit in limits]
    assert max(rates) <= ALPHA
    assert max(rates) > 0.99 * ALPHA
    target = TargetRule(200, ALPHA, 0.8, 0.4)
    assert failure(target, 0.8 - 1e-9) <= ALPHA
    gain = GainRule(150, ALPHA, 0.05, 30, GAUSSIAN)
    for k in (100, 120, 145):
        truth = float(gain.limit(k, 150))
        assert failure(gain, np.nextafter(truth, 0.0)) <= ALPHA


def test_looking_after_every_vote_keeps_the_confidence_sequence():
    """Stop at the first limit above the truth: ever, within 400 votes, at most alpha."""
    for p in (0.6, 0.8, 0.9):
        weight, failed = np.ones(1), 0.0
        for n in range(1, 401):
            weight = np.convolve(weight, [1 - p, p])
            k = np.arange(n + 1)
            # The limit exceeds p exactly where p is rejected (tested above).
            wrong = log_wealth(k, n - k, p) >= -np.log(ALPHA)
            failed += weight[wrong].sum()
            weight[wrong] = 0.0
        assert 0.1 * ALPHA < failed <= ALPHA  # and it is not idle


def test_target_decides():
    rule = TargetRule(10_000, 1e-3, 0.9, 0.5)
    assert not rule.stops(30, 32)
    assert rule.stops(256, 256)
    assert rule.limit(256, 256) >= 0.9
    assert rule.stops(10, 32)  # hopeless
    least = smallest_count(10_000, 0.9, 5e-4)
    assert least is not None
    assert clopper_pearson_lower(least, 10_000, 5e-4) >= 0.9
    assert clopper_pearson_lower(least - 1, 10_000, 5e-4) < 0.9
    assert rule.stops(least - 2, 9999)  # one vote left, two needed
    assert not rule.stops(least - 1, 9999)
    assert rule.stops(least, 10_000)
    assert rule.limit(least, 10_000) >= 0.9
    assert rule.limit(least - 1, 10_000) < 0.9


def test_limits_of_all_paths_decide_alike():
    """Wherever the wealth says yes, the limit is at least what is needed, and vice versa."""
    rule = TargetRule(2000, 1e-3, 0.8, 0.5)
    for n in (64, 500, 1999):
        for k in range(int(0.8 * n), n + 1, max(1, n // 50)):
            yes = log_wealth(k, n - k, 0.8) >= np.log(2000)
            assert (rule.limit(k, n) >= 0.8) == yes
            assert not yes or rule.stops(k, n)


def test_gain_stops_when_another_step_is_not_worth_it():
    rule = GainRule(10_000, 1e-3, 0.01, 100, GAUSSIAN)
    assert rule.looks[:2] == (100, 200)
    assert rule.looks[-1] == 10_000
    for count, n in ((95, 100), (2850, 3000), (9000, 9900)):
        now = float(GAUSSIAN(rule.limit(count, n)))
        best = float(GAUSSIAN(rule.limit(count + 100, n + 100)))
        assert rule.stops(count, n) == (best - now <= 0.01)
    assert not rule.stops(100, 100)
    assert rule.stops(20, 100)  # no step brings it above 1/2


def test_capped_limit_gives_away_little():
    """At the cap the limit is Clopper-Pearson's at alpha/2, before it is the sequence's."""
    assert capped_lower(950, 1000, 1000, 1e-3) == clopper_pearson_lower(950, 1000, 5e-4)
    assert capped_lower(950, 1000, 2000, 1e-3) == confidence_sequence_lower(950, 1000, 5e-4)


def test_looks_end_at_the_cap():
    for cap in (1, 31, 32, 33, 100, 100_000, 12_345):
        steps = looks(cap)
        assert steps[-1] == cap
        assert (np.diff(steps) > 0).all()


def test_rules_as_text():
    for text, n in (("fixed", 5), ("anytime 7", 7), ("classes 10 top 2", 5)):
        assert check_rule(text, n) == text
    for text in ("", "Fixed", "anytime", "anytime 4", "anytime 1e3", "classes 10", "fixed "):
        with pytest.raises(ValueError, match="rule is"):
            check_rule(text, 5)
    with pytest.raises(InvalidInputError, match="rule must be"):
        lower_limit("best", 1, 2, 0.1)
    with pytest.raises(InvalidInputError, match="alpha must be at most 1/e"):
        confidence_sequence_lower(1, 2, 0.5)


def test_numbers_are_those_of_independent_arithmetic():
    # log Beta(21, 1) - 20 log(1/2) + log(1 - 2^-21) - log(1/2), all successes at p = 1/2
    expected = betaln(21, 1) + 21 * np.log(2) + np.log1p(-(0.5**21))
    assert log_wealth(20, 0, 0.5) == pytest.approx(expected, abs=2e-9)
