"""Noise from PyTorch's generators: the same recipes as numpy's, and streams that stay put.

Statistical tests use fixed seeds; the false-alarm rates stated are over the choice of the seed.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.special import gammainc, kolmogorov, ndtr

from certify.sampling import noise_sampler
from certify.smoothers import AdditiveSmoother
from certify.streams import COUNTING, SELECTION, block_size, item_generator, noisy_batches
from certify.torch_arrays import TorchArrays
from numerics.errors import InvalidInputError
from smoothing import families
from smoothing.distribution import SmoothingDistribution
from smoothing.sampling import carry_out, recipe_of
from tests.reference.stand_in_radius import StandInRadius

CPU = torch.device("cpu")

NOISES = {
    "gaussian": lambda d: families.gaussian(d),
    "laplace": lambda d: families.laplace(d, scale=0.5),
    "uniform cube": lambda d: families.uniform_cube(d),
    "uniform ball": lambda d: families.uniform_ball(d),
    "exp l1": lambda d: families.exp_l1(d, k=2),
    "exp l2": lambda d: families.exp_l2(d, k=1),
    "exp linf": lambda d: families.exp_linf(d, k=2, j=1),
    "power linf": lambda d: families.power_linf(d, a=d + 3),
    "pareto": lambda d: families.pareto(d, a=3),
    "mixed": lambda d: families.mixed_linf_l2(d, k=1),
    "unequal": lambda d: SmoothingDistribution.parse("x[0]**2/2 + abs(x[1]) + abs(x[2])", dim=3),
}


@pytest.mark.parametrize("name", NOISES)
def test_torch_carries_out_recipes_as_numpy_does(name):
    """The arithmetic that runs on a GPU, run here on the CPU, against the compiled kernel."""
    recipe = recipe_of(NOISES[name](3).structures)
    rng = np.random.default_rng(20)
    scalars, uniforms = rng.random((4000, recipe.scalars)), rng.random((4000, recipe.dim))
    # The far tails are read from other arrays than the bulk: put some in on purpose.
    uniforms[:60] = np.minimum(2.0 ** -np.arange(1, 61)[:, None], 1 - 2.0**-53)
    uniforms[60:120] = np.minimum(1 - 2.0 ** -np.arange(1, 61)[:, None], 1 - 2.0**-53)
    uniforms[:120] = np.floor(uniforms[:120] * 2.0**53) * 2.0**-53
    expected = carry_out(recipe, scalars, uniforms.copy())
    found = recipe.noise(TorchArrays(CPU), torch.tensor(scalars), torch.tensor(uniforms))
    # The same operations up to fused multiply-adds, which differ by a few roundings per value.
    assert found.numpy() == pytest.approx(expected, rel=1e-13, abs=1e-14)


def ks_distance(sample, cdf):
    ordered = np.sort(sample)
    n = len(ordered)
    levels = cdf(ordered)
    return np.sqrt(n) * max(
        (np.arange(1, n + 1) / n - levels).max(), (levels - np.arange(n) / n).max()
    )


@pytest.mark.parametrize(
    ("name", "statistic", "cdf"),
    [
        ("gaussian", lambda x: x[:, 1], ndtr),
        ("laplace", lambda x: 2 * x[:, 1], lambda t: 0.5 - np.sign(t) * np.expm1(-abs(t)) / 2),
        ("uniform cube", lambda x: x[:, 0], lambda t: (1 + t) / 2),
        ("exp linf", lambda x: abs(x).max(axis=1), lambda r: gammainc(1.5, r**2)),  # (d - j) / k
        ("uniform ball", lambda x: np.linalg.norm(x, axis=1), lambda r: r**4),
    ],
)
def test_draws_follow_the_law(name, statistic, cdf):
    """Kolmogorov–Smirnov on 100,000 draws (seed 1); each test errs with probability 1e-6."""
    q = NOISES[name](4)
    draws = noise_sampler(q, CPU)(100_000, torch.Generator().manual_seed(1)).numpy()
    assert kolmogorov(ks_distance(statistic(draws), cdf)) > 1e-6


def test_black_box_sampler_follows_the_torch_seed():
    q = SmoothingDistribution.from_callable(
        lambda x: np.abs(x).sum(axis=1),
        np.sign,
        lambda n, g: g.laplace(size=(n, 2)),
        dim=2,
        scale=0.5,
    )
    draw = noise_sampler(q, CPU)
    first = draw(5, torch.Generator().manual_seed(3))
    assert torch.equal(first, draw(5, torch.Generator().manual_seed(3)))
    assert not torch.equal(first, draw(5, torch.Generator().manual_seed(4)))


def test_items_and_stages_have_their_own_noise():
    seen = {
        (seed, index, stage): item_generator(seed, index, stage, CPU).initial_seed()
        for seed in (0, 1)
        for index in (0, 1, 2**31)
        for stage in (SELECTION, COUNTING)
    }
    assert len({value % 2**32 for value in seen.values()}) == len(seen)
    assert (
        item_generator(0, 5, 1, CPU).initial_seed() == item_generator(0, 5, 1, CPU).initial_seed()
    )


@pytest.mark.parametrize("n", [1, 63, 1024, 1025, 3000])
@pytest.mark.parametrize("size", [1, 100, 1024, 1500, 10_000])
def test_batches_cut_one_stream(n, size):
    smoother = AdditiveSmoother(families.laplace(64), StandInRadius("uniform", dim=64))
    x = torch.linspace(0, 1, 64).reshape(1, 8, 8)
    batches = list(noisy_batches(smoother, x, n, size, torch.Generator().manual_seed(8)))
    assert [len(b) for b in batches[:-1]] == [size] * (len(batches) - 1)
    whole = list(noisy_batches(smoother, x, 3000, 4096, torch.Generator().manual_seed(8)))
    assert torch.equal(torch.cat(batches), whole[0][:n])
    assert batches[0].shape[1:] == x.shape


@pytest.mark.parametrize("dim", [1, 64, 3072, 150_528, 10**9])
def test_block_size_is_a_power_of_two_of_bounded_memory(dim):
    size = block_size(dim)
    assert size & (size - 1) == 0
    assert 1 <= size <= 1024
    assert size == 1 or size * dim <= 2**20


def test_sums_are_rounded_once():
    q = families.uniform_cube(64)
    x = torch.rand(64, generator=torch.Generator().manual_seed(2))
    noise = noise_sampler(q, CPU)(10, torch.Generator().manual_seed(5))
    found = AdditiveSmoother(q, StandInRadius("uniform", dim=64)).sample(
        x, 10, torch.Generator().manual_seed(5)
    )
    assert found.dtype == torch.float32
    assert torch.equal(found, (noise + x.double()).float())


def test_training_refuses_noise_of_another_dimension():
    from certify.datasets import load_digits
    from certify.models import small_cnn
    from certify.training import train_with_noise

    with pytest.raises(InvalidInputError, match="dimension of the noise must be 64"):
        train_with_noise(small_cnn(), load_digits().test, families.laplace(3))
