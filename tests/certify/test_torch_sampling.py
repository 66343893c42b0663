"""Draws from PyTorch's generators against distribution functions written down independently.

Kolmogorov-Smirnov at 200,000 draws by the Dvoretzky-Kiefer-Wolfowitz inequality, each at level
1e-6; about 100 checks, so that a new seed fails by accident once in 10,000 times. Uniforms go
through the tensor operations that run on a GPU, not through the compiled kernel of the CPU.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch

from certify.torch_arrays import TorchArrays
from smoothing.distribution import SmoothingDistribution
from smoothing.sampling import carry_out, find_recipe
from tests.reference.sampling_laws import DIM, MIXED, PRODUCTS, RADIALS, UNIFORMS

N = 200_000
THRESHOLD = np.sqrt(np.log(2 / 1e-6) / (2 * N))
LAWS = PRODUCTS | RADIALS | UNIFORMS | {f"mixed, {name}": law for name, law in MIXED.items()}


def distance(draws, cdf):
    ordered = np.sort(draws)
    grid = getattr(cdf, "grid", ordered)
    levels = cdf(grid)
    return max(
        np.abs(np.searchsorted(ordered, grid, side=side) / len(ordered) - levels).max()
        for side in (("right",) if grid is not ordered else ("left", "right"))
    )


@pytest.mark.parametrize("name", LAWS)
def test_torch_draws_follow_the_law(name):
    """Seed 12; and the same uniforms give numpy's draws."""
    law = LAWS[name]
    q = SmoothingDistribution.parse(law.psi, dim=DIM, support=law.support)
    generator = torch.Generator().manual_seed(12)
    for structure in q.structures:
        recipe = find_recipe(structure)
        scalars, uniforms = (
            torch.rand((N, k), generator=generator, dtype=torch.float64)
            for k in (recipe.scalars, DIM)
        )
        draws = recipe.noise(TorchArrays(torch.device("cpu")), scalars, uniforms).numpy()
        expected = carry_out(recipe, scalars.numpy(), uniforms.numpy())
        # The order of sums and fused multiply-adds differ by some roundings.
        scale = np.abs(expected).max(axis=1, keepdims=True)
        assert (np.abs(draws - expected) <= 1e-12 * scale).all()
        if isinstance(law.coordinate, tuple):
            checks = [(draws[:, i], cdf) for i, cdf in enumerate(law.coordinate)]
        else:
            checks = [(draws[:, 1], law.coordinate)] if law.coordinate else []
        if law.radius is not None and law.order >= 1:
            checks.append((np.linalg.norm(draws, law.order, axis=1), law.radius))
        for values, cdf in checks:
            assert distance(values, cdf) < THRESHOLD
