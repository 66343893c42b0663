"""Hockey-stick divergences against integrals written down again from their definition.

Nothing of the engine is used for the expected numbers: inverses are Lambert's W, laws of ||x - v||
given ||x|| are elementary in the dimensions chosen, and mpmath integrates between the kinks.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import mpmath as mp
import numpy as np
import pytest

from levelset import growth_function, rays
from levelset.ray import Ray
from smoothing import families
from smoothing.distribution import SmoothingDistribution

#: 16 digits are four more than are compared, and quadrature between kinks keeps them.
DIGITS = 16
#: What the engine states as its rounding (2e-13 relative), and what mpmath may leave.
SLACK = 1e-11
#: Panels of smaller mass than 1e-19 are left out of integrals over the radius.
LEFT_OUT = 1e-18

Law = Callable[[mp.mpf, mp.mpf, mp.mpf], mp.mpf]


def sphere_in_space(s: mp.mpf, t: mp.mpf, r: mp.mpf) -> mp.mpf:
    """P[||x - v|| <= t given ||x|| = s] in d = 3, where a coordinate on the sphere is uniform."""
    return min(max((t**2 - (s - r) ** 2) / (4 * s * r), mp.mpf(0)), mp.mpf(1))


def cross_polytope_in_space(s: mp.mpf, t: mp.mpf, r: mp.mpf) -> mp.mpf:
    """The same for ||.||_1 and r e_1: x_1 <= 0 leaves t = s + r, else t = s + r - 2 min(x_1, r)."""
    if t >= s + r:
        return mp.mpf(1)
    least = (s + r - t) / 2
    # |x_1|/s is Beta(1, 2) in d = 3
    return (1 - least / s) ** 2 / 2 if least <= min(r, s) else mp.mpf(0)


def divergence(law: Law, j: float, r: float, kappa: float) -> mp.mpf:
    """D(kappa) in d = 3 for psi = s + j log s: p1 - kappa p0, each one integral over a radius."""
    with mp.workdps(DIGITS):
        pole, shift, level = mp.mpf(j), mp.mpf(r), mp.log(mp.mpf(kappa))

        def inverse(y: mp.mpf) -> mp.mpf:
            # s + j log s = y
            return pole * mp.lambertw(mp.exp(y / pole) / pole).real

        def cut(s: mp.mpf, sign: int) -> mp.mpf:
            return inverse(s + pole * mp.log(s) + sign * level)

        def kinks(sign: int) -> list[mp.mpf]:
            """Radii at which the cut passes s + r or |s - r|."""
            found = [shift]
            grid = [mp.mpf(10) ** mp.mpf(e / 12) for e in range(-60, 20)]
            for edge in (lambda s: s + shift, lambda s: abs(s - shift)):
                gap = [cut(s, sign) - edge(s) for s in grid]
                for a, b, fa, fb in zip(grid, grid[1:], gap, gap[1:], strict=False):
                    if fa * fb < 0:
                        found.append(
                            mp.findroot(lambda s, e=edge: cut(s, sign) - e(s), (a, b), "anderson")
                        )
            return found

        # s = u^(1/(3 - j)) takes the pole out of the density s^(2 - j) e^-s.
        power = 1 / (3 - pole)
        ends = [mp.mpf(0), mp.mpf("0.05"), mp.mpf(1), mp.mpf(4), mp.mpf(12), mp.mpf(50)]

        def mass(sign: int, below: bool) -> mp.mpf:
            def integrand(u: mp.mpf) -> mp.mpf:
                s = u**power
                inside = law(s, cut(s, sign), shift)
                return mp.exp(-s) * (inside if below else 1 - inside)

            points = sorted({s ** (1 / power) for s in [*ends, *kinks(sign)]})
            return mp.quad(integrand, points) * power / mp.gamma(3 - pole)

        return mass(1, False) - mp.mpf(kappa) * mass(-1, True)


@pytest.mark.parametrize(("r", "kappa"), [(0.05, 1.4), (1.0, 7.0)])
def test_a_pole_in_space_under_euclidean_shifts(r: float, kappa: float) -> None:
    q = families.exp_l2(3, k=1, j=2.5)
    found = growth_function(q, [0.0, r, 0.0]).hockey_stick(kappa)
    exact = float(divergence(sphere_in_space, 2.5, r, kappa))
    assert found.lower - SLACK <= exact <= found.upper + SLACK
    assert found.width < 1e-9


def test_a_pole_in_space_of_cross_polytopes_and_cubes() -> None:
    r, kappa = 0.4, 3.0
    exact = float(divergence(cross_polytope_in_space, 2.5, r, kappa))
    axis = growth_function(families.exp_l1(3, k=1, j=2.5), [0.0, 0.0, -r])
    diagonal = growth_function(families.exp_linf(3, k=1, j=2.5), np.full(3, r))
    for growth in (axis, diagonal):
        found = growth.hockey_stick(kappa)
        assert found.lower - SLACK <= exact <= found.upper + SLACK
        assert found.width < 1e-9


@pytest.mark.parametrize("r", [1e-4, 0.7, 3.0])
def test_gumbel_noise_is_not_symmetric(r: float) -> None:
    # F(t) = exp(-e^-t) and log L = r - e^-t (e^r - 1) rises for r > 0, so that L > kappa on a half
    # line; by reflection of the roles D_{-r}(kappa) = kappa D_r(1/kappa) + 1 - kappa.
    q = SmoothingDistribution.parse("x[0] + exp(-x[0])", dim=1)

    def exact(kappa: float) -> float:
        if math.log(kappa) >= r:
            return 0.0
        z = (r - math.log(kappa)) / math.expm1(r)  # e^-t at the cut
        return -math.expm1(-z * math.exp(r)) + kappa * math.expm1(-z)

    for kappa in (0.3, 0.9999, 1.0, 1.5, 10.0):
        up = growth_function(q, [r]).hockey_stick(kappa)
        down = growth_function(q, [-r]).hockey_stick(kappa)
        reflected = kappa * exact(1 / kappa) + 1 - kappa
        assert up.lower - 1e-14 <= exact(kappa) <= up.upper + 1e-14
        assert down.lower - 1e-14 * kappa <= reflected <= down.upper + 1e-14 * kappa


def test_the_largest_ball() -> None:
    # Two caps (Yang et al., I.19): the overlap of balls is I(1 - h^2; (d + 1)/2, 1/2), h = r/2.
    dim, r = 150_528, 0.004
    with mp.workdps(30):
        h = mp.mpf(r) / 2
        a = mp.mpf(dim + 1) / 2
        # 1 - I is a short integral from 0 to h^2, free of cancellation
        gone = mp.quad(lambda u: (1 - u * u) ** (a - 1), [0, h]) * 2 / mp.beta(a, mp.mpf(1) / 2)
    found = growth_function(families.uniform_ball(dim), np.eye(1, dim, 7).ravel() * r)
    total = found.total_variation()
    # h is rounded once, and the overlap bends like sqrt(dim) at most
    assert total.lower - 1e-12 <= float(gone) <= total.upper + 1e-12
    assert total.width < 1e-12


@pytest.mark.parametrize("r", [1e-6, 1.0, 8.0])
@pytest.mark.parametrize("dim", [2, 150_528])
def test_extreme_multipliers_probabilities_and_shifts_of_gaussians(dim: int, r: float) -> None:
    shift = np.zeros(dim)
    shift[-1] = r
    growth = growth_function(families.gaussian(dim), shift)
    with mp.workdps(40):
        for p in (1e-12, 0.5, 1 - 1e-9):
            z = mp.sqrt(2) * mp.erfinv(2 * mp.mpf(p) - 1)
            exact, found = mp.ncdf(z + mp.mpf(r)), growth(p)
            assert found.lower * (1 - 1e-15) - LEFT_OUT <= exact
            assert exact <= found.upper * (1 + 1e-15) + LEFT_OUT
        for kappa in (1e-8, 1.0, 1e12):
            z = mp.log(mp.mpf(kappa)) / mp.mpf(r)
            exact = mp.ncdf(mp.mpf(r) / 2 - z) - mp.mpf(kappa) * mp.ncdf(-mp.mpf(r) / 2 - z)
            found = growth.hockey_stick(kappa)
            assert found.lower * (1 - 1e-15) - LEFT_OUT <= exact
            assert exact <= found.upper * (1 + 1e-15) + LEFT_OUT


def test_rays_of_poles_meet_their_own_divergence() -> None:
    # Duality: no multiplier certifies a larger tail than Algorithm 1 finds.
    ray = rays(families.exp_l1(2, k=1, j=1.5), "l1")
    assert isinstance(ray, Ray)
    found = ray.tails(np.array([0.02, 0.3]))
    for radius, best, upper in zip(found.radii, found.kappa, found.tail_upper, strict=True):
        kappa = best * np.exp(np.linspace(-0.5, 0.5, 9))
        divergences = ray.hockey_stick(float(radius), kappa)
        assert np.all((0.5 - divergences.upper) / kappa <= upper * (1 + 1e-12))
