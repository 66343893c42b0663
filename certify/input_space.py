"""The range of a model's inputs, and the normalisation that comes after the noise."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from numerics.errors import InvalidInputError, invalid

__all__ = ["InputSpace"]

#: Steps between the darkest and the brightest pixel of an 8-bit image.
_PIXEL_STEPS = 255


@dataclass(frozen=True)
class InputSpace:
    """Where images live before noise, and how they are normalised after it.

    Radii are certified in the units of the images that noise is added to. A model trained on
    (x - mean)/std is therefore given noisy images first and normalises them itself: pass `mean` and
    `std` here, and images in [low, high].

    Attributes
    ----------
    low, high : float
        Range of the clean images. Noisy ones leave it, and are not clipped.
    mean, std : tuple of float, optional
        One number per channel; the model then sees (noisy image - mean) / std.

    Examples
    --------
    >>> space = InputSpace(mean=(0.5,), std=(0.25,))
    >>> space.normalise(torch.ones(1, 1, 2, 2)).flatten().tolist()
    [2.0, 2.0, 2.0, 2.0]
    >>> space.pixels(2 / 255) <= 2.0
    True
    """

    low: float = 0.0
    high: float = 1.0
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise invalid("low and high", "finite, low < high", (self.low, self.high), "swap them?")
        if (self.mean is None) != (self.std is None):
            raise invalid("mean and std", "both given or neither", (self.mean, self.std), "pair")
        if self.mean is not None and self.std is not None:
            good = len(self.mean) == len(self.std) >= 1 and all(s > 0 for s in self.std)
            if not good or not all(map(math.isfinite, (*self.mean, *self.std))):
                raise invalid(
                    "mean and std",
                    "as many finite numbers as there are channels, std > 0",
                    (self.mean, self.std),
                    "pass tuples, one number per channel",
                )

    def check(self, images: torch.Tensor) -> None:
        """Refuse images outside the range, or with another number of channels than `mean`.

        Raises
        ------
        InvalidInputError
            Names the first image that leaves the range.
        """
        if self.mean is not None and (images.ndim < 3 or images.shape[1] != len(self.mean)):
            raise invalid(
                "images",
                f"of shape (m, {len(self.mean)}, ...), as many channels as `mean` has",
                tuple(images.shape),
                "move the channels to the second axis",
            )
        flat = images.flatten(1)
        wrong = (flat.amin(dim=1) < self.low) | (flat.amax(dim=1) > self.high)
        if bool(wrong.any()):
            first = int(wrong.nonzero()[0])
            low, high = float(flat[first].min()), float(flat[first].max())
            raise InvalidInputError(
                f"images must lie in [{self.low:g}, {self.high:g}], got values from {low:g} to "
                f"{high:g} in image {first}; pass images before normalisation (noise is added "
                "first; `mean` and `std` of the input space normalise afterwards) or another range"
            )

    def normalise(self, batch: torch.Tensor) -> torch.Tensor:
        """(batch - mean) / std per channel, or the batch itself."""
        if self.mean is None or self.std is None:
            return batch
        shape = (1, -1, *(1 for _ in batch.shape[2:]))
        mean = torch.tensor(self.mean, dtype=batch.dtype, device=batch.device).view(shape)
        std = torch.tensor(self.std, dtype=batch.dtype, device=batch.device).view(shape)
        return (batch - mean).div_(std)

    def pixels(self, radius: float) -> float:
        """A radius of an l_p norm in steps of an 8-bit image, rounded down."""
        return math.nextafter(radius * (_PIXEL_STEPS / (self.high - self.low)) * (1 - 4e-16), 0.0)

    def describe(self) -> str:
        """One line for a log."""
        text = f"[{self.low!r}, {self.high!r}]"
        return text if self.mean is None else f"{text} mean {self.mean!r} std {self.std!r}"
