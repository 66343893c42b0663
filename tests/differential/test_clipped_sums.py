"""Sums of many slopes without exponential moments against simulation and conversion."""

from __future__ import annotations

import numpy as np
import sympy

import radii
from differential.product_laws import coordinate_law
from differential.sum_laws import Term, sum_law
from smoothing.structure import COORDINATE, Marginal

COUNT = 400
POLE = Marginal(sympy.sqrt(sympy.Abs(COORDINATE)), (-sympy.oo, sympy.oo), COUNT)


def test_never_below_a_simulated_growth_rate() -> None:
    """Phi(p) >= E[S; S > c] for every c with P[S > c] = p.

    |X| has density exp(-sqrt x)/2, so sqrt|X| is Gamma(2) and the slope is 1/(2 Gamma(2)). Means
    of min(S, c + 200) - c bound the excess from below and have a finite variance; at 6 standard
    errors a false alarm has a probability of about 1e-8 over all comparisons. The seed is fixed.
    """
    rng = np.random.default_rng(3)
    slopes = 0.5 / rng.gamma(2.0, size=(20_000, COUNT)) * rng.choice([-1.0, 1.0], (20_000, COUNT))
    total = slopes.sum(axis=1)
    law = sum_law((Term(POLE, 1.0, COUNT),))
    for p in (0.4, 0.1, 0.01):
        c = float(np.quantile(total, 1 - p))
        excess = np.clip(total - c, 0.0, 200.0)
        lower = excess.mean() - 6 * excess.std() / np.sqrt(len(total))
        simulated = c * p + float(np.maximum(total - c, 0.0).mean())
        # Phi(p) = c p + E(S - c)+ at the quantile; P[S > c] stands in for p, lowered likewise
        bound = float(law.phi(p))
        tail = float(np.mean(total > c)) - 6 * np.sqrt(p / len(total))
        assert bound >= lower + c * tail
        # a bound worth having: clipping costs less than a third here
        assert bound <= 1.33 * simulated


def test_phi_exceeds_that_of_one_term() -> None:
    """By Jensen's inequality more independent even terms only raise E(S - c)+."""
    law, one = sum_law((Term(POLE, 1.0, COUNT),)), coordinate_law(POLE)
    p = np.array([0.5 - 1e-9, 0.1, 1e-6, 2.0**-90])
    assert (law.phi(p) >= one.phi(p)).all()


def test_beats_norm_conversion() -> None:
    psi = radii.coordinate_sum(sympy.sqrt(sympy.Abs(radii.t)))
    density = radii.SmoothingDistribution(psi, dim=COUNT)
    radius = radii.derive(density, "linf")
    assert radius(0.9) > 3 * radii.derive(density, "linf", route="conversion")(0.9)
