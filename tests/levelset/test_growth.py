"""Growth functions against direct integration, closed forms, and properties of any G."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import betainc, ndtr, ndtri

from levelset import growth_function, hockey_stick, rays
from levelset.along import ray
from levelset.product import AxisRay
from levelset.product_sums import ProductRay
from levelset.radial import RadialRay
from numerics.errors import InvalidInputError, UnsupportedPairError
from smoothing import families
from smoothing.distribution import SmoothingDistribution
from smoothing.structure import Product

SHARED = Path(__file__).resolve().parents[3] / "shared" / "reference"


def load(name: str) -> list[dict[str, Any]]:
    path = SHARED / name
    return json.loads(path.read_text()) if path.is_file() else []


GROWTH = [record for record in load("growth.json") if "oo))/2" not in record["psi"]]
MIXED = [record for record in load("growth.json") if "oo))/2" in record["psi"]]
TIGHT = [record for record in load("reference.json") if record["route"] == "levelset"]


@pytest.mark.parametrize("record", GROWTH, ids=lambda r: f"{r['psi']} {r['direction']}")
def test_points_of_growth_functions(record: dict[str, Any]) -> None:
    q = SmoothingDistribution.parse(record["psi"], dim=record["dim"])
    unit = np.array(record["direction"], dtype=float)
    # The file states its own accuracy; 1e-11 where its 11 printed digits are the limit.
    accuracy = max(record["accuracy"], 2e-11)
    # every other point here, the rest through the tails below
    for point in record["growth"][::3] + record["growth"][4:5]:
        found = growth_function(q, point["r"] * unit)(float(point["p"]))
        exact = float(point["growth"])
        assert found.lower - accuracy <= exact <= found.upper + accuracy
        assert found.upper <= exact + 1e-8 + record["accuracy"]


@pytest.mark.parametrize("record", GROWTH, ids=lambda r: f"{r['psi']} {r['direction']}")
def test_tails_of_tight_radii(record: dict[str, Any]) -> None:
    q = SmoothingDistribution.parse(record["psi"], dim=record["dim"])
    found = rays(q, record["direction_norm_1_in"])
    points = record["tight"][::2]
    tails = found.tails(np.array([float(point["radius"]) for point in points]))
    exact = np.array([1 - float(point["rho"]) for point in points])
    accuracy = 2 * record["accuracy"]  # of the radius; dp/dr is at most 1/2 here
    assert np.all(tails.tail_lower <= exact + accuracy)
    assert np.all(tails.tail_upper >= exact - accuracy)
    assert np.all(tails.tail_lower >= exact - 1e-8 - accuracy)


@pytest.mark.parametrize("record", TIGHT, ids=lambda r: r["id"])
def test_reference_tables(record: dict[str, Any]) -> None:
    q = SmoothingDistribution.parse(record["psi"], dim=record["dim"])
    radius, tail = float(record["radius"]), float(record["tail"])
    found = rays(q, record["adversary"])
    assert found.proved_by is not None
    tails = found.tails(np.array([radius]))
    # float(radius) is off by up to 1e-16 relative, which moves the tail by less than 2e-15.
    assert tails.tail_lower[0] <= tail * (1 + 2e-15) <= tails.tail_upper[0] * (1 + 4e-15)
    assert tails.tail_upper[0] - tails.tail_lower[0] <= 1e-9 * tail


@pytest.mark.slow
@pytest.mark.parametrize("record", MIXED, ids=lambda r: f"{r['psi']} {r['direction']}")
def test_mixed_densities_in_the_plane(record: dict[str, Any]) -> None:
    q = SmoothingDistribution.parse(record["psi"], dim=2)
    for point in record["growth"][::3]:
        found = growth_function(q, point["r"] * np.ones(2))(float(point["p"]))
        exact = float(point["growth"])
        accuracy = max(record["accuracy"], 2e-11)
        assert found.lower - accuracy <= exact <= found.upper + accuracy
        assert found.width < 1e-9


@pytest.mark.parametrize("record", MIXED, ids=lambda r: f"{r['psi']} {r['direction']}")
def test_divergences_of_mixed_densities_in_the_plane(record: dict[str, Any]) -> None:
    q = SmoothingDistribution.parse(record["psi"], dim=2)
    for point in record["growth"][1:4]:
        # The file's threshold is on q(x)/q(x - v), the multiplier here on its inverse.
        kappa = 1 / point["kappa"]
        found = growth_function(q, point["r"] * np.ones(2)).hockey_stick(kappa)
        exact = float(point["growth"]) - kappa * float(point["p"])
        accuracy = max(record["accuracy"], 2e-11) * (1 + kappa)
        assert found.lower - accuracy <= exact <= found.upper + accuracy
        assert found.width < 1e-9


@pytest.mark.parametrize("dim", [2, 3, 3072, 150_528])
def test_gaussian_shifts_are_known_in_closed_form(dim: int) -> None:
    shift = np.zeros(dim)
    shift[:2] = 0.6, 0.8
    growth = growth_function(families.gaussian(dim), shift)
    p = np.array([1e-9, 0.01, 0.3, 0.9])
    found, exact = growth(p), ndtr(ndtri(p) + 1.0)
    assert np.all(found.lower <= exact * (1 + 1e-14))
    assert np.all(exact <= found.upper * (1 + 1e-14))
    assert np.all(found.width <= 1e-9)
    assert 2 * ndtr(0.5) - 1 in growth.total_variation()


def test_blum_overlap_of_cubes() -> None:
    shift = np.array([0.3, -0.1, 0.7])
    growth = growth_function(families.uniform_cube(3, scale=2.0), shift)
    overlap = float(np.prod(1 - np.abs(shift) / 4))  # Blum et al., Lemma B.4 with side 4
    assert 1 - overlap in growth.total_variation()
    assert 0.25 + 1 - overlap in growth(0.25)


def structure(q: SmoothingDistribution, kind: type) -> Any:
    return next(s for s in q.structures if isinstance(s, kind))


KAPPA = np.array([0.4, 1.0, 1.7, 6.0])


def agree(first: Any, second: Any, radius: float, tolerance: float = 1e-9) -> None:
    a, b = first.hockey_stick(radius, KAPPA), second.hockey_stick(radius, KAPPA)
    assert np.all(a.overlaps(b))
    assert np.all(np.maximum(a.width, b.width) <= tolerance)


@pytest.mark.parametrize("dim", [2, 6])
def test_gaussian_as_product_and_as_radial(dim: int) -> None:
    q = families.gaussian(dim)
    v = np.linspace(0.1, 0.5, dim) / math.sqrt(dim)
    radial = ray(q, v)
    assert isinstance(radial, RadialRay)
    agree(radial, ProductRay(structure(q, Product), v, 1.0, "v", None, None), 2.0)


@pytest.mark.parametrize("dim", [2, 3072])
def test_laplace_as_product_and_as_radial(dim: int) -> None:
    q = families.laplace(dim)
    marginal = structure(q, Product).marginals[0]
    axis = AxisRay(marginal, 1.0, "r*e_1", None, None)
    radial = rays(q, "l1")
    assert isinstance(radial, RadialRay)
    for radius in (0.3, 2.0):
        agree(radial, axis, radius)


def test_the_two_squares_are_each_other_rotated() -> None:
    # In d = 2, exp(-||x||_1) is exp(-sqrt(2) ||y||_oo) rotated by 45 degrees.
    diamond = rays(families.laplace(2), "l1")
    square = families.exp_linf(2, scale=1 / math.sqrt(2))
    agree(diamond, ray(square, np.array([1.0, 1.0]) / math.sqrt(2)), 0.8)


@pytest.mark.parametrize("text", ["2*log(cosh(t/2))", "abs(t)**3", "t**2/2"])
def test_log_concave_coordinates_have_the_differential_radius(text: str) -> None:
    from smoothing.one_dim import marginal_density

    q = SmoothingDistribution.parse(f"coordinate_sum({text})", dim=5)
    marginal = structure(q, Product).marginals[0]
    found = AxisRay(marginal, 1.0, "r*e_1", None, None)
    for tail in (0.4, 1e-3):
        # R = F^-1(rho) is the differential radius (Yang et al., I.1), tight by Theorem I.2.
        radius = float(marginal_density(marginal).ppf_upper(tail))
        tails = found.tails(np.array([radius]))
        assert tails.tail_lower[0] == pytest.approx(tail, rel=1e-9)
        # the quantile is good to 1e-13, so that is what "never above" can be asked to
        assert tails.tail_lower[0] <= tail * (1 + 1e-12)


DENSITIES = [
    (families.exp_l2(7, k=1), "l2"),
    (families.power_l2(3, k=2, a=4), "l2"),
    (families.exp_linf(5, k=2), "l1"),
    (families.exp_linf(5, k=1, j=1), "linf"),
    (families.exp_l1(4, k=1, j=0.5), "l1"),
    (families.pareto(2, a=3), "l1"),
    (families.uniform_ball(6), "l2"),
]


@settings(max_examples=5, deadline=None)
@given(
    case=st.sampled_from(DENSITIES),
    radius=st.floats(0.05, 1.5),
    p=st.floats(0.01, 0.98),
    step=st.floats(0.001, 0.2),
)
def test_growth_is_concave_increasing_and_above_the_diagonal(
    case: tuple[SmoothingDistribution, str], radius: float, p: float, step: float
) -> None:
    q, adversary = case
    found = rays(q, adversary)
    points = np.clip(np.array([p - step, p, p + step]), 1e-3, 0.999)
    values = found.growth(radius, points)  # type: ignore[union-attr]
    assert np.all(values.upper >= points)
    assert np.all(values.lower <= values.upper)
    assert values.upper[0] <= values.upper[1] + 1e-9 <= values.upper[2] + 2e-9
    weight = (points[1] - points[0]) / (points[2] - points[0])
    chord = (1 - weight) * values.lower[0] + weight * values.lower[2]
    # 1e-9: what the search may leave between the two sides
    assert values.upper[1] >= chord - 1e-9


@settings(max_examples=3, deadline=None)
@given(case=st.sampled_from(DENSITIES[:5]), radius=st.floats(0.1, 1.0))
def test_no_shift_no_growth_and_longer_shifts_grow_more(
    case: tuple[SmoothingDistribution, str], radius: float
) -> None:
    q, adversary = case
    found = rays(q, adversary)
    p = np.array([0.2])
    near = found.growth(1e-3, p)  # type: ignore[union-attr]
    # Phi is at most 3 for these densities, so that a shift of 1e-3 adds at most 3e-3.
    assert near.upper[0] == pytest.approx(0.2, abs=3e-3)
    short, long = (found.growth(r, p) for r in (radius, 1.3 * radius))  # type: ignore[union-attr]
    assert short.lower[0] <= long.upper[0]


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_even_densities_do_not_see_the_sign(sign: float) -> None:
    q = families.pareto(3, a=2)
    one = growth_function(q, [0.7, 0.0, 0.0])(0.3)
    other = growth_function(q, [0.0, 0.7 * sign, 0.0])(0.3)
    assert one.overlaps(other)
    assert abs(one.upper - other.upper) <= 1e-10


def test_asymmetric_densities_do() -> None:
    # Exponential density on [0, oo): moving it up leaves the mass near 0 behind.
    q = SmoothingDistribution.parse("x[0]", dim=1, support="x[0] >= 0")
    up, down = (growth_function(q, [s * 0.5])(0.2) for s in (1.0, -1.0))
    # Neyman-Pearson by hand: L = e^r on x > r and 0 below; mass 1 - e^-r falls off the other way.
    assert 0.2 * math.exp(0.5) in up
    assert 1 - math.exp(-0.5) + 0.2 * math.exp(-0.5) in down


def test_dimension_makes_the_differential_method_tight() -> None:
    # exp(-||x||_2^2) is Gaussian and tight in every d; exp(-||x||_2) becomes so (spec 3):
    # its differential radius is (d - 1) artanh(1 - 2 beta quantile) (Yang et al., I.18).
    from scipy.special import betaincinv

    ratios = []
    for dim in (2, 8, 64, 512):
        a = (dim - 1) / 2
        radius = (dim - 1) * math.atanh(1 - 2 * float(betaincinv(a, a, 0.1)))
        tail = rays(families.exp_l2(dim, k=1), "l2").tails(np.array([radius]))
        ratios.append(float(tail.tail_lower[0]))
    # The tail certified at the differential radius is at least 0.1 and falls to it.
    assert all(r >= 0.1 - 1e-10 for r in ratios)
    assert ratios == sorted(ratios, reverse=True)
    assert ratios[-1] == pytest.approx(0.1, abs=2e-4)


def test_many_densities_at_once() -> None:
    densities = [families.uniform_cube(2), families.uniform_ball(2)]
    cube, ball = hockey_stick(densities, [0.5, 0.0], [0.5, 1.0])
    assert np.all(cube.contains(np.array([0.625, 0.25])))
    assert ball.upper[0] >= 0.5


@pytest.mark.parametrize("shift", [[1.0], [float("nan"), 1.0], "e_1", [[1.0, 0.0]]])
def test_bad_shifts_are_named(shift: object) -> None:
    with pytest.raises(InvalidInputError, match="shift must be 2 finite numbers"):
        growth_function(families.gaussian(2), shift)  # type: ignore[arg-type]


def test_no_shift_leaves_every_set_as_it_is() -> None:
    growth = growth_function(families.exp_linf(3, k=1), np.zeros(3))
    p = np.array([0.0, 0.3, 1.0])
    assert np.array_equal(growth(p).lower, p)
    assert np.array_equal(growth(p).upper, p)
    assert growth.total_variation().upper == 0.0
    assert 0.75 in growth.hockey_stick(0.25)


@pytest.mark.parametrize("size", [1e-4, 1e-7, 1e-11])
def test_tiny_shifts_are_enclosed(size: float) -> None:
    growth = growth_function(families.gaussian(50), np.eye(50)[0] * size)
    # G = N(N^-1(p) + size): its Taylor series, which is exact to size^3.
    z = float(ndtri(0.3))
    density = math.exp(-z * z / 2) / math.sqrt(2 * math.pi)
    exact = 0.3 + size * density - z * size**2 / 2 * density
    found = growth(0.3)
    assert found.lower <= exact + size**3 + 1e-16
    assert exact <= found.upper + size**3 + 1e-16
    # The error of log L moves sets by itself over `size` noise levels: sound, not sharp.
    assert found.width <= 1e-4


def test_cubes_against_sparse_shifts_in_high_dimension() -> None:
    # Almost all mass has another largest coordinate, so that L = 1 on it: an atom at the optimum.
    found = rays(families.exp_linf(150_528, k=2), "l1")
    tails = found.tails(np.array([10.0, 100.0, 600.0]))
    assert np.all(tails.tail_upper - tails.tail_lower <= 1e-8)
    assert tails.tail_lower[0] > tails.tail_upper[1] > tails.tail_upper[2]
    # x_1 is uniform on an interval of length 2s, s near sqrt(d/2): TV is about r/(2s).
    overlap = 1 - 100 / (2 * math.sqrt(150_528 / 2))
    assert tails.tail_upper[1] == pytest.approx(overlap - 0.5, abs=2e-3)


def cap(dim: int, s: np.ndarray, t: np.ndarray | float, r: float) -> np.ndarray:
    """P[||x - v||_2 <= t] for x uniform on a sphere of radius s and ||v||_2 = r."""
    cosine = np.clip((s**2 + r**2 - np.square(t)) / (2 * s * r), -1, 1)
    tail = 0.5 * betainc((dim - 1) / 2, 0.5, 1 - cosine**2)
    return np.where(cosine >= 0, tail, 1 - tail)


@pytest.mark.parametrize(
    ("dim", "end", "radius", "log_kappa"),
    [(3, 4.0, 1.0, 0.2), (100, 90.0, 0.85, 0.04), (100, 90.0, 3.0, 0.3)],
)
def test_ends_of_supports_are_felt_at_the_distance_of_the_shift(
    dim: int, end: float, radius: float, log_kappa: float
) -> None:
    # exp(-||x||_2) on a ball: x leaves it for s > end - radius, in high dimension within
    # radius/sqrt(dim) of the end, and q(x - v) > 0 = q(x) there.
    q = SmoothingDistribution.parse("norm(x, 2)", dim=dim, support=f"norm(x, 2) <= {end}")
    z, w = np.polynomial.legendre.leggauss(20)
    # where s = r, t can leave the ball, the level leaves it, and t = |s - r| is at the level
    cuts = [radius, end - radius, end - log_kappa]
    cuts += [(radius + log_kappa) / 2, (radius - log_kappa) / 2]
    near = [end - radius * 2.0**-k for k in range(1, 12)]
    edges = np.unique(np.concatenate([np.linspace(0, end, 500), cuts, near]))
    s = (edges[:-1, None] + np.diff(edges)[:, None] * (1 + z) / 2).ravel()
    weight = (np.diff(edges)[:, None] * w).ravel() * np.exp((dim - 1) * np.log(s / end) - s)
    # L > kappa where t < s - log kappa; the mirror image of its shift where t > s + log kappa
    p0 = np.sum(weight * cap(dim, s, np.maximum(s - log_kappa, 0), radius)) / weight.sum()
    p1 = np.sum(weight * (1 - cap(dim, s, np.minimum(s + log_kappa, end), radius))) / weight.sum()
    shift = np.zeros(dim)
    shift[0] = radius
    found = growth_function(q, shift).hockey_stick(math.exp(log_kappa))
    exact = p1 - math.exp(log_kappa) * p0
    # 1e-12: rounding of `betainc`, whose relative error is a few 1e-15 times (dim - 1)/2
    assert found.lower - 1e-12 <= exact <= found.upper + 1e-12
    assert found.width <= 1e-9


@pytest.mark.parametrize("dim", [2, 10, 3072, 150_528])
def test_multiplier_one_is_found_exactly(dim: int) -> None:
    # Shifts below the typical radius: x_1 is uniform, so that L = 1 on most of the mass and the
    # best multiplier is 1 in spite of the error of log L.
    q = families.exp_linf(dim, k=2)
    radii = np.sqrt(dim / 2) * np.array([0.02, 0.2, 0.5])
    tails = rays(q, "l1").tails(radii)
    assert np.all(tails.tail_upper - tails.tail_lower <= 1e-11 * tails.tail_upper)
    assert np.all(np.abs(np.log(tails.kappa)) <= 1e-8)


def test_upper_tails_know_the_error_of_their_own_nodes() -> None:
    # At this radius the first rules are 5e-12 off and the later ones agree to all digits: with the
    # error of these and the sum of those the upper end fell below the lower one.
    q = families.exp_l1(2, k=2)
    tails = rays(q, "l1").tails(np.array([math.sqrt(3.0)]))
    assert tails.tail_lower[0] < tails.tail_upper[0] <= tails.tail_lower[0] * (1 + 1e-10)


def test_uncovered_shifts_are_refused() -> None:
    with pytest.raises(UnsupportedPairError, match="r\\*e_i"):
        growth_function(families.exp_linf(3, k=1), [1.0, 2.0, 0.0])


def test_multipliers_below_zero_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="kappa must be"):
        growth_function(families.gaussian(2), [1.0, 0.0]).hockey_stick(-1.0)
