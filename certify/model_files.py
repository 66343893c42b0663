"""Base classifiers named by text: factories, exported programs, and weights for a factory.

A loader says by the name whether it is its own, and loads. More kinds of names are more entries in
`LOADERS`. Files are read without unpickling anything but tensors; a factory is code of the user's,
imported because its name was given.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import torch

from numerics.errors import InvalidInputError, invalid

__all__ = ["LOADERS", "load_model"]

_WEIGHTS = (".safetensors", ".pt", ".pth", ".tar")

#: What torch.nn.DataParallel and torch.compile put in front of the names of weights.
_PREFIXES = ("module.", "_orig_mod.")

Loader = Callable[[str, str | None], Any]


def load_model(
    name: str, *, architecture: str | None = None, device: str | torch.device = "cpu"
) -> Any:
    """The base classifier that a text names, in evaluation mode and on a device.

    Parameters
    ----------
    name : str
        ``package.module:function`` (called without arguments; or a module or plain function that
        is the classifier itself), a file ``.pt2`` of torch.export, or a file of weights
        (``.safetensors``, ``.pt``, ``.pth``, ``.pth.tar``).
    architecture : str, optional
        For weights: the factory ``package.module:function`` of the module they belong to.
    device : str or torch.device
        Where to put a module.

    Returns
    -------
    torch.nn.Module or callable

    Raises
    ------
    InvalidInputError
        Nothing can be loaded by that name; the message says what is missing.

    Examples
    --------
    >>> type(load_model("certify.models:small_cnn")).__name__
    'Sequential'
    """
    for accepts, load in LOADERS:
        if accepts(name):
            model = load(name, architecture)
            break
    else:
        legal = "package.module:function, or a file .pt2, .safetensors, .pt, .pth"
        raise invalid("model", legal, name, "see docs/certifying.md")
    if isinstance(model, torch.nn.Module):
        model = model.to(device)
        # Not eval(): exported programs refuse it, their mode being fixed when they are exported.
        for module in model.modules():
            module.training = False
    return model


def _from_factory(name: str, architecture: str | None) -> Any:
    if architecture is not None:
        raise invalid("architecture", "given for files of weights only", architecture, "drop it")
    made = _object(name)
    return made if isinstance(made, torch.nn.Module) else _called(name, made)


def _called(name: str, factory: Any) -> Any:
    model = factory()
    if not callable(model):
        raise invalid(f"the result of {name}", "a classifier", type(model).__name__, "return one")
    return model


def _object(name: str) -> Any:
    """The object that ``package.module:attribute`` names; the working folder is searched too."""
    module, _, attribute = name.partition(":")
    here = str(Path.cwd())
    added = here not in sys.path
    if added:
        sys.path.insert(0, here)
    try:
        return getattr(import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise invalid("model", "an importable package.module:function", name, str(error)) from error
    finally:
        if added:
            sys.path.remove(here)


def _from_export(name: str, architecture: str | None) -> Any:
    _existing(name)
    return torch.export.load(name).module()


def _from_weights(name: str, architecture: str | None) -> Any:
    path = _existing(name)
    if architecture is None:
        remedy = "pass the factory package.module:function of the module"
        raise invalid("architecture", "given for a file of weights", None, remedy)
    model = _called(architecture, _object(architecture))
    try:
        model.load_state_dict(_plain(_state(path)))
    except RuntimeError as error:
        text = " ".join(str(error).split())
        raise InvalidInputError(f"{path} does not fit {architecture}: {text}") from error
    return model


def _state(path: Path) -> dict[str, Any]:
    if path.suffix == ".safetensors":
        from safetensors.torch import load_file

        return dict(load_file(path))
    try:
        loaded = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        remedy = "save the state_dict alone, as safetensors or with torch.save"
        raise invalid(
            str(path), "a file of tensors", " ".join(str(error).split())[:200], remedy
        ) from error
    # Training scripts save the weights among other things.
    for key in ("state_dict", "model_state_dict", "model"):
        if isinstance(loaded, dict) and isinstance(loaded.get(key), dict):
            loaded = loaded[key]
    if not isinstance(loaded, dict):
        raise invalid(str(path), "a dictionary of tensors", type(loaded).__name__, "save that")
    return loaded


def _plain(state: dict[str, Any]) -> dict[str, Any]:
    """Names of weights without the prefixes of wrappers."""
    for prefix in _PREFIXES:
        if state and all(name.startswith(prefix) for name in state):
            state = {name.removeprefix(prefix): value for name, value in state.items()}
    return state


def _existing(name: str) -> Path:
    path = Path(name)
    if not path.is_file():
        raise invalid("model", "a file that exists", name, "check the path")
    return path


#: Which names a loader takes, and the loader; the first that takes a name loads it.
LOADERS: list[tuple[Callable[[str], bool], Loader]] = [
    (lambda name: Path(name).suffix == ".pt2", _from_export),
    (lambda name: Path(name).suffix in _WEIGHTS, _from_weights),
    (lambda name: ":" in name, _from_factory),
]
