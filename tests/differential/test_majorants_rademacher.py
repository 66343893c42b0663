"""The bound of Phi for sums of signs: its proof in interval arithmetic, and sets of signs.

The sets are enumerated outright: in d <= 4 every vector of signs, and for each direction u and
probability p the best (randomised) set, which takes the largest values of <u, eps> first.
"""

from __future__ import annotations

import itertools
import json
import math
from pathlib import Path

import mpmath
import numpy as np
import pytest
import sympy
from flint import arb

import radii
from differential.majorants import known_bounds
from differential.majorants_rademacher import (
    PROFILE_END,
    PROFILE_SCALE,
    rademacher_bound,
    rademacher_profile,
)
from smoothing.norms import LpNorm
from smoothing.structure import COORDINATE, Marginal, Product

REFERENCE = Path(__file__).resolve().parents[3] / "shared" / "reference" / "beyond.json"
WHOLE = (-sympy.oo, sympy.oo)


def mirrored(p: np.ndarray) -> np.ndarray:
    """The profile on [0, 1], with 0 at both ends."""
    half = np.minimum(p, 1 - p)
    return np.where(half > 0, rademacher_profile(np.maximum(half, 1e-300)), 0.0)


def end_inequality(depth: arb) -> arb:
    """Left minus right side of (**) at b = 2 p0 - a, for z_a = -depth."""
    pi, e, root = arb.pi(), arb(1).exp(), arb(2).sqrt()
    tail = (1 / root).erfc() / 2
    scale = pi * e * tail
    last = scale * tail
    a = scale * (depth / root).erfc() / 2
    m = scale * (-depth * depth / 2).exp() / (2 * pi).sqrt()
    u = (last - a / 2).sqrt()
    return depth * m + depth * u - m / (4 * u) - arb("0.25") - 4 * last + 4 * a


def test_the_last_inequality_of_the_proof_holds_on_every_interval() -> None:
    # The smallest value is 0.0021 at z = -1.80; balls of radius 1/4000 resolve it.
    for k in range(6000):
        assert end_inequality(arb(1 + (k + 0.5) / 2000, 0.51 / 2000)) > 0
    # Beyond z = -4: m' m >= m/(4U) as U >= sqrt(p0/2) > 1/4, and m' U alone exceeds 4 p0 + 1/4.
    smallest = math.sqrt(PROFILE_END / 2)
    assert smallest > 0.25
    assert 4 * smallest > 4 * PROFILE_END + 0.25


def test_the_pieces_meet_with_slopes_that_fall() -> None:
    with mpmath.workdps(40):
        tail = mpmath.ncdf(-1)
        scale = mpmath.pi * mpmath.e * tail
        end = scale * tail
        assert abs(scale * mpmath.npdf(1) - mpmath.sqrt(end / 2)) < mpmath.mpf(10) ** -38
        # m' = -z = 1 on the left, 1/(4 sqrt(p/2)) on the right.
        assert 1 / (4 * mpmath.sqrt(end / 2)) < 1
        assert pytest.approx(float(scale), rel=1e-15) == PROFILE_SCALE
        assert pytest.approx(float(end), rel=1e-15) == PROFILE_END


def test_one_coordinate_more_never_exceeds_the_profile() -> None:
    # Only up to p0: beyond it sqrt(p/2) needs no induction.
    p = np.concatenate([np.geomspace(1e-12, 1e-3, 60), np.linspace(1e-3, PROFILE_END, 300)])[
        :, None
    ]
    x = np.linspace(0, 1, 801) * p
    squared = ((mirrored(p - x) + mirrored(p + x)) / 2) ** 2 + x**2
    # p + x and p - x round, which moves values of slope up to 7 by 1e-15 of them.
    assert np.all(np.sqrt(squared) <= mirrored(p) * (1 + 1e-14))


def test_profile_is_above_its_exact_value_and_near_it() -> None:
    points = [2.0**-100, 1e-20, 1e-7, 0.01, 0.125, 0.2149]
    with mpmath.workdps(50):
        scale = mpmath.pi * mpmath.e * mpmath.ncdf(-1)
        for p, value in zip(points, rademacher_profile(np.array(points)), strict=True):
            # log N keeps the scale of the tail, which the root finder needs.
            goal = mpmath.log(mpmath.mpf(p) / scale)
            start = -mpmath.sqrt(-2 * goal) * 0.9
            z = mpmath.findroot(lambda t, g=goal: mpmath.log(mpmath.ncdf(t)) - g, start)
            exact = scale * mpmath.npdf(z)
            assert exact <= mpmath.mpf(float(value)) <= exact * (1 + mpmath.mpf("4e-13"))


