"""What a route says about a pair of density and norm before any work is done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from radii.compile import Evaluator
from radii.radius_function import RadiusFunction
from smoothing.distribution import SmoothingDistribution
from smoothing.norms import Norm

__all__ = ["Accepted", "Evidence", "Refusal", "Route"]


@dataclass(frozen=True)
class Evidence:
    """A sound radius at scale 1 before it is tabulated, for combination with others.

    Attributes
    ----------
    evaluator : Evaluator
        R at scale 1, never above the exact one up to its `relative_error`.
    grow : callable
        (p, r) -> upper bound on the probability of any set of probability p within r, at scale 1.
    """

    evaluator: Evaluator
    grow: Callable[[float, float], float]


@dataclass(frozen=True)
class Accepted:
    """A route can derive the pair; `build` does it.

    Attributes
    ----------
    reason : str
    build : callable
        Makes the radius function.
    evidence : callable, optional
        The same radius before it is tabulated, which "best" combines with that of other routes;
        None where the guarantee is weaker than "conservative".
    """

    reason: str
    build: Callable[[], RadiusFunction] = field(repr=False)
    evidence: Callable[[], Evidence] | None = field(repr=False, default=None)


@dataclass(frozen=True)
class Refusal:
    """A route cannot derive the pair, for this reason."""

    reason: str


class Route(Protocol):
    """One way to a radius function."""

    @property
    def name(self) -> str: ...

    def accepts(self, smoothing: SmoothingDistribution, adversary: Norm) -> Accepted | Refusal:
        """Decide without computing."""
        ...
