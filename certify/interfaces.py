"""What the certifier asks of its parts: a radius function, and a smoother.

The certifier works with these protocols and never with x + noise, so that noise which is not
additive (splitting, lattices, exact floating-point noise) fits without a change to it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy.typing as npt

from numerics.errors import invalid
from numerics.validation import check_alpha

if TYPE_CHECKING:
    import torch

    from numerics.bounds import Bounds

__all__ = [
    "ACCEPTED_BY_DEFAULT",
    "GUARANTEES",
    "InvertibleRadius",
    "RadiusLike",
    "Smoother",
    "check_acceptable",
    "norm_name",
    "radius_alpha",
]

#: What a radius can be worth, from best to worst.
GUARANTEES = ("proved", "conservative", "statistical", "estimate")

#: Guarantees a certificate rests on unless the user asks for another.
ACCEPTED_BY_DEFAULT = ("proved", "conservative")


@runtime_checkable
class RadiusLike(Protocol):
    """A certified radius as a function of the lower bound on the top-class probability."""

    @property
    def dim(self) -> int: ...

    @property
    def adversary(self) -> Any: ...

    @property
    def route(self) -> str: ...

    @property
    def guarantee(self) -> str: ...

    def __call__(
        self, prob_lower: npt.ArrayLike | None = None, /, *, tail: npt.ArrayLike | None = None
    ) -> Any: ...


class InvertibleRadius(RadiusLike, Protocol):
    """A radius function that also brackets its values and can be read backwards."""

    def bounds(
        self, prob_lower: npt.ArrayLike | None = None, /, *, tail: npt.ArrayLike | None = None
    ) -> Bounds:
        """Enclosure of the exact radius."""
        ...

    def tail(self, radius: npt.ArrayLike, /) -> Any:
        """Largest tail that certifies `radius`, rounded down."""
        ...


class Smoother(Protocol):
    """Random inputs around an image, and the radius that their law certifies."""

    @property
    def dim(self) -> int:
        """Number of coordinates of an image."""
        ...

    @property
    def radius(self) -> RadiusLike:
        """Radius function of the law of `sample`."""
        ...

    def describe(self) -> str:
        """One line, without tabs, that a log can carry and a reader can parse back."""
        ...

    def sample(self, x: torch.Tensor, n: int, generator: torch.Generator) -> torch.Tensor:
        """Independent random inputs around the image `x`: shape (n, *x.shape), dtype of `x`."""
        ...


def norm_name(adversary: object) -> str:
    """Name of a norm given as text or as an object with a `name`."""
    return adversary if isinstance(adversary, str) else str(getattr(adversary, "name", adversary))


def check_acceptable(radius: RadiusLike, accept: tuple[str, ...]) -> None:
    """Refuse a radius function whose guarantee is not among `accept`.

    "estimate" holds with no stated probability, so it is refused whatever `accept` says.
    """
    legal = GUARANTEES[:-1]
    for word in accept:
        if word not in legal:
            raise invalid(
                "accept", f"a tuple of words from {legal}", accept, "an estimate certifies nothing"
            )
    if radius.guarantee not in accept:
        # Tables along a direction that is not proved to be the worst one say so.
        reason = getattr(radius, "refusal", None) or "this radius is an estimate"
        remedy = (
            f"{reason}: it certifies nothing; derive it by another route"
            if radius.guarantee not in legal
            else f"derive it by another route, or pass accept={(*accept, radius.guarantee)!r}"
        )
        raise invalid(
            "the guarantee of the radius function",
            f"one of {accept}",
            radius.guarantee,
            remedy,
        )


def radius_alpha(radius: RadiusLike) -> float:
    """Probability that the radius function itself is wrong: 0 unless it is "statistical".

    Raises
    ------
    InvalidInputError
        A statistical radius function that does not state its `alpha`.
    """
    if radius.guarantee != "statistical":
        return 0.0
    return check_alpha(getattr(radius, "alpha", None))
