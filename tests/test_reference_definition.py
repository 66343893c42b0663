"""The reference itself: against tabulated values, against simulation, and against itself."""

from __future__ import annotations

import json
import random
from decimal import Decimal

import numpy as np
import pytest
import sympy
from flint import arb

from tests.reference.definition import phi
from tests.reference.densities import PRODUCTS, RADIALS, ProductCase, RadialCase, reference_key
from tests.reference.directions import Direction
from tests.reference.geometry import (
    LINE_SYMBOL,
    RADIUS_SYMBOL,
    product_radius,
    radial_radius,
    radial_weights,
)
from tests.reference.line_law import LineLaw
from tests.reference.make_unpublished import PATH, compute, requests
from tests.reference.tables import FOLDER, read

t, r = LINE_SYMBOL, RADIUS_SYMBOL
oo = sympy.oo


def evaluate(expression: sympy.Expr, symbol: sympy.Symbol, point: float) -> float:
    return float(expression.subs(symbol, sympy.Rational(repr(float(point)))))


@pytest.mark.parametrize("case", [*PRODUCTS, *RADIALS], ids=lambda case: case.name)
def test_pieces_are_the_density(case: ProductCase | RadialCase) -> None:
    whole, symbol = (case.phi, t) if isinstance(case, ProductCase) else (case.profile, r)
    generator = np.random.default_rng(7)
    differences = []
    for left, right, piece in case.pieces:
        low = max(float(left), -6.0)
        high = min(float(right), low + 12.0)
        for point in low + (high - low) * generator.uniform(0.01, 0.99, size=3):
            difference = evaluate(whole, symbol, point) - evaluate(piece, symbol, point)
            differences.append(difference)
    assert np.ptp(differences) < 1e-9


