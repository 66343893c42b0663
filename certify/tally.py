"""Votes of noisy copies, counted on the device and read when somebody looks."""

from __future__ import annotations

import numpy as np
import torch

from numerics.errors import InvalidInputError

__all__ = ["Counted", "Tally"]

Counted = np.ndarray[tuple[int], np.dtype[np.int64]]


class Tally:
    """Votes of one image.

    Parameters
    ----------
    index : int
        Number of the image, for messages.
    selected : int, optional
        Count this class only; by default all of them.
    """

    def __init__(self, index: int, selected: int | None = None) -> None:
        self._index, self._selected = index, selected
        self._total: torch.Tensor | None = None

    def add(self, classes: torch.Tensor) -> None:
        """Count a batch of class numbers; -1 marks a copy without a class."""
        if self._selected is None:
            counts = torch.bincount(classes + 1)
        else:
            counts = torch.stack([(classes < 0).sum(), (classes == self._selected).sum()])
        if self._total is None:
            self._total = counts
        elif len(counts) == len(self._total):
            self._total = self._total + counts
        else:
            longer = counts if len(counts) > len(self._total) else self._total
            shorter = self._total if longer is counts else counts
            self._total = longer.clone()
            self._total[: len(shorter)] += shorter

    def votes(self) -> Counted:
        """Votes so far: of every class up to the largest seen, or of the selected one.

        Raises
        ------
        InvalidInputError
            Some copies had no class; names the image.
        """
        if self._total is None:
            return np.zeros(1, dtype=np.int64)
        counts: Counted = self._total.cpu().numpy().astype(np.int64)
        if counts[0]:
            raise InvalidInputError(
                f"the model returned NaN or a number that is no class for {counts[0]} noisy copies "
                f"of image {self._index}; check its input range, or its precision if it runs in "
                "half precision"
            )
        return counts[1:]
