"""Radii from the votes of all classes: Gaussian closed forms, simplex attacks, logs."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.special import ndtr, ndtri

import radii
from certify.confidence import clopper_pearson_lower, clopper_pearson_upper
from certify.log_reader import read_log
from certify.multiclass import ClassLimits, class_limits, multiclass_radius
from certify.recertify import recertify_log
from certify.smoothed_classifier import SmoothedClassifier
from numerics.errors import InvalidInputError, LogFormatError
from smoothing import families
from tests.reference.stand_in_radius import StandInRadius

DIM = 8
Q = families.gaussian(DIM, sigma=0.5)


@pytest.fixture(scope="module")
def radius():
    return radii.derive(Q, "l2")


@pytest.mark.parametrize(("p_a", "p_b"), [(0.45, 0.3), (0.6, 0.2), (0.9, 0.05), (0.999, 1e-4)])
def test_runner_up_of_gaussian_noise(radius, p_a, p_b):
    """Cohen et al. (2019), Theorem 1: sigma/2 (ndtri(p_A) - ndtri(p_B)); never above it.

    Growth is rounded up with a relative budget near 1e-10, which moves the radius as much.
    """
    found = multiclass_radius(ClassLimits(p_a, (p_b, p_b / 2)), radius)
    exact = 0.25 * (ndtri(p_a) - ndtri(p_b))
    assert exact * (1 - 1e-8) <= found <= exact


def test_without_a_bound_on_the_runner_up_it_is_the_binary_radius(radius):
    for p in (0.55, 0.9, 0.9999):
        found = multiclass_radius(ClassLimits(p, (1.0,)), radius)
        assert float(radius(p)) * (1 - 1e-8) <= found <= 0.5 * ndtri(p)
    assert multiclass_radius(ClassLimits(0.5, (1.0,)), radius) == 0.0
    assert multiclass_radius(ClassLimits(0.3, (0.3,)), radius) == 0.0


def test_top_k_against_half_spaces(radius):
    """Equal rivals that share a half space evenly, cut along another direction, all grow alike.

    Opposite to class A's half space, that attack is feasible: A leaves the top k where
    ndtr(ndtri(k s) + r/sigma) / k meets ndtr(ndtri(p_A) - r/sigma). The certificate must stay below
    that radius and, the attack being the worst, comes as close as the grid.
    """
    r = np.linspace(0, 2, 200_001)
    for p_a, share in ((0.4, 0.2), (0.3, 0.1), (0.6, 0.05)):
        for k in (1, 2, 3):
            found = multiclass_radius(ClassLimits(p_a, (share,) * 4), radius, top=k)
            left = ndtr(ndtri(p_a) - r / 0.5)
            together = ndtr(ndtri(k * share) + r / 0.5) / k
            attack = r[np.argmax(together >= left)]
            assert attack - 2e-5 <= found <= attack  # the grid's step is 1e-5


def test_top_k_grows_with_k(radius):
    limits = ClassLimits(0.4, (0.25, 0.2, 0.15))
    values = [multiclass_radius(limits, radius, top=k) for k in (1, 2, 3, 4)]
    assert values == sorted(values)
    assert values[3] == math.inf  # four classes in all
    # The smaller of two rivals alone cannot pass A sooner than this.
    assert values[1] >= multiclass_radius(ClassLimits(0.4, (0.2,)), radius)


def test_limits_hold_at_once():
    limits = class_limits([50, 900, 30, 20], selected=1, classes=6, alpha=0.01)
    assert limits.lower == clopper_pearson_lower(900, 1000, 0.005)
    expected = clopper_pearson_upper([50, 30, 20, 0, 0], 1000, 0.005 / 5)
    assert limits.upper == tuple(expected.tolist())
    with pytest.raises(InvalidInputError, match="classes must be at least 4"):
        class_limits([1, 2, 3, 4], selected=0, classes=3, alpha=0.01)
    with pytest.raises(InvalidInputError, match="classes"):
        class_limits([5], selected=0, classes=1, alpha=0.01)


def test_coverage_of_all_limits_by_summation():
    """P[some limit is wrong], summed over all counts of three classes: at most alpha."""
    n, alpha = 30, 0.2
    log_factorial = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, n + 1)))])
    for p in ((0.5, 0.3, 0.2), (0.8, 0.19, 0.01), (0.34, 0.33, 0.33)):
        failed = 0.0
        for a in range(n + 1):
            for b in range(n + 1 - a):
                c = n - a - b
                limits = class_limits([a, b, c], selected=0, classes=3, alpha=alpha)
                uppers = limits.upper if b >= c else limits.upper[::-1]
                if limits.lower > p[0] or uppers[0] < p[1] or uppers[1] < p[2]:
                    choose = log_factorial[n] - log_factorial[[a, b, c]].sum()
                    failed += float(np.exp(choose + np.dot([a, b, c], np.log(p))))
        assert 0.0 < failed <= alpha


class Thirds(torch.nn.Module):
    """Three classes by the first coordinate: below -0.1, above 0.3, and between."""

    def forward(self, x):
        x0 = x.flatten(1)[:, 0]
        return torch.stack([-0.1 - x0, torch.zeros_like(x0), x0 - 0.3], dim=1)


def test_certified_below_one_half_and_logged(tmp_path, radius):
    smoothed = SmoothedClassifier(Thirds().eval(), Q, radius)
    image = torch.full((2, DIM), -0.15)
    image[1] = 0.1
    path = tmp_path / "run.tsv"
    batch = smoothed.certify(image, labels=[0, 1], n=20_000, top=1, log=path)
    # By the plane at -0.1 class 0 of the first image is the largest until x0 has moved so far that
    # it meets the class above 0.3 or between; probabilities 0.54, 0.28, 0.18.
    first = batch[0]
    assert first.rule == "classes 3 top 1"
    assert sum(count for _, count in first.votes) == 20_000
    p = [ndtr(0.1), ndtr(0.9) - ndtr(0.1), 1 - ndtr(0.9)]
    shares = [dict(first.votes)[c] / 20_000 for c in range(3)]
    assert shares == pytest.approx(p, abs=0.02)  # five standard deviations, seed 0
    assert 0.0 < first.radius <= 0.25 * (ndtri(p[0]) - ndtri(p[1]))
    assert batch[1].status.value == "abstained" or batch[1].radius > 0
    top = smoothed.certify(image[:1], n=20_000, top=2)[0]
    assert top.radius > first.radius
    log = read_log(path, verify=radius)
    assert log.records[0].votes == first.votes
    again = recertify_log(path, radii.derive(Q, "linf"))
    assert again.radius[0] == pytest.approx(first.radius / DIM**0.5, rel=1e-6)
    assert again.radius[0] <= first.radius / DIM**0.5 * (1 + 1e-9)
    text = path.read_text()
    votes = ",".join(f"{c}:{k}" for c, k in first.votes)
    path.write_text(text.replace(votes, votes.replace(":", ":1", 1)))
    with pytest.raises(LogFormatError, match="votes is"):
        read_log(path)


def test_what_cannot_be_done_is_refused(radius):
    def never(x):
        raise AssertionError("a forward pass was made")

    smoothed = SmoothedClassifier(never, Q, radius, classes=3)
    image = torch.zeros(1, DIM)
    for options in ({"top": 3}, {"top": 0}, {"top": 1, "target": 0.1}, {"top": 1, "gain": 0.1}):
        with pytest.raises(InvalidInputError, match="top must be"):
            smoothed.certify(image, n=1000, **options)
    stand_in = StandInRadius("gaussian", scale=0.5, dim=DIM, adversary="l2")
    with pytest.raises(InvalidInputError, match="one with `growth`"):
        SmoothedClassifier(never, Q, stand_in).certify(image, n=1000, top=1)
    numbers = SmoothedClassifier(lambda x: torch.zeros(len(x), dtype=torch.long), Q, radius)
    with pytest.raises(InvalidInputError, match="pass classes="):
        numbers.certify(image, n=1000, top=1)
