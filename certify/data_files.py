"""Labelled images named by text. More kinds of names are more entries in `READERS`.

A name may carry options after a question mark, like a web address: ``digits?part=train``,
``cifar10:FOLDER?size=48``, ``FOLDER?resize=64&crop=56``.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import parse_qsl

import numpy as np
import torch

from certify.cifar_files import read_cifar10, read_cifar10_file
from certify.datasets import ImageSet, ImageSource, load_digits
from certify.image_folder import ImageFolder
from numerics.errors import CorruptImageError, InvalidInputError, invalid
from numerics.validation import check_choice

__all__ = ["ON_CORRUPT", "READERS", "load_data", "read_rows", "resized"]

#: What to do with an image that cannot be read.
ON_CORRUPT = ("stop", "skip")

#: 8-bit images are divided by this.
_WHITE = 255.0

#: Such a prefix says that a folder holds CIFAR-10's binary files.
_CIFAR10 = "cifar10:"

Options = dict[str, str]


def load_data(name: str) -> ImageSource:
    """The labelled images that a text names.

    Parameters
    ----------
    name : str
        * ``digits``: scikit-learn's digits, ``?part=test`` (the default) or ``?part=train``;
        * ``cifar10:FOLDER``, or any folder with ``test_batch.bin``: CIFAR-10's binary files,
          ``?part=test`` (the default) or ``?part=train``; or one such file ``.bin``;
        * another folder: image files in one sub-folder per class, ``?resize=256&crop=224`` (the
          defaults);
        * a file ``.npz`` with arrays `images`, shape (m, ...), floating point or 8-bit (then scaled
          to [0, 1]), and `labels`, shape (m,).

        With ``?size=48`` images of the first, second and last kind are scaled to that side.

    Returns
    -------
    ImageSource
        In memory (`ImageSet`), or for folders of image files read when asked for.

    Raises
    ------
    InvalidInputError
        Nothing can be read by that name.

    Examples
    --------
    >>> load_data("digits").shape, len(load_data("digits?part=train"))
    ((1, 8, 8), 1397)
    """
    base, _, query = name.partition("?")
    options = dict(parse_qsl(query, keep_blank_values=True))
    for accepts, read in READERS:
        if accepts(base):
            size = options.pop("size", None)
            data = read(base, options)
            if options:
                raise invalid(
                    "data", "without unknown options", name, f"drop {next(iter(options))}"
                )
            if size is None:
                return data
            if not isinstance(data, ImageSet):
                raise invalid("data", "without size=", name, "use resize= and crop= for folders")
            return resized(data, _whole("size", size))
    legal = "'digits', a folder, cifar10:FOLDER, or a file .npz or .bin"
    raise invalid("data", legal, name, "see docs/training.md")


def read_rows(
    data: ImageSource, rows: Sequence[int], *, on_corrupt: str = "stop"
) -> tuple[ImageSet, list[int]]:
    """Images of some rows, and the rows that could be read.

    Parameters
    ----------
    data : ImageSource
        Where to read.
    rows : sequence of int
        Which images.
    on_corrupt : {"stop", "skip"}
        Raise the error of the first image that cannot be read, or warn of each and leave it out.

    Raises
    ------
    CorruptImageError
        Names the file.
    """
    check_choice("on_corrupt", on_corrupt, ON_CORRUPT)
    try:
        return data.take(rows), list(rows)
    except CorruptImageError:
        if on_corrupt == "stop":
            raise
    kept: list[int] = []
    images: list[torch.Tensor] = []
    for row in rows:
        try:
            images.append(data.read(row))
        except CorruptImageError as error:
            warnings.warn(f"image {row} is left out: {error}", UserWarning, stacklevel=2)
        else:
            kept.append(row)
    stacked = torch.stack(images) if images else torch.zeros(0, *data.shape)
    return ImageSet(stacked, data.labels[kept]), kept


def resized(data: ImageSet, side: int) -> ImageSet:
    """Images scaled to a square, bilinearly (Blum et al. 2020, section 5.2)."""
    scale = torch.nn.functional.interpolate
    images = scale(data.images, size=(side, side), mode="bilinear", align_corners=False)
    return ImageSet(images.clamp_(0.0, 1.0), data.labels)


def _whole(name: str, text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise invalid(name, "a whole number >= 1", text, "write it as in size=48")
    return int(text)


def _digits(name: str, options: Options) -> ImageSet:
    split = load_digits()
    part = check_choice("part", options.pop("part", "test"), ("train", "test"))
    return split.train if part == "train" else split.test


def _cifar10(name: str, options: Options) -> ImageSet:
    return read_cifar10(Path(name.removeprefix(_CIFAR10)), options.pop("part", "test"))


def _cifar10_file(name: str, options: Options) -> ImageSet:
    return read_cifar10_file(_existing(name))


def _folder(name: str, options: Options) -> ImageFolder:
    sizes = {key: _whole(key, options.pop(key)) for key in ("resize", "crop") if key in options}
    return ImageFolder(Path(name), **sizes)


def _existing(name: str) -> Path:
    path = Path(name)
    if not path.is_file():
        raise invalid("data", "a file that exists", name, "check the path")
    return path


def _npz(name: str, options: Options) -> ImageSet:
    path = _existing(name)
    try:
        with np.load(path, allow_pickle=False) as file:
            missing = [key for key in ("images", "labels") if key not in file.files]
            if missing:
                remedy = f"add {missing[0]}"
                raise invalid(name, "a file with images and labels", file.files, remedy)
            images, labels = file["images"], file["labels"]
    except InvalidInputError:
        raise
    except (OSError, ValueError, KeyError) as error:
        text = " ".join(str(error).split())[:160]
        raise invalid(name, "a readable file .npz of plain arrays", text, "save it anew") from error
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


def _is_cifar10(name: str) -> bool:
    folder = Path(name)
    binary = (folder / file for file in ("test_batch.bin", "data_batch_1.bin"))
    return name.startswith(_CIFAR10) or any(path.is_file() for path in binary)


#: Which names a reader takes, and the reader; the first that takes a name reads it.
READERS: list[tuple[Callable[[str], bool], Callable[[str, Options], ImageSource]]] = [
    (lambda name: name == "digits", _digits),
    (_is_cifar10, _cifar10),
    (lambda name: Path(name).suffix == ".npz", _npz),
    (lambda name: Path(name).suffix == ".bin", _cifar10_file),
    (lambda name: Path(name).is_dir(), _folder),
]
