"""CIFAR-10 as its authors publish it: binary files of labels and pixels, read with numpy alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from certify.datasets import ImageSet
from numerics.errors import InvalidInputError, invalid
from numerics.validation import check_choice

__all__ = ["read_cifar10", "read_cifar10_file"]

#: Files of the two parts.
_FILES = {
    "train": tuple(f"data_batch_{i}.bin" for i in range(1, 6)),
    "test": ("test_batch.bin",),
}

#: A record is a label and the pixels of the red, the green and the blue plane, row by row.
_SHAPE = (3, 32, 32)
_RECORD = 1 + 3 * 32 * 32

_CLASSES = 10

_WHITE = np.float32(255.0)


def read_cifar10(folder: Path, part: str = "test") -> ImageSet:
    """The training or the test part of a folder of binary files.

    Parameters
    ----------
    folder : path
        Holds ``data_batch_1.bin`` to ``data_batch_5.bin`` or ``test_batch.bin``.
    part : {"train", "test"}

    Returns
    -------
    ImageSet

    Raises
    ------
    InvalidInputError
        A file is missing, cut off, or not of this format; the message names it.

    References
    ----------
    .. [1] Krizhevsky, Learning multiple layers of features from tiny images, 2009; binary version.
    """
    names = _FILES[check_choice("part", part, _FILES)]
    missing = [name for name in names if not (folder / name).is_file()]
    if missing:
        raise invalid(
            "data", f"a folder with {', '.join(names)}", str(folder), f"{missing[0]} is missing"
        )
    parts = [read_cifar10_file(folder / name) for name in names]
    return ImageSet(torch.cat([p.images for p in parts]), torch.cat([p.labels for p in parts]))


def read_cifar10_file(path: Path) -> ImageSet:
    """One binary file, of however many records."""
    data = np.fromfile(path, dtype=np.uint8)
    if not data.size or data.size % _RECORD:
        raise InvalidInputError(
            f"{path} has {data.size} bytes, no multiple of {_RECORD}: it is cut off or no binary "
            "file of CIFAR-10; fetch it again (the binary version, not the Python one)"
        )
    records = data.reshape(-1, _RECORD)
    labels = records[:, 0].astype(np.int64)
    if labels.max() >= _CLASSES:
        first = int(np.argmax(labels >= _CLASSES))
        raise InvalidInputError(
            f"{path}, record {first}: the label is {labels[first]}, above 9; it is no binary file "
            "of CIFAR-10 (that of CIFAR-100 has two labels per record)"
        )
    pixels = records[:, 1:].reshape(-1, *_SHAPE).astype(np.float32)
    pixels /= _WHITE
    return ImageSet(torch.from_numpy(pixels), torch.from_numpy(labels))
