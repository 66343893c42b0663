"""Streams of noisy copies that depend on (seed, image index, stage) and on nothing else.

Noise is drawn in blocks whose size depends only on the dimension, by a generator of the image's
own; forward batches are cut from the blocks afterwards. So the n copies of an image are the same
whatever the batch size, the other images, or the order in which images are certified.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from certify.interfaces import Smoother

__all__ = ["COUNTING", "SELECTION", "NoisyCopies", "block_size", "item_generator", "noisy_batches"]

#: Stages of a certificate; each has its own noise, so that counting is independent of selection.
SELECTION, COUNTING = 0, 1

#: Coordinates drawn at a time: 2^20 float64 are 8 MiB, which stays in a processor's cache.
_BLOCK_COORDINATES = 2**20

#: Copies drawn at a time in low dimension; more would waste noise on the last, partial block.
_LARGEST_BLOCK = 1024


def block_size(dim: int) -> int:
    """Copies drawn at a time: a power of two that depends on the dimension alone.

    Changing this function changes every count for a given seed.

    Examples
    --------
    >>> block_size(64), block_size(3072), block_size(150_528), block_size(10**8)
    (1024, 256, 4, 1)
    """
    fit = max(1, _BLOCK_COORDINATES // dim)
    return min(_LARGEST_BLOCK, 1 << (fit.bit_length() - 1))


def item_generator(seed: int, index: int, stage: int, device: torch.device) -> torch.Generator:
    """The generator of one stage of one image.

    Its seed is a hash (numpy's SeedSequence) of all three numbers. PyTorch's CPU generator uses 32
    bits of it: with 10,000 images one pair of images shares its noise in about 2 % of the runs,
    which touches no guarantee, each being about one image.
    """
    words = np.random.SeedSequence(seed, spawn_key=(index, stage)).generate_state(1, np.uint64)
    generator = torch.Generator(device=device)
    generator.manual_seed(int(words[0]))
    return generator


class NoisyCopies:
    """The noisy copies of one image in one stage, taken in pieces of any size.

    Memory is one block and one piece, however many are taken.

    Parameters
    ----------
    smoother : Smoother
        Where the copies come from.
    x : torch.Tensor
        The image.
    generator : torch.Generator
        From `item_generator`.
    """

    def __init__(self, smoother: Smoother, x: torch.Tensor, generator: torch.Generator) -> None:
        self._smoother, self._x, self._generator = smoother, x, generator
        self._block = block_size(smoother.dim)
        self._rest: torch.Tensor | None = None

    def take(self, m: int) -> torch.Tensor:
        """The next `m` copies, shape (m, *shape); they never depend on how the others are cut."""
        pieces: list[torch.Tensor] = []
        while m > 0:
            if self._rest is None or not len(self._rest):
                # Always a full block: the first copies never depend on how many are wanted.
                self._rest = self._smoother.sample(self._x, self._block, self._generator)
            pieces.append(self._rest[:m])
            self._rest = self._rest[len(pieces[-1]) :]
            m -= len(pieces[-1])
        return pieces[0] if len(pieces) == 1 else torch.cat(pieces)


def noisy_batches(
    smoother: Smoother, x: torch.Tensor, n: int, batch_size: int, generator: torch.Generator
) -> Iterator[torch.Tensor]:
    """The first `n` noisy copies of `x`, in batches of `batch_size` (the last may be smaller)."""
    copies = NoisyCopies(smoother, x, generator)
    for start in range(0, n, batch_size):
        yield copies.take(min(batch_size, n - start))
