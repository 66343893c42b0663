"""Densities of no paper: the engine against the definition, in every geometry."""

from __future__ import annotations

import json
from decimal import Decimal

import numpy as np
import pytest

import radii
from tests.reference.densities import PRODUCTS, RADIALS, ProductCase, RadialCase, reference_key
from tests.reference.make_unpublished import PATH

VALUES = json.loads(PATH.read_text())
Case = ProductCase | RadialCase

REQUESTS = [
    *((case, dim, "l1") for case in PRODUCTS for dim in case.dims),
    *((case, case.dim, adversary) for case in RADIALS for adversary in case.adversaries),
]


def name(request: tuple[Case, int, str]) -> str:
    case, dim, adversary = request
    return f"{case.name}-gauge{getattr(case, 'gauge', '')}-d{dim}-{adversary}".replace(" ", "")


def test_there_are_thirty_densities_in_every_geometry() -> None:
    densities = {case.name for case in PRODUCTS} | {(case.name, case.gauge) for case in RADIALS}
    assert len(densities) >= 30
    pairs = {(case.gauge, a) for case in RADIALS for a in case.adversaries if case.dim > 1}
    assert pairs == {("oo", "l1"), ("oo", "linf"), (1, "l1"), (1, "linf")} | {
        (2, a) for a in ("l1", "l2", "linf")
    }


@pytest.mark.parametrize("request_", REQUESTS, ids=name)
def test_radius_agrees_with_the_definition(request_: tuple[Case, int, str]) -> None:
    case, dim, adversary = request_
    q = radii.SmoothingDistribution(case.psi, dim=dim, support=case.support)
    derived = radii.derive(q, adversary)
    found = derived(tail=np.array(case.tails))
    bounds = derived.bounds(tail=np.array(case.tails))
    error = Decimal(case.error)
    for i, tail in enumerate(case.tails):
        exact = Decimal(VALUES[reference_key(case, dim, adversary, tail)])
        assert abs(Decimal(float(found[i])) / exact - 1) <= Decimal("1e-9")
        assert Decimal(float(found[i])) <= exact * (1 + error)
        assert Decimal(float(bounds.lower[i])) <= exact * (1 + error)
        assert Decimal(float(bounds.upper[i])) >= exact * (1 - error)
