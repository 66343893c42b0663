"""One term of a sum, Y = phi'(X), as a quadrature measure, and how fast its transform decays.

A transform M(z) = E exp(zY) is summed over Gauss nodes of the panels of X. Its decay along a
vertical line is bounded by total variation: a density q of Y under the tilt exp(theta Y), cut off
at a height, contributes at most variation / omega, and what was cut off at most its mass.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import flint
import numpy as np
from numpy.polynomial import legendre
from numpy.typing import NDArray

from differential.discrete_sums import DiscreteLaw
from differential.product_laws import density_jumps
from numerics.legendre import legendre_rule
from numerics.panels import HalfBranch, PanelDensity, build_panels
from smoothing.canonical import is_even
from smoothing.one_dim import half_branches, marginal_branches
from smoothing.structure import COORDINATE, Marginal

__all__ = ["TermMeasure", "is_symmetric", "measure_of_panels", "term_measure"]

Array = NDArray[np.float64]

#: exp(zY) with |z| times the range of Y on a panel up to this is integrated by 20 nodes to
#: 1e-16: the error of Gauss's rule on exp(i k s), |s| <= 1, falls like (e k / 80)^40.
_LARGEST_TURN = 12.0
#: Heights at which the density of Y is cut off, relative to its median height.
_CAPS = 2.0 ** np.arange(-2.0, 14.0)
#: Slopes of a piecewise linear phi closer than this are one.
_SAME_VALUE = 1e-13
#: Mass of a panel that need not count as part of the density of Y.
_NEGLIGIBLE = 1e-14
#: Tilted mass of a panel that cannot be felt in a sum of 1e4 of them.
_UNFELT = 1e-22
#: The variation is read off samples; between them a series of degree 19 can exceed them a little.
_SAMPLING_MARGIN = 1.1


@dataclass(frozen=True, eq=False)
class TermMeasure:
    """Y as points and weights, one row per panel of X.

    Attributes
    ----------
    value, weight, height : arrays (m, n)
        Y, its probability, and the density of Y there (inf where Y is constant).
    log_series : array (m, n)
        Legendre coefficients of the logarithm of the density of X times the half width: a tilt
        moves the mass of a panel to its thin end, where only the logarithm is accurate.
    joined : array (m,)
        Whether Y continues monotonically from the panel before.
    atoms, atom_weight : arrays (k,)
        Slivers that no panel resolves, at the value of their ends.
    mean : float
        E Y = upward minus downward jumps of the density, exactly.
    overflow : float
        E(Y - largest value)+ at most, and the same of -Y: what lies beyond the slivers.
    """

    value: Array
    weight: Array
    height: Array
    log_series: Array
    joined: NDArray[np.bool_]
    atoms: Array
    atom_weight: Array
    mean: float
    overflow: float
    panels: PanelDensity
    symmetric: bool

    @property
    def is_discrete(self) -> bool:
        """Whether Y takes finitely many values."""
        return bool(np.ptp(self.value, axis=1).max() == 0)

    @property
    def atoms_of(self) -> DiscreteLaw:
        """Law of a discrete Y; slivers continue the panels beside them."""
        values = np.concatenate([self.value[:, 0], self.atoms])
        weights = np.concatenate([self.weight.sum(axis=1), self.atom_weight])
        levels = np.unique(self.value[:, 0])
        new = np.append(True, np.diff(levels) > _SAME_VALUE * np.abs(levels).max())
        levels = levels[new]
        nearest = np.abs(values[:, None] - levels).argmin(axis=1)
        shares = np.bincount(nearest, weights, len(levels))
        return DiscreteLaw(levels, shares / shares.sum())

    def refined(self, largest_frequency: float, tilt: float | None = None) -> tuple[Array, Array]:
        """Points and weights fine enough for exp(zY) with |z| up to the given size.

        With a tilt, panels are left out whose mass under exp(tilt Y) does not count.
        """
        series = self.panels.value
        # a panel on which Y turns varies by more than its ends show, hence the samples
        spread = np.ptp(self.value, axis=1) * largest_frequency
        pieces = np.maximum(np.ceil(spread / _LARGEST_TURN), 1).astype(np.int64)
        if tilt is not None:
            exponent = tilt * self.value
            mass = np.sum(self.weight * np.exp(exponent - exponent.max()), axis=1)
            pieces[mass < _UNFELT * mass.sum()] = 0
        values, weights = [self.value[pieces == 1].ravel()], [self.weight[pieces == 1].ravel()]
        rule = legendre_rule()
        for count in np.unique(pieces[pieces > 1]):
            rows = pieces == count
            edges = np.linspace(-1.0, 1.0, count + 1)
            local = (edges[:-1, None] + (1 + rule.nodes) / count).ravel()
            basis = legendre.legvander(local, series.shape[1] - 1).T
            shares = np.tile(rule.weights / count, count)
            values.append((series[rows] @ basis).ravel())
            weights.append((np.exp(self.log_series[rows] @ basis) * shares).ravel())
        return (
            np.concatenate([*values, self.atoms]),
            np.concatenate([*weights, self.atom_weight]),
        )

    def decay(self, theta: float, log_mgf: float) -> tuple[Array, Array]:
        """V and W with |M(theta + i w)| / M(theta) <= V_k/w + W_k for every k."""
        tilt = np.exp(np.minimum(theta * self.value - log_mgf, 700.0))
        # the density of Y is infinite where Y is constant, whatever the tilt
        height = np.where(np.isfinite(self.height), self.height, 0.0) * tilt
        height[~np.isfinite(self.height)] = np.inf
        weight = self.weight * tilt
        # panels that hold next to nothing are left to the masses: far out their slopes are noise
        finite = np.isfinite(height) & (weight.sum(axis=1) > _NEGLIGIBLE)[:, None]
        height = np.where(finite, height, 0.0)
        if not finite.any():
            return np.array([0.0]), np.array([1.0])
        order = np.argsort(height[finite])
        shares = np.cumsum(weight[finite][order])
        middle = height[finite][order][np.searchsorted(shares, shares[-1] / 2)]
        loose = float(self.atom_weight @ np.exp(np.minimum(theta * self.atoms - log_mgf, 700.0)))
        variations, masses = np.empty(len(_CAPS)), np.empty(len(_CAPS))
        with np.errstate(divide="ignore", invalid="ignore"):
            for k, cap in enumerate(_CAPS * middle):
                cut = np.minimum(height, cap)
                inner = np.abs(np.diff(cut, axis=1)).sum()
                steps = np.abs(cut[1:, 0] - cut[:-1, -1])
                ends = cut[1:, 0] + cut[:-1, -1]
                between = np.where(self.joined[1:], steps, ends).sum()
                variations[k] = inner + between + cut[0, 0] + cut[-1, -1]
                kept = np.where(height > 0, cut / height, 0.0)
                masses[k] = float(np.sum(weight * (1 - kept)))
        return _SAMPLING_MARGIN * variations, _SAMPLING_MARGIN * masses + loose


@lru_cache(maxsize=256)
def term_measure(marginal: Marginal) -> TermMeasure:
    """Y = phi'(X) for X from the marginal.

    Raises
    ------
    AssumptionError
        E|phi'(X)| is infinite.
    """
    branches = marginal_branches(marginal)
    halves = half_branches(branches, COORDINATE, value=True)
    panels = build_panels(halves)
    down, up = density_jumps(branches, panels.log_normaliser)
    logs = log_density_at_nodes(halves, panels)
    even = is_symmetric(marginal)
    return measure_of_panels(panels, logs, 0.0 if even else up - down, even)


def is_symmetric(marginal: Marginal) -> bool:
    """Whether X and -X have one law, by algebra on phi."""
    low, high = marginal.support
    return bool(low == -high) and is_even(marginal.phi)


def log_density_at_nodes(halves: list[HalfBranch], panels: PanelDensity) -> Array:
    """log of density times half width at the Gauss nodes of each panel, to an absolute 1e-14."""
    nodes = legendre_rule().nodes
    half = (panels.right - panels.left) / 2
    out = np.empty((len(half), len(nodes)))
    for i in range(len(half)):
        side = 1 if panels.right[i] > 0 else -1
        branch = next(b for b in halves if b.anchor == panels.anchor[i] and b.direction == side)
        offsets = np.abs(panels.left[i] + half[i] * (1 + nodes))
        with flint.ctx.workprec(128):
            balls = branch.log_density.balls([float(y) for y in offsets])
            out[i] = [float((ball - panels.log_normaliser).mid()) for ball in balls]
        out[i] += np.log(half[i])
    return out


def measure_of_panels(
    panels: PanelDensity, logs: Array, mean: float, symmetric: bool
) -> TermMeasure:
    """The measure of h(X) for a value h on panels, given log masses at nodes and E h exactly."""
    rule = legendre_rule()
    basis = legendre.legvander(rule.nodes, panels.value.shape[1] - 1).T
    value = panels.value @ basis
    density = np.exp(logs)
    flat = np.ptp(value, axis=1) <= 1e-14 * np.abs(value).max(axis=1)
    value[flat] = panels.value[flat, :1]
    slope = np.abs((panels.value @ rule.derivative.T) @ basis)
    slope[flat] = 0.0
    with np.errstate(divide="ignore"):
        height = np.where(density > 0, density / slope, 0.0)
    sign = np.sign(value[:, -1] - value[:, 0])
    touching = panels.anchor[1:] + panels.left[1:] == panels.anchor[:-1] + panels.right[:-1]
    joined = np.append(False, touching & (sign[1:] == sign[:-1]) & (panels.gap_mass[1:-1] == 0))
    ends = legendre.legval(np.array([-1.0, 1.0]), panels.value.T)
    before = np.append(ends[0, 0], ends[:, 1])
    slivers = panels.gap_mass > 0
    return TermMeasure(
        value,
        density * rule.weights,
        height,
        logs @ rule.to_coefficients.T,
        joined,
        before[slivers],
        panels.gap_mass[slivers],
        mean,
        float(np.abs(panels.gap_moment).sum()),
        panels,
        symmetric,
    )
