"""The search for multipliers stays an enclosure when noise leads it astray."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr

from levelset.dual import tails_from_divergence
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
