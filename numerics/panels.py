"""Adaptive piecewise Legendre approximation of a one-dimensional density.

A density f(x) proportional to exp(log_density) and a value h(x) attached to each point are
represented on panels so short that f varies by a bounded factor on each: sums over panels then
keep relative accuracy in both tails, down to masses near e^-100. Panels are anchored at the
breakpoints of the density: x = anchor + y with y exact, so that a singularity at a breakpoint
other than zero is resolved as finely as one at zero.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import flint
import numpy as np
from flint import arb
from numpy.typing import NDArray

from numerics.errors import AssumptionError, PrecisionError
from numerics.legendre import ORDER, legendre_rule

__all__ = ["HalfBranch", "PanelDensity", "build_panels", "legendre_series"]

Array = NDArray[np.float64]

#: Natural logarithm of the mass, relative to the total, that panels resolve. Tables stop at
#: tails of 2**-100 = e**-69, so what is left out is e**-31 = 3e-14 of the smallest tail.
_LOG_MASS_RANGE = 100.0
#: Largest variation of log f on one panel: e**5 costs two digits of relative accuracy at its
#: lower end, which cubature with positive weights then does not lose.
_LOG_VARIATION = 5.0
#: Highest two coefficients relative to the largest sample. The transform itself leaves up to
#: (2 ORDER - 1)/2 * eps = 4.3e-15 of rounding there; 3e-15 was tried and splits without end.
_RESOLUTION = 1e-14
#: Working precision for nodes and density ratios; float64 products of two nodes are exact in it.
_NODE_BITS = 128
_MAX_LEVELS = 400
#: Points right*2^-1, 2^-2, ... at which a panel next to an anchor is compared with the function,
#: and the largest accepted difference, which leaves room for cubature and integrands near 1e-12.
_PROBES = 48
_ANCHOR_MISS = 1e-9
_MAX_PANELS = 40_000
_UNRESOLVED = (
    "the density could not be resolved on panels: psi oscillates or jumps on a scale finer than "
    "its breakpoints show; write jumps with Piecewise and drop rapidly oscillating terms"
)
#: |psi| at its minimum: beyond it, float64 no longer tells e^-100 from 1.
_MAX_LOG = 1e12
_LOG2 = float(np.log(2.0))


class PointFunction(Protocol):
    """A function of an exact point: `BallFunction`, or float64 quadrature dressed as one."""

    def ball(self, point: float | arb) -> arb:
        """Enclosure of the value; not finite where there is none."""
        ...

    def balls(self, points: Iterable[float | arb]) -> list[arb]:
        """Enclosures at several points."""
        ...


class ValueFunction(Protocol):
    """A function of exact points with float64 values."""

    def floats(self, points: Iterable[float | arb]) -> Array:
        """Values at several points."""
        ...


@dataclass(frozen=True)
class HalfBranch:
    """One smooth stretch: x = anchor + direction * y, 0 < y < length (possibly infinite).

    `log_density` and `value` are functions of y >= 0; `value` is None when only the density
    matters. `singular` says whether the anchor may be a singularity (then panels are graded
    towards it as far as its mass requires).
    """

    anchor: float
    direction: int
    length: float
    log_density: PointFunction
    value: ValueFunction | None = None


@dataclass(frozen=True)
class PanelDensity:
    """A normalised density and a value function on sorted panels.

    Attributes
    ----------
    anchor, left, right : arrays (m,)
        Panel i is anchor + [left, right].
    density, value, moment : arrays (m, ORDER)
        Legendre coefficients in the local variable of f * half_width, of h, and of the product
        h * f * half_width.
    gap_mass, gap_moment : arrays (m + 1,)
        Mass and integral of h f in the slivers before panel 0, between panels, after the last.
    log_normaliser : float
        log of the integral of exp(log_density).
    """

    anchor: Array
    left: Array
    right: Array
    density: Array
    value: Array
    moment: Array
    gap_mass: Array
    gap_moment: Array
    log_normaliser: float
    edges: Array = field(repr=False)

    @property
    def panel_mass(self) -> Array:
        """Mass of each panel, shape (m,)."""
        return 2.0 * self.density[:, 0]

    @property
    def panel_moment(self) -> Array:
        """Integral of h f over each panel, shape (m,)."""
        return 2.0 * self.moment[:, 0]


@dataclass
class _Panel:
    branch: int
    left: float
    right: float
    log_values: list[arb]
    log_floats: Array
    values: Array

    @property
    def log_mass(self) -> float:
        return float(self.log_floats.max()) + float(np.log(self.right - self.left))

    @property
    def has_inner_peak(self) -> bool:
        peak = int(self.log_floats.argmax())
        return 0 < peak < len(self.log_floats) - 1


def build_panels(
    branches: Sequence[HalfBranch],
    *,
    resolution: float = _RESOLUTION,
    max_panels: int = _MAX_PANELS,
) -> PanelDensity:
    """Resolve a density on all its smooth branches.

    Parameters
    ----------
    branches : sequence of HalfBranch
        Disjoint, covering the support.
    resolution : float
        Relative size of the last coefficients of a panel; larger where log_density is itself the
        result of float64 quadrature.
    max_panels : int
        When to give up.

    Returns
    -------
    PanelDensity

    Raises
    ------
    AssumptionError
        The density or the value is not integrable at an end of a branch.
    PrecisionError
        The panels do not converge.
    """
    with flint.ctx.workprec(_NODE_BITS):
        return _assemble(branches, _refine(branches, resolution, max_panels))


def _refine(branches: Sequence[HalfBranch], resolution: float, max_panels: int) -> list[_Panel]:
    done: list[_Panel] = []
    active: list[_Panel] = []
    for index, branch in enumerate(branches):
        active += [_sample(branches, index, a, b) for a, b in _initial_edges(branch)]
    top = max(p.log_mass for p in active)
    for _ in range(_MAX_LEVELS):
        if not active:
            break
        if len(active) + len(done) > max_panels:
            raise PrecisionError(_UNRESOLVED)
        top = max([top] + [p.log_mass for p in active])
        pending: list[_Panel] = []
        for panel in active:
            if _negligible(panel, top) and not _heavy_end(branches[panel.branch], panel, top):
                continue
            if _resolved(panel, resolution) and _true_at_anchor(branches, panel):
                done.append(panel)
                continue
            middle = _split_point(panel)
            if not panel.left < middle < panel.right:
                raise PrecisionError(_UNRESOLVED)
            for a, b in ((panel.left, middle), (middle, panel.right)):
                pending.append(_sample(branches, panel.branch, a, b))
        active = pending
    else:
        raise PrecisionError(_UNRESOLVED)
    return [p for p in done if p.log_mass > top - _LOG_MASS_RANGE - 5]


def _split_point(panel: _Panel) -> float:
    if panel.left > 0 and panel.right > 4 * panel.left:
        return float(np.sqrt(panel.left) * np.sqrt(panel.right))
    return panel.left + (panel.right - panel.left) / 2


def _initial_edges(branch: HalfBranch) -> list[tuple[float, float]]:
    if np.isfinite(branch.length):
        return [(0.0, branch.length)]
    outer = _outer_extent(branch)
    powers = np.arange(min(0, outer), outer + 1)
    edges = [0.0, *(2.0**k for k in powers)]
    return list(zip(edges[:-1], edges[1:], strict=True))


def _outer_extent(branch: HalfBranch) -> int:
    """Exponent k such that the mass beyond 2^k is negligible or has settled to a power law."""
    exponents = [*range(-64, 65), *range(72, 1009, 8)]
    logs = []
    for k in exponents:
        value = branch.log_density.ball(2.0**k)
        logs.append(_to_float(value) + k * _LOG2)
    top = max(logs)
    if top < -1e299:
        return 0  # the density vanishes on the whole branch as far as float64 can tell
    if abs(top) > _MAX_LOG:
        raise PrecisionError(
            f"psi is about {-top:.0e} where the density lives, so that its digits are lost; move "
            "the centre of the noise nearer to 0, or use scale="
        )
    above = [k for k, v in zip(exponents, logs, strict=True) if v > top - _LOG_MASS_RANGE - 20]
    last = max(above)
    return min(1008, last + (1 if last < 64 else 8))


def _to_float(value: arb) -> float:
    middle = float(value.mid()) if value.is_finite() else float("nan")
    # log 0 = -inf arises where the density vanishes, as at r = 0 in dimension >= 2.
    return -1e300 if middle != middle else middle


def _sample(branches: Sequence[HalfBranch], index: int, left: float, right: float) -> _Panel:
    branch = branches[index]
    y = _nodes(left, right)
    logs = branch.log_density.balls(y)
    floats = np.array([_to_float(v) for v in logs])
    values = np.zeros(ORDER) if branch.value is None else branch.value.floats(y)
    return _Panel(index, left, right, logs, floats, values)


def _nodes(left: float, right: float) -> list[arb]:
    # Exact points: rounding y to float64 would move a node by eps * y, which is not small
    # against a panel of width 1e-4 * y.
    start, half = arb(left), (arb(right) - arb(left)) / 2
    return [start + half * (1 + arb(float(z))) for z in legendre_rule().nodes]


def _negligible(panel: _Panel, top: float) -> bool:
    if panel.log_mass > top - _LOG_MASS_RANGE:
        return False
    return not panel.has_inner_peak or panel.log_mass < top - 1e5 * _LOG_MASS_RANGE


def _heavy_end(branch: HalfBranch, panel: _Panel, top: float) -> bool:
    """Whether there is mass between an end of a panel and its outermost node.

    exp(-r^1500) has fallen by e^-130 at the first node of [1, 2]; all mass beyond r = 1 was lost.
    """
    width = np.log(panel.right - panel.left)
    ends = (_to_float(v) for v in branch.log_density.balls([panel.left, panel.right]))
    return any(end + width > top - _LOG_MASS_RANGE for end in ends)


def _resolved(panel: _Panel, tolerance: float) -> bool:
    logs = panel.log_floats
    if logs.max() - logs.min() > _LOG_VARIATION:
        return False
    density = _relative_density(panel, panel.log_values[int(logs.argmax())])
    return all(_converged(v, tolerance) for v in (density, panel.values, density * panel.values))


def _true_at_anchor(branches: Sequence[HalfBranch], panel: _Panel) -> bool:
    """Whether a panel that touches its anchor is right on the way there, too.

    A well of width 10^-6 at the anchor lies between it and the first node, and a panel of width 1
    looks resolved without it.
    """
    if panel.left > 0:
        return True
    branch = branches[panel.branch]
    points = panel.right * 2.0 ** -np.arange(1.0, _PROBES)
    reference = panel.log_values[int(panel.log_floats.argmax())]
    local = 2 * points / panel.right - 1
    relative = [v - reference for v in branch.log_density.balls(points)]
    if not all(v.is_finite() for v in relative) or max(float(v.mid()) for v in relative) > 700:
        return False
    truth = np.array([float(v.exp().mid()) for v in relative])
    checks = [(_relative_density(panel, reference), truth)]
    if branch.value is not None:
        checks.append((panel.values, branch.value.floats(points)))
    for samples, truth in checks:
        series = np.polynomial.legendre.legval(local, legendre_series(samples))
        if not np.abs(series - truth).max() <= _ANCHOR_MISS * np.abs(samples).max():
            return False
    return True


def _relative_density(panel: _Panel, reference: arb) -> Array:
    return np.array([float((v - reference).exp().mid()) for v in panel.log_values])


def _converged(samples: Array, tolerance: float) -> bool:
    scale = np.abs(samples).max()
    return bool(np.abs(legendre_series(samples)[-2:]).max() <= tolerance * scale)


def _assemble(branches: Sequence[HalfBranch], panels: list[_Panel]) -> PanelDensity:
    def position(p: _Panel) -> tuple[float, float]:
        b = branches[p.branch]
        middle = b.direction * (p.left + p.right) / 2
        return (b.anchor + middle, middle)

    panels = sorted(panels, key=position)
    reference = max(
        (p.log_values[int(p.log_floats.argmax())] for p in panels), key=lambda v: float(v.mid())
    )
    m = len(panels)
    anchor, left, right = np.empty(m), np.empty(m), np.empty(m)
    density, value, moment = (np.empty((m, ORDER)) for _ in range(3))
    for i, panel in enumerate(panels):
        branch = branches[panel.branch]
        half = (panel.right - panel.left) / 2
        f = _relative_density(panel, reference) * half
        h = panel.values
        if branch.direction < 0:
            f, h = f[::-1], h[::-1]
        ends = sorted((branch.direction * panel.left, branch.direction * panel.right))
        anchor[i], left[i], right[i] = branch.anchor, *ends
        density[i], value[i], moment[i] = (legendre_series(v) for v in (f, h, f * h))
    gap_mass, gap_moment = _slivers(branches, panels, reference)
    total = float(np.sum(2 * density[:, 0].astype(np.longdouble))) + float(gap_mass.sum())
    edges = np.append(anchor + left, anchor[-1] + right[-1])
    return PanelDensity(
        anchor,
        left,
        right,
        density / total,
        value,
        moment / total,
        gap_mass / total,
        gap_moment / total,
        float(reference.mid()) + float(np.log(total)),
        edges,
    )


def legendre_series(samples: Array) -> Array:
    """Legendre coefficients; exact for constants, whose rounding would look like structure."""
    shift = samples[len(samples) // 2]
    coefficients = legendre_rule().to_coefficients @ (samples - shift)
    coefficients[0] += shift
    return np.asarray(coefficients)


def _slivers(
    branches: Sequence[HalfBranch], panels: list[_Panel], reference: arb
) -> tuple[Array, Array]:
    """Power-law estimates of what lies between the resolved panels and the ends of branches."""
    m = len(panels)
    gap_mass, gap_moment = np.zeros(m + 1), np.zeros(m + 1)
    for index, branch in enumerate(branches):
        mine = [i for i, p in enumerate(panels) if p.branch == index]
        if not mine:
            continue
        inner = min(mine, key=lambda i: panels[i].left)
        outer = max(mine, key=lambda i: panels[i].right)
        if panels[inner].left == 0 and panels[outer].right >= branch.length:
            continue
        if panels[inner].left > 0:
            mass, moment = _sliver(branch, panels[inner].left, reference, inward=True)
            slot = inner if branch.direction > 0 else inner + 1
            gap_mass[slot] += mass
            gap_moment[slot] += moment
        if panels[outer].right < branch.length:
            mass, moment = _sliver(branch, panels[outer].right, reference, inward=False)
            slot = outer + 1 if branch.direction > 0 else outer
            gap_mass[slot] += mass
            gap_moment[slot] += moment
    return gap_mass, gap_moment


def _sliver(branch: HalfBranch, y: float, reference: arb, inward: bool) -> tuple[float, float]:
    if not inward and np.isfinite(branch.length):
        return 0.0, 0.0  # below e^-100, between a resolved stretch and the middle of its branch
    near, far = (y, y / 2) if inward else (y, min(2 * y, 1.7e308))
    log_near, log_far = branch.log_density.ball(near), branch.log_density.ball(far)
    if not log_far.is_finite():
        return 0.0, 0.0  # the density vanishes within a factor two
    f = float((log_near - reference).exp().mid())
    slope = (_to_float(log_near - log_far)) / np.log(near / far)
    mass = _power_law_integral(f, y, slope, inward, "exp(-psi)")
    if branch.value is None:
        return mass, 0.0
    h_near, h_far = (float(v) for v in branch.value.floats([near, far]))
    if h_near == 0 or h_far == 0 or mass == 0:
        return mass, 0.0
    value_slope = slope + np.log(abs(h_near / h_far)) / np.log(near / far)
    moment = _power_law_integral(abs(h_near) * f, y, value_slope, inward, "the gradient of psi")
    return mass, float(np.sign(h_near) * moment)


def _power_law_integral(f: float, y: float, slope: float, inward: bool, what: str) -> float:
    """Integral of f (s/y)^slope ds over (0, y), or over (y, oo)."""
    if f == 0:
        return 0.0
    rate = slope + 1 if inward else -slope - 1
    if not rate > 1e-9:
        where = "at a singular point" if inward else "at infinity"
        raise AssumptionError(
            f"{what} is not integrable {where}: it behaves like y^{slope:.6g}, needs an exponent "
            + ("above -1" if inward else "below -1")
        )
    return f * y / rate
