"""Labelled images named by text. More kinds of names are more entries in `READERS`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from certify.datasets import ImageSet, load_digits
from numerics.errors import invalid

__all__ = ["READERS", "load_data"]

#: 8-bit images are divided by this.
_WHITE = 255.0


def load_data(name: str) -> ImageSet:
    """The labelled images that a text names.

    Parameters
    ----------
    name : str
        "digits" (the test part of scikit-learn's digits) or a file ``.npz`` with arrays `images`,
        shape (m, ...), floating point or 8-bit (then scaled to [0, 1]), and `labels`, shape (m,).

    Returns
    -------
    ImageSet

    Raises
    ------
    InvalidInputError
        Nothing can be read by that name.

    Examples
    --------
    >>> load_data("digits").images.shape
    torch.Size([400, 1, 8, 8])
    """
    for accepts, read in READERS:
        if accepts(name):
            return read(name)
    raise invalid("data", "'digits' or a file .npz", name, "see docs/certifying.md")


def _digits(name: str) -> ImageSet:
    return load_digits().test


def _npz(name: str) -> ImageSet:
    path = Path(name)
    if not path.is_file():
        raise invalid("data", "a file that exists", name, "check the path")
    with np.load(path, allow_pickle=False) as file:
        missing = [key for key in ("images", "labels") if key not in file.files]
        if missing:
            raise invalid(name, "a file with images and labels", file.files, f"add {missing[0]}")
        images, labels = file["images"], file["labels"]
    if images.dtype == np.uint8:
        images = images.astype(np.float32) / np.float32(_WHITE)
    if images.dtype.kind != "f" or images.ndim < 2:
        shown = (str(images.dtype), images.shape)
        raise invalid("images", "of floating point or uint8, shape (m, ...)", shown, "convert them")
    if labels.dtype.kind not in "iu" or labels.shape != images.shape[:1]:
        shown = (str(labels.dtype), labels.shape)
        raise invalid("labels", f"whole numbers, shape ({len(images)},)", shown, "one per image")
    return ImageSet(
        torch.from_numpy(images.astype(np.float32, copy=False)),
        torch.from_numpy(labels.astype(np.int64)),
    )


#: Which names a reader takes, and the reader; the first that takes a name reads it.
READERS: list[tuple[Callable[[str], bool], Callable[[str], ImageSet]]] = [
    (lambda name: name == "digits", _digits),
    (lambda name: Path(name).suffix == ".npz", _npz),
]
