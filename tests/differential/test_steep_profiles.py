"""Profiles so steep that a panel's outermost node is far below the density at its end."""

from __future__ import annotations

import mpmath
import pytest
import sympy

from differential.radial_laws import sign_law
from smoothing.structure import RADIUS, Radial


@pytest.mark.parametrize(
    ("power", "dim"), [(900, 3072), (1400, 1400), (1400, 3072), (3072, 3072), (3072, 150528)]
)
def test_mean_slope_of_steep_powers(power: int, dim: int) -> None:
    # z = r^k is Gamma(d/k) and g' = k z^(1 - 1/k) (derivations 1): at r = 1 the density ends within
    # 1/k, between the end of a dyadic panel and its first node.
    profile = RADIUS**power
    law = sign_law(Radial(sympy.S.One, profile, (sympy.S.Zero, sympy.oo), dim), 0.5)
    shape = mpmath.mpf(dim) / power
    mean = power * mpmath.gamma(shape + 1 - mpmath.mpf(1) / power) / mpmath.gamma(shape)
    assert law.positive.mean == pytest.approx(float(mean) / 2, rel=1e-12)
    # The median of z: P[g' > k z^(1 - 1/k)] = 1/2.
    threshold = power * mpmath.mpf("0.7") ** (1 - mpmath.mpf(1) / power)
    above = mpmath.gammainc(shape, mpmath.mpf("0.7"), regularized=True)
    assert float(law.tail(float(threshold))) == pytest.approx(float(above) / 2, rel=1e-10)
