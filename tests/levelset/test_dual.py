"""The search for multipliers stays an enclosure when noise leads it astray."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ndtr, ndtri

from levelset.dual import growth_from_divergence, tails_from_divergence
from numerics.bounds import Bounds
from numerics.rounding import FloatArray


def test_noise_that_hides_the_multiplier_leaves_an_enclosure() -> None:
    """Standard Gaussian along e_1, with upper ends of D that never fall below 1/2.

    D(kappa) = N(r/2 - log(kappa)/r) - kappa N(-r/2 - log(kappa)/r); the exact tail is N(-r).
    """

    def divergence(radius: float, kappa: FloatArray) -> Bounds:
        level = np.log(kappa) / radius
        exact = ndtr(radius / 2 - level) - kappa * ndtr(-radius / 2 - level)
        return Bounds(np.maximum(exact - 1e-12, 0.0), np.maximum(exact, 0.5 + 1e-9))

    radii = np.array([0.5, 2.0, 6.0])
    tails = tails_from_divergence(divergence, radii)
    assert np.all(tails.tail_lower == 0.0)
    assert np.all(tails.tail_upper >= ndtr(-radii))


@pytest.mark.parametrize("noise", [1e-13, 1e-9, 1e-5])
def test_noise_that_leads_astray_leaves_an_enclosure(noise: float) -> None:
    """D known to within `noise`, pressed towards wrong multipliers as far as that allows.

    The exact tail is N(-r), its multiplier exp(r^2/2).
    """

    def divergence(radius: float, kappa: FloatArray) -> Bounds:
        level = np.log(kappa) / radius
        exact = ndtr(radius / 2 - level) - kappa * ndtr(-radius / 2 - level)
        wrong = np.abs(np.log(kappa) - radius**2 / 2 - 0.01) < 1e-3
        upper = exact + np.where(wrong, 0.0, noise)
        return Bounds(np.maximum(upper - noise, 0.0), np.maximum(upper, 0.0))

    radii = np.array([0.05, 0.5, 2.0, 4.0])
    tails = tails_from_divergence(divergence, radii)
    exact = ndtr(-radii)
    # 1e-15: rounding of the closed form
    assert np.all(tails.tail_lower <= exact + 1e-15)
    assert np.all(exact <= tails.tail_upper + 1e-15)
    # What the noise leaves of a tail is noise / kappa; the search and five chords cost some more.
    room = 40 * noise * np.exp(-(radii**2) / 2) + 1e-12
    assert np.all((tails.tail_upper - tails.tail_lower <= room)[1:])


def test_growth_is_enclosed_under_noise() -> None:
    """G(p) = N(r + N^-1(p)) of the standard Gaussian along e_1, D to within 1e-9."""
    radius, p = 0.7, np.array([0.0, 1e-3, 0.3, 0.9, 1.0])

    def divergence(kappa: FloatArray) -> Bounds:
        level = np.log(kappa) / radius
        exact = ndtr(radius / 2 - level) - kappa * ndtr(-radius / 2 - level)
        ripple = 1e-9 * np.sin(1e5 * level) ** 2
        return Bounds(np.maximum(exact - ripple, 0.0), np.maximum(exact + 1e-9 - ripple, 0.0))

    found = growth_from_divergence(divergence, p)
    exact = ndtr(radius + ndtri(p))
    # 1e-15: rounding of the closed form
    assert np.all((found.lower <= exact + 1e-15) & (exact <= found.upper + 1e-15))
    assert np.all(found.width <= 4e-8)
