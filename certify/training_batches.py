"""Batches of training images: shuffled, varied, and mixed with images that a teacher labelled."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import torch

from certify.datasets import ImageSet, ImageSource
from certify.image_folder import ImageFolder, open_image, to_tensor
from numerics.errors import invalid

__all__ = ["Batches", "Variation", "pseudo_labelled"]

#: Area and aspect ratio of random cuts from photographs, as in the usual training on ImageNet.
_AREA, _ASPECT = (0.08, 1.0), (3 / 4, 4 / 3)

_DECODERS = 8


@dataclass(frozen=True)
class Variation:
    """Random changes of training images.

    Attributes
    ----------
    padding : int
        Images are shifted by at most so many pixels, zeros coming in.
    flip : bool
        Mirrored left to right with probability 1/2.
    """

    padding: int = 0
    flip: bool = False

    def apply(self, images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Vary a batch (m, channels, height, width)."""
        count, device = len(images), images.device
        if self.padding:
            height, width = images.shape[-2:]
            wide = torch.nn.functional.pad(images, [self.padding] * 4)
            size = (2, count, 1)
            shifts = torch.randint(
                2 * self.padding + 1, size, generator=generator, device=generator.device
            ).to(device)
            rows = (shifts[0] + torch.arange(height, device=device)).unsqueeze(2)
            columns = (shifts[1] + torch.arange(width, device=device)).unsqueeze(1)
            which = torch.arange(count, device=device).view(-1, 1, 1)
            images = wide[which, :, rows, columns].permute(0, 3, 1, 2)
        if self.flip:
            draws = torch.rand(count, generator=generator, device=generator.device)
            mirrored = (draws < 0.5).to(device).view(-1, 1, 1, 1)
            images = torch.where(mirrored, images.flip(-1), images)
        return images


@dataclass(frozen=True)
class Batches:
    """One epoch of batches after the other.

    Attributes
    ----------
    data : ImageSource
        Labelled images. Folders are cut at random places and scales when they are read.
    size : int
        Images of a batch.
    device : torch.device
        Where batches go.
    variation : Variation
        Random changes.
    extra : ImageSet, optional
        More images; each batch takes half of its images from them (Carmon et al. 2019).
    """

    data: ImageSource
    size: int
    device: torch.device
    variation: Variation = Variation()
    extra: ImageSet | None = None

    @property
    def own(self) -> int:
        """Images of a batch that come from `data`."""
        return self.size if self.extra is None else max(1, self.size // 2)

    @property
    def steps(self) -> int:
        """Batches of an epoch."""
        return -(-len(self.data) // self.own)

    def epoch(self, generator: torch.Generator) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Images and classes, every image of `data` once."""
        place = generator.device
        order = torch.randperm(len(self.data), generator=generator, device=place)
        for rows in order.split(self.own):
            chosen = self._read(rows, generator)
            images, labels = chosen.images.to(self.device), chosen.labels.to(self.device)
            if self.extra is not None:
                # As many as of one's own in a full batch, drawn with replacement.
                size = (self.size - self.own,)
                more = torch.randint(len(self.extra), size, generator=generator, device=place).cpu()
                images = torch.cat([images, self.extra.images[more].to(self.device)])
                labels = torch.cat([labels, self.extra.labels[more].to(self.device)])
            yield self.variation.apply(images, generator), labels

    def _read(self, rows: torch.Tensor, generator: torch.Generator) -> ImageSet:
        if isinstance(self.data, ImageSet):
            where = rows.to(self.data.images.device)
            return ImageSet(self.data.images[where], self.data.labels[where])
        if not isinstance(self.data, ImageFolder):
            return self.data.take(rows.tolist())
        folder, numbers = self.data, rows.tolist()
        # All draws are made here, so that the threads' order does not matter.
        draws = torch.rand((len(numbers), 4), generator=generator, device=generator.device).tolist()
        with ThreadPoolExecutor(_DECODERS) as pool:
            images = list(pool.map(lambda job: _random_cut(folder, *job), zip(numbers, draws)))  # noqa: B905
        return ImageSet(torch.stack(images), folder.labels[numbers])


def _random_cut(folder: ImageFolder, row: int, draw: list[float]) -> torch.Tensor:
    """A random part of a photograph, scaled to the input's size."""
    from PIL.Image import Resampling

    image = open_image(folder.paths[row])
    width, height = image.size
    area = width * height * (_AREA[0] + draw[0] * (_AREA[1] - _AREA[0]))
    aspect = _ASPECT[0] * (_ASPECT[1] / _ASPECT[0]) ** draw[1]
    wide = min(width, max(1, round((area * aspect) ** 0.5)))
    high = min(height, max(1, round((area / aspect) ** 0.5)))
    left, top = int(draw[2] * (width - wide + 1)), int(draw[3] * (height - high + 1))
    box = (left, top, left + wide, top + high)
    return to_tensor(image.resize((folder.crop, folder.crop), Resampling.BILINEAR, box=box))


@torch.inference_mode()
def pseudo_labelled(
    teacher: torch.nn.Module, images: torch.Tensor, *, batch_size: int = 256
) -> ImageSet:
    """Images with the classes that a trained model gives them (self-training).

    References
    ----------
    .. [1] Carmon et al., Unlabeled data improves adversarial robustness, NeurIPS 2019.
    """
    if images.ndim < 2 or not len(images):
        raise invalid("extra images", "of shape (m, ...)", tuple(images.shape), "pass a batch")
    place = next(teacher.parameters()).device
    named = [teacher(part.to(place)).argmax(dim=1).cpu() for part in images.split(batch_size)]
    return ImageSet(images, torch.cat(named).clone())
