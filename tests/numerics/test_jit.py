"""Kernels: compiled late, equal to SciPy, and cached for the next process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from numerics import special
from numerics.jit import float_bits, fma, kernel

ROOT = Path(__file__).resolve().parents[2]

PROGRAM = """
from numerics.jit import kernel
from numerics.special import {names}

@kernel
def inner(a, b, x):
    return betaincinv(a, b, x)

@kernel
def outer(a, b, x):
    return inner(a, b, x) + ndtri(x) + gammaincc(a, x)
"""

RUN = """
import json, sys
sys.path[:0] = sys.argv[1:]
import program
assert "numba" not in sys.modules
value = program.outer(2.5, 3.5, 0.25)
stats = program.outer.compiled.stats
print(json.dumps([value, sum(stats.cache_hits.values()), sum(stats.cache_misses.values())]))
"""

# One point inside the domain of each function, and one near an end.
POINTS: dict[str, list[tuple[float, ...]]] = {
    "betainc": [(2.5, 0.5, 0.3), (1536.0, 0.5, 0.999)],
    "betaincc": [(2.5, 0.5, 0.3), (1536.0, 0.5, 0.999)],
    "betaincinv": [(2.5, 0.5, 0.3), (75264.0, 0.5, 1e-9)],
    "betainccinv": [(2.5, 0.5, 0.3), (0.5, 75264.0, 1e-9)],
    "betaln": [(2.5, 0.5)],
    "gammainc": [(2.5, 2.0), (3072.0, 3000.0)],
    "gammaincc": [(2.5, 2.0), (3072.0, 3100.0)],
    "gammaincinv": [(2.5, 0.3), (3072.0, 1e-9)],
    "gammainccinv": [(2.5, 0.3), (3072.0, 1e-9)],
    "gammaln": [(0.5,), (1e5,)],
    "ndtr": [(0.3,), (-30.0,)],
    "ndtri": [(0.3,), (1e-300,)],
    "ndtri_exp": [(-0.3,), (-1e3,)],
    "log_ndtr": [(0.3,), (-100.0,)],
    "erfinv": [(0.3,), (-0.999,)],
    "erfcinv": [(0.3,), (1e-300,)],
    "erfcx": [(0.3,), (100.0,)],
    "exp1": [(0.3,), (100.0,)],
    "expi": [(0.3,), (-100.0,)],
    "spence": [(0.3,), (10.0,)],
}


def test_every_native_function_is_tested_and_exported() -> None:
    assert list(POINTS) == [function.name for function in special.NATIVE]
    for name in POINTS:
        assert getattr(special, name).name == name


def test_addresses_give_scipys_values() -> None:
    # Through ctypes: compiling a kernel for each of the functions would take half a minute.
    import ctypes

    from numerics import native

    for function in special.NATIVE:
        kinds = [ctypes.c_double] * function.arity
        entry = ctypes.CFUNCTYPE(ctypes.c_double, *kinds, ctypes.c_int)(
            native.address(function.name, function.arity)
        )
        for point in POINTS[function.name]:
            # The ufunc and the Cython entry point share one C implementation: equal bit by bit.
            assert entry(*point, 0) == float(function(*point)), (function.name, point)


def test_an_unknown_function_is_refused_by_name() -> None:
    from numerics import native

    with pytest.raises(KeyError, match="no_such_function"):
        native.address("no_such_function", 1)
    with pytest.raises(KeyError, match="betainc"):
        native.address("betainc", 2)


def test_a_second_process_loads_the_cached_kernel(tmp_path: Path) -> None:
    code = PROGRAM.format(names="betaincinv, gammaincc, ndtri")
    (tmp_path / "program.py").write_text(code)
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    reports = []
    for _ in range(2):
        finished = subprocess.run(
            [sys.executable, "-c", RUN, str(tmp_path), str(ROOT)],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        reports.append(finished.stdout.split(","))
    expected = (
        special.betaincinv(2.5, 3.5, 0.25) + special.ndtri(0.25) + special.gammaincc(2.5, 0.25)
    )
    hits_and_misses = [(report[1].strip(), report[2].strip(" ]\n")) for report in reports]
    assert hits_and_misses == [("0", "1"), ("1", "0")]
    assert {float(report[0].strip("[")) for report in reports} == {float(expected)}


@kernel
def quotient(x: float, y: float) -> float:
    return x / y


def test_division_by_zero_follows_ieee_754() -> None:
    assert quotient(1.0, 0.0) == np.inf
    with pytest.raises(ZeroDivisionError):
        quotient.python(1.0, 0.0)


@kernel
def residue(x: float, y: float) -> float:
    return fma(x, y, -(x * y))


def test_fma_rounds_once() -> None:
    # The rounding error of a product is a float64, and fma finds it: (1 + 2^-30)^2 drops 2^-60.
    x = 1.0 + 2.0**-30
    assert residue(x, x) == 2.0**-60
    assert residue.python(x, x) == 0.0


@kernel
def exponent(x: float) -> int:
    return (float_bits(x) >> 52) - 1023


@pytest.mark.parametrize(("value", "expected"), [(1.0, 0), (0.75, -1), (2.0**-1000, -1000)])
def test_float_bits_show_the_exponent(value: float, expected: int) -> None:
    assert exponent(value) == exponent.python(value) == expected


def test_a_kernel_without_a_cache_folder_still_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    import numba

    plain = numba.njit

    def without_locator(*args: Any, cache: bool = False, **options: Any) -> Any:
        if cache:
            # What numba says when neither the source nor the user's cache folder can be written.
            raise RuntimeError("cannot cache function: no locator available")
        return plain(*args, **options)

    @kernel
    def half(x: float) -> float:
        return x / 2.0

    monkeypatch.setattr(numba, "njit", without_locator)
    assert half(3.0) == 1.5


def test_kernels_keep_name_and_documentation() -> None:
    @kernel(parallel=False)
    def documented(x: float) -> float:
        """Say something."""
        return x

    assert documented.__name__ == "documented"
    assert documented.__doc__ == "Say something."


def test_a_change_in_a_called_kernel_is_noticed(tmp_path: Path) -> None:
    environment = os.environ | {
        "NUMBA_CACHE_DIR": str(tmp_path / "cache"),
        "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    (tmp_path / "caller.py").write_text(
        "from callee import part\nfrom numerics.jit import kernel\n\n"
        "@kernel\ndef whole(x):\n    return part(x) + 1.0\n"
    )
    for factor in ("2.0", "3.0"):
        (tmp_path / "callee.py").write_text(
            f"from numerics.jit import kernel\n\n@kernel\ndef part(x):\n    return {factor} * x\n"
        )
        found = subprocess.run(
            [sys.executable, "-c", "from caller import whole; print(whole(10.0))"],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        assert float(found.stdout) == float(factor) * 10 + 1
