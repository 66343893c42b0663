"""Forward passes of the base classifier: prepared inputs, checked outputs, class numbers."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from certify.execution import (
    Execution,
    default_batch_size,
    is_out_of_memory,
    measured_batch_size,
)
from certify.input_space import InputSpace
from certify.inputs import model_placement
from numerics.errors import InvalidInputError, invalid

__all__ = ["BaseClassifier", "Runner"]

#: Any callable from inputs (batch, *shape) to logits (batch, classes) or class numbers (batch,).
BaseClassifier = Callable[[torch.Tensor], Any]

#: A run is long, and timing batch sizes worth while, from so many of the largest batches on.
_LONG_RUN = 200


class Runner:
    """Turns noisy copies into class numbers.

    Parameters
    ----------
    model : torch.nn.Module or callable
        Base classifier.
    image : torch.Tensor
        One of the images; its device and type are used for a plain callable.
    execution : Execution
        Batch size and optional accelerations.
    inputs : InputSpace, optional
        Normalisation after the noise.
    classes : int, optional
        Number of classes; by default the width of the logits.

    Attributes
    ----------
    batch_size : int
        Copies per forward pass; it shrinks when memory runs out.
    classes : int or None
        Number of classes, as soon as it is known.
    """

    def __init__(
        self,
        model: BaseClassifier,
        image: torch.Tensor,
        execution: Execution,
        inputs: InputSpace | None = None,
        classes: int | None = None,
    ) -> None:
        self.device, self.dtype = model_placement(model, image)
        self.classes = classes
        self._execution, self._inputs = execution, inputs
        self.batch_size = execution.batch_size or default_batch_size(image.numel(), self.device)
        self._model = model
        if isinstance(model, torch.nn.Module) and execution.channels_last:
            model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        if execution.compile:
            backend = execution.compile if isinstance(execution.compile, str) else "inductor"
            self._model = torch.compile(model, backend=backend)
        # Compiled models see one batch size only; short batches are filled up to it.
        self._filled = self.batch_size if execution.compile else 0

    def adapt_batch_size(self, image: torch.Tensor, copies: int) -> None:
        """Time batch sizes on copies of an image, if none was asked for and the run is long."""
        chosen = self._execution.batch_size is not None or self._filled
        if chosen or copies < _LONG_RUN * self.batch_size:
            return
        x = self.placed(image)

        def run(size: int) -> None:
            self._forward(x.expand(size, *x.shape).clone())
            if self.device.type == "cuda":
                torch.cuda.synchronize(self.device)

        self.batch_size = measured_batch_size(run, self.batch_size)

    def placed(self, image: torch.Tensor) -> torch.Tensor:
        """An image on the model's device, in the wider type of the two.

        Image and noise are then summed before anything is rounded to the model's type.
        """
        return image.to(device=self.device, dtype=torch.promote_types(image.dtype, self.dtype))

    def __call__(self, batch: torch.Tensor) -> torch.Tensor:
        """Class numbers, int64 of shape (batch,); -1 marks a row that has none.

        The marks are counted on the device (`certify.tally`), so that no batch waits for the one
        before it. When memory runs out the batch is halved and tried again.

        Raises
        ------
        InvalidInputError
            The output has another shape or another number of classes or is not numeric; or memory
            runs out with a single copy.
        """
        done: list[torch.Tensor] = []
        while len(batch):
            piece = batch[: self.batch_size]
            try:
                done.append(self._forward(piece))
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                self._shrink(len(piece), error)
            else:
                batch = batch[len(piece) :]
        return done[0] if len(done) == 1 else torch.cat(done)

    def _shrink(self, size: int, error: BaseException) -> None:
        if size == 1:
            raise InvalidInputError(
                "the model runs out of memory on a single copy of an image; use a smaller model, "
                "half precision, or a device with more memory"
            ) from error
        self.batch_size = size // 2
        self._filled = min(self._filled, self.batch_size)
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
        warnings.warn(
            f"out of memory with {size} copies per forward pass; going on with {self.batch_size}",
            UserWarning,
            stacklevel=2,
        )

    def _forward(self, batch: torch.Tensor) -> torch.Tensor:
        inputs = batch.to(self.dtype)
        if self._inputs is not None:
            inputs = self._inputs.normalise(inputs)
        missing = self._filled - len(inputs)
        if missing > 0:
            inputs = torch.cat([inputs, inputs[-1:].expand(missing, *inputs.shape[1:])])
        if self._execution.channels_last and inputs.ndim == 4:
            inputs = inputs.contiguous(memory_format=torch.channels_last)
        dtype = self._execution.autocast_dtype
        if dtype is None:
            output = self._model(inputs)
        else:
            with torch.autocast(self.device.type, dtype=dtype):
                output = self._model(inputs)
        return self._class_numbers(output, len(inputs))[: len(batch)]

    def _class_numbers(self, output: Any, rows: int) -> torch.Tensor:
        """Class numbers of a model's output, -1 for NaN and for numbers that are no class."""
        if isinstance(output, np.ndarray):
            output = torch.from_numpy(output)
        legal = f"logits of shape ({rows}, classes) or class numbers of shape ({rows},)"
        if not isinstance(output, torch.Tensor):
            raise invalid("the model's output", legal, type(output).__name__, "return a tensor")
        logits = output.ndim == 2 and len(output) == rows and output.shape[1] >= 1
        numbers = output.ndim == 1 and len(output) == rows
        if not logits and not numbers:
            raise invalid("the model's output", legal, tuple(output.shape), "wrap the model")
        if output.is_complex() or (numbers and output.dtype.is_floating_point):
            raise invalid("the model's output", legal, output.dtype, "return float logits")
        if numbers:
            named = output.to(torch.int64)
            outside = named < 0 if self.classes is None else (named < 0) | (named >= self.classes)
            return named.masked_fill(outside, -1)
        self._check_width(output.shape[1])
        chosen = output.argmax(dim=1)
        if output.dtype.is_floating_point:
            chosen = chosen.masked_fill(torch.isnan(output).any(dim=1), -1)
        return chosen

    def _check_width(self, width: int) -> None:
        if self.classes is None:
            self.classes = width
        elif width != self.classes:
            raise invalid(
                "the number of the model's classes",
                f"{self.classes}, as before or as given by `classes`",
                width,
                "use the model that belongs to these labels",
            )
