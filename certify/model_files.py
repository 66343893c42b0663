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

from certify.architectures import ARCHITECTURES
from certify.weight_names import fitted
from numerics.errors import InvalidInputError, invalid

__all__ = ["LOADERS", "build", "load_model", "read_weights"]

_WEIGHTS = (".safetensors", ".pt", ".pth", ".tar")

#: What training scripts call the weights they save among other things.
_STATE_KEYS = ("state_dict", "model_state_dict", "model", "ema_model")

#: Names of the package timm of image models start with this.
_TIMM = "timm:"

Loader = Callable[[str, str | None], Any]


def load_model(
    name: str, *, architecture: str | None = None, device: str | torch.device = "cpu"
) -> Any:
    """The base classifier that a text names, in evaluation mode and on a device.

    Parameters
    ----------
    name : str
        ``package.module:function`` (called without arguments; or a module or plain function that
        is the classifier itself), ``timm:NAME`` with the pre-trained weights of that package, a
        file ``.pt2`` of torch.export, or a file of weights (``.safetensors``, ``.pt``, ``.pth``,
        ``.pth.tar``).
    architecture : str, optional
        For weights: a name of `certify.architectures`, ``timm:NAME``, or the factory
        ``package.module:function`` of the module they belong to. Not needed for checkpoints that
        name one of ours, as those of Cohen et al. and of ``radii train`` do.
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
        legal = "timm:NAME, package.module:function, or a file .pt2, .safetensors, .pt, .pth"
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
    state, stated = read_weights(path)
    # A name in a file only selects among our own networks; nothing is imported for it.
    chosen = architecture or (stated if stated in ARCHITECTURES else None)
    if chosen is None:
        known = f"the file says {stated!r}; " if stated else ""
        remedy = f"{known}pass the factory of the module, timm:NAME, or {', '.join(ARCHITECTURES)}"
        raise invalid("architecture", "given for a file of weights", None, remedy)
    model = build(chosen)
    try:
        model.load_state_dict(fitted(state, model, f"{path}, read as {chosen},"))
    except RuntimeError as error:
        text = " ".join(str(error).split())
        raise InvalidInputError(f"{path} does not fit {chosen}: {text}") from error
    return model


def build(architecture: str, **options: Any) -> Any:
    """A network with initial weights, by its name in `ARCHITECTURES`, in timm, or its factory."""
    if architecture in ARCHITECTURES:
        return ARCHITECTURES[architecture](**options)
    if architecture.startswith(_TIMM):
        return _timm(architecture, pretrained=False)
    return _called(architecture, _object(architecture))


def _from_timm(name: str, architecture: str | None) -> Any:
    if architecture is not None:
        raise invalid("architecture", "given for files of weights only", architecture, "drop it")
    return _timm(name, pretrained=True)


def _timm(name: str, *, pretrained: bool) -> Any:
    try:
        timm = import_module("timm")
    except ImportError:
        raise invalid(
            "model",
            "without 'timm:', since timm is not installed",
            name,
            "pip install timm, or save the weights and pass them with --arch",
        ) from None
    try:
        return timm.create_model(name.removeprefix(_TIMM), pretrained=pretrained)
    except (RuntimeError, ValueError, OSError) as error:
        text = " ".join(str(error).split())[:200]
        raise invalid("model", "a model of timm that can be loaded", name, text) from error


def read_weights(path: Path) -> tuple[dict[str, Any], str | None]:
    """The weights of a file, and the architecture it names.

    Raises
    ------
    InvalidInputError
        It holds anything but tensors.
    """
    if path.suffix == ".safetensors":
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(path, framework="pt") as file:
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
                return tensors, (file.metadata() or {}).get("architecture")
        except (SafetensorError, OSError) as error:
            raise invalid(
                str(path), "a file of tensors", str(error)[:200], "save it anew"
            ) from error
    try:
        loaded = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        remedy = "save the state_dict alone, as safetensors or with torch.save"
        raise invalid(
            str(path), "a file of tensors", " ".join(str(error).split())[:200], remedy
        ) from error
    stated = loaded.get("arch") if isinstance(loaded, dict) else None
    for key in _STATE_KEYS:
        if isinstance(loaded, dict) and isinstance(loaded.get(key), dict):
            loaded = loaded[key]
    if not isinstance(loaded, dict):
        raise invalid(str(path), "a dictionary of tensors", type(loaded).__name__, "save that")
    return loaded, stated if isinstance(stated, str) else None


def _existing(name: str) -> Path:
    path = Path(name)
    if not path.is_file():
        raise invalid("model", "a file that exists", name, "check the path")
    return path


#: Which names a loader takes, and the loader; the first that takes a name loads it.
LOADERS: list[tuple[Callable[[str], bool], Loader]] = [
    (lambda name: Path(name).suffix == ".pt2", _from_export),
    (lambda name: Path(name).suffix in _WEIGHTS, _from_weights),
    (lambda name: name.startswith(_TIMM), _from_timm),
    (lambda name: ":" in name, _from_factory),
]
