"""Proven upper bounds of Phi, and how several of them make a better one.

R = integral of dp / Phi(p) stays a certificate when Phi is replaced by anything above it, so every
bound that is known for a pair may be used at every p: the smallest wins (spec 2.4).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["Bound", "Majorant", "SmallestOf", "interpolated", "scaled", "smallest_of"]

Array = NDArray[np.float64]

#: Where two bounds are compared, to find the points at which the smaller one changes.
_SCAN = np.concatenate([2.0 ** np.arange(-100.0, -2.0, 0.125), np.linspace(0.25, 0.5, 129)])
_BISECTIONS = 60
_MOST_KINKS = 1000
#: The choice changes where another bound is smaller by this much, relative.
_NOTICEABLE = 1e-6


class Bound(Protocol):
    """Something above Phi on (0, 1): `differential.phi.Phi` itself, or a majorant of it."""

    def __call__(self, p: ArrayLike) -> Array: ...
    @property
    def kinks(self) -> Array: ...
    @property
    def relative_error(self) -> float: ...
    def winner(self, p: float) -> str:
        """What the value at p rests on."""
        ...


@dataclass(frozen=True)
class Majorant:
    """An upper bound of Phi with the argument behind it.

    Attributes
    ----------
    name : str
        The argument in a few words.
    on_half : callable
        The bound on (0, 1/2], vectorised. The adversary's ball is symmetric, and what a set gains
        along u its complement loses, so Phi(p) = Phi(1 - p).
    kinks : array
        Points of (0, 1/2] where it is not smooth.
    relative_error : float
    """

    name: str
    on_half: Callable[[Array], Array]
    kinks: Array
    relative_error: float = 0.0

    def __call__(self, p: ArrayLike) -> Array:
        points = np.asarray(p, dtype=np.float64)
        flat = points.ravel()
        return np.asarray(self.on_half(np.minimum(flat, 1 - flat))).reshape(points.shape)

    def winner(self, p: float) -> str:
        """The name."""
        return self.name


@dataclass(frozen=True)
class SmallestOf:
    """At each p one of several bounds: the smallest, up to `_NOTICEABLE`.

    Two bounds may cross in every one of thousands of cells, where it does not matter which of them
    is taken; so the choice changes only where it makes a difference.

    Attributes
    ----------
    bounds : tuple of Bound
    switches : array (k,)
        Points of (0, 1/2), increasing, at which the choice changes.
    choice : tuple of int
        Index of the bound before the first switch, between switches, after the last.

    Examples
    --------
    >>> line = Majorant("p", lambda p: p, np.empty(0))
    >>> flat = Majorant("0.3", lambda p: np.full_like(p, 0.3), np.empty(0))
    >>> both = smallest_of([line, flat])
    >>> both([0.1, 0.4]).tolist(), both.winner(0.4), both.kinks.round(12).tolist()
    ([0.1, 0.3], '0.3', [0.3])
    """

    bounds: tuple[Bound, ...]
    switches: Array
    choice: tuple[int, ...]

    def __call__(self, p: ArrayLike) -> Array:
        points = np.asarray(p, dtype=np.float64)
        flat = np.minimum(points, 1 - points).ravel()
        chosen = self._chosen(flat)
        out = np.empty_like(flat)
        for index in np.unique(chosen):
            mine = chosen == index
            out[mine] = self.bounds[index](flat[mine])
        return out.reshape(points.shape)

    def winner(self, p: float) -> str:
        """The argument behind the bound at p."""
        half = min(p, 1 - p)
        return self.bounds[int(self._chosen(np.array([half]))[0])].winner(half)

    @property
    def relative_error(self) -> float:
        """The largest of the parts."""
        return max(bound.relative_error for bound in self.bounds)

    @property
    def kinks(self) -> Array:
        """Kinks of the parts where they are in use, and the switches."""
        edges = np.concatenate([[0.0], self.switches, [0.5]])
        found = [self.switches]
        for index, low, high in zip(self.choice, edges[:-1], edges[1:], strict=True):
            own = self.bounds[index].kinks
            found.append(own[(own > low) & (own <= high)])
        return np.unique(np.concatenate(found))

    def _chosen(self, half: Array) -> NDArray[np.intp]:
        return np.asarray(self.choice)[np.searchsorted(self.switches, half)]


def smallest_of(bounds: Sequence[Bound]) -> Bound:
    """The smallest of several bounds at each p, up to `_NOTICEABLE`.

    Any choice is sound; bounds that are nowhere needed are left out.
    """
    scan = _scan(bounds)
    values = np.array([bound(scan) for bound in bounds])
    best = np.min(values, axis=0)
    current = int(np.argmin(values[:, 0]))
    choice, cells = [current], []
    for k in range(1, len(scan)):
        if values[current, k] > best[k] * (1 + _NOTICEABLE):
            current = int(np.argmin(values[:, k]))
            choice.append(current)
            cells.append(k)
    if not cells:
        return bounds[current]
    switches = _crossings(bounds, scan, np.array(choice), np.array(cells))
    needed = sorted(set(choice))
    return SmallestOf(
        tuple(bounds[i] for i in needed), switches, tuple(needed.index(i) for i in choice)
    )


def _scan(bounds: Sequence[Bound]) -> Array:
    """Where bounds are compared: a fixed grid, and between kinks where these are not too many."""
    kinks = np.unique(np.concatenate([[0.5], *(_below_half(b.kinks) for b in bounds)]))
    if len(kinks) > _MOST_KINKS:
        return _SCAN
    steps = np.diff(kinks, prepend=0.0)
    between = [kinks - steps * share for share in (0.25, 0.5, 0.75)]
    points = np.unique(np.concatenate([_SCAN, kinks, *between]))
    return points[(points >= _SCAN[0]) & (points <= 0.5)]


def _crossings(
    bounds: Sequence[Bound], scan: Array, choice: NDArray[Any], cells: NDArray[Any]
) -> Array:
    """Where, in the cell before each scan point, the next bound falls below the one in use."""
    low, high = scan[cells - 1].copy(), scan[cells].copy()
    before, after = choice[:-1], choice[1:]
    for _ in range(_BISECTIONS):
        middle = 0.5 * (low + high)
        values = np.array([bound(middle) for bound in bounds])
        at = np.arange(len(cells))
        stays = values[before, at] <= values[after, at]
        low, high = np.where(stays, middle, low), np.where(stays, high, middle)
    return 0.5 * (low + high)


def scaled(bound: Bound, factor: float, name: str) -> Majorant:
    """The bound times a number, for a ball inside `factor` times another.

    The product is rounded up by one unit in the last place, as `factor` itself must be.
    """

    def on_half(p: Array) -> Array:
        return np.nextafter(factor * bound(p), np.inf)

    return Majorant(name, on_half, _below_half(bound.kinks), bound.relative_error)


def interpolated(low: Bound, high: Bound, share: float, name: str) -> Majorant:
    """low^(1 - share) high^share: a bound for the norm between two norms.

    Notes
    -----
    For a fixed set A, <u, E grad psi 1_A> has supremum |w_A|_q over the ball of l_p, 1/p + 1/q = 1,
    with one vector w_A for all p, and log |w|_q is convex in 1/q (Lyapunov's inequality). Hence
    Phi_p(s) <= Phi_{p0}(s)^(1-share) Phi_{p1}(s)^share where 1/p = (1-share)/p0 + share/p1. The
    singular parts theta_u are suprema of functions linear in u as well, and change nothing.
    """

    def on_half(p: Array) -> Array:
        value = low(p) ** (1 - share) * high(p) ** share
        return np.asarray(value * (1 + 8 * np.finfo(np.float64).eps))

    kinks = np.union1d(_below_half(low.kinks), _below_half(high.kinks))
    return Majorant(name, on_half, kinks, max(low.relative_error, high.relative_error))


def _below_half(kinks: Sequence[float] | Array) -> Array:
    points = np.asarray(kinks, dtype=np.float64)
    return points[(points > 0) & (points <= 0.5)]
