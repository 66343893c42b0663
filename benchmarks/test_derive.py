"""Seconds to derive a radius at the dimensions of CIFAR-10 and ImageNet.

Published code takes 40 to 115 seconds to tabulate 3,001 points at d = 3,072 to 1e-3. Caches of laws
are emptied before every round. The largest arrays are those of mixed norms, (64 frequencies, 25,000
nodes) of complex numbers: 30 MB.
"""

from __future__ import annotations

import numpy as np
import pytest
import sympy

import radii
from differential import mixed_laws, product_laws, sum_laws, term_measure
from radii import PolytopeNorm, coordinate_sum, t

LOGISTIC = coordinate_sum(2 * sympy.log(sympy.cosh(t / 2)))
STUDENT = coordinate_sum(2 * sympy.log(1 + t**2 / 3))


def forget() -> None:
    for cached in (
        sum_laws.sum_law,
        term_measure.term_measure,
        product_laws.coordinate_law,
        mixed_laws.mixed_law,
        mixed_laws._law_of_maximum,
    ):
        cached.cache_clear()


@pytest.mark.parametrize("dim", [3072, 150_528])
@pytest.mark.parametrize("psi", [LOGISTIC, STUDENT, coordinate_sum(t**4)], ids=str)
def test_products_against_linf(benchmark, psi, dim):
    q = radii.SmoothingDistribution(psi, dim=dim)
    radii.derive(q, "linf", route="quadrature")
    benchmark.pedantic(lambda: radii.derive(q, "linf", route="quadrature"), setup=forget, rounds=3)


@pytest.mark.parametrize("dim", [3072, 150_528])
def test_mixed_norm_against_linf(benchmark, dim):
    q = radii.families.mixed_linf_l2(dim, k=50)
    radii.derive(q, "linf", route="quadrature")
    benchmark.pedantic(lambda: radii.derive(q, "linf", route="quadrature"), setup=forget, rounds=2)


def test_l1_and_linf_together(benchmark):
    q = radii.SmoothingDistribution(LOGISTIC, dim=3072)
    both = PolytopeNorm.from_orbits([np.arange(3072) < 64])
    radii.derive(q, both, route="quadrature")
    benchmark.pedantic(lambda: radii.derive(q, both, route="quadrature"), setup=forget, rounds=3)