def test_no_set_of_signs_gains_more() -> None:
    generator = np.random.default_rng(20261121)
    p = np.unique(np.concatenate([np.arange(1, 65) / 128, generator.random(60) / 2]))
    bound = rademacher_profile(p)
    for dim in (1, 2, 3, 4):
        signs = np.array(list(itertools.product([1.0, -1.0], repeat=dim)))
        raw = np.abs(generator.normal(size=(1500, dim))) ** generator.choice([0.3, 1, 3], (1500, 1))
        vectors = np.concatenate([raw, np.tril(np.ones((dim, dim)))])
        vectors /= np.linalg.norm(vectors, axis=1)[:, None]
        ordered = np.sort(vectors @ signs.T, axis=1)[:, ::-1]
        # E[gamma; A] is linear in p between multiples of 2^-d.
        totals = np.hstack([np.zeros((len(ordered), 1)), np.cumsum(ordered, axis=1)]) / 2**dim
        levels = np.arange(2**dim + 1) / 2**dim
        best = np.max([np.interp(p, levels, row) for row in totals], axis=0)
        assert np.all(best <= bound)
    # A subcube of codimension k has level-1 weight k 4^-k: exact at p = 1/2 and 1/4.
    for k in (1, 2, 3, 8, 20):
        assert math.sqrt(k) * 2.0**-k <= rademacher_profile(np.array([2.0**-k]))[0]
    assert rademacher_profile(np.array([0.25]))[0] == pytest.approx(math.sqrt(2) / 4, rel=1e-12)


def test_a_ball_of_signs_in_high_dimension_stays_below() -> None:
    # u = (1, ..., 1)/sqrt(n) and n = 4001: the sets {sum eps > t}, exactly from binomials.
    n = 4001
    count = np.arange(n + 1)
    logs = np.array(
        [math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1) for k in count]
    )
    mass = np.exp(logs - n * math.log(2))[::-1]
    value = ((2.0 * count - n) / math.sqrt(n))[::-1]
    p, gain = np.cumsum(mass), np.cumsum(mass * value)
    inside = (p > 1e-25) & (p <= 0.5)
    bound = rademacher_profile(p[inside])
    assert np.all(gain[inside] <= bound)
    # The bound is tight in the limit: below 4 % at p near 1e-20.
    deep = np.argmin(np.abs(np.log(p[inside]) - math.log(1e-20)))
    assert bound[deep] < 1.04 * gain[inside][deep]


def test_the_bound_serves_constant_slopes_only() -> None:
    laplace = Product((Marginal(abs(COORDINATE), WHOLE, 5),), 5)
    gaussian = Product((Marginal(COORDINATE**2 / 2, WHOLE, 5),), 5)
    names = {b.winner(0.1): b for b in known_bounds([laplace], LpNorm(2), 5)[0]}
    assert "sums of signs" in names
    assert float(names["sums of signs"](0.1)) == pytest.approx(
        float(rademacher_bound(1.0)(0.1)), rel=2e-12
    )
    other = [b.winner(0.1) for b in known_bounds([gaussian], LpNorm(2), 5)[0]]
    assert "sums of signs" not in other


def test_weights_of_several_scales_take_the_steepest() -> None:
    marginals = tuple(Marginal(c * abs(COORDINATE), WHOLE, 2) for c in (1, 3))
    product = Product(marginals, 4, ((0, 1), (2, 3)))
    (bound,) = (
        b for b in known_bounds([product], LpNorm(2), 4)[0] if b.winner(0.1) == "sums of signs"
    )
    assert float(bound(0.1)) == pytest.approx(3 * float(rademacher_bound(1.0)(0.1)), rel=2e-12)


@pytest.mark.skipif(not REFERENCE.exists(), reason="the reference folder is absent")
def test_laplace_radii_lie_between_the_reference_limits() -> None:
    rows = [r for r in json.loads(REFERENCE.read_text()) if "any_dimension_at_least" in r]
    assert rows
    laplace = radii.SmoothingDistribution.parse("norm(x, 1)", dim=3072)
    radius = radii.derive(laplace, "l2", route="quadrature")
    for row in rows:
        tail = float(row["tail"])
        value = float(radius(1 - tail))
        # The reference value is that of exponential moments, from 1 - rho with 1e-16 of rounding.
        assert value >= float(row["any_dimension_at_least"]) * (1 - 1e-8)
        # d -> infinity: Phi cannot be below the Gaussian profile.
        gaussian = -float(mpmath.sqrt(2) * mpmath.erfinv(2 * mpmath.mpf(row["tail"]) - 1))
        assert value <= min(float(row["at_most"]), gaussian)
    assert float(radius(0.99)) > 2.12
