"""Folders of image files with one sub-folder per class, as ImageNet's are laid out.

Images are decoded when they are asked for, so that a folder of any size can be certified.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from certify.datasets import ImageSet
from numerics.errors import CorruptImageError, invalid
from numerics.validation import check_count

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["ImageFolder", "open_image", "to_tensor"]

_ENDINGS = {".jpeg", ".jpg", ".png", ".bmp", ".webp", ".ppm", ".tif", ".tiff"}

#: Decoders that run at the same time; decoding leaves Python's lock.
_THREADS = 8

_WHITE = np.float32(255.0)


@dataclass(frozen=True)
class ImageFolder:
    """Image files in sub-folders named by their classes, numbered in alphabetical order.

    Attributes
    ----------
    root : path
        The folder.
    resize : int
        Length to which the shorter side is scaled (bilinear, as in the papers' pipelines).
    crop : int
        Side of the square cut from the middle.
    """

    root: Path
    resize: int = 256
    crop: int = 224
    classes: tuple[str, ...] = field(init=False, default=())
    paths: tuple[Path, ...] = field(init=False, default=(), repr=False)
    numbers: tuple[int, ...] = field(init=False, default=(), repr=False)

    def __post_init__(self) -> None:
        check_count("crop", self.crop, minimum=1)
        if self.resize < self.crop:
            raise invalid("resize", f"at least the crop of {self.crop}", self.resize, "raise it")
        if not self.root.is_dir():
            raise invalid("data", "a folder that exists", str(self.root), "check the path")
        folders = sorted(p for p in self.root.iterdir() if p.is_dir() and p.name[0] != ".")
        found = [
            (path, number)
            for number, folder in enumerate(folders)
            for path in sorted(folder.rglob("*"))
            if path.suffix.lower() in _ENDINGS
        ]
        if not found:
            legal = "a folder with one sub-folder of images per class"
            raise invalid("data", legal, str(self.root), "sort the images into sub-folders")
        object.__setattr__(self, "classes", tuple(folder.name for folder in folders))
        object.__setattr__(self, "paths", tuple(path for path, _ in found))
        object.__setattr__(self, "numbers", tuple(number for _, number in found))

    def __len__(self) -> int:
        return len(self.paths)

    @property
    def labels(self) -> torch.Tensor:
        """Class numbers, shape (m,)."""
        return torch.tensor(self.numbers, dtype=torch.int64)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one image."""
        return (3, self.crop, self.crop)

    @property
    def dim(self) -> int:
        """Coordinates of one image."""
        return 3 * self.crop * self.crop

    def read(self, row: int) -> torch.Tensor:
        """One image: shorter side to `resize`, square of side `crop` from the middle."""
        return to_tensor(_middle(open_image(self.paths[row]), self.resize, self.crop))

    def take(self, rows: Sequence[int]) -> ImageSet:
        """Some images, decoded side by side."""
        with ThreadPoolExecutor(_THREADS) as pool:
            images = list(pool.map(self.read, rows))
        stacked = torch.stack(images) if images else torch.zeros(0, *self.shape)
        return ImageSet(stacked, self.labels[list(rows)])

    def describe(self) -> str:
        """What was found, in a line."""
        return (
            f"{len(self):,} files of {len(self.classes)} classes ({self.classes[0]} to "
            f"{self.classes[-1]}), shorter side to {self.resize}, {self.crop} x {self.crop} cut out"
        )


def open_image(path: Path) -> Image:
    """An image file as RGB, wholly decoded.

    Raises
    ------
    CorruptImageError
        Names the file.
    """
    from PIL import Image

    try:
        with Image.open(path) as file:
            return file.convert("RGB")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        text = " ".join(str(error).split())
        raise CorruptImageError(
            f"{path} cannot be read as an image ({text}); replace or remove it, or skip such files"
        ) from error


def to_tensor(image: Image) -> torch.Tensor:
    """Pixels of an RGB image as float32 in [0, 1], shape (3, height, width)."""
    pixels = np.asarray(image, dtype=np.float32) / _WHITE
    return torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1)))


def _middle(image: Image, resize: int, crop: int) -> Image:
    from PIL.Image import Resampling

    width, height = image.size
    short = min(width, height)
    # The longer side is rounded down, and the corner of the cut to even, as torchvision does.
    size = (int(resize * width / short), int(resize * height / short))
    scaled = image.resize(size, Resampling.BILINEAR)
    left, top = round((size[0] - crop) / 2), round((size[1] - crop) / 2)
    return scaled.crop((left, top, left + crop, top + crop))
