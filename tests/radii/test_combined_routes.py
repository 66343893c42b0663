"""Routes fisher, conversion and best: what they may never do, and how they relate."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import radii
from radii import LpNorm, PolytopeNorm
from radii.route_conversion import inclusion_constant
from tests import strategies
from tests.reference.tables import FOLDER, allowed_radius, read

PSI = ("norm(x, 1)", "norm(x, oo)", "norm(x, 2)")
NORMS = (LpNorm(1), LpNorm(1.5), LpNorm(2), LpNorm(3), LpNorm(math.inf))
RHO = np.array([0.5 + 1e-6, 0.55, 0.7, 0.9, 0.99, 0.999, 0.99999])
#: Two tables of one number differ by their error budgets, a few 1e-12.
BUDGET = 1e-10


@cache
def derive(psi: str, dim: int, norm: LpNorm, route: str) -> radii.RadiusFunction | None:
    try:
        return radii.derive(radii.SmoothingDistribution.parse(psi, dim=dim), norm, route=route)
    except (radii.UnsupportedPairError, radii.AssumptionError):
        return None


def radius(psi: str, dim: int, norm: LpNorm, route: str, tail: float) -> float:
    found = derive(psi, dim, norm, route)
    return 0.0 if found is None else float(found(tail=tail))


@settings(max_examples=8, deadline=None)
@given(st.sampled_from(PSI), st.sampled_from([3, 40]), st.sampled_from(NORMS), strategies.tails())
def test_best_is_at_least_every_other_route(psi: str, dim: int, norm: LpNorm, tail: float) -> None:
    best = radius(psi, dim, norm, "best", tail)
    for route in ("fisher", "conversion", "quadrature"):
        assert best >= radius(psi, dim, norm, route, tail) * (1 - BUDGET)


@settings(max_examples=6, deadline=None)
@given(st.sampled_from(PSI), st.sampled_from([3, 40]), strategies.tails())
def test_a_larger_ball_has_a_smaller_radius(psi: str, dim: int, tail: float) -> None:
    """The unit balls of l_p grow with p.

    Where "best" takes the tight radius of one norm from a table, that table has some 300 entries
    and may lose up to 5e-4 between them (it states its loss), while another norm is exact.
    """
    radii_by_norm = [radius(psi, dim, norm, "best", tail) for norm in NORMS]
    for inner, outer in zip(radii_by_norm[:-1], radii_by_norm[1:], strict=True):
        assert outer <= inner * (1 + 5e-4)


@settings(max_examples=15, deadline=None)
@given(strategies.scales(), strategies.tails(), st.sampled_from(["fisher", "conversion", "best"]))
def test_radii_scale_with_the_noise(scale: float, tail: float, route: str) -> None:
    unit = derive("norm(x, 1)", 40, LpNorm(2), route)
    assert unit is not None
    noise = radii.SmoothingDistribution.parse("norm(x, 1)", dim=40, scale=scale)
    scaled = _scaled(noise, route)
    assert math.isclose(scaled(tail=tail), scale * unit(tail=tail), rel_tol=1e-13)


def _scaled(noise: radii.SmoothingDistribution, route: str) -> radii.RadiusFunction:
    """One derivation per route: the table is at scale 1, only the noise differs."""
    from dataclasses import replace

    unit = derive("norm(x, 1)", 40, LpNorm(2), route)
    assert unit is not None
    return replace(unit, smoothing=noise)


def test_scale_reaches_the_radius_through_the_front_door() -> None:
    small, large = (
        radii.derive(radii.SmoothingDistribution.parse("norm(x, 1)", dim=9, scale=s), "l2")
        for s in (0.25, 4.0)
    )
    assert np.allclose(16 * small(RHO), large(RHO), rtol=1e-13)


def test_fisher_is_an_arc_sine_of_the_information() -> None:
    """Gaussian, I = 1: (2 arcsin sqrt(rho) - pi/2), below N^-1(rho); close to it by 0.8 at 1/2."""
    found = derive("norm(x, 2)**2/2", 7, LpNorm(2), "fisher")
    assert found is not None
    expected = 2 * np.arcsin(np.sqrt(RHO)) - np.pi / 2
    # The textbook form itself cancels near 1/2, by eps / 1e-6.
    assert np.allclose(found(RHO), expected, rtol=1e-9)
    assert np.all(found(RHO)[1:] <= expected[1:])
    exact = derive("norm(x, 2)**2/2", 7, LpNorm(2), "quadrature")
    assert exact is not None
    assert math.isclose(found(RHO)[0] / exact(RHO)[0], math.sqrt(2 / math.pi), rel_tol=1e-5)


@pytest.mark.parametrize("dim", [5, 500, 150_528])
def test_fisher_is_free_of_the_dimension_against_l2(dim: int) -> None:
    found = derive("coordinate_sum(log(cosh(t)))", dim, LpNorm(2), "fisher")
    other = derive("coordinate_sum(log(cosh(t)))", 3, LpNorm(2), "fisher")
    assert found is not None
    assert other is not None
    assert np.array_equal(found(RHO), other(RHO))


@pytest.mark.parametrize(
    ("psi", "support", "reason"),
    [
        ("coordinate_sum(sqrt(abs(t)))", None, "infinite"),
        ("norm(x, 2)**2", "norm(x, oo) <= 1", "jumps"),
        ("x[0]**2 + x[1]**4 + (x[0]*x[1])**2 + x[2]**2 + x[3]**2 + x[4]**2", None, "products"),
    ],
)
def test_fisher_refuses_with_the_reason(psi: str, support: str | None, reason: str) -> None:
    q = radii.SmoothingDistribution.parse(psi, dim=5, support=support)
    with pytest.raises(radii.UnsupportedPairError, match=reason):
        radii.derive(q, "l2", route="fisher")


def test_inclusion_constants_are_attained() -> None:
    """By an axis or the all-ones vector for l_p, by a vertex for a polytope."""
    dim = 6
    ones, axis = np.ones(dim), np.eye(dim)[0]
    for inner in NORMS:
        for outer in (LpNorm(1), LpNorm(2), LpNorm(math.inf)):
            constant = inclusion_constant(inner, outer, dim)
            attained = max(float(outer.gauge(v) / inner.gauge(v)) for v in (ones, axis))
            assert constant is not None
            assert attained * (1 - 1e-14) <= constant <= attained * (1 + 1e-14)
    diamond = PolytopeNorm([[2, 0], [-2, 0], [1, 1], [-1, -1]])
    assert inclusion_constant(diamond, LpNorm(1), 2) == pytest.approx(2.0, rel=1e-14)


def test_conversion_divides_by_the_constant_and_is_the_last_resort() -> None:
    """The exponential density jumps, so against l2 only l1 / sqrt(d) and linf are left."""
    q = radii.SmoothingDistribution.parse("coordinate_sum(t)", dim=9, support="x >= 0")
    direct = [radii.derive(q, norm)(RHO) for norm in ("l1", "linf")]
    converted = radii.derive(q, "l2")
    assert converted.route == "conversion"
    expected = np.maximum(direct[0] / 3, direct[1])
    assert np.all(converted(RHO) <= expected)
    assert np.allclose(converted(RHO), expected, rtol=1e-9)


def test_conversion_never_exceeds_the_exact_radius_and_growth_covers_it() -> None:
    """Uniform cube against l1.5, which no exact route covers: l1 and linf are exact."""
    q = radii.SmoothingDistribution.parse("0", dim=8, support="norm(x, oo) <= 1")
    found = radii.derive(q, LpNorm(1.5), route="conversion")
    rho = 0.8
    # Along e1 the overlap gives 2 (rho - 1/2) in every l_p norm.
    assert found(rho) <= 0.6
    assert found.growth(1 - rho, found(rho)) >= 0.5 * (1 - 1e-9)
    assert found.growth(1 - rho, found(rho)) <= 0.5 * (1 + 1e-6)


def test_best_names_the_winners() -> None:
    """exp(-|t|^(1/2)) has no finite information; for Laplace sums of signs win over conversion."""
    best = derive("norm(x, 1)", 40, LpNorm(2), "best")
    assert best is not None
    assert best.winners(0.9) == "quadrature: sums of signs"
    assert best.winners(tail=[[0.1, 0.01]]).shape == (1, 2)
    assert best.explain().startswith("rho from 1/2")
    for bad in (0.5, 1.0, 0.2, float("nan")):
        with pytest.raises(radii.InvalidInputError, match="rho"):
            best.winners(bad)
    with pytest.raises(radii.InvalidInputError, match="exactly one"):
        best.winners(0.9, tail=0.1)


def test_best_can_be_saved_and_read_back(tmp_path) -> None:
    best = derive("norm(x, 1)", 40, LpNorm(2), "best")
    assert best is not None
    best.save(tmp_path / "best.radius")
    again = radii.load(tmp_path / "best.radius")
    assert np.array_equal(again(RHO), best(RHO))
    assert math.isclose(again.growth(0.1, 0.2), best.growth(0.1, 0.2), rel_tol=1e-9)


def test_every_report_names_every_route() -> None:
    report = str(radii.explain_routes(radii.SmoothingDistribution.parse("norm(x,1)", dim=3), "l1"))
    for name in ("overlap", "symbolic", "quadrature", "fisher", "conversion", "best"):
        assert name in report


def test_limits_in_the_shape() -> None:
    """exp(-||x||_inf^k), k -> oo: the uniform cube against l1, (2/d)(rho - 1/2) against linf."""
    dim, rho = 5, 0.8
    gaps = []
    for k in (4, 40):
        q = radii.SmoothingDistribution.parse(f"norm(x, oo)**{k}", dim=dim)
        cube = 2 * (rho - 0.5)
        l1, linf = (float(radii.derive(q, a, route="quadrature")(rho)) for a in ("l1", "linf"))
        gaps.append(max(abs(l1 / cube - 1), abs(linf * dim / cube - 1)))
    # A wall of relative width 1/k; k = 100 is beyond what panels resolve.
    assert gaps[1] < 0.02
    assert gaps[1] < 0.1 * gaps[0]


def test_small_singularities_change_little() -> None:
    """||x||_inf^-j exp(-||x||_inf) -> exp(-||x||_inf) as j -> 0."""
    plain = derive("norm(x, oo)", 40, LpNorm(math.inf), "quadrature")
    near = derive("norm(x, oo) + log(norm(x, oo))/1000000", 40, LpNorm(math.inf), "quadrature")
    assert plain is not None
    assert near is not None
    assert np.allclose(near(RHO), plain(RHO), rtol=1e-6)


@pytest.mark.parametrize("psi", ["norm(x, 1)", "norm(x, oo)"])
def test_both_ends_of_rho(psi: str) -> None:
    """R is linear in rho - 1/2 at 1/2 with slope 1/Phi(1/2), and finite or not at 1."""
    found = derive(psi, 40, LpNorm(2), "quadrature")
    assert found is not None
    near, nearer = found(0.5 + 1e-6), found(0.5 + 1e-8)
    assert math.isclose(near / nearer, 100, rel_tol=1e-5)
    assert found(0.5) == 0
    assert found(tail=1e-20) > found(tail=1e-10) > found(0.99)


@pytest.mark.skipif(not FOLDER.is_dir(), reason="../shared/reference is absent")
def test_exponential_of_the_maximum_against_l2() -> None:
    rows = [r for r in read("beyond.json") if r.get("adversary") == "l2" and "radius" in r]
    assert len(rows) > 8
    for row in rows:
        value = radius(row["psi"], row["dim"], LpNorm(2), "auto", float(row["tail"]))
        assert float(allowed_radius(row)) * (1 - 1e-9) <= value <= float(allowed_radius(row))


@pytest.mark.skipif(not FOLDER.is_dir(), reason="../shared/reference is absent")
@pytest.mark.parametrize("dim", [2, 3, 3072])
def test_laplace_against_l2_lies_between_what_is_known(dim: int) -> None:
    rows = [r for r in read("beyond.json") if "any_dimension_at_least" in r]
    assert len(rows) == 5
    for row in rows:
        value = radius("norm(x, 1)", dim, LpNorm(2), "auto", float(row["tail"]))
        # The lower value is printed with nine to twelve digits.
        assert float(row["any_dimension_at_least"]) * (1 - 1e-9) <= value
        assert value <= float(row["at_most"])
        if dim == 2:
            assert value <= float(row["exact_differential_d2"])


@pytest.mark.skipif(not FOLDER.is_dir(), reason="../shared/reference is absent")
def test_no_route_exceeds_the_tight_radius() -> None:
    """growth.json has the exact radius along one direction of norm 1."""
    rows = [r for r in read("growth.json") if "log(norm(x, oo))/2" not in r["psi"]]
    for row in rows:
        names = {row["direction_norm_1_in"]} | ({"l2"} if row["psi"] == "norm(x, oo)" else set())
        for name in names:
            length = {"l1": 1.0, "l2": 2.0, "linf": math.inf}[name]
            size = float(np.linalg.norm(row["direction"], ord=length))
            route = "best" if row["psi"].startswith("norm") else "auto"
            for tight in row["tight"]:
                tail = 1 - float(tight["rho"])
                bound = float(tight["radius"]) * size * (1 + row["accuracy"])
                assert radius(row["psi"], row["dim"], LpNorm(length), route, tail) <= bound
