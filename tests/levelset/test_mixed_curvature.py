"""The bound on the bend of D of mixed norms, against samples and against D itself."""

from __future__ import annotations

import numpy as np
import pytest
import sympy

from levelset.build import build_table
from levelset.mixed import MixedRay
from levelset.mixed_curvature import PowerOfMaximum, mixed_curvature, power_of_maximum
from levelset.ray import Ray
from levelset.worst_case import rays
from smoothing import families
from smoothing.structure import COORDINATE, RADIUS, Mixed


@pytest.mark.parametrize(("dim", "k"), [(2, 1), (3, 2), (10, 8)])
@pytest.mark.parametrize("r", [0.1, 1.5])
def test_the_bound_is_above_samples(dim: int, k: int, r: float) -> None:
    """M = E[(a - gamma)^2 + (d_u gamma)_-; q(z) < q(y)] by samples, which cutting only lowers."""
    count = 50_000
    y = families.mixed_linf_l2(dim, k=k).sample(count, np.random.default_rng(dim))
    z = y + r
    size = np.abs(z).max(axis=1)
    signs = np.sign(z[np.arange(count), np.abs(z).argmax(axis=1)])
    gamma = z.sum(axis=1) + k * signs / size
    rises = k * np.log(size / np.abs(y).max(axis=1)) + np.sum(z**2 - y**2, axis=1) / 2 > 0
    slope = dim * r
    values = rises * ((slope - gamma) ** 2 + np.maximum(k / size**2 - dim, 0))
    found = mixed_curvature(PowerOfMaximum(k, 1.0, dim), np.array([r]), np.array([slope]))[0]
    cut = 20 * np.mean(values)
    values = np.minimum(values, cut)
    # Empirical Bernstein bound (Maurer and Pontil 2009, Theorem 4), missed once in 10^9 runs.
    room = np.log(2e9)
    half = np.sqrt(2 * np.var(values, ddof=1) * room / count) + 7 * cut * room / (3 * (count - 1))
    assert np.mean(values) - half <= found
    # Larger ones would be valid and useless: losses are in proportion.
    assert found <= 4 * (np.mean(values) + half)


def test_d_bends_no_more_than_the_bound() -> None:
    """D + M r^2/2 lies below its chord along lines in (log kappa, r)."""
    ray = rays(families.mixed_linf_l2(2, k=1, scale=0.5), "linf")
    assert isinstance(ray, MixedRay)
    for r, step, log, slope in ((0.2, 0.1, 0.4, 2.0), (0.6, 0.4, 1.0, 4.0), (1.0, 0.5, 3.0, 1.0)):
        places = r + step * np.array([0.0, 0.5, 1.0])
        low, middle, high = (
            ray.hockey_stick(float(x), np.exp([log + slope * (x - r)])) for x in places
        )
        bend = np.max(ray.curvature(places, np.full(3, slope)))
        assert middle.lower[0] <= (low.upper[0] + high.upper[0]) / 2 + bend * step**2 / 8


def test_other_densities_have_no_bound() -> None:
    square = COORDINATE**2 / 2
    assert power_of_maximum(Mixed(2 * sympy.log(RADIUS) + 1, 3 * square, 3)) == (
        PowerOfMaximum(2.0, 3.0, 3)
    )
    for profile, phi in ((RADIUS, square), (sympy.log(RADIUS), COORDINATE**4)):
        ray = MixedRay(Mixed(profile, phi, 3), 1.0, "equal", None, None)
        assert np.all(ray.curvature(np.array([1.0]), np.array([1.0])) == np.inf)


@pytest.mark.slow
def test_a_table_lies_below_the_exact_radius() -> None:
    ray = rays(families.mixed_linf_l2(2, k=1), "linf")
    assert isinstance(ray, Ray)
    table = build_table(ray, radii=np.linspace(0.6, 1.3, 8))
    radius = 1.12
    tails = ray.tails(np.array([radius]))
    assert table.radius(tail=tails.tail_upper[0]) <= radius
    assert table.radius(tail=tails.tail_lower[0]) >= radius * (1 - table.info.relative_loss)
    # Steps alone lose up to 0.1/0.7 there.
    assert table.info.relative_loss < 0.05
