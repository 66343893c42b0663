"""Fisher information of mixed-norm densities against quadrature of its definition."""

from __future__ import annotations

import math

import numpy as np
import pytest
import sympy
from scipy import integrate

import radii
from differential.information_mixed import mixed_information
from numerics.errors import AssumptionError
from smoothing.structure import COORDINATE, RADIUS, Mixed


@pytest.mark.parametrize(
    ("profile", "phi", "slopes", "potentials"),
    [
        (
            RADIUS,
            COORDINATE**2 / 2,
            (lambda m: 1.0, lambda s: s),
            (lambda m: m, lambda s: s * s / 2),
        ),
        (
            RADIUS**2,
            sympy.Abs(COORDINATE),
            (lambda m: 2 * m, lambda s: 1.0),
            (lambda m: m * m, lambda s: s),
        ),
    ],
)
def test_information_in_the_plane_is_that_of_the_definition(
    profile, phi, slopes, potentials
) -> None:
    def weight(y: float, m: float) -> float:
        """Density at (m, y), 0 < y < m, up to its normaliser."""
        return math.exp(-potentials[0](m) - potentials[1](m) - potentials[1](y))

    def trace(y: float, m: float) -> float:
        return weight(y, m) * ((slopes[0](m) + slopes[1](m)) ** 2 + slopes[1](y) ** 2)

    top, mass = (
        integrate.dblquad(f, 0, 40, 0, lambda m: m, epsabs=1e-13, epsrel=1e-12)[0]
        for f in (trace, weight)
    )
    found = mixed_information(Mixed(profile, phi, 2)).values[0]
    # Rounded up by 3e-11; the reference is good to 1e-11.
    assert found == pytest.approx(top / mass / 2, rel=1e-10)
    assert found >= top / mass / 2 * (1 - 1e-11)


def test_without_a_profile_the_information_is_that_of_the_product() -> None:
    # exp(-1e-9 max|x_i|) moves the standard normal by a relative 1e-9 or so.
    found = mixed_information(Mixed(RADIUS / 10**9, COORDINATE**2 / 2, 50)).values[0]
    assert found == pytest.approx(1.0, rel=1e-8)


def test_a_pole_of_the_profile_needs_dimensions() -> None:
    # (log r)' squared against r^(d-1): infinite in the plane, finite in space.
    profile = sympy.log(RADIUS) / 4
    assert np.isfinite(mixed_information(Mixed(profile, sympy.Abs(COORDINATE), 4)).values[0])
    with pytest.raises(AssumptionError, match="infinite"):
        mixed_information(Mixed(profile, sympy.Abs(COORDINATE), 2))


def test_route_fisher_is_below_the_exact_law() -> None:
    q = radii.SmoothingDistribution.parse("norm(x, oo) + norm(x, 2)**2/2", dim=30)
    fisher = radii.derive(q, "linf", route="fisher")
    exact = radii.derive(q, "linf", route="quadrature")
    for rho in (0.55, 0.75, 0.99):
        assert 0 < fisher(rho) <= exact(rho)
