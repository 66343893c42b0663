"""Checks of what a user hands to the certifier, and where the model lives."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np
import torch

from numerics.errors import InvalidInputError, invalid

__all__ = [
    "check_images",
    "check_indices",
    "check_labels",
    "model_placement",
]


def check_images(images: Any, dim: int) -> torch.Tensor:
    """Images as a tensor (m, *shape) whose shape has `dim` coordinates, all finite."""
    tensor = torch.as_tensor(images)
    if not tensor.is_floating_point():
        raise invalid(
            "images", "floating point", tensor.dtype, "scale them to the model's input range"
        )
    size = tensor[0].numel() if tensor.ndim and len(tensor) else 0
    if tensor.ndim < 2 or size != dim:
        raise invalid(
            "images",
            f"of shape (m, ...) with {dim} coordinates each, the dimension of the noise",
            tuple(tensor.shape),
            f"make the noise with dim={size}" if size else "pass a batch of images",
        )
    finite = torch.isfinite(tensor).flatten(1).all(dim=1)
    if not bool(finite.all()):
        raise InvalidInputError(
            f"images must be finite, got NaN or infinity in image {int((~finite).nonzero()[0])}; "
            "check how it was read"
        )
    return tensor


def check_labels(labels: Sequence[int] | Any, count: int) -> list[int | None]:
    """Labels as whole numbers >= 0, or as many None."""
    if labels is None:
        return [None] * count
    numbers: list[int | None] = []
    numbers.extend(_whole_numbers("labels", labels, count))
    return numbers


def check_indices(indices: Sequence[int] | Any, count: int) -> list[int]:
    """Indices as distinct whole numbers >= 0; 0, 1, ... by default."""
    if indices is None:
        return list(range(count))
    numbers = _whole_numbers("indices", indices, count)
    if len(set(numbers)) != count:
        raise invalid("indices", "distinct", numbers, "the index selects an image's noise")
    return numbers


def _whole_numbers(name: str, values: Sequence[int] | Any, count: int) -> list[int]:
    array = values.cpu().numpy() if isinstance(values, torch.Tensor) else np.asarray(values)
    good = array.dtype.kind in "iu" and array.shape == (count,) and bool((array >= 0).all())
    if not good:
        shown = array.shape if array.dtype.kind in "iu" and array.shape != (count,) else values
        raise invalid(name, f"{count} whole numbers >= 0, one per image", shown, "check them")
    return [int(value) for value in array]


def model_placement(model: Any, image: torch.Tensor) -> tuple[torch.device, torch.dtype]:
    """Device and floating type in which to feed the model; the image's for plain callables."""
    if isinstance(model, torch.nn.Module):
        for tensor in chain(model.parameters(), model.buffers()):
            if tensor.is_floating_point():
                return tensor.device, tensor.dtype
    return image.device, image.dtype
