"""Names of weights: what wrappers and other implementations put in front of them.

``torch.nn.DataParallel`` inserts "module." and ``torch.compile`` "_orig_mod." anywhere in a name;
Cohen et al. put the normalisation first in an ``nn.Sequential`` ("1." before the network's names),
Yang et al. call the two `norm` and `model`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

from certify.architectures import Normalise
from numerics.errors import InvalidInputError, invalid

__all__ = ["fitted"]

_WRAPPERS = {"module", "_orig_mod"}

#: Counts of batches, which older files do not have and which inference does not use.
_COUNTER = "num_batches_tracked"

#: Names of Yang et al. for the constants of the normalisation.
_MEAN, _LOG_STD = "norm.mu", "norm.log_sig"

#: How far apart two printings of the same mean or deviation may be.
_SAME_CONSTANT = 1e-3


def fitted(state: dict[str, Any], model: torch.nn.Module, source: str) -> dict[str, Any]:
    """Weights under the names of a module's own.

    Parameters
    ----------
    state : dict
        Weights as a file holds them.
    model : torch.nn.Module
        The module they are for.
    source : str
        Name of the file, for messages.

    Raises
    ------
    InvalidInputError
        No way of naming them fits, or the file states another normalisation.

    Examples
    --------
    >>> layer = torch.nn.Linear(2, 1)
    >>> wrapped = {"module." + name: value for name, value in layer.state_dict().items()}
    >>> sorted(fitted(wrapped, layer, "file"))
    ['bias', 'weight']
    """
    expected = model.state_dict()
    plain = {_unwrapped(name): value for name, value in state.items()}
    _check_normalisation(plain, model, source)
    for candidate in _candidates(state, plain):
        lacking = set(expected) - set(candidate)
        if not set(candidate) - set(expected) and all(n.endswith(_COUNTER) for n in lacking):
            return {**{name: expected[name] for name in lacking}, **candidate}
    missing = sorted(set(expected) - set(plain))[:3]
    unknown = sorted(set(plain) - set(expected))[:3]
    raise InvalidInputError(
        f"{source} does not fit the architecture: it lacks {missing or 'nothing'}, and has "
        f"{unknown or 'nothing'} besides; pass the architecture it was trained with"
    )


def _unwrapped(name: str) -> str:
    return ".".join(part for part in name.split(".") if part not in _WRAPPERS)


def _candidates(state: dict[str, Any], plain: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield state
    yield plain
    # A bare network for a module that normalises first, and the other way round.
    yield {f"1.{name}": value for name, value in plain.items()}
    if plain and all(name.startswith("1.") for name in plain):
        yield {name.removeprefix("1."): value for name, value in plain.items()}
    inner = {n: v for n, v in plain.items() if n not in (_MEAN, _LOG_STD)}
    if inner and all(name.startswith("model.") for name in inner):
        yield {f"1.{name.removeprefix('model.')}": value for name, value in inner.items()}
        yield {name.removeprefix("model."): value for name, value in inner.items()}


def _check_normalisation(plain: dict[str, Any], model: torch.nn.Module, source: str) -> None:
    if _MEAN not in plain or _LOG_STD not in plain:
        return
    own = next((m for m in model.modules() if isinstance(m, Normalise)), None)
    if own is None:
        return
    for name, theirs, ours in (
        ("mean", plain[_MEAN], own.mean),
        ("std", plain[_LOG_STD].exp(), own.std),
    ):
        flat, mine = theirs.flatten().float(), ours.flatten().float()
        if flat.shape != mine.shape or float((flat - mine).abs().max()) > _SAME_CONSTANT:
            raise invalid(
                f"the {name} in {source}",
                mine.tolist().__repr__(),
                flat.tolist(),
                "use a module with that normalisation",
            )
