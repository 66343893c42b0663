"""Direct quadrature in two and three dimensions against laws that are known exactly."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ndtri
from sympy import Abs, Piecewise, cosh, exp, log, oo, sin

import radii
from differential.direct_laws import NODES, direct_bound, directions, tangent_bound
from differential.integrate import integrate_reciprocal
from radii import x
from smoothing.norms import as_norm

P = np.array([1e-9, 1e-4, 0.01, 0.1, 0.25, 0.5])


def normal_phi(p: np.ndarray) -> np.ndarray:
    return np.exp(-(ndtri(p) ** 2) / 2) / np.sqrt(2 * np.pi)


#: Gaussians: precision matrix and the exact factor max sqrt(u' S u) per adversary. The bounds are
#: the three grids' spread and the polytope around the l2 ball, 8e-4 wide for the circle.
GAUSSIANS = [
    ((x[0] ** 2 + x[1] ** 2) / 2, 2, "l1", 1.0, 1e-3),
    ((x[0] ** 2 + x[1] ** 2) / 2, 2, "l2", 1.0, 4e-3),
    ((x[0] ** 2 + x[1] ** 2 + x[0] * x[1]) / 2, 2, "linf", 3**0.5, 1e-3),
    (((x[0] - 700) / 1000) ** 2 / 2 + (x[1] - 3) ** 2 / 2, 2, "l1", 1.0, 1e-3),
    ((x[0] ** 2 + x[1] ** 2 + x[2] ** 2) / 2, 3, "l1", 1.0, 2e-3),
]


@pytest.mark.parametrize(("psi", "dim", "adversary", "factor", "slack"), GAUSSIANS)
def test_gaussians_are_bounded_closely_and_from_above(psi, dim, adversary, factor, slack) -> None:
    bound = direct_bound(psi, as_norm(adversary), dim)()
    ratio = bound(P) / (factor * normal_phi(P))
    assert np.all(ratio >= 1)
    assert np.all(ratio <= 1 + slack)


_TWO = radii.norm(x, 2)
#: The same density with structure and written out; the grids know nothing of the first.
TWINS = [
    (radii.coordinate_sum(2 * log(cosh(radii.t))), "l1"),
    (radii.norm(x, 1), "linf"),
    (2 * log(1 + _TWO**2), "l2"),
    (radii.norm(x, oo) ** 2, "l1"),
]


@pytest.mark.parametrize(("psi", "adversary"), TWINS, ids=str)
def test_grids_agree_with_the_laws_of_structures_and_stay_below(psi, adversary) -> None:
    exact = radii.derive(radii.SmoothingDistribution(psi, dim=2), adversary)
    bound = direct_bound(psi, as_norm(adversary), 2)()
    found = integrate_reciprocal(bound, bound.kinks, bound.relative_error)
    tails = np.array([1e-6, 1e-3, 0.1, 0.25])
    ratio = found.at_tail(tails) / exact(tail=tails)
    assert np.all(ratio < 1)
    # kinks of psi cost the grids one order: gamma jumps across lines
    assert np.all(ratio >= 1 - 2e-2)


def test_radius_of_a_mixture_without_structure() -> None:
    far = 12
    mixture = -log(
        exp(-(x[0] ** 2 + x[1] ** 2) / 2) + exp(-((x[0] - far) ** 2 + (x[1] - far) ** 2) / 2)
    )
    radius = radii.derive(radii.SmoothingDistribution(mixture, dim=2), "linf")
    assert (radius.route, radius.guarantee) == ("quadrature", "estimate")
    # Far apart, gamma has the law of one Gaussian: R is ndtri(rho)/sqrt(2), up to e^-36.
    rho = np.array([0.6, 0.9, 0.999])
    assert np.all(radius(rho) <= ndtri(rho) / 2**0.5 * (1 + 1e-9))
    assert np.all(radius(rho) >= ndtri(rho) / 2**0.5 * (1 - 1e-3))


def test_grids_certify_nothing_and_enter_no_combination() -> None:
    # A well of width 0.0007 lies between the points of all three grids, which agree without it.
    well = 9 * exp(-(10**6) * ((x[0] - 1) ** 2 + (x[1] - 0.3) ** 2))
    psi = (x[0] ** 2 + x[1] ** 2) / 2 + x[0] * x[1] / 10 - well
    noise = radii.SmoothingDistribution(psi, dim=2)
    assert radii.derive(noise, "l1").guarantee == "estimate"
    with pytest.raises(radii.UnsupportedPairError, match="no other sound route"):
        radii.derive(noise, "l1", route="best")


def test_a_narrow_mixture_is_no_product() -> None:
    # Away from (5, 3) the logarithm of the sum equals that of its first term to 10^-3000.
    hidden = 50 * exp(-500 * ((x[0] - 5) ** 2 + (x[1] - 3) ** 2))
    psi = -log(exp(-(x[0] ** 2 + x[1] ** 2) / 2) + hidden)
    found = radii.SmoothingDistribution(psi, dim=2).structures
    assert [type(s).__name__ for s in found] == ["General"]


def test_polytope_directions_around_the_ball_leave_it_inside() -> None:
    generator = np.random.default_rng(1)
    for dim in (2, 3):
        vertices = directions(as_norm("l2"), dim)
        u = generator.standard_normal((1000, dim))
        u /= np.linalg.norm(u, axis=1)[:, None]
        # The support function of a polytope around the unit ball is at least 1.
        assert np.all(np.abs(u @ vertices.T).max(axis=1) >= 1)


def test_tangents_lie_above_a_discrete_law() -> None:
    generator = np.random.default_rng(2)
    values = np.sort(generator.standard_t(3, size=500))[::-1]
    masses = generator.dirichlet(np.ones(500))
    bound = tangent_bound(values, masses, NODES)
    p = generator.uniform(0, 0.5, 2000)
    exact = np.interp(p, np.cumsum(masses), np.cumsum(masses * values))
    inner = p > masses[0]
    linear = np.interp(p, np.append(0.0, NODES), bound)
    assert np.all(linear[inner] >= exact[inner] - 1e-14)


REFUSED = [
    (x[0] ** 2 + x[1] ** 2 + x[0] * x[1], 2, radii.norm(x, oo) <= 1, "support cuts"),
    (
        Piecewise((x[0] ** 2 + x[1] ** 2, x[0] * x[1] > 0), (2 * x[0] ** 2 + x[1] ** 2, True)),
        2,
        None,
        "may jump",
    ),
    (x[0] * x[3] + radii.norm(x, 2) ** 2, 4, None, "covers d = 2 and 3"),
]


@pytest.mark.parametrize(("psi", "dim", "support", "reason"), REFUSED, ids=lambda v: str(v)[:20])
def test_what_grids_do_not_cover_is_refused_with_the_reason(psi, dim, support, reason) -> None:
    q = radii.SmoothingDistribution(psi, dim=dim, support=support)
    with pytest.raises(radii.UnsupportedPairError, match=reason):
        radii.derive(q, "l1")


@pytest.mark.parametrize(
    "psi",
    [
        x[0] * x[1] + x[0] ** 2,
        x[0] ** 2 + x[1] ** 2 + log(Abs(x[0] - x[1])) / 2,
        x[0] ** 2 + x[1] ** 2 + 1 / (x[0] - x[1] + sin(x[0])),
    ],
    ids=["not integrable", "infinite E|gamma|", "jump at a pole"],
)
def test_densities_without_finite_phi_are_refused(psi) -> None:
    with pytest.raises((radii.AssumptionError, radii.PrecisionError)):
        direct_bound(psi, as_norm("l1"), 2)()
