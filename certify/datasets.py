"""Labelled images. The built-in data are scikit-learn's digits, which need no download."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch

from numerics.validation import check_count

__all__ = ["ImageSet", "ImageSource", "Split", "load_digits"]

#: Largest grey value of scikit-learn's digits, which count the ink of 4 x 4 blocks of pixels.
_DIGITS_WHITE = 16.0


class ImageSource(Protocol):
    """Labelled images that can be read one by one, from memory or from files."""

    @property
    def labels(self) -> torch.Tensor:
        """Class numbers, int64 of shape (m,)."""
        ...

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one image."""
        ...

    def __len__(self) -> int: ...

    def read(self, row: int) -> torch.Tensor:
        """One image, float32 in [0, 1]; an image that cannot be read raises `CorruptImageError`."""
        ...

    def take(self, rows: Sequence[int]) -> ImageSet:
        """Some images, in memory."""
        ...

    def describe(self) -> str:
        """What was found, in a line."""
        ...


@dataclass(frozen=True)
class ImageSet:
    """Images (m, channels, height, width), float32 in [0, 1], and class numbers (m,)."""

    images: torch.Tensor
    labels: torch.Tensor

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def dim(self) -> int:
        """Coordinates of one image."""
        return int(self.images[0].numel())

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one image."""
        return tuple(self.images.shape[1:])

    def read(self, row: int) -> torch.Tensor:
        """One image."""
        return self.images[row]

    def take(self, rows: Sequence[int]) -> ImageSet:
        """The images of some rows."""
        return ImageSet(self.images[list(rows)], self.labels[list(rows)])

    def describe(self) -> str:
        """What was found, in a line."""
        classes = len(torch.unique(self.labels))
        return f"{len(self):,} images of shape {self.shape}, {classes} classes"

    def first(self, count: int) -> ImageSet:
        """The first `count` images, or all if there are fewer."""
        return ImageSet(self.images[:count], self.labels[:count])


@dataclass(frozen=True)
class Split:
    """Training and test images that have none in common."""

    train: ImageSet
    test: ImageSet


def load_digits(*, test_size: int = 400, seed: int = 0) -> Split:
    """Scikit-learn's 1,797 digits: 8 x 8 grey images of ten classes, in [0, 1].

    Parameters
    ----------
    test_size : int
        Images set aside for testing, chosen at random.
    seed : int
        Seed of that choice.

    Returns
    -------
    Split
        Images of shape (m, 1, 8, 8).

    References
    ----------
    .. [1] Alpaydin and Kaynak, Optical Recognition of Handwritten Digits, UCI Machine Learning
       Repository, 1998.

    Examples
    --------
    >>> digits = load_digits(test_size=100)
    >>> len(digits.train), len(digits.test), digits.test.dim
    (1697, 100, 64)
    """
    from sklearn import datasets

    pixels, classes = datasets.load_digits(return_X_y=True)
    check_count("test_size", test_size, minimum=1)
    order = np.random.default_rng(np.random.SeedSequence(seed)).permutation(len(pixels))
    images = torch.from_numpy((pixels / _DIGITS_WHITE).astype(np.float32)).reshape(-1, 1, 8, 8)
    labels = torch.from_numpy(classes.astype(np.int64))

    def take(rows: np.ndarray[tuple[int], np.dtype[np.int64]]) -> ImageSet:
        return ImageSet(images[rows], labels[rows])

    return Split(take(order[test_size:]), take(order[:test_size]))
