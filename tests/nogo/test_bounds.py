"""The no-go bounds against linear programs, direct integration and simulation."""

from __future__ import annotations

import math

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

import nogo
from numerics.errors import InvalidInputError

INF = float("inf")


CELLS = 160


def worst_total_variation(step: int, *, even: bool) -> float:
    """Largest max G - p over concave G with G(s) <= 1/2 and G(1/2) <= 1-s, by linear programs.

    An independent computation from the constraints of the certificate alone, on a grid of p that
    holds s = step/160. For even noise the mirror symmetry of G puts the largest gap where
    G(p) = 1-p; which p that can be is tried one by one, the rest of the symmetry is left out.
    """
    grid = np.linspace(0.0, 1.0, CELLS + 1)
    concave = np.zeros((CELLS - 1, CELLS + 1))
    for i in range(CELLS - 1):
        concave[i, i : i + 3] = (1.0, -2.0, 1.0)
    box = [(float(p), 1.0) for p in grid]
    box[step] = (grid[step], 0.5)
    box[CELLS // 2] = (0.5, 1.0 - grid[step])
    best = 0.0
    for i in range(0, CELLS // 2 if even else CELLS, 4):
        if i in (step, CELLS // 2):
            continue
        target, limits = np.zeros(CELLS + 1), list(box)
        target[i] = -1.0
        if even:
            limits[i] = (1.0 - grid[i], 1.0 - grid[i])
        found = linprog(
            target, A_ub=concave, b_ub=np.zeros(CELLS - 1), bounds=limits, method="highs"
        )
        assert found.status in ((0, 2) if even else (0,))  # 2: no curve passes there
        best = max(best, -found.fun - grid[i] if found.status == 0 else 0.0)
    return best


@pytest.mark.parametrize("step", [8, 32, 48, 72])  # rho = 0.95, 0.8, 0.7, 0.55
@pytest.mark.parametrize("even", [True, False])
def test_limit_on_total_variation_is_what_concavity_allows(step: int, even: bool) -> None:
    worst = worst_total_variation(step, even=even)
    tail = step / CELLS
    limit = nogo.total_variation_limit(tail=tail, even=even)
    assert worst <= limit + 1e-7  # feasibility tolerance of HiGHS
    # every fourth p is tried: the worst one is at most 2/160 away, and G - p has slope <= 1/(2s)
    assert worst >= limit - 2 / CELLS * max(1.0, 0.5 / tail)


@given(st.floats(0.501, 0.999))
def test_sharper_limits_are_below_the_lemma(rho: float) -> None:
    even, general = (nogo.total_variation_limit(rho, even=e) for e in (True, False))
    assert even <= general < 2 * rho - 1
    assert nogo.probability_needed(even) == pytest.approx(rho, abs=1e-12)
    assert nogo.probability_needed(general, even=False) == pytest.approx(rho, abs=1e-12)


@pytest.mark.parametrize("delta", [0.05, 0.2, 1 / 3, 0.5, 0.8])
def test_line_bounds_hold_for_the_least_noise_a_linear_program_finds(delta: float) -> None:
    for offset in (0.0, 0.1, 0.25, 0.5):
        for order, moment in ((1, "E |eta|"), (2, "E |eta|^2")):
            least = nogo.least_line_moment(delta, order=order, offset=offset)
            for bound in (b for b in nogo.BOUNDS if b.line and b.moment == moment):
                needed = bound.noise_needed(1.0, dim=1, p=2, delta=delta)
                assert needed <= least + 1e-7  # feasibility tolerance of HiGHS


def test_least_noise_on_the_line_is_flat() -> None:
    """With TV <= 1/n no mass exceeds 1/n, so n equal neighbouring masses are best."""
    assert nogo.least_line_moment(0.25, offset=0.5) == pytest.approx(15 / 12, abs=1e-7)


def test_room_in_the_published_constants() -> None:
    """The sharp second moment is attained, so Lemma 3.1 has room 200 (1 + delta) / 12 at 1/n."""
    room = {c.bound: c for c in nogo.line_constants([0.1, 1 / 3, 0.5])}
    assert room["line, second moment"].factor == pytest.approx(1.0, abs=1e-6)
    assert room["Lemma 3.1"].factor == pytest.approx(200 * 1.1 / 12, rel=1e-6)
    assert all(c.factor > 1 - 1e-6 for c in room.values())


def test_line_second_moment_is_attained() -> None:
    """Equal masses on n neighbouring lattice points: TV = 1/n, variance (n^2-1)/12."""
    for n in (2, 3, 10):
        needed = nogo.bound("line, second moment").noise_needed(1.0, dim=1, p=1, delta=1 / n)
        assert needed == pytest.approx((n * n - 1) / 12, rel=1e-14)


@given(
    st.sampled_from([b.name for b in nogo.BOUNDS]),
    st.floats(1e-3, 1e3),
    st.integers(1, 150_528),
    st.sampled_from([1.0, 1.5, 2.0, 3.0, INF]),
    st.floats(0.001, 0.999),
)
def test_both_directions_are_inverse_and_rounded_apart(
    name: str, radius: float, dim: int, p: float, delta: float
) -> None:
    theorem = nogo.bound(name)
    dim = 1 if theorem.line else dim
    if not theorem.applies(dim, p):
        with pytest.raises(InvalidInputError, match="p must be"):
            theorem.noise_needed(radius, dim=dim, p=p, delta=delta)
        return
    needed = theorem.noise_needed(radius, dim=dim, p=p, delta=delta)
    back = theorem.largest_radius(needed, dim=dim, p=p, delta=delta)
    # rounded down, then up: the way back may not lose more than a few eps
    assert back == pytest.approx(radius, rel=1e-15 * 8)
    assert theorem.noise_needed(radius, dim=dim, p=p, delta=min(0.9995, delta * 1.1)) <= needed


def gaussian_delta(radius: float, sigma: float, dim: int, p: float) -> float:
    inverse = 0.0 if p == INF else 1.0 / p
    length = radius * dim ** max(0.5 - inverse, 0.0)
    return nogo.gaussian_shift(length, sigma).upper


@pytest.mark.parametrize("p", [1.0, 2.0, 4.0, INF])
@pytest.mark.parametrize("dim", [1, 7, 3072, 150_528])
def test_gaussian_noise_respects_every_bound(dim: int, p: float) -> None:
    for radius in (1e-3, 0.03, 1.0):
        delta = gaussian_delta(radius, 1.0, dim, p)
        if delta >= 1.0:
            continue
        moments = {"E ||eta||_2^2": dim, "i-th largest E eta_i^2": 1.0, "E |eta|^2": 1.0}
        first = math.exp(math.lgamma((dim + 1) / 2) - math.lgamma(dim / 2)) * math.sqrt(2)
        moments |= {"E ||eta||_2": first, "E |eta|": first}
        for theorem in (b for b in nogo.BOUNDS if b.applies(dim, p)):
            needed = theorem.noise_needed(radius, dim=dim, p=p, delta=delta)
            assert needed <= moments[theorem.moment] * (1 + 1e-9), theorem.name


def test_slack_of_the_bounds_for_gaussian_noise() -> None:
    """sigma over the sigma needed, at small radius: sqrt(800 / 2 pi) = 11.28 for Theorem 1.2."""
    delta = gaussian_delta(1e-5, 1.0, 3072, INF)
    slack = {
        name: math.sqrt(3072 / nogo.bound(name).noise_needed(1e-5, dim=3072, p=INF, delta=delta))
        for name in ("Theorem 1.2", "sign average, second moment")
    }
    # first order in delta = 2e-4: Theorem 1.2 has a factor 1 - delta
    assert slack["Theorem 1.2"] == pytest.approx(math.sqrt(800 / (2 * math.pi)), rel=5e-4)
    assert slack["sign average, second moment"] == pytest.approx(
        math.sqrt(12 / (2 * math.pi)), rel=1e-6
    )


def test_total_variation_of_the_cube_by_integration_and_simulation() -> None:
    shift, r = np.array([0.3, -0.8, 1.1]), 0.9
    exact = nogo.cube_shift(shift, r)
    cells = [max(0.0, 2 * r - abs(v)) / (2 * r) for v in shift]
    assert exact.contains(1.0 - math.prod(cells)) or exact.upper == pytest.approx(
        1.0 - math.prod(cells), rel=4e-16
    )
    # TV = P(eta outside the shifted cube); 4e5 draws, 6 standard errors: false alarm 2e-9
    draws = np.random.default_rng(5).uniform(-r, r, (400_000, 3))
    outside = np.mean(np.any(np.abs(draws - shift) > r, axis=1))
    assert abs(outside - exact.upper) < 6 * math.sqrt(0.25 / 400_000)


@given(st.floats(0.001, 1.0), st.integers(1, 5000))
def test_cube_envelope_contains_the_worst_shift(share: float, dim: int) -> None:
    envelope = nogo.cube_shift_envelope(share, dim=dim, half_width=1.0)
    exact = -math.expm1(dim * math.log1p(-share / 2))
    assert envelope.lower <= exact * (1 + 1e-12)
    assert exact <= envelope.upper * (1 + 1e-12)


@given(st.floats(0.01, 0.99), st.integers(2, 5000), st.sampled_from([2.0, 3.0, INF]))
def test_noise_that_is_enough_is_enough(delta: float, dim: int, p: float) -> None:
    sigma = nogo.gaussian_sigma_enough(1.0, dim=dim, p=p, delta=delta)
    assert gaussian_delta(1.0, sigma, dim, p) <= delta
    r = nogo.cube_radius_enough(1.0, dim=dim, delta=delta)
    assert -math.expm1(dim * math.log1p(-1 / (2 * r))) <= delta
    # the corrected variance of Corollary B.6; printed is sqrt(2) log(4)^2/48
    assert r**2 / 3 == pytest.approx(math.log(4) ** 2 / 12 * (dim / delta) ** 2, rel=1e-12)


def test_gaussian_shift_by_direct_integration() -> None:
    with mpmath.workdps(30):
        density = mpmath.npdf
        exact = mpmath.quad(
            lambda t: max(density(t) - density(t - mpmath.mpf("0.7")), 0),
            [-mpmath.inf, 0, mpmath.mpf("0.35")],
        )
    assert abs(nogo.gaussian_shift(0.7, 1.0).upper - float(exact)) < 1e-15


def test_orthogonal_directions() -> None:
    for dim, p in ((1, 2.0), (5, 3.0), (64, INF)):
        rows = nogo.orthogonal_directions(dim, p)
        b = len(rows)
        assert b > dim / 2
        inverse = 0.0 if p == INF else 1 / p
        np.testing.assert_allclose(rows @ rows.T, np.eye(b) * b ** (1 - 2 * inverse), atol=1e-13)
        norms = np.max(np.abs(rows), 1) if p == INF else np.sum(np.abs(rows) ** p, 1) ** inverse
        np.testing.assert_allclose(norms, 1.0, rtol=1e-14)


class TestHeavyTail:
    """Lemma 3.8 with a constant that its proof supports."""

    def test_independent_gaussian_noise_has_the_tail_it_needs(self) -> None:
        for p in (3.0, INF):
            for radius in (0.01, 0.1):
                delta = gaussian_delta(radius, 1.0, 64, p)
                for constants in ("published", "sharp"):
                    tail = nogo.heavy_tail(radius, dim=64, p=p, delta=delta, constants=constants)
                    x = np.geomspace(tail.threshold * (1 + 1e-9), 30.0, 20_000)
                    tails = np.array([math.erfc(v / math.sqrt(2)) for v in x])
                    assert tail.allowed_by(x, tails)

    def test_mean_of_the_maximum_of_pareto_variables(self) -> None:
        """The identity behind the constant, by quadrature of the tail of the maximum."""
        d, k = 5, mpmath.mpf(2) * 3 / (3 - 2)  # p = 3
        a = 1 - 1 / k
        closed = mpmath.gamma(a) * mpmath.gamma(d + 1) / mpmath.gamma(d + a)
        tail = mpmath.quad(lambda t: 1 - (1 - t**-k) ** d, [1, 2, 10, mpmath.inf])
        assert abs(closed - 1 - tail) < 1e-12

    def test_the_paper_s_constant_is_not_supported_by_its_proof(self) -> None:
        published = nogo.heavy_tail(1.0, dim=10**5, p=INF, delta=0.5).threshold
        assert published < 1 / 24 / 1.7  # Gamma(1/2) = 1.77 below what the proof takes

    def test_largest_radius(self) -> None:
        def tail(x: np.ndarray) -> np.ndarray:
            return np.array([math.erfc(v / math.sqrt(2)) for v in x])

        grid = np.geomspace(1e-3, 40, 4000)
        for radius in (0.02, 0.1):
            delta = gaussian_delta(radius, 1.0, 64, INF)
            most = nogo.largest_radius_of_tail(tail, grid, dim=64, p=INF, delta=delta)
            assert most >= radius


class TestLargestRadius:
    """The smallest of all limits, and its behaviour in d, p, sigma and rho."""

    @given(
        st.floats(0.51, 0.999), st.sampled_from([1.0, 1.7, 2.0, 5.0, INF]), st.integers(1, 200_000)
    )
    def test_scales_and_inverts(self, rho: float, p: float, dim: int) -> None:
        radius = nogo.largest_radius(sigma=0.5, dim=dim, p=p, rho=rho)
        assert nogo.largest_radius(sigma=1.0, dim=dim, p=p, rho=rho) == pytest.approx(2 * radius)
        back = nogo.smallest_sigma(radius=radius, dim=dim, p=p, rho=rho)
        assert back == pytest.approx(0.5, rel=1e-13)

    def test_phase_transition_at_two(self) -> None:
        small, large = (
            [nogo.largest_radius(sigma=1, dim=d, p=p, rho=0.9) for p in (1, 2, 4, INF)]
            for d in (16, 16 * 10**4)
        )
        powers = [math.log(a / b) / math.log(10**4) for a, b in zip(small, large, strict=True)]
        assert powers == pytest.approx([0.0, 0.0, 0.25, 0.5], abs=1e-12)

    def test_a_noise_without_a_variance_has_no_limit(self) -> None:
        assert nogo.largest_radius(sigma=INF, dim=3, p=1, rho=0.9) == INF

    @settings(max_examples=20)
    @given(st.floats(0.5001, 0.9999))
    def test_published_bounds_are_never_the_smallest(self, rho: float) -> None:
        names = [limit.bound.source for limit in nogo.limits(dim=3072, p=INF, rho=rho)]
        assert names[0] != "Blum et al. 2020"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: nogo.largest_radius(sigma=1, dim=3, p=0.5, rho=0.9), "p must be .* >= 1"),
        (lambda: nogo.largest_radius(sigma=1, dim=0, p=2, rho=0.9), "dim must be"),
        (lambda: nogo.largest_radius(sigma=-1, dim=3, p=2, rho=0.9), "sigma must be"),
        (lambda: nogo.largest_radius(sigma=1, dim=3, p=2, rho=0.5), "rho must be between 1/2"),
        (lambda: nogo.largest_radius(sigma=1, dim=3, p=2, rho=1.0), "rho must be between 1/2"),
        (lambda: nogo.largest_radius(sigma=1, dim=3, p=2, tail=0.6), "tail must be"),
        (lambda: nogo.largest_radius(sigma=1, dim=3, p=2), "rho"),
        (lambda: nogo.total_variation_limit(float("nan")), "rho must be"),
        (lambda: nogo.probability_needed(1.0), "0 < delta < 1"),
        (lambda: nogo.bound("Theorem 9"), "one of Lemma 3.1"),
        (
            lambda: nogo.bound("Theorem 1.2").noise_needed(1, dim=3, p=2, delta=0),
            "delta must be a total variation",
        ),
        (lambda: nogo.bound("Theorem 1.2").noise_needed(1, dim=3, p=1, delta=0.1), "from 2 to inf"),
        (lambda: nogo.bound("Lemma 3.1").noise_needed(1, dim=3, p=2, delta=0.1), "about a line"),
        (lambda: nogo.bound("Lemma 3.1").noise_needed(-1, dim=1, p=2, delta=0.1), "radius must be"),
        (lambda: nogo.heavy_tail(1, dim=3, p=2, delta=0.1), "p must be above 2"),
        (lambda: nogo.heavy_tail(1, dim=3, p=3, delta=0.1, constants="x"), "constants must be"),
        (lambda: nogo.cube_shift_envelope(2, dim=3, half_width=1), "radius must be at most"),
        (lambda: nogo.cube_radius_enough(1, dim=1, delta=0.9), "at most log 2"),
        (lambda: nogo.orthogonal_directions(10**6, 3), "at most 4096"),
    ],
)
def test_bad_input_is_named(call, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        call()
