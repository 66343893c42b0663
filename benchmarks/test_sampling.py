"""Time of one coordinate of noise, against a normal coordinate from the library's own generator.

Quantile tables make every law cost about the same, so the ratio to NumPy's and PyTorch's normal
generators (float64) is what matters: ``extra_info["times_slower"]``.
"""

from __future__ import annotations

import time

import numpy as np
import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture

from certify.sampling import noise_sampler
from smoothing import families
from smoothing.distribution import SmoothingDistribution

DIM, DRAWS = 3072, 256

NOISES = {
    "gaussian": families.gaussian(DIM),
    "logistic": SmoothingDistribution.parse("coordinate_sum(2*log(cosh(t/2)))", dim=DIM),
    "uniform ball": families.uniform_ball(DIM),
    "exp linf": families.exp_linf(DIM),
    "mixed": families.mixed_linf_l2(DIM, k=5),
}


def normal_seconds(library: str) -> float:
    """Best time of five of as many normal coordinates."""
    rng = np.random.default_rng(0)
    generator = torch.Generator().manual_seed(0)
    best = np.inf
    for _ in range(5):
        start = time.perf_counter()
        if library == "numpy":
            rng.standard_normal((DRAWS, DIM))
        else:
            torch.randn(DRAWS, DIM, generator=generator, dtype=torch.float64)
        best = min(best, time.perf_counter() - start)
    return float(best)


@pytest.mark.parametrize("library", ["numpy", "torch"])
@pytest.mark.parametrize("name", NOISES)
def test_time_of_a_coordinate(benchmark: BenchmarkFixture, name: str, library: str) -> None:
    """Median time of DRAWS draws in DIM dimensions."""
    q = NOISES[name]
    benchmark.group = f"noise of {DRAWS * DIM} coordinates, {library}"
    if library == "numpy":
        rng = np.random.default_rng(0)
        benchmark(lambda: q.sample(DRAWS, rng))
    else:
        draw = noise_sampler(q, torch.device("cpu"))
        generator = torch.Generator().manual_seed(0)
        benchmark(lambda: draw(DRAWS, generator))
    seconds = benchmark.stats.stats.min
    benchmark.extra_info["ns_per_coordinate"] = 1e9 * seconds / (DRAWS * DIM)
    benchmark.extra_info["times_slower"] = seconds / normal_seconds(library)
