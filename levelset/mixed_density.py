"""Densities exp(-h(||x||_oo) - sum phi(x_i)) as numbers: f, h and the normaliser."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import sympy

from levelset.mixed_kernels import log_densities
from levelset.product import Potential, potential_of
from numerics.legendre import legendre_rule
from numerics.rounding import FloatArray
from smoothing.one_dim import OneDimDensity
from smoothing.structure import RADIUS, Marginal, Mixed

__all__ = ["MixedDensity", "mixed_density"]

#: Nodes per panel of the normaliser and of the rule that it is compared with.
_ORDERS = (20, 14)


@dataclass(frozen=True)
class MixedDensity:
    """A mixed density at scale 1.

    Attributes
    ----------
    dim : int
    potential : Potential
        -log of the density f of one coordinate, proportional to exp(-phi).
    profile : callable
        h, of the largest absolute coordinate.
    log_normaliser : float
        log of Z / (2 d (d - 1)), Z the integral of prod f(x_i) exp(-h). With M and m the extreme
        coordinates, a = (M - m)/2 and b = (M + m)/2 have the density
        f(M) f(m) e^{-h} (F(M) - F(m))^(d-2) over its exponential.
    normaliser_error : float
        Bound on the error of that logarithm.
    """

    dim: int
    potential: Potential
    profile: Callable[[FloatArray], FloatArray]
    log_normaliser: float
    normaliser_error: float

    def log_pdf(self, x: FloatArray) -> FloatArray:
        """log f at points (n,), -inf outside the resolved support."""
        panels = self.potential.law.panels
        return np.asarray(
            log_densities(x, panels.edges, panels.anchor, panels.left, panels.right, panels.density)
        )


@lru_cache(maxsize=32)
def mixed_density(mixed: Mixed) -> MixedDensity:
    """The numbers of a mixed density, kept for later calls."""
    potential = potential_of(Marginal(mixed.phi, (-sympy.oo, sympy.oo), 1))
    profile = _numeric(mixed.profile)
    log_normaliser, error = _log_normaliser(mixed.dim, potential, profile)
    return MixedDensity(mixed.dim, potential, profile, log_normaliser, error)


def _numeric(profile: sympy.Expr) -> Callable[[FloatArray], FloatArray]:
    call = sympy.lambdify(RADIUS, profile, "numpy")

    def evaluate(r: FloatArray) -> FloatArray:
        with np.errstate(all="ignore"):
            return np.asarray(call(r), dtype=np.float64) + np.zeros_like(r)

    return evaluate


def _log_normaliser(
    dim: int, potential: Potential, profile: Callable[[FloatArray], FloatArray]
) -> tuple[float, float]:
    """Logarithm and its error, from the law of ||x||_oo.

    Its density is 2 d f(s) (2F(s) - 1)^(d-1) e^{-h(s)} / Z.
    """
    law = potential.law
    edges = np.unique(np.concatenate([[0.0], law.panels.edges[law.panels.edges > 0]]))
    # Graded towards 0, where h may be infinite and ||x||_oo^(d-k) may take long to vanish.
    middles = (edges[1:] + edges[:-1]) / 2
    fine = np.sort(np.concatenate([edges[1] * 2.0 ** np.arange(-1000, -1), edges[1:], middles]))
    found = []
    for order in _ORDERS:
        rule = legendre_rule(order)
        half = np.diff(fine)[:, None] / 2
        s = (fine[:-1, None] + half * (1 + rule.nodes)).ravel()
        w = (half * rule.weights).ravel()
        with np.errstate(divide="ignore"):
            inside = np.where(s < 1, np.log(_central(law, s)), np.log1p(-2 * law.sf(s)))
            logs = potential.log_pdf(s) + (dim - 1) * inside - profile(s) + np.log(w)
        top = float(np.max(logs))
        found.append(top + float(np.log(np.sum(np.exp(logs - top)))))
    return found[0] - float(np.log(dim - 1)), abs(found[0] - found[1])


def _central(law: OneDimDensity, s: FloatArray) -> FloatArray:
    """P[|x| < s] of an even law without cancellation for small s."""
    panels = law.panels
    outward = np.flatnonzero(panels.anchor + panels.left >= 0)
    start = (panels.anchor + panels.left)[outward]
    mass = panels.panel_mass[outward] + panels.gap_mass[outward]
    before = np.concatenate([[0.0], np.cumsum(mass)[:-1]]) + panels.gap_mass[outward]
    index = np.clip(np.searchsorted(start, s, side="right") - 1, 0, len(outward) - 1)
    rows = outward[index]
    # Not as a difference of places in the panel, which would leave no digits of s << its width.
    share = np.clip((s - start[index]) / (panels.right - panels.left)[rows], 0.0, 1.0)
    rule = legendre_rule(_ORDERS[0] // 2)
    z = -1 + share[:, None] * (1 + rule.nodes)
    basis = np.polynomial.legendre.legvander(z, panels.density.shape[1] - 1)
    values = np.einsum("ijk,ik->ij", basis, panels.density[rows])
    return np.asarray(2 * (before[index] + share * (values @ rule.weights)))
