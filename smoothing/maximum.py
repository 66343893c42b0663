r"""Law of the largest coordinate of a mixed density exp(-g(max |x_i|) - sum phi(x_i)), phi even.

With I(m) the integral of exp(-phi) over [0, m], the maximum m of |x_i| has density proportional to
I(m)^{d-1} exp(-phi(m) - g(m)), and given m the others have density exp(-phi) / (2 I(m)) on [-m, m].
exp(-phi) need not be integrable on the line: only m below a point beyond which the maximum has no
mass matter, and |X| is taken cut there. Both laws live on common panels in y = log m, which are
halved until each varies by a bounded factor and is resolved by its Legendre series.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import sympy
from numpy.typing import NDArray

from numerics.ball import BallFunction
from numerics.branches import smooth_branches
from numerics.errors import PrecisionError
from numerics.legendre import ORDER, legendre_rule
from numerics.panels import PanelDensity
from smoothing.one_dim import OneDimDensity
from smoothing.structure import COORDINATE, RADIUS, Mixed

__all__ = ["MaximumLaw", "maximum_law"]

Array = NDArray[np.float64]

#: log m runs over this range. A density with a pole at 0 close to what is integrable may have a
#: little mass below e^-200 = 1e-87; those draws are taken to be above it.
_LOG_RANGE = 200
#: Panels with less than e^-60 of the largest mass are left out; draws reach tails of 2^-54 = e^-37.
_RELEVANT = 60.0
#: Largest change of a log density on a panel.
_VARIATION = 4.0
#: Last two Legendre coefficients relative to the largest value; the roundings of log densities of
#: the size met, and of I(m)^(d-1), come on top.
_RESOLUTION = 1e-12
_ROUNDINGS = 8 * 2.0**-52
#: Far from resolved, the highest panel need not hold the maximum, and panels are halved one by one.
_MAX_ROUNDS = 500


@dataclass(frozen=True)
class MaximumLaw:
    """Laws of log max_i |x_i|, and of log |X| for one coordinate by itself, cut at the end."""

    log_maximum: OneDimDensity
    log_magnitude: OneDimDensity


@dataclass(frozen=True)
class _Panels:
    """Panels in y with, at their nodes, the logs of exp(y - phi), of I, and of the maximum.

    `weight_size` and `maximum_size`, one per panel, are what roundings of the terms and of the
    nodes y are relative to.
    """

    edges: Array
    log_weight: Array
    log_inner: Array
    log_maximum: Array
    weight_size: Array
    maximum_size: Array


@lru_cache(maxsize=64)
def maximum_law(mixed: Mixed) -> MaximumLaw:
    """Resolve both laws.

    Raises
    ------
    PrecisionError
        The densities vary too fast to be resolved.

    Examples
    --------
    >>> law = maximum_law(Mixed(sympy.log(RADIUS), COORDINATE**2 / 2, 2))  # ||x||_oo^-1 exp(...)
    >>> median = float(np.exp(law.log_maximum.ppf_upper(0.5)))
    """
    potential = mixed.profile + mixed.phi.subs(COORDINATE, RADIUS)
    branches = smooth_branches(potential, RADIUS, sympy.S.Zero, sympy.oo)
    breaks = [float(sympy.log(b.lower)) for b in branches[1:]]
    edges = np.union1d(np.arange(-_LOG_RANGE, _LOG_RANGE + 1.0), breaks)
    samples = _Samples(mixed)
    for _ in range(_MAX_ROUNDS):
        panels = _evaluate(edges, samples, mixed.dim)
        split = _unresolved(panels)
        if not split.any():
            return _laws(panels)
        edges = np.union1d(edges, (edges[:-1] + edges[1:])[split] / 2)
    raise PrecisionError(f"the law of the maximum of {mixed} was not resolved")


class _Samples:
    """phi and the profile at the nodes of panels, each panel evaluated once."""

    def __init__(self, mixed: Mixed) -> None:
        y = sympy.Symbol("y", real=True)
        image = {COORDINATE: sympy.exp(y), RADIUS: sympy.exp(y)}
        self._functions = [BallFunction(e.subs(image), y) for e in (mixed.phi, mixed.profile)]
        self._known: dict[tuple[float, float], Array] = {}

    def __call__(self, edges: Array) -> tuple[Array, Array]:
        """phi and profile, each of shape (panels, ORDER)."""
        rows = []
        for panel in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
            if panel not in self._known:
                left, right = panel
                nodes = left + (right - left) * (1 + legendre_rule().nodes) / 2
                self._known[panel] = np.array([_floats(f, nodes) for f in self._functions])
            rows.append(self._known[panel])
        values = np.array(rows)
        return values[:, 0], values[:, 1]


def _floats(function: BallFunction, nodes: Array) -> Array:
    """Values as float64; balls that overflow are potentials too large to matter."""
    return np.array([float(b.mid()) if b.is_finite() else np.inf for b in function.balls(nodes)])


def _evaluate(edges: Array, samples: _Samples, dim: int) -> _Panels:
    phi, profile = samples(edges)
    y = edges[:-1, None] + np.diff(edges)[:, None] * (1 + legendre_rule().nodes) / 2
    log_weight = y - phi
    log_inner = _log_cumulative(edges, y, log_weight)
    with np.errstate(invalid="ignore"):
        log_maximum = (dim - 1) * log_inner + log_weight - profile
    log_maximum[np.isnan(log_maximum)] = -np.inf
    weight_size = _size(y, log_weight)
    maximum_size = dim * (1 + _size(y, log_inner)) + weight_size + _size(y, profile)
    return _Panels(edges, log_weight, log_inner, log_maximum, weight_size, maximum_size)


def _size(y: Array, terms: Array) -> Array:
    """Largest |term| + |y dterm/dy| on each panel."""
    with np.errstate(invalid="ignore", over="ignore"):
        slopes = np.abs(np.diff(terms) / np.diff(y)).max(axis=1)
        return np.asarray(np.abs(terms).max(axis=1) + np.abs(y).max(axis=1) * slopes)


def _log_cumulative(edges: Array, y: Array, log_values: Array) -> Array:
    """Logarithm of the integral of exp(log_values) from -oo to every node.

    Panels are scaled one by one and joined with logaddexp, so that e^-1000 and e^1000 can meet.
    Before the first panel the integrand is taken to be exponential in y, a power of m.
    """
    rule = legendre_rule()
    width = np.diff(edges)
    rate = (log_values[0, -1] - log_values[0, 0]) / (y[0, -1] - y[0, 0])
    start = log_values[0, 0] - rate * (y[0, 0] - edges[0]) - np.log(rate)
    top = np.maximum(log_values.max(axis=1), -1e300)
    scaled = np.exp(log_values - top[:, None])
    primitive = np.polynomial.legendre.legint(rule.to_coefficients, lbnd=-1, axis=0)
    to_nodes = np.polynomial.legendre.legval(rule.nodes, primitive).T
    with np.errstate(divide="ignore"):
        inside = np.log(np.maximum(scaled @ to_nodes.T, 0.0)) + (top + np.log(width / 2))[:, None]
        whole = np.log(scaled @ rule.weights) + top + np.log(width / 2)
    before = np.logaddexp.accumulate(np.append(start, whole[:-1]))
    return np.asarray(np.logaddexp(before[:, None], inside))


def _unresolved(panels: _Panels) -> NDArray[np.bool_]:
    """Panels to halve: those that matter to one of the laws and are not yet resolved for it."""
    peak = panels.log_maximum.max(axis=1)
    matters = peak > peak.max() - _RELEVANT
    first, last = np.flatnonzero(matters)[[0, -1]]
    inner = panels.log_inner[np.arange(len(peak)).clip(first), -1]
    weighs = panels.log_weight.max(axis=1) > inner - _RELEVANT
    weighs[last + 1 :] = False
    return np.asarray(
        (matters & _rough(panels.log_maximum, panels.maximum_size))
        | (weighs & _rough(panels.log_weight, panels.weight_size))
    )


def _rough(logs: Array, size: Array) -> NDArray[np.bool_]:
    top = logs.max(axis=1, keepdims=True)
    with np.errstate(invalid="ignore"):
        steep = ~(top[:, 0] - logs.min(axis=1) <= _VARIATION)
        coefficients = np.exp(logs - top) @ legendre_rule().to_coefficients.T
        tolerance = _RESOLUTION + _ROUNDINGS * size
        return np.asarray(steep | ~(np.abs(coefficients[:, -2:]).max(axis=1) <= tolerance))


def _laws(panels: _Panels) -> MaximumLaw:
    peak = panels.log_maximum.max(axis=1)
    first, last = np.flatnonzero(peak > peak.max() - _RELEVANT)[[0, -1]]
    weight = panels.log_weight.max(axis=1)
    lowest = np.flatnonzero(weight[: last + 1] > panels.log_inner[first, -1] - _RELEVANT)[0]
    return MaximumLaw(
        _law(panels.edges, panels.log_maximum, int(first), int(last) + 1),
        _law(panels.edges, panels.log_weight, int(lowest), int(last) + 1),
    )


def _law(edges: Array, logs: Array, start: int, stop: int) -> OneDimDensity:
    """The density exp(logs) on panels start..stop-1, normalised."""
    edges, logs = edges[start : stop + 1], logs[start:stop]
    top = float(logs.max())
    half = np.diff(edges)[:, None] / 2
    density = (np.exp(logs - top) * half) @ legendre_rule().to_coefficients.T
    total = float(np.sum(2 * density[:, 0].astype(np.longdouble)))
    panels, nothing = len(half), np.zeros(len(half) + 1)
    zeros = np.zeros((panels, ORDER))
    return OneDimDensity(
        PanelDensity(
            np.zeros(panels), edges[:-1], edges[1:], density / total, zeros, zeros, nothing,
            nothing, top + float(np.log(total)), edges,
        )
    )  # fmt: skip
