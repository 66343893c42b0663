"""Smoothers: additive noise from a smoothing density."""

from __future__ import annotations

from typing import Any

import torch

from certify.interfaces import RadiusLike
from certify.sampling import NoiseSampler, noise_sampler, working_dtype
from numerics.errors import InvalidInputError, invalid
from smoothing.distribution import SmoothingDistribution
from smoothing.norms import Norm

__all__ = ["AdditiveSmoother", "as_radius"]


class AdditiveSmoother:
    """Adds noise from a smoothing distribution to an image.

    Parameters
    ----------
    q : SmoothingDistribution
        The noise.
    radius : RadiusFunction
        Its radius against the adversary.
    """

    def __init__(self, q: SmoothingDistribution, radius: RadiusLike) -> None:
        self.q = q
        self._radius = radius
        self._samplers: dict[torch.device, NoiseSampler] = {}

    def __getstate__(self) -> dict[str, Any]:
        """What is sent to another process; samplers are made again there."""
        return {**self.__dict__, "_samplers": {}}

    @property
    def dim(self) -> int:
        """Number of coordinates of an image."""
        return self.q.dim

    @property
    def radius(self) -> RadiusLike:
        """Radius function of the noise."""
        return self._radius

    def describe(self) -> str:
        """The noise as one line of text."""
        return self.q.describe()

    def sample(self, x: torch.Tensor, n: int, generator: torch.Generator) -> torch.Tensor:
        """`n` noisy copies of `x`: sums in the widest type, rounded once to the type of `x`."""
        if x.device not in self._samplers:
            self._samplers[x.device] = noise_sampler(self.q, x.device)
        wide = working_dtype(x.device)
        noise = self._samplers[x.device](n, generator).to(x.device, wide).reshape(n, *x.shape)
        return noise.add_(x.to(wide)).to(x.dtype)


def as_radius(q: SmoothingDistribution, adversary: str | Norm | RadiusLike) -> RadiusLike:
    """A radius function for `q`, derived if `adversary` is a norm, checked if it is one already.

    Raises
    ------
    InvalidInputError
        The radius function is of another dimension or another noise.
    """
    if isinstance(adversary, str) or not callable(adversary):
        from radii import derive

        derived: RadiusLike = derive(q, adversary)
        return derived
    radius: Any = adversary
    if int(radius.dim) != q.dim:
        raise invalid(
            "the dimension of the radius function",
            f"{q.dim}, as the noise's",
            radius.dim,
            "rederive",
        )
    other = getattr(radius, "smoothing", None)
    if isinstance(other, SmoothingDistribution) and other != q:
        raise invalid(
            "the noise of the radius function", q.describe(), other.describe(), "derive it for q"
        )
    refusal = getattr(radius, "refusal", None)
    if refusal is not None:
        raise InvalidInputError(
            f"the radius function must be a certificate, got {radius!r}: {refusal}; derive a "
            "radius by another route"
        )
    checked: RadiusLike = radius
    return checked
