"""Chords of D between entries: the bound itself, the curvature it needs, and corner cases."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
from scipy.special import ndtr, ndtri

from differential.integrate import integrate_reciprocal
from levelset import rays
from levelset.build import build_table
from levelset.chords import ChordRadius, Entries, build_chords
from levelset.radial import RadialRay
from levelset.ray import RayTails
from smoothing.distribution import SmoothingDistribution
from tests.levelset.stand_in_rays import SLACK, GaussianRay, enclosed

#: Tails from near 1/2 to what tables refine to.
TAILS = np.concatenate(
    [
        10.0 ** np.random.default_rng(5).uniform(-15.5, np.log10(0.5), 20_000),
        0.5 - 10.0 ** np.random.default_rng(6).uniform(-5, -1, 3_000),
    ]
)


@dataclass(frozen=True)
class CurvedGaussianRay(GaussianRay):
    """The same with D at given multipliers, and its curvature."""

    def tails(self, radii: np.ndarray) -> RayTails:
        # The search for the last radius goes to where multipliers overflow.
        return enclosed(radii, np.exp(np.minimum(radii**2 / 2, 700.0)), ndtr(-radii))

    def tails_at(self, radii: np.ndarray, log_kappa: np.ndarray) -> RayTails:
        cut = radii / 2 + log_kappa / radii
        divergence = ndtr(radii - cut) - np.exp(log_kappa) * ndtr(-cut)
        lower = np.maximum((0.5 - divergence) * np.exp(-log_kappa) * (1 - SLACK), 0)
        return RayTails(radii, np.exp(log_kappa), lower, np.full(len(radii), 0.5))

    def curvature(self, radii: np.ndarray, slopes: np.ndarray) -> np.ndarray:
        # gamma(z) = z = y + r and d gamma > 0, so M = E[(b - y)^2; y > -r/2] with b = a - r.
        b, edge = slopes - radii, -radii / 2
        density = np.exp(-(edge**2) / 2) / np.sqrt(2 * np.pi)
        mass, first = ndtr(-edge), density
        return b**2 * mass - 2 * b * first + mass + edge * density


def loose_integral(loose: float):  # type: ignore[no-untyped-def]
    def phi(p: np.ndarray) -> np.ndarray:
        return np.exp(-(ndtri(p) ** 2) / 2) / np.sqrt(2 * np.pi) * (1 + (loose - 1) * (1 - 2 * p))

    return integrate_reciprocal(phi, np.array([]), 1e-14)


@pytest.mark.parametrize("loose", [None, 1.3])
def test_tables_between_few_entries_lose_what_is_asked(loose: float | None) -> None:
    integral = None if loose is None else loose_integral(loose)
    table = build_table(CurvedGaussianRay(), integral=integral)
    assert "chords" in table.info.between
    assert len(table) <= 300
    exact, values = -ndtri(TAILS), table.radius(tail=TAILS)
    assert np.all(values <= exact)
    inside = (table.tails[0] * (1 - 1e-3) > TAILS) & (TAILS > 1e-15)
    # The aim is 1e-6; steps are placed by estimates of the curvature, at half of it.
    assert np.max(1 - values[inside] / exact[inside]) <= 1e-6
    bounds = table.bounds(tail=TAILS[inside])
    assert np.all((bounds.lower <= exact[inside]) & (exact[inside] <= bounds.upper))


# --- the curvature -------------------------------------------------------------------------------


def ray_of(text: str, dim: int, adversary: str) -> RadialRay:
    found = rays(SmoothingDistribution.parse(text, dim=dim), adversary)
    assert isinstance(found, RadialRay)
    return found


def line(psi: Callable[[np.ndarray], np.ndarray]) -> Callable[[float, float], float]:
    """D(r, log kappa) of exp(-psi) on the line, by a Riemann sum."""
    x = np.linspace(-40, 40, 200_002)
    step = float(x[1] - x[0])
    total = float(np.sum(np.exp(-psi(x))) * step)

    def divergence(r: float, log_kappa: float) -> float:
        gain = np.exp(-psi(x)) - np.exp(log_kappa - psi(x + r))
        return float(np.sum(np.maximum(gain, 0)) * step / total)

    return divergence


def plane(norm: Callable[[np.ndarray, np.ndarray], np.ndarray], u: tuple[float, float]):  # type: ignore[no-untyped-def]
    """D(r, log kappa) of exp(-norm) in the plane, by a Riemann sum."""
    x, y = np.meshgrid(np.linspace(-14, 14, 501), np.linspace(-14, 14, 501))
    q = np.exp(-norm(x, y))
    total = float(q.sum())

    def divergence(r: float, log_kappa: float) -> float:
        shifted = np.exp(log_kappa - norm(x + r * u[0], y + r * u[1]))
        return float(np.sum(np.maximum(q - shifted, 0)) / total)

    return divergence


def step_up(x: np.ndarray) -> np.ndarray:
    """A stretch of width 1/50 at 1 on which psi rises by 0.4 and bends by 400."""
    return np.abs(x) + 0.2 * np.tanh(100 * (np.abs(x) - 1))


LAWS = [
    ("coordinate_sum(4*log(1 + t**2/3))", 1, "l1", line(lambda x: 4 * np.log1p(x**2 / 3))),
    ("coordinate_sum(abs(t)**(3/2) + abs(t)**(1/2))", 1, "l1",
     line(lambda x: np.abs(x) ** 1.5 + np.sqrt(np.abs(x)))),
    ("coordinate_sum(abs(t) + tanh(100*(abs(t) - 1))/5)", 1, "l1", line(step_up)),
    ("norm(x, 2)", 2, "l2", plane(np.hypot, (1, 0))),
    ("norm(x, 1)", 2, "l1", plane(lambda x, y: np.abs(x) + np.abs(y), (1, 0))),
    ("norm(x, oo)", 2, "l1", plane(lambda x, y: np.maximum(np.abs(x), np.abs(y)), (1, 0))),
    ("norm(x, oo)", 2, "linf", plane(lambda x, y: np.maximum(np.abs(x), np.abs(y)), (1, 1))),
]  # fmt: skip


@pytest.mark.parametrize(("text", "dim", "adversary", "divergence"), LAWS)
def test_second_differences_of_the_divergence(
    text: str, dim: int, adversary: str, divergence: Callable[[float, float], float]
) -> None:
    ray = ray_of(text, dim, adversary)
    rng = np.random.default_rng(7)
    closest = 0.0
    for _ in range(8):
        r, a = rng.uniform(0.3, 1.5), rng.normal()
        h = 0.2 * r
        log_kappa = abs(a) * h + rng.exponential(0.5)
        radii = np.linspace(r - h, r + h, 9)
        m = float(np.max(ray.curvature(radii, np.full(9, a))))
        left, middle, right = (divergence(r + k * h, log_kappa + a * k * h) for k in (-1, 0, 1))
        bend = (left - 2 * middle + right) / h**2
        # The proof holds point by point, hence for sums over a grid, with M a sum over the grid,
        # which the tenth added to M covers; 1e-9 is rounding over h^2.
        assert bend >= -m - 1e-9
        closest = max(closest, -bend / m)
    assert closest > 0


def test_narrow_features_of_the_profile_are_seen() -> None:
    """M of a bend on a hundredth of the line, against a sum over the line."""
    ray = ray_of("coordinate_sum(abs(t) + tanh(100*(abs(t) - 1))/100)", 1, "l1")
    y = np.linspace(-30, 30, 600_002)
    step = np.tanh(100 * (np.abs(y) - 1))
    q = np.exp(-np.abs(y) - step / 100)
    q /= q.sum()
    for r in (0.3, 0.7, 1.2, 1.5):
        z = y + r
        far = np.tanh(100 * (np.abs(z) - 1))
        value = (1 - np.sign(z) * (2 - far**2)) ** 2 + np.maximum(200 * far * (1 - far**2), 0)
        exact = float(np.sum((q * value)[np.abs(z) > np.abs(y)]))
        assert ray.curvature(np.array([r]), np.array([1.0]))[0] >= exact


@pytest.mark.parametrize(
    ("text", "adversary"),
    [
        ("Piecewise((norm(x, 2), norm(x, 2) < 1), (norm(x, 2) + 1, True))", "l2"),
        ("Piecewise((2*norm(x, 2), norm(x, 2) < 1), (norm(x, 2) + 1, True))", "l2"),
    ],
    ids=["jump", "concave kink"],
)
def test_without_a_bound_the_curvature_is_infinite(text: str, adversary: str) -> None:
    ray = ray_of(text, 3, adversary)
    assert np.all(np.isinf(ray.curvature(np.array([0.5, 1.0]), np.array([0.1, 0.2]))))


def test_an_end_of_the_support_is_a_jump() -> None:
    q = SmoothingDistribution.parse("norm(x, 2)", dim=3, support="norm(x, 2) < 2")
    ray = rays(q, "l2")
    assert isinstance(ray, RadialRay)
    assert np.all(np.isinf(ray.curvature(np.array([0.5, 1.0]), np.array([0.1, 0.2]))))


# --- the lookup ----------------------------------------------------------------------------------


def chords(tails: list[float], curvature: float, *, monotone: bool = True) -> ChordRadius:
    """Entries at 1, 2, ... with multiplier 2."""
    n = len(tails)
    entries = Entries(
        np.arange(1.0, n + 1), np.full(n, 2.0), np.array(tails), np.full(n, curvature)
    )
    return build_chords(entries, 0.5, monotone=monotone)


def test_a_chord_without_curvature_is_a_straight_line() -> None:
    # kappa p is linear: halfway between tails 0.4 and 0.2 the tail is 0.3.
    found = chords([0.4, 0.2], 0.0)
    assert found.at_margin(0.5 - 0.3) == pytest.approx(1.5, rel=1e-14)
    assert found.at_tail(np.array([0.25, 0.2, 0.1, 0.0])) == pytest.approx([1.75, 2, 2, 2])
    assert found.at_margin(0.05) == pytest.approx(0.0)
    assert found.limit == 2.0


def test_curvature_makes_the_first_root_smaller() -> None:
    # 2 (0.4 - s) (1 - x) + 2 (0.2 - s) x = M x (1 - x)/2 at s = 0.3, M = 0.4: x^2 - 3 x + 1 = 0.
    root = (3 - np.sqrt(5)) / 2
    assert chords([0.4, 0.2], 0.4).at_margin(0.2) == pytest.approx(1 + root, rel=1e-13)


@pytest.mark.parametrize("curvature", [np.inf, 1e200, 1e308])
def test_what_is_not_known_of_a_cell_gives_the_entry_before(curvature: float) -> None:
    found = chords([0.4, 0.2], curvature)
    assert found.at_tail([0.25, 0.2000001]) == pytest.approx(1.0)
    # The entry itself proves its tail for all radii before it, where D grows.
    assert found.at_tail(0.2) == 2.0
    assert chords([0.4, 0.2], curvature, monotone=False).at_tail(0.0) == 1.0


def test_the_first_crossing_never_jumps_a_dip() -> None:
    # The second tail is the larger: without monotony it proves nothing of radii before it.
    dipped = chords([0.2, 0.3], 0.4, monotone=False)
    # f(x) = 2 (0.2 - s) + 0.2 x - 0.2 x (1 - x) falls nowhere below 0 if and only if s <= 0.2.
    assert dipped.at_tail(0.19) == 2.0
    assert dipped.at_margin(0.5 - 0.21) == 0.0
    assert chords([0.2, 0.3], 0.4).at_margin(0.5 - 0.21) >= 1.0
    # Bend larger than fall: between equal tails 0.2 the bound dips by M/(8 kappa) = 0.1.
    deep = chords([0.2, 0.2, 0.15], 1.6, monotone=False)
    assert deep.at_tail(0.0999) >= 2.0
    assert deep.at_tail(0.11) < 1.5
    assert np.all(np.diff(deep.at_tail(np.linspace(0, 0.25, 2001))) <= 0)


def test_a_first_entry_that_is_not_reached_certifies_nothing() -> None:
    entries = Entries(np.ones(1), np.full(1, 2.0), np.full(1, 0.3), np.zeros(1))
    found = build_chords(entries, 0.0, monotone=False)
    assert found.at_tail([0.0, 0.1]).tolist() == [0, 0]
    assert found.at_margin([0.2, 0.25]).tolist() == [0, 0]
    assert found.limit == 0.0
