"""Noise drawn by PyTorch's generators on the model's device, for every density that has a recipe.

`noise_sampler` turns a smoothing distribution into a function of (n, generator). The recipes are
those of `smoothing.sampling`: the same uniforms give the same noise there and here. Draws are
float64, so that the smoothed classifier sees the law of the density up to 1e-12; the one rounding
to the model's type is part of the base classifier.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from certify.torch_arrays import TorchArrays
from smoothing.distribution import SmoothingDistribution
from smoothing.sampling import carry_out, recipe_of

__all__ = ["NoiseSampler", "noise_sampler", "sampling_device", "working_dtype"]

#: Draws noise of shape (n, dim), scale included; the generator lies on `sampling_device`.
NoiseSampler = Callable[[int, torch.Generator], torch.Tensor]

#: Uniforms are whole multiples of this, as numpy's and PyTorch's CPU generators make them.
_GRID = 2.0**-53


def working_dtype(device: torch.device) -> torch.dtype:
    """The widest floating type of a device: float64, except on Apple's GPUs."""
    return torch.float32 if device.type == "mps" else torch.float64


def sampling_device(device: torch.device) -> torch.device:
    """Where noise for a model on `device` is drawn: there, if it has float64."""
    return torch.device("cpu") if device.type == "mps" else device


def noise_sampler(q: SmoothingDistribution, device: torch.device) -> NoiseSampler:
    """Sampler of `q` for a model on `device`.

    Parameters
    ----------
    q : SmoothingDistribution
        The noise.
    device : torch.device
        Where the model lies.

    Returns
    -------
    callable
        Maps (n, torch.Generator on `sampling_device(device)`) to a float64 tensor (n, dim) there.

    Raises
    ------
    AssumptionError
        The density has no structure to sample from; the message names the remedy.

    Examples
    --------
    >>> from smoothing.families import laplace
    >>> draw = noise_sampler(laplace(dim=3, scale=0.5), torch.device("cpu"))
    >>> draw(2, torch.Generator().manual_seed(0)).shape
    torch.Size([2, 3])
    """
    place = sampling_device(device)
    if q.black_box is not None:
        return _from_callable(q, place)
    recipe = recipe_of(q.structures)

    def draw(n: int, generator: torch.Generator) -> torch.Tensor:
        scalars = _uniforms(n, recipe.scalars, generator, place)
        uniforms = _uniforms(n, recipe.dim, generator, place)
        if place.type == "cpu":
            # Shares memory with the tensors, and reads tables by the compiled kernel.
            noise = torch.from_numpy(carry_out(recipe, scalars.numpy(), uniforms.numpy()))
        else:
            noise = recipe.noise(TorchArrays(place), scalars, uniforms)
        return noise.mul_(q.scale)

    return draw


def _uniforms(
    n: int, columns: int, generator: torch.Generator, device: torch.device
) -> torch.Tensor:
    """Uniforms k 2^-53 on [0, 1), shape (n, columns)."""
    shape = (n, columns)
    if device.type == "cpu":
        return torch.rand(shape, generator=generator, dtype=torch.float64)
    # CUDA's uniforms lie between the points of the grid; whole numbers do not.
    whole = torch.randint(2**53, shape, generator=generator, device=device)
    return whole.to(torch.float64).mul_(_GRID)


def _from_callable(q: SmoothingDistribution, device: torch.device) -> NoiseSampler:
    """The user's numpy sampler, seeded from the torch generator, so that one seed fixes all."""

    def draw(n: int, generator: torch.Generator) -> torch.Tensor:
        words = torch.randint(2**32, (4,), generator=generator, device=device).tolist()
        return torch.from_numpy(q.sample(n, np.random.default_rng(words))).to(device)

    return draw
