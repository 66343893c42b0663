"""Several sound radii of one pair: pointwise the largest, and which one it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from radii.compile import Evaluator

__all__ = ["Entrant", "LargestOf", "Shrunk", "smallest_growth"]

Array = NDArray[np.float64]
Grow = Callable[[float, float], float]

#: Where radii are compared to find crossings: tails up to 1/4, then margins.
_TAILS = np.concatenate([2.0 ** np.arange(-100.0, -20.0, 0.5), 2.0 ** np.arange(-20.0, -2, 1 / 16)])
_MARGINS = np.concatenate([2.0 ** np.arange(-54.0, -8.0, 0.5), np.linspace(2.0**-8, 0.25, 127)])
_BISECTIONS = 60
#: Radii that agree to this are equal, and the first one is named.
_EQUAL = 1e-9


@dataclass(frozen=True)
class Shrunk:
    """A radius divided by the constant of an inclusion of balls (at least 1 ulp downwards)."""

    source: Evaluator
    constant: float

    @property
    def kinks(self) -> Array:
        """Those of the source."""
        return self.source.kinks

    @property
    def relative_error(self) -> float:
        """That of the source and of one division."""
        return self.source.relative_error + 4e-16

    @property
    def limit(self) -> float:
        """R at rho = 1."""
        return self.source.limit / self.constant

    def at_tail(self, tail: ArrayLike) -> Array:
        """R at rho = 1 - tail."""
        return np.asarray(self.source.at_tail(tail) / self.constant)

    def at_margin(self, margin: ArrayLike) -> Array:
        """R at rho = 1/2 + margin."""
        return np.asarray(self.source.at_margin(margin) / self.constant)


@dataclass(frozen=True)
class Entrant:
    """A radius and who vouches for it; `detail` says at a tail what that rests on."""

    name: str
    evaluator: Evaluator
    detail: Callable[[float], str] | None = None

    def title(self, tail: float) -> str:
        """Name, with the detail where there is one."""
        return self.name if self.detail is None else f"{self.name}: {self.detail(tail)}"


@dataclass(frozen=True)
class LargestOf:
    """Pointwise maximum of sound radii, which is sound.

    Examples
    --------
    >>> from radii.route_fisher import FisherRadius
    >>> both = LargestOf((Entrant("one", FisherRadius(1.0)), Entrant("two", FisherRadius(4.0))))
    >>> both.winner(0.1), both.limit == np.pi / 2
    ('one', True)
    """

    entrants: tuple[Entrant, ...]

    @cached_property
    def kinks(self) -> Array:
        """Tails at which a part has a kink or the winner changes."""
        own = [np.asarray(e.evaluator.kinks, dtype=np.float64) for e in self.entrants]
        tails = _crossings([e.evaluator.at_tail for e in self.entrants], _TAILS)
        margins = _crossings([e.evaluator.at_margin for e in self.entrants], _MARGINS)
        return np.unique(np.concatenate([*own, tails, 0.5 - margins]))

    @property
    def relative_error(self) -> float:
        """The largest of the parts."""
        return max(e.evaluator.relative_error for e in self.entrants)

    @property
    def limit(self) -> float:
        """R at rho = 1."""
        return max(e.evaluator.limit for e in self.entrants)

    def at_tail(self, tail: ArrayLike) -> Array:
        """R at rho = 1 - tail, tails up to 1/4."""
        return np.asarray(np.max([e.evaluator.at_tail(tail) for e in self.entrants], axis=0))

    def at_margin(self, margin: ArrayLike) -> Array:
        """R at rho = 1/2 + margin, margins up to 1/4."""
        return np.asarray(np.max([e.evaluator.at_margin(margin) for e in self.entrants], axis=0))

    def winner(self, tail: float) -> str:
        """Who attains the maximum at rho = 1 - tail, the first one where several do."""
        inside = min(max(tail, 2.0**-100), 0.5 - 2.0**-54)
        at = np.array([inside]) if inside < 0.25 else np.array([0.5 - inside])
        values = [
            float((e.evaluator.at_tail if inside < 0.25 else e.evaluator.at_margin)(at)[0])
            for e in self.entrants
        ]
        best = next(i for i, v in enumerate(values) if v >= max(values) * (1 - _EQUAL))
        return self.entrants[best].title(inside)


def smallest_growth(growths: list[Grow]) -> Grow:
    """Each bounds the same probability from above, so the smallest does."""
    return lambda p, r: min(grow(p, r) for grow in growths)


def _crossings(functions: list[Callable[[Array], Array]], points: Array) -> Array:
    values = np.array([f(points) for f in functions])
    first = np.argmax(values, axis=0)
    top = np.max(values, axis=0)
    # Equal radii take turns by rounding; that is no crossing.
    runner = np.sort(values, axis=0)[-2] if len(functions) > 1 else np.zeros_like(top)
    clear = runner < top * (1 - _EQUAL)
    found = []
    for i in np.flatnonzero((first[:-1] != first[1:]) & (clear[:-1] | clear[1:])):
        before, after = functions[first[i]], functions[first[i + 1]]
        low, high = float(points[i]), float(points[i + 1])
        for _ in range(_BISECTIONS):
            middle = np.array([0.5 * (low + high)])
            if float(before(middle)[0]) >= float(after(middle)[0]):
                low = float(middle[0])
            else:
                high = float(middle[0])
        found.append(0.5 * (low + high))
    return np.array(found)
