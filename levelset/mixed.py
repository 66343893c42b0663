r"""Densities exp(-h(||x||_oo) - sum phi(x_i)) under equal shifts r (1, ..., 1).

With M and m the largest and the least coordinate, ||x||_oo = max(M, -m) and
||x - v||_oo = max(M - r, r - m); given both, the other coordinates are independent, cut to [m, M].
Hence the Mellin transform of the likelihood ratio is a double integral,

    M(z) = d(d-1)/Z int int f(M) f(m) e^{-h(A) + z (h(A) - h(B) + Y(M) + Y(m))}
           (C(M) - C(m))^{d-2} dm dM,    C(a) = int_{-oo}^a f e^{z Y},  Y(x) = phi(x) - phi(x - r).

It is taken over a = (M - m)/2 and b = (M + m)/2, where A = a + |b| and B = a + |b - r| have their
kinks on the lines b = 0 and b = r.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import sympy
from numpy.polynomial.legendre import legvander

from levelset.dual import growth_from_divergence, tails_from_divergence
from levelset.planar import PlanarShift
from levelset.product import Potential, potential_of
from levelset.ray import RayTails
from levelset.transform import ComplexArray, MellinTransform, mellin_transform
from numerics.bounds import Bounds
from numerics.legendre import legendre_rule
from numerics.rounding import FloatArray
from smoothing.one_dim import OneDimDensity
from smoothing.structure import RADIUS, Marginal, Mixed

__all__ = ["MixedRay"]

_DROP = 45.0
#: Nodes of less than e^-42 of the largest weight add up to less than 1e-13 of the sum.
_SMALL = 42.0
_SCAN = 72
_LARGEST = 640
#: Highest frequency that panels in b are laid out for, and the radians one of them takes.
_FREQUENCY = 24.0
_RADIANS = 6.0
_MOST_PANELS = 24


@dataclass(frozen=True)
class MixedRay:
    """The shifts r (1, ..., 1) of a mixed density, in the units of its noise."""

    mixed: Mixed
    scale: float
    direction: str
    proved_by: str | None
    monotone_by: str | None
    _transforms: dict[float, MellinTransform | PlanarShift] = field(
        default_factory=dict, repr=False
    )

    @property
    def most_entries(self) -> int:
        """Entries of a table: each takes seconds, and composition fills the gaps between them."""
        return 24

    def hockey_stick(self, radius: float, kappa: FloatArray) -> Bounds:
        """D_{r (1, ..., 1)}(kappa) for many multipliers."""
        if radius not in self._transforms:
            self._transforms.clear()
            shift = _planar if self.mixed.dim == 2 and radius > 0 else _transform
            self._transforms[radius] = shift(self.mixed, radius / self.scale)
        return self._transforms[radius].hockey_stick(kappa)

    def tails(self, radii: FloatArray) -> RayTails:
        """Algorithm 1 at every radius."""
        return tails_from_divergence(self.hockey_stick, np.asarray(radii, dtype=np.float64))

    def growth(self, radius: float, p: FloatArray) -> Bounds:
        """G(p, r (1, ..., 1)) for many p."""
        return growth_from_divergence(lambda kappa: self.hockey_stick(radius, kappa), p)


def _planar(mixed: Mixed, r: float) -> PlanarShift:
    potential = potential_of(Marginal(mixed.phi, (-sympy.oo, sympy.oo), 1))
    profile = _numeric(mixed.profile)
    return PlanarShift(potential, profile, _log_normaliser(2, potential, profile), r)


def _transform(mixed: Mixed, r: float) -> MellinTransform:
    potential = potential_of(Marginal(mixed.phi, (-sympy.oo, sympy.oo), 1))
    box = _box(mixed, potential, _numeric(mixed.profile), r)
    fine, coarse = _Grid(mixed, r, box, 16), _Grid(mixed, r, box, 12)

    def values(omega: FloatArray) -> tuple[ComplexArray, FloatArray]:
        better, worse = fine.transform(omega), coarse.transform(omega)
        return better, np.abs(better - worse) + 1e-14 * mixed.dim**0.5

    return mellin_transform(values, largest=_LARGEST, block=16)


@dataclass(frozen=True)
class _Cumulative:
    """C(a) for many frequencies: Legendre series of f e^{zY} on short intervals."""

    cuts: FloatArray
    ratio: FloatArray
    weight: FloatArray
    half: FloatArray

    @classmethod
    def build(cls, potential: Potential, r: float) -> _Cumulative:
        edges = potential.law.panels.edges
        cuts = np.unique(np.concatenate([edges, edges + r, [0.0, r]]))
        low, high = potential.ends
        cuts = cuts[(cuts >= low + max(r, 0)) & (cuts <= high)]
        rule = legendre_rule()
        half = np.diff(cuts)[:, None] / 2
        x = cuts[:-1, None] + half * (1 + rule.nodes)
        plain, shifted = potential.log_pdf(x), potential.log_pdf(x - r)
        with np.errstate(invalid="ignore"):
            ratio = np.nan_to_num(shifted - plain, nan=0.0, posinf=0.0, neginf=0.0)
        root = np.exp((plain + shifted) / 2)
        return cls(cuts, ratio, root, half[:, 0])

    def read(self, points: FloatArray) -> Callable[[float], ComplexArray]:
        """C at fixed points, as a function of the frequency."""
        index = np.clip(np.searchsorted(self.cuts, points, side="right") - 1, 0, len(self.half) - 1)
        z = np.clip((points - self.cuts[index]) / self.half[index] - 1, -1, 1)
        rule = legendre_rule()
        order = len(rule.nodes)
        basis = legvander(z, order)
        k = np.arange(1, order)
        integral = np.empty((len(points), order))
        integral[:, 0] = z + 1
        integral[:, 1:] = (basis[:, 2 : order + 1] - basis[:, : order - 1]) / (2 * k + 1)
        # from node values directly: one dot product per point and frequency
        rows = (integral @ rule.to_coefficients) * self.half[index][:, None]

        def at(frequency: float) -> ComplexArray:
            g = self.weight * np.exp(1j * frequency * self.ratio)
            whole = (g @ rule.weights) * self.half
            before = np.concatenate([[0.0], np.cumsum(whole)[:-1]])
            return np.asarray(before[index] + np.einsum("ij,ij->i", rows, g[index]))

        return at


class _Grid:
    """Nodes in (a, b) and everything of the integrand that does not depend on the frequency."""

    def __init__(
        self, mixed: Mixed, r: float, box: tuple[float, float, float, float], order: int
    ) -> None:
        self.dim = mixed.dim
        potential = potential_of(Marginal(mixed.phi, (-sympy.oo, sympy.oo), 1))
        profile = _numeric(mixed.profile)
        cumulative = _Cumulative.build(potential, r)
        a, wa = _a_nodes(box, order)
        ends = ((box[2], 0.0), (0.0, r), (r, box[3]))
        panels = [_panels(potential, low, high, r) for low, high in ends]
        pieces = [
            _b_nodes(low, high, order, n)
            for (low, high), n in zip(ends, panels, strict=True)
            if high > low
        ]
        b, wb = (np.concatenate(column) for column in zip(*pieces, strict=True))
        a, b, weight = (v.ravel() for v in (*np.meshgrid(a, b, indexing="ij"), np.outer(wa, wb)))
        top, bottom = b + a, b - a
        first, second = profile(a + np.abs(b)), profile(a + np.abs(b - r))
        plain = potential.log_pdf(top) + potential.log_pdf(bottom)
        shifted = potential.log_pdf(top - r) + potential.log_pdf(bottom - r)
        base = _log_normaliser(self.dim, potential, profile)
        log_weight = (plain - first + shifted - second) / 2 - base
        with np.errstate(invalid="ignore"):
            ratio = shifted - second - plain + first
        keep = np.isfinite(log_weight) & np.isfinite(ratio)
        log_weight[keep] += np.log(weight[keep])
        size = np.where(keep, log_weight, -np.inf)
        if self.dim > 2:
            # |M| is largest at frequency 0; nodes of no weight there have none anywhere.
            inner = np.abs(cumulative.read(top)(0.0) - cumulative.read(bottom)(0.0))
            with np.errstate(divide="ignore"):
                size = size + (self.dim - 2) * np.log(inner)
        keep &= size > size.max() - _SMALL
        self.log_weight = log_weight[keep]
        self.ratio = ratio[keep]
        self.upper, self.lower = cumulative.read(top[keep]), cumulative.read(bottom[keep])

    def transform(self, omega: FloatArray) -> ComplexArray:
        """M(1/2 + i omega)."""
        return np.array([self._one(float(w)) for w in omega])

    def _one(self, omega: float) -> complex:
        exponent = self.log_weight + 1j * omega * self.ratio
        if self.dim > 2:
            inner = self.upper(omega) - self.lower(omega)
            # Nodes on which nothing fits between m and M.
            inner = np.where(inner == 0, 1e-300, inner)
            exponent = exponent + (self.dim - 2) * np.log(inner)
        return complex(np.sum(np.exp(exponent)))


def _numeric(profile: sympy.Expr) -> Callable[[FloatArray], FloatArray]:
    call = sympy.lambdify(RADIUS, profile, "numpy")

    def evaluate(r: FloatArray) -> FloatArray:
        with np.errstate(all="ignore"):
            return np.asarray(call(r), dtype=np.float64) + np.zeros_like(r)

    return evaluate


def _log_normaliser(
    dim: int, potential: Potential, profile: Callable[[FloatArray], FloatArray]
) -> float:
    """log of Z / (2 d (d - 1)): density of ||x||_oo is 2 d f(s) (2F(s) - 1)^(d-1) e^{-h(s)} / Z."""
    law = potential.law
    edges = np.unique(np.concatenate([[0.0], law.panels.edges[law.panels.edges > 0]]))
    # Graded towards 0, where h may be infinite.
    fine = np.concatenate([edges[1] * 2.0 ** np.arange(-120, 0), edges[1:]])
    fine = np.unique(np.concatenate([fine, (fine[1:] + fine[:-1]) / 2]))
    rule = legendre_rule()
    half = np.diff(fine)[:, None] / 2
    s = (fine[:-1, None] + half * (1 + rule.nodes)).ravel()
    w = (half * rule.weights).ravel()
    with np.errstate(divide="ignore"):
        inside = np.where(s < 1, np.log(_central(law, s)), np.log1p(-2 * law.sf(s)))
        logs = potential.log_pdf(s) + (dim - 1) * inside - profile(s) + np.log(w)
    top = float(np.max(logs))
    # 2 d of the density of the maximum against 2 d (d - 1) of the pair (Jacobian 2 included)
    return top + float(np.log(np.sum(np.exp(logs - top)))) - np.log(dim - 1)


def _central(law: OneDimDensity, s: FloatArray) -> FloatArray:
    """P[|x| < s] without cancellation for small s."""
    return np.where(s < 1e-3, 2 * s * law.pdf(s / 2), law.cdf(s) - law.cdf(-s))


def _box(
    mixed: Mixed, potential: Potential, profile: Callable[[FloatArray], FloatArray], r: float
) -> tuple[float, float, float, float]:
    """Where sqrt(q q_v) of (a, b) is within e^-45 of its maximum."""
    law, d = potential.law, mixed.dim
    far = float(law.panels.edges[-1])
    a_range, b_range = (0.0, far), (-far, far + r)
    for _ in range(4):
        a = np.linspace(*a_range, _SCAN + 1)[1:, None]
        b = np.linspace(*b_range, _SCAN)[None, :]
        top, bottom = b + a, b - a
        with np.errstate(all="ignore"):
            logs = sum(potential.log_pdf(x) for x in (top, bottom, top - r, bottom - r)) / 2
            logs = logs - (profile(a + np.abs(b)) + profile(a + np.abs(b - r))) / 2
            inner = [np.log(law.cdf(top - s) - law.cdf(bottom - s)) for s in (0.0, r)]
            logs = logs + (d - 2) / 2 * (inner[0] + inner[1]) if d > 2 else logs
        logs = np.where(np.isnan(logs), -np.inf, logs)
        rows, columns = np.nonzero(logs > logs.max() - _DROP)
        step_a, step_b = float(a[1, 0] - a[0, 0]), float(b[0, 1] - b[0, 0])
        seen_a, seen_b = a[rows, 0], b[0, columns]
        a_range = (max(float(seen_a.min()) - 2 * step_a, 0.0), float(seen_a.max()) + 2 * step_a)
        b_range = (float(seen_b.min()) - 2 * step_b, float(seen_b.max()) + 2 * step_b)
    return (*a_range, min(b_range[0], 0.0), max(b_range[1], r))


def _a_nodes(box: tuple[float, float, float, float], order: int) -> tuple[FloatArray, FloatArray]:
    t, w = _unit(order, 8)
    length = box[1] - box[0]
    if box[0] > 0:
        return box[0] + length * t, length * w
    # a = length t^4 crowds nodes at 0, where h may be infinite
    return length * t**4, length * 4 * t**3 * w


def _panels(potential: Potential, low: float, high: float, r: float) -> int:
    """Panels in b, so that exp(i w (Y(b + a) + Y(b - a))) turns by little on each."""
    x = np.linspace(low, high, 65)
    ratio = potential.log_pdf(x - r) - potential.log_pdf(x)
    varied = 2 * float(np.ptp(ratio[np.isfinite(ratio)]))
    return int(np.clip(varied * _FREQUENCY / _RADIANS, 4, _MOST_PANELS))


def _b_nodes(low: float, high: float, order: int, panels: int) -> tuple[FloatArray, FloatArray]:
    t, w = _unit(order, panels)
    length = high - low
    # the integral of 140 t^3 (1 - t)^3: nodes crowd at both ends
    x = t**4 * (35 - 84 * t + 70 * t**2 - 20 * t**3)
    return low + length * x, length * 140 * (t * (1 - t)) ** 3 * w


def _unit(order: int, panels: int) -> tuple[FloatArray, FloatArray]:
    rule = legendre_rule(order)
    t = ((np.arange(panels)[:, None] + (1 + rule.nodes) / 2) / panels).ravel()
    return t, np.tile(rule.weights / (2 * panels), panels)
