"""Noise drawn by PyTorch on the model's device.

`noise_sampler` turns a smoothing distribution into a function of (n, generator). Draws are float64
wherever the device has it: the smoothed classifier then sees the law of the density up to 1e-16,
and the one rounding to the model's type is part of the base classifier.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import sympy
import torch

from smoothing.distribution import SmoothingDistribution
from smoothing.structure import COORDINATE, Product, Uniform

__all__ = ["NoiseSampler", "noise_sampler", "working_dtype"]

#: Draws noise of shape (n, dim), scale included.
NoiseSampler = Callable[[int, torch.Generator], torch.Tensor]


def working_dtype(device: torch.device) -> torch.dtype:
    """The widest floating type of a device: float64, except on Apple's GPUs."""
    return torch.float32 if device.type == "mps" else torch.float64


def noise_sampler(q: SmoothingDistribution, device: torch.device) -> NoiseSampler:
    """Sampler of `q` on `device`.

    Parameters
    ----------
    q : SmoothingDistribution
        Any noise that has a numpy sampler.
    device : torch.device
        Where draws are made and left.

    Returns
    -------
    callable
        Maps (n, torch.Generator on `device`) to a tensor (n, dim).
    """
    for structure in q.structures:
        base = _named_base(structure)
        if base is not None:
            scale, shape = q.scale, (q.dim,)
            dtype = working_dtype(device)
            return lambda n, g: base((n, *shape), g, device, dtype).mul_(scale)
    return _through_numpy(q, device)


Base = Callable[[tuple[int, ...], torch.Generator, torch.device, torch.dtype], torch.Tensor]


def _named_base(structure: object) -> Base | None:
    """Direct sampler at scale 1 of the laws PyTorch draws itself."""
    if isinstance(structure, Uniform) and structure.order is sympy.oo:
        half_width = float(structure.radius)
        return lambda *args: _uniform(*args).mul_(half_width)
    if isinstance(structure, Product) and len(structure.marginals) == 1:
        marginal = structure.marginals[0]
        if marginal.support == (-sympy.oo, sympy.oo):
            if sympy.simplify(marginal.phi - COORDINATE**2 / 2).is_number:
                return _normal
            if sympy.simplify(marginal.phi - sympy.Abs(COORDINATE)).is_number:
                return _laplace
    return None


def _normal(
    shape: tuple[int, ...], g: torch.Generator, device: torch.device, dtype: torch.dtype
) -> torch.Tensor:
    return torch.randn(shape, generator=g, device=device, dtype=dtype)


def _uniform(
    shape: tuple[int, ...], g: torch.Generator, device: torch.device, dtype: torch.dtype
) -> torch.Tensor:
    return torch.rand(shape, generator=g, device=device, dtype=dtype).mul_(2.0).sub_(1.0)


def _laplace(
    shape: tuple[int, ...], g: torch.Generator, device: torch.device, dtype: torch.dtype
) -> torch.Tensor:
    # u in [-1, 1): the sign, and 1 - |u| whose logarithm is minus an exponential variable.
    u = _uniform(shape, g, device, dtype)
    # |u| = 1 has probability 2^-53 per draw (2^-24 in float32) and an infinite logarithm.
    below_one = 1.0 - torch.finfo(dtype).eps / 2.0
    return torch.copysign(torch.log1p(-u.abs().clamp_max_(below_one)).neg_(), u)


def _through_numpy(q: SmoothingDistribution, device: torch.device) -> NoiseSampler:
    def draw(n: int, generator: torch.Generator) -> torch.Tensor:
        # Four words from the torch stream seed a numpy generator, so one seed fixes everything.
        words = torch.randint(0, 2**32, (4,), generator=generator, device=device).tolist()
        sample = q.sample(n, np.random.default_rng(words))
        return torch.from_numpy(sample).to(device=device, dtype=working_dtype(device))

    return draw
