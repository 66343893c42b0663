r"""Normaliser and second moment of mixed densities exp(-g(max|x_i|) - sum phi(x_i)), phi even.

Given the maximum m, the other coordinates are independent with density proportional to exp(-phi)
on [-m, m]. With F(m) the integral of exp(-phi) over [0, m], the maximum has density proportional to
d (2 F(m))^{d-1} 2 exp(-phi(m) - g(m)), and E ||x||^2 = E[m^2 + (d - 1) V(m)], V the second moment
of one of the others. All integrals run over y = log m, on panels halved until the density varies by
a bounded factor on each.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import sympy
from numpy.typing import NDArray

from numerics.ball import BallFunction
from numerics.errors import PrecisionError
from numerics.legendre import legendre_rule
from smoothing.exponents import at_infinity
from smoothing.structure import COORDINATE, RADIUS, Mixed

__all__ = ["mixed_log_normaliser", "mixed_second_moment"]

Array = NDArray[np.float64]

#: log m runs over this range: e^200 squared is still a float64.
LOG_RANGE = 200
#: Panels whose density is below e^-60 = 1e-26 of the largest are not refined.
RELEVANT = 60.0
#: Largest change of the log density on a panel; exp(4 s) needs fewer nodes than the rule has.
VARIATION = 4.0
#: Halvings of a panel of length 1: the density of a maximum is never narrower than 1/d.
MAX_HALVINGS = 24

_LOG = sympy.Symbol("y", real=True)


@dataclass(frozen=True)
class MaximumLaw:
    """Integrals of the unnormalised density of the maximum."""

    log_normaliser: float
    second_moment: float


def mixed_log_normaliser(mixed: Mixed) -> float:
    """Logarithm of the integral of exp(-g - sum phi) over R^dim."""
    return _law(mixed).log_normaliser


def mixed_second_moment(mixed: Mixed) -> float:
    """E ||x||_2^2; inf when the maximum has no variance."""
    potential = mixed.profile + mixed.phi.subs(COORDINATE, RADIUS)
    tail = at_infinity(potential - 2 * sympy.log(RADIUS), RADIUS)
    return _law(mixed).second_moment if tail.integrable else math.inf


@lru_cache(maxsize=64)
def _law(mixed: Mixed) -> MaximumLaw:
    in_log = {COORDINATE: sympy.exp(_LOG), RADIUS: sympy.exp(_LOG)}
    phi = BallFunction(mixed.phi.subs(in_log), _LOG)
    profile = BallFunction(mixed.profile.subs(in_log), _LOG)
    edges = np.arange(-LOG_RANGE, LOG_RANGE + 1, dtype=np.float64)
    known: dict[tuple[float, float], tuple[Array, Array]] = {}
    for _ in range(MAX_HALVINGS):
        panels = list(zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True))
        for left, right in panels:
            if (left, right) not in known:
                nodes = left + (right - left) * (1 + legendre_rule().nodes) / 2
                known[left, right] = (_floats(phi, nodes), _floats(profile, nodes))
        potentials = np.array([known[p][0] for p in panels])
        profiles = np.array([known[p][1] for p in panels])
        log_density, moments = _maximum_density(edges, potentials, profiles, mixed.dim)
        split = _too_steep(log_density)
        if not split.any():
            return _integrate(edges, log_density, moments, mixed.dim)
        middles = (edges[:-1] + edges[1:])[split] / 2
        edges = np.sort(np.concatenate([edges, middles]))
    raise PrecisionError(f"the law of the maximum of {mixed} was not resolved")


def _floats(function: BallFunction, nodes: Array) -> Array:
    """Values as float64; balls that overflow are potentials too large to matter."""
    return np.array([float(b.mid()) if b.is_finite() else math.inf for b in function.balls(nodes)])


def _maximum_density(
    edges: Array, potentials: Array, profiles: Array, dim: int
) -> tuple[Array, tuple[Array, Array]]:
    """Log density of y = log m at the nodes, and the nodes m with V(m) there."""
    rule = legendre_rule()
    width = np.diff(edges)[:, None]
    log_m = edges[:-1, None] + width * (1 + rule.nodes) / 2
    m = np.exp(log_m)
    floor = np.min(potentials)
    weight = np.exp(floor - potentials) * m
    inner = _cumulative(weight, width)
    spread = _cumulative(weight * m**2, width)
    with np.errstate(divide="ignore", invalid="ignore"):
        log_inner = np.log(2 * inner) - floor
        log_density = (dim - 1) * log_inner - potentials - profiles + log_m + math.log(2 * dim)
        others = np.where(inner > 0, spread / inner, 0.0)
    return np.where(np.isnan(log_density), -np.inf, log_density), (m, others)


def _cumulative(values: Array, width: Array) -> Array:
    """Integral from the left end to every node; terms are positive, so nothing cancels."""
    rule = legendre_rule()
    order = len(rule.nodes)
    vander = np.polynomial.legendre.legvander(rule.nodes, order - 1)
    to_coefficients = np.linalg.inv(vander)
    lifted = np.polynomial.legendre.legint(to_coefficients, lbnd=-1, axis=0)
    to_nodes = np.polynomial.legendre.legval(rule.nodes, lifted).T
    inside = np.maximum(values @ to_nodes.T * width / 2, 0.0)
    whole = (values @ rule.weights) * width[:, 0] / 2
    before = np.concatenate([[0.0], np.cumsum(whole)[:-1]])
    return before[:, None] + inside


def _too_steep(log_density: Array) -> NDArray[np.bool_]:
    top = np.max(log_density)
    relevant = np.max(log_density, axis=1) > top - RELEVANT
    finite = np.where(np.isfinite(log_density), log_density, top - 10 * RELEVANT)
    return relevant & (np.ptp(finite, axis=1) > VARIATION)


def _integrate(
    edges: Array, log_density: Array, moments: tuple[Array, Array], dim: int
) -> MaximumLaw:
    rule = legendre_rule()
    top = float(np.max(log_density))
    mass = np.exp(log_density - top) * rule.weights * np.diff(edges)[:, None] / 2
    m, others = moments
    total = math.fsum(mass.ravel())
    second = math.fsum((mass * (m**2 + (dim - 1) * others)).ravel())
    return MaximumLaw(top + math.log(total), second / total)
