"""Cost of ``import radii`` beyond ``import numpy``, each in fresh processes."""

from __future__ import annotations

import subprocess
import sys
import time

from pytest_benchmark.fixture import BenchmarkFixture

#: Seconds by which ``import radii`` may exceed ``import numpy``.
BUDGET = 0.8
ROUNDS = 5


def seconds_to_run(statement: str) -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", statement], check=True)
    return time.perf_counter() - start


def test_import_radii_stays_within_its_budget(benchmark: BenchmarkFixture) -> None:
    benchmark.group = "import time"
    for module in ("numpy", "radii"):  # once each to fill the page cache and write byte code
        seconds_to_run(f"import {module}")
    # The smallest of several is the cost itself; the others add what the machine was doing.
    floor = min(seconds_to_run("import numpy") for _ in range(ROUNDS))
    benchmark.pedantic(seconds_to_run, args=("import radii",), rounds=ROUNDS)
    extra = benchmark.stats.stats.min - floor
    benchmark.extra_info["seconds_over_numpy"] = round(extra, 3)
    assert extra < BUDGET


def test_importing_radii_leaves_heavy_modules_alone() -> None:
    heavy = ("torch", "matplotlib", "numba", "ray", "sklearn", "scipy.stats", "typer")
    program = f"import sys, radii; print([m for m in {heavy!r} if m in sys.modules])"
    loaded = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    assert loaded.stdout.strip() == "[]"
