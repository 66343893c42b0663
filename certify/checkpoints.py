"""Weights and states of training on disk: safetensors, whose header carries the state as JSON.

One file holds everything, is written beside its place and renamed, so that it is whole or absent.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from certify.log_header import differences
from numerics.errors import InvalidInputError, invalid

__all__ = ["load_checkpoint", "save_checkpoint", "save_weights"]

_FORMAT = "radii training checkpoint 1"

_MODEL, _MOMENTUM = "model.", "momentum."

#: States of random generators: the noise's own, PyTorch's (for dropout), and the device's.
_GENERATORS = ("generator.own", "generator.cpu", "generator.device")


def save_weights(
    path: str | os.PathLike[str], model: torch.nn.Module, notes: Mapping[str, str]
) -> None:
    """Weights alone; `notes` go into the header (`architecture` is read back by `load_model`)."""
    _write(Path(path), _stored(model.state_dict()), dict(notes))


def save_checkpoint(
    path: str | os.PathLike[str],
    model: torch.nn.Module,
    optimizer: torch.optim.SGD,
    generator: torch.Generator,
    *,
    settings: Mapping[str, str],
    progress: Mapping[str, Any],
) -> None:
    """Everything that the rest of a training run depends on.

    Parameters
    ----------
    path : path
        File to replace.
    model, optimizer, generator
        Their states are saved, and PyTorch's global generators'.
    settings : mapping of str to str
        What a resumed run has to agree in.
    progress : mapping
        What has been done, for JSON.
    """
    tensors = {f"{_MODEL}{name}": value for name, value in model.state_dict().items()}
    for number, weight in enumerate(_weights(optimizer)):
        momentum = optimizer.state[weight].get("momentum_buffer")
        if momentum is not None:
            tensors[f"{_MOMENTUM}{number}"] = momentum
    device = generator.device
    tensors[_GENERATORS[0]] = generator.get_state()
    tensors[_GENERATORS[1]] = torch.get_rng_state()
    if device.type == "cuda":
        tensors[_GENERATORS[2]] = torch.cuda.get_rng_state(device)
    state = {"settings": dict(settings), "progress": dict(progress)}
    _write(Path(path), _stored(tensors), {"format": _FORMAT, "state": json.dumps(state)})


def load_checkpoint(
    path: str | os.PathLike[str],
    model: torch.nn.Module,
    optimizer: torch.optim.SGD,
    generator: torch.Generator,
    *,
    settings: Mapping[str, str],
) -> dict[str, Any]:
    """Put a run back where it was, and return its `progress`.

    Raises
    ------
    InvalidInputError
        The file is no checkpoint, or one of other settings (the differences are listed).
    """
    place = Path(path)
    try:
        with safe_open(place, framework="pt") as file:
            notes = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise invalid(str(place), "a checkpoint", str(error)[:160], "remove it") from error
    if notes.get("format") != _FORMAT:
        raise invalid(str(place), "a checkpoint of training", notes.get("format"), "pass another")
    state = json.loads(notes["state"])
    changed = differences(state["settings"], settings)
    if changed:
        raise InvalidInputError(
            f"{place} is of another run: {'; '.join(changed).replace('in the log', 'there')}; "
            "repeat its settings, or remove it to start anew"
        )
    own = {n.removeprefix(_MODEL): v for n, v in tensors.items() if n.startswith(_MODEL)}
    model.load_state_dict(own)
    for number, weight in enumerate(_weights(optimizer)):
        momentum = tensors.get(f"{_MOMENTUM}{number}")
        if momentum is not None:
            optimizer.state[weight]["momentum_buffer"] = momentum.to(weight)
    generator.set_state(tensors[_GENERATORS[0]])
    torch.set_rng_state(tensors[_GENERATORS[1]])
    if _GENERATORS[2] in tensors and generator.device.type == "cuda":
        torch.cuda.set_rng_state(tensors[_GENERATORS[2]], generator.device)
    progress: dict[str, Any] = state["progress"]
    return progress


def _weights(optimizer: torch.optim.SGD) -> list[torch.nn.Parameter]:
    return [weight for group in optimizer.param_groups for weight in group["params"]]


def _stored(tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Copies on the CPU: the format refuses tensors that share memory."""
    return {n: t.detach().to("cpu", copy=True).contiguous() for n, t in tensors.items()}


def _write(path: Path, tensors: dict[str, torch.Tensor], notes: dict[str, str]) -> None:
    draft = path.with_name(f".{path.name}.new")
    save_file(tensors, draft, notes)
    with draft.open("rb") as file:
        os.fsync(file.fileno())
    draft.replace(path)
