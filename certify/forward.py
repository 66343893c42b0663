"""Forward passes of the base classifier: checked outputs, counted on the device."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

from numerics.errors import InvalidInputError, invalid

__all__ = ["BaseClassifier", "class_counts", "count_class", "evaluation_mode", "predicted_classes"]

#: Any callable from inputs (batch, *shape) to logits (batch, classes) or class numbers (batch,).
BaseClassifier = Callable[[torch.Tensor], Any]

Counted = np.ndarray[Any, np.dtype[np.int64]]


@contextmanager
def evaluation_mode(model: BaseClassifier) -> Iterator[None]:
    """Switch a module to evaluation mode, with a warning, and back to what it was afterwards.

    Dropout and batch statistics would make the base classifier random or dependent on its batch.
    """
    modules = list(model.modules()) if isinstance(model, torch.nn.Module) else []
    before = [module.training for module in modules]
    if any(before):
        warnings.warn(
            "the model was in training mode; it is certified in evaluation mode and switched back "
            "afterwards (call model.eval() to be silent)",
            UserWarning,
            stacklevel=4,  # past contextlib and the method, to the user's line
        )
        for module in modules:
            module.training = False
    try:
        yield
    finally:
        for module, training in zip(modules, before, strict=True):
            module.training = training


def predicted_classes(model: BaseClassifier, batch: torch.Tensor) -> torch.Tensor:
    """Class numbers, int64 of shape (batch,); -1 marks a row with NaN or a negative class number.

    The marks are counted on the device (`class_counts`, `count_class`), so that no batch waits for
    the one before it.

    Raises
    ------
    InvalidInputError
        The output has another shape or is not numeric.
    """
    output = model(batch)
    if isinstance(output, np.ndarray):
        output = torch.from_numpy(output)
    legal = f"logits of shape ({len(batch)}, classes) or class numbers of shape ({len(batch)},)"
    if not isinstance(output, torch.Tensor):
        raise invalid("the model's output", legal, type(output).__name__, "return a tensor")
    logits = output.ndim == 2 and len(output) == len(batch) and output.shape[1] >= 1
    numbers = output.ndim == 1 and len(output) == len(batch)
    if not logits and not numbers:
        raise invalid("the model's output", legal, tuple(output.shape), "wrap the model")
    if output.is_complex() or (numbers and output.dtype.is_floating_point):
        raise invalid("the model's output", legal, output.dtype, "return float logits")
    if numbers:
        return output.to(torch.int64).clamp_min(-1)
    classes = output.argmax(dim=1)
    if output.dtype.is_floating_point:
        classes = classes.masked_fill(torch.isnan(output).any(dim=1), -1)
    return classes


def class_counts(classes: Iterable[torch.Tensor], index: int) -> Counted:
    """How often each class number occurs, shape (largest + 1,).

    Raises
    ------
    InvalidInputError
        Some rows were marked invalid; names the image.
    """
    total = np.zeros(1, dtype=np.int64)
    for batch in classes:
        counts = torch.bincount(batch + 1).cpu().numpy()
        longer = np.zeros(max(len(total), len(counts)), dtype=np.int64)
        longer[: len(total)] += total
        longer[: len(counts)] += counts
        total = longer
    _refuse_invalid(int(total[0]), index)
    return total[1:]


def count_class(classes: Iterable[torch.Tensor], selected: int, index: int) -> int:
    """How often one class number occurs; summed on the device, read once.

    Raises
    ------
    InvalidInputError
        As for `class_counts`.
    """
    total: torch.Tensor | None = None
    for batch in classes:
        hits = torch.stack([(batch == selected).sum(), (batch < 0).sum()])
        total = hits if total is None else total + hits
    count, wrong = (0, 0) if total is None else total.tolist()
    _refuse_invalid(wrong, index)
    return int(count)


def _refuse_invalid(rows: int, index: int) -> None:
    if rows:
        raise InvalidInputError(
            f"the model returned NaN or a negative class number for {rows} noisy copies of image "
            f"{index}; check its input range, or its precision if it runs in half precision"
        )
