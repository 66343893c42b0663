"""What a route says about a pair of density and norm before any work is done."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from differential.majorant import Bound
from numerics.errors import AssumptionError, PrecisionError
from radii.compile import Evaluator
from radii.radius_function import RadiusFunction
from smoothing.distribution import SmoothingDistribution
from smoothing.norms import Norm

__all__ = ["Accepted", "Evidence", "Refusal", "Route", "gathered"]


@dataclass(frozen=True)
class Evidence:
    """A sound radius at scale 1 before it is tabulated, for combination with others.

    Attributes
    ----------
    evaluator : Evaluator
        R at scale 1, never above the exact one up to its `relative_error`.
    grow : callable
        (p, r) -> upper bound on the probability of any set of probability p within r, at scale 1.
    bound : Bound, optional
        What the radius integrates, where it is an integral of 1/Phi; bounds combine better than
        the radii they lead to.
    """

    evaluator: Evaluator
    grow: Callable[[float, float], float]
    bound: Bound | None = None


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


def gathered(
    accepted: Sequence[tuple[str, Accepted]],
) -> tuple[list[tuple[int, Evidence]], list[str]]:
    """Evidence of each by its position, without those whose assumptions fail when it is made.

    Returns
    -------
    evidence, reasons
        The reasons name what was left out and why.
    """
    found: list[tuple[int, Evidence]] = []
    reasons: list[str] = []
    for i, (name, verdict) in enumerate(accepted):
        if verdict.evidence is None:
            continue
        try:
            found.append((i, verdict.evidence()))
        except (AssumptionError, PrecisionError) as error:
            reasons.append(f"{name}: {error}")
    if not found:
        raise AssumptionError("no radius to combine: " + "; ".join(reasons))
    return found, reasons


class Route(Protocol):
    """One way to a radius function."""

    @property
    def name(self) -> str: ...

    def accepts(self, smoothing: SmoothingDistribution, adversary: Norm) -> Accepted | Refusal:
        """Decide without computing."""
        ...
