"""Product densities and any shift: log L is a sum of independent terms, one per coordinate.

M(z) = prod_i M_i(z) with M_i(1/2 + i w) the integral of sqrt(f(x) f(x - v_i)) times
exp(i w log(f(x - v_i)/f(x))) over the points where both densities are positive. Where M decays
soon its inverse transform gives D to 1e-11. It decays slowly in few coordinates and not at all
where log L has atoms, and it may come back after vanishing: for 50 coordinates of Laplace noise
moved by 0.01 each, |M| is below 1e-60 at w = 157 and 0.78 at w = 314. Then the law of log L is
convolved on a grid (`loss_grid`), which needs no decay.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

import numpy as np

from levelset.comeback import comeback
from levelset.dual import growth_from_divergence, tails_from_divergence
from levelset.loss_grid import LossCurve, loss_curve
from levelset.loss_law import LogRatio
from levelset.loss_survey import log_ratio_of
from levelset.product import Potential, potential_of
from levelset.ray import RayTails
from levelset.transform import ComplexArray, MellinTransform, mellin_transform
from numerics.bounds import Bounds
from numerics.legendre import legendre_rule
from numerics.rounding import FloatArray
from smoothing.structure import Marginal, Product

__all__ = ["ProductRay"]

#: Radians that 20 Gauss nodes integrate to full accuracy.
_RADIANS = 6.0
#: Rounding of sqrt(f f) on panels, and the mass that panels leave out.
_ROUNDING = 3e-14
#: Frequencies after which a transform counts as slow, and the tail that it may then have.
_FEW = 1536
_FAST = 2e-11
#: Width that the grid aims at; wider ones are compared with the whole transform.
_AIM = 2e-9
_GOOD = 1e-7
#: Last frequency of the whole transform.
_REACH = 551.0
#: With so many distinct coordinates the transform is tried even where log L has atoms.
_MANY = 30
#: Distinct coordinates with more than this many terms are left to the transform.
_MOST_TERMS = 64


@dataclass(frozen=True)
class ProductRay:
    """The shifts r*u of a product density, u any vector, in the units of its noise."""

    product: Product
    unit: FloatArray
    scale: float
    direction: str
    proved_by: str | None
    monotone_by: str | None
    _curves: dict[float, _Curve] = field(default_factory=dict, repr=False)

    def hockey_stick(self, radius: float, kappa: FloatArray) -> Bounds:
        """D_{r u}(kappa) for many multipliers."""
        return self._at(radius).hockey_stick(kappa)

    def tails(self, radii: FloatArray) -> RayTails:
        """Algorithm 1 at every radius."""
        points = np.asarray(radii, dtype=np.float64)
        found = [self._tail(float(radius)) for radius in points]
        return RayTails(points, *np.array(found).reshape(-1, 3).T)

    def _tail(self, radius: float) -> tuple[float, float, float]:
        curve = self._at(radius)
        if isinstance(curve, LossCurve):
            return curve.tails()
        one = tails_from_divergence(self.hockey_stick, np.array([radius]))
        return float(one.kappa[0]), float(one.tail_lower[0]), float(one.tail_upper[0])

    def _at(self, radius: float) -> _Curve:
        if radius not in self._curves:
            self._curves.clear()
            self._curves[radius] = self._curve(radius)
        return self._curves[radius]

    def growth(self, radius: float, p: FloatArray) -> Bounds:
        """G(p, r u) for many p."""
        curve = self._at(radius)
        if isinstance(curve, LossCurve):
            return curve.growth(p)
        return growth_from_divergence(curve.hockey_stick, p)

    def _curve(self, radius: float) -> _Curve:
        """D by the transform if that decays soon, else on the grid, by both if that is coarse."""
        distinct = self._distinct(radius / self.scale)
        laws = [(log_ratio_of(m, shift), n) for m, shift, n in distinct]
        found = None
        if len(distinct) >= _MANY or comeback(laws, 1.0) <= _FAST:
            found = self._transform(distinct, laws, _FEW)
            if found.beyond <= _FAST:
                return found
            if len(found.omega) >= _FEW:
                found = None  # it has not vanished, and has to be followed further
        if len(distinct) > _MOST_TERMS:
            return found or self._transform(distinct, laws, None)
        grid = loss_curve(laws, _AIM)
        if grid.width <= _GOOD or (found is None and grid.width <= comeback(laws, _REACH)):
            return grid
        return _Both(grid, found or self._transform(distinct, laws, None))

    def _transform(
        self,
        distinct: list[tuple[Marginal, float, int]],
        laws: list[tuple[LogRatio, int]],
        largest: int | None,
    ) -> MellinTransform:
        terms = [(_Term(potential_of(m), shift), count) for m, shift, count in distinct]
        dim = self.product.dim

        def values(omega: FloatArray) -> tuple[ComplexArray, FloatArray]:
            log_size, angle, relative = (np.zeros(len(omega)) for _ in range(3))
            for term, count in terms:
                m = term.transform(omega)
                size = np.maximum(np.abs(m), 1e-300)
                log_size += count * np.log(size)
                angle += count * np.angle(m)
                relative += count * _ROUNDING / size
            product = np.exp(log_size)
            # Every factor is at most 1, so that errors add up at most.
            errors = np.minimum(product * relative, _ROUNDING * dim)
            return product * np.exp(1j * angle), errors

        if largest is None:
            return mellin_transform(values, comeback=partial(comeback, laws))
        return mellin_transform(values, comeback=partial(comeback, laws), largest=largest)

    def _distinct(self, factor: float) -> list[tuple[Marginal, float, int]]:
        groups = self.product.indices or (tuple(range(self.product.dim)),)
        found = []
        for marginal, indices in zip(self.product.marginals, groups, strict=True):
            shifts, counts = np.unique(self.unit[list(indices)], return_counts=True)
            found += [
                (marginal, float(s) * factor, int(n))
                for s, n in zip(shifts, counts, strict=True)
                if s != 0
            ]
        return found


class _Curve(Protocol):
    """D for one shift."""

    def hockey_stick(self, kappa: FloatArray) -> Bounds:
        """D(kappa), shape of `kappa`."""
        ...


@dataclass(frozen=True)
class _Both:
    """What both ways leave; the grid alone where the tail of the transform was misjudged."""

    grid: LossCurve
    transform: MellinTransform

    def hockey_stick(self, kappa: FloatArray) -> Bounds:
        first, second = self.grid.hockey_stick(kappa), self.transform.hockey_stick(kappa)
        lower = np.maximum(first.lower, second.lower)
        upper = np.minimum(first.upper, second.upper)
        wrong = lower > upper
        return Bounds(np.where(wrong, first.lower, lower), np.where(wrong, first.upper, upper))


@dataclass(frozen=True)
class _Term:
    """One coordinate."""

    potential: Potential
    shift: float
    _levels: dict[int, tuple[FloatArray, FloatArray]] = field(default_factory=dict, repr=False)

    def transform(self, omega: FloatArray) -> ComplexArray:
        """M_i(1/2 + i omega)."""
        top = float(np.max(np.abs(omega)))
        level = max(0, int(np.ceil(np.log2(max(top, 1.0)))))
        if level not in self._levels:
            self._levels[level] = self._nodes(2.0**level)
        ratio, weight = self._levels[level]
        rows = max(1, 2_000_000 // max(len(ratio), 1))
        parts = [
            np.exp(1j * omega[i : i + rows, None] * ratio) @ weight
            for i in range(0, len(omega), rows)
        ]
        return np.concatenate(parts)

    def _nodes(self, frequency: float) -> tuple[FloatArray, FloatArray]:
        """log ratios and weights at Gauss nodes close enough for this frequency."""
        edges = self.potential.law.panels.edges
        low, high = self.potential.ends
        cuts = np.unique(np.concatenate([edges, edges + self.shift]))
        cuts = cuts[(cuts >= max(low, low + self.shift)) & (cuts <= min(high, high + self.shift))]
        if len(cuts) < 2:
            return np.zeros(1), np.zeros(1)
        inner = np.linspace(0.02, 0.98, 9)
        a, b = cuts[:-1], cuts[1:]
        seen = a[:, None] + (b - a)[:, None] * inner
        ratio, log_root = self._logs(seen)
        varied = np.nanmax(ratio, axis=1) - np.nanmin(ratio, axis=1)
        matters = np.nanmax(log_root, axis=1) > -90
        parts = np.where(matters, np.ceil(1.2 * varied * frequency / _RADIANS), 1)
        parts = np.clip(np.nan_to_num(parts, nan=1.0), 1, 4096).astype(np.int64)
        rule = legendre_rule()
        nodes, weights = [], []
        for start, stop, n in zip(a, b, parts, strict=True):
            ends = np.linspace(start, stop, n + 1)
            half = np.diff(ends)[:, None] / 2
            nodes.append((ends[:-1, None] + half * (1 + rule.nodes)).ravel())
            weights.append((half * rule.weights).ravel())
        x, w = np.concatenate(nodes), np.concatenate(weights)
        ratio, log_root = self._logs(x)
        kept = np.isfinite(ratio) & (log_root > -100)
        return ratio[kept], w[kept] * np.exp(log_root[kept])

    def _logs(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        plain, shifted = self.potential.log_pdf(x), self.potential.log_pdf(x - self.shift)
        with np.errstate(invalid="ignore"):
            return shifted - plain, (shifted + plain) / 2