@pytest.mark.skipif(not FOLDER.is_dir(), reason="../shared/reference is absent")
@pytest.mark.parametrize(
    ("psi", "dim", "adversary", "compute_radius"),
    [
        (
            "coordinate_sum(2*log(cosh(t/2)))",
            784,
            "l1",
            lambda s: product_radius(
                [((-oo, oo, 2 * sympy.log(sympy.cosh(t / 2))),)], 784, s, even=True
            ),
        ),
        (
            "coordinate_sum(abs(t)**(1/2))",
            784,
            "l1",
            lambda s: product_radius(
                [((-oo, 0, sympy.sqrt(-t)), (0, oo, sympy.sqrt(t)))], 784, s, even=True
            ),
        ),
        (
            "norm(x, oo)**(2) + (1/2)*log(norm(x, oo))",
            784,
            "l1",
            lambda s: radial_radius("oo", ((0, oo, r**2 + sympy.log(r) / 2),), 784, "l1", s),
        ),
        ("norm(x, 1)", 10, "linf", lambda s: radial_radius(1, ((0, oo, r),), 10, "linf", s)),
        (
            "norm(x, 1)**(2)",
            2,
            "linf",
            lambda s: radial_radius(1, ((0, oo, r**2),), 2, "linf", s),
        ),
        ("norm(x, 2)", 3072, "l2", lambda s: radial_radius(2, ((0, oo, r),), 3072, "l2", s)),
        (
            "(12)*log(1 + norm(x, oo))",
            10,
            "l1",
            lambda s: radial_radius("oo", ((0, oo, 12 * sympy.log(1 + r)),), 10, "l1", s),
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_tabulated_values(psi: str, dim: int, adversary: str, compute_radius) -> None:
    rows = [
        row
        for row in read("reference.json")
        if (row["psi"], row["dim"], row["adversary"]) == (psi, dim, adversary)
        and row["route"] == "differential"
    ]
    assert rows
    value = Decimal(compute_radius(rows[0]["tail"]).str(25, radius=False))
    assert abs(value / Decimal(rows[0]["radius"]) - 1) < Decimal("1e-18")


def test_committed_values_are_reproduced() -> None:
    """Two pairs, drawn by a fixed seed among those that take little time."""
    known = json.loads(PATH.read_text())
    cheap = [case for case in RADIALS if case.gauge == "oo" and case.adversaries[0] == "l1"]
    cheap += [case for case in PRODUCTS if case.even and len(case.pieces) > 1]
    for case in random.Random(2).sample(cheap, 2):
        dim, adversary = requests(case)[0]
        tail = case.tails[1]
        value = Decimal(compute(case, dim, adversary, [tail])[0].str(20, radius=False))
        committed = Decimal(known[reference_key(case, dim, adversary, tail)])
        assert abs(value / committed - 1) < Decimal("1e-17")


def test_every_request_has_a_committed_value() -> None:
    known = json.loads(PATH.read_text())
    expected = {
        reference_key(case, dim, adversary, tail)
        for case in (*PRODUCTS, *RADIALS)
        for dim, adversary in requests(case)
        for tail in case.tails
    }
    assert expected == set(known)


def test_exponential_on_a_half_line_has_the_stated_boundary_terms() -> None:
    """Spec 2: Phi(p) = p for +1 and 1 - p for -1."""
    law = LineLaw(((0, oo, t),), t)
    up, down = (Direction(law, ((arb(sign), arb(1)),)) for sign in (1, -1))
    for p in (0.01, 0.3, 0.9):
        assert float(phi(up, p)) == pytest.approx(p, rel=1e-14)
        assert float(phi(down, p)) == pytest.approx(1 - p, rel=1e-14)


def growth_rate(log_density, p: float, shift: float, low: float, high: float) -> float:
    """(G(p, shift) - p) / shift by the Neyman-Pearson lemma on cells as wide as the shift."""
    cells = round((high - low) / abs(shift))
    middles = low + (np.arange(-1, cells + 1) + 0.5) * abs(shift)
    inside = (middles > low) & (middles < high)
    masses = np.zeros_like(middles)
    masses[inside] = np.exp(log_density(middles[inside]) + 0 * middles[inside])
    masses /= masses.sum()
    moved = np.roll(masses, 1 if shift > 0 else -1)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(masses > 0, moved / masses, np.where(moved > 0, np.inf, -np.inf))
    order = np.argsort(-ratio, kind="stable")
    used, gained = np.cumsum(masses[order]), np.cumsum(moved[order])
    return float((np.interp(p, used, gained) - p) / abs(shift))


@pytest.mark.parametrize(
    "name", ["exponential", "cut logistic", "ramp", "plateau with jumps", "gumbel", "huber"]
)
@pytest.mark.parametrize("sign", [1, -1])
def test_phi_is_the_growth_rate_of_a_small_shift(name: str, sign: int) -> None:
    """Signs and boundary terms, from the density alone: G(p, v) = p + |v| Phi(p) + O(v^2)."""
    case = next(case for case in PRODUCTS if case.name == name)
    log_density = sympy.lambdify(t, -case.phi, "numpy")
    ends = [float(case.pieces[0][0]), float(case.pieces[-1][1])]
    low, high = max(ends[0], -12.0), min(ends[1], 40.0)
    direction = Direction(LineLaw(case.pieces, t), ((arb(sign), arb(1)),))
    for p in (0.1, 0.4, 0.7):
        rate = growth_rate(log_density, p, sign * 2.0**-13, low, high)
        # The second-order term is |v| / 2 times a derivative of order 1.
        assert rate == pytest.approx(float(phi(direction, p)), rel=2e-3, abs=2e-3)


def plane_growth_rate(gauge: int | str, p: float, shift: tuple[int, int], cells: int) -> float:
    """(G(p, v) - p) / |v| for exp(-r) on the shell 1 < r < 2 in the plane, v = shift cells."""
    step = 4.4 / cells
    middles = (np.arange(cells) + 0.5) * step - 2.2
    first, second = np.abs(middles)[:, None], np.abs(middles)[None, :]
    radius = {1: first + second, 2: np.hypot(first, second), "oo": np.maximum(first, second)}[gauge]
    masses = np.where((radius > 1) & (radius < 2), np.exp(-radius), 0.0)
    masses /= masses.sum()
    moved = np.roll(masses, shift, axis=(0, 1)).ravel()
    masses = masses.ravel()
    ratio = np.where(
        masses > 0, moved / np.maximum(masses, 1e-300), np.where(moved > 0, np.inf, -1.0)
    )
    order = np.argsort(-ratio, kind="stable")
    gained = np.interp(p, np.cumsum(masses[order]), np.cumsum(moved[order]))
    return float((gained - p) / step)


@pytest.mark.parametrize("gauge", [1, 2, "oo"])
@pytest.mark.parametrize(("adversary", "shift"), [("l1", (1, 0)), ("linf", (1, 1))])
def test_radial_radius_is_the_integral_of_growth_rates(gauge, adversary: str, shift) -> None:
    """Values of A and boundary terms on inner and outer faces, from the density alone."""
    pieces = ((1, 2, r),)
    for p in (0.2,) if gauge == 2 else (0.1, 0.3):
        low, high = (radial_radius(gauge, pieces, 2, adversary, p + h) for h in (0.01, -0.01))
        mean_rate = 0.02 / float(high - low)
        # Faces not along the grid are resolved to a cell: an error of order step, 1 per cent.
        assert mean_rate == pytest.approx(plane_growth_rate(gauge, p, shift, 1100), rel=0.02)


#: Standard errors allowed: false alarm rate 2e-9 per comparison (normal limit), 12 comparisons.
SIGMAS = 6.0


def check_phi(direction: Direction, gamma: np.ndarray, theta: float) -> None:
    """Phi(p) is the supremum of E[gamma; U] + theta; a sample bounds it from both sides.

    By duality Phi(p) <= c p + E(gamma - c)_+ + theta for every c, with equality at the quantile:
    the sample mean of the right-hand side, minimised over c on one half of the sample and
    averaged on the other half, is Phi(p) up to its standard error and a second-order term.
    """
    first, second = np.array_split(gamma, 2)
    for p in (0.02, 0.2, 0.45):
        c = float(np.quantile(first, 1 - p))
        values = c * p + np.maximum(second - c, 0.0) + theta
        error = values.std() / np.sqrt(len(values))
        assert abs(values.mean() - float(phi(direction, p))) < SIGMAS * error + 1e-4 * error


def test_phi_of_student_by_simulation() -> None:
    sample = np.random.default_rng(11).standard_t(3, size=200_000)
    law = LineLaw(((-oo, oo, 2 * sympy.log(1 + t**2 / 3)),), t)
    check_phi(Direction(law, ((arb(1), arb(1)),)), 4 * sample / (3 + sample**2), 0.0)


def test_phi_of_a_cut_normal_by_simulation() -> None:
    """Both signs of a normal cut to (-1, 2): the boundary terms are its densities at the ends."""
    sample = np.random.default_rng(12).standard_normal(400_000)
    sample = sample[(sample > -1) & (sample < 2)]
    mass = 0.8185946141203637  # N(2) - N(-1), scipy.special.ndtr
    law = LineLaw(((-1, 2, t**2 / 2),), t)
    for sign, end in ((1.0, 2.0), (-1.0, -1.0)):
        theta = np.exp(-(end**2) / 2) / np.sqrt(2 * np.pi) / mass
        direction = Direction(law, ((arb(int(sign)), arb(1)),))
        check_phi(direction, sign * sample, theta)


def test_phi_of_a_radial_density_by_simulation() -> None:
    """exp(-||x||_1^2) in three dimensions against linf, from simulated vectors.

    ||x||_1^2 is a gamma variable of shape 3/2 and the direction that of iid exponentials.
    """
    generator = np.random.default_rng(13)
    radius = np.sqrt(generator.gamma(1.5, size=200_000))
    signs = generator.choice([-1.0, 1.0], size=(200_000, 3))
    gamma = 2 * radius * signs.sum(axis=1)
    law = LineLaw(((0, oo, r**2),), r, dim=3, radial=True)
    check_phi(Direction(law, radial_weights(1, "linf", 3)), gamma, 0.0)
