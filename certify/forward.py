"""The state of the base classifier while it is certified."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from certify.runner import BaseClassifier

__all__ = ["evaluation_mode"]


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
