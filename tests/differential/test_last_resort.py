"""SymPy's integrator in its own process: asked only when rules fail, and never trusted blindly."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import time

import pytest
import sympy
from sympy import Abs, Symbol, exp, log, oo

from differential import last_resort
from differential.kernels import kernel_of
from differential.last_resort import integrate_within, partial_integral_within
from differential.rules import Trace
from differential.symbolic import SymbolicRadius, SymbolicRefusal, derive_symbolic
from numerics.errors import InvalidInputError
from numerics.inverse_functions import GammaUpper
from numerics.trees import from_tree, to_tree
from radii import _worker
from tests.differential.symbolic_cases import product, t

z = Symbol("z", positive=True)
a = Symbol("a", positive=True)

#: Two logarithms and a fraction: an integral that no rule of the project knows.
RATIONAL = 1 / (1 + 3 * z + z**2) ** 2


@pytest.mark.parametrize(
    "expression",
    [
        exp(-z) / 3 + sympy.sqrt(2) * sympy.pi,
        sympy.hyper((1, sympy.S.Half), (2,), z),
        sympy.uppergamma(sympy.Rational(7, 3), z**2) * sympy.atan(z) - sympy.I,
        sympy.polylog(2, exp(-z)) + oo,
    ],
    ids=str,
)
def test_trees_bring_back_what_was_sent(expression: sympy.Expr) -> None:
    text = json.dumps(to_tree(expression))
    assert from_tree(json.loads(text), {"z": z}) == expression
    assert from_tree(json.loads(text)) == expression


@pytest.mark.parametrize(
    "tree",
    [
        {"call": "__import__", "args": [{"symbol": "os"}]},
        {"call": "Lambda", "args": []},
        {"call": "exp"},
        {"number": "1/0"},
        {"number": "__import__('os')"},
        {"constant": "nonsense"},
        {"symbol": "y"},
        ["exp"],
        "exp(1)",
    ],
    ids=str,
)
def test_hostile_trees_are_refused(tree: object) -> None:
    with pytest.raises(InvalidInputError):
        from_tree(tree, {"z": z})


def test_deep_trees_are_refused() -> None:
    tree: dict[str, object] = {"number": "1/1"}
    for _ in range(300):
        tree = {"call": "exp", "args": [tree]}
    with pytest.raises(InvalidInputError):
        from_tree(tree)


def test_functions_outside_the_table_are_not_sent() -> None:
    with pytest.raises(InvalidInputError):
        to_tree(GammaUpper(3, z))


def request(integrand: sympy.Expr, high: sympy.Expr) -> dict[str, object]:
    parts = {"integrand": integrand, "variable": z, "low": sympy.S.Zero, "high": high}
    return {name: to_tree(part) for name, part in parts.items()}


def test_the_worker_answers_on_its_streams() -> None:
    target = io.StringIO()
    _worker.main(io.StringIO(json.dumps(request(z * exp(-z), oo))), target)
    assert json.loads(target.getvalue()) == {"value": {"number": "1/1"}}


def test_what_sympy_leaves_unintegrated_is_no_answer() -> None:
    assert _worker.answer(request(exp(-(z**4) - z**3), a)) == {"value": None}


def test_integral_from_another_process() -> None:
    found = integrate_within(z * exp(-z), z, a, oo, 60)
    assert found is not None
    assert sympy.simplify(found - (1 + a) * exp(-a)) == 0


def test_time_limit_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(last_resort, "_WORKER", "timeit")  # a module that runs for seconds
    start = time.monotonic()
    assert integrate_within(exp(-z), z, a, oo, 0.2) is None
    assert time.monotonic() - start < 5


def test_a_worker_that_fails_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(last_resort, "_WORKER", "no_such_module_of_ours")
    assert integrate_within(exp(-z), z, a, oo, 60) is None


def test_no_process_is_started_where_a_rule_fits_or_time_is_zero(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*arguments: object, **options: object) -> None:
        raise AssertionError("a process was started")

    monkeypatch.setattr(subprocess, "run", refuse)
    interval = (sympy.S.Zero, oo)
    assert partial_integral_within(kernel_of(-z, z), interval, Trace(seconds=60)) is not None
    assert partial_integral_within(kernel_of(-z - z**3, z), interval, Trace()) is None
    with pytest.raises(AssertionError):
        partial_integral_within(kernel_of(-z - z**3, z), interval, Trace(seconds=60))


def test_a_radius_by_the_last_resort() -> None:
    density = product(2 * log(1 + 3 * Abs(t) + t**2), dim=5)
    assert isinstance(derive_symbolic(density, 1), SymbolicRefusal)
    result = derive_symbolic(density, 1, seconds=120)
    assert isinstance(result, SymbolicRadius), result
    assert not result.is_closed_form
    assert any("SymPy" in step.rule for step in result.steps)


def test_a_wrong_answer_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    """SymPy returns wrong branches now and then; here one that is off by a factor in z."""

    def wrong(*arguments: sympy.Expr) -> sympy.Expr:
        high = arguments[3]
        return sympy.S.One if high is oo else 1 - exp(-high)

    monkeypatch.setattr(last_resort, "integrate_within", wrong)
    density = product(2 * log(1 + 3 * Abs(t) + t**2), dim=5)
    result = derive_symbolic(density, 1, seconds=1)
    assert isinstance(result, SymbolicRefusal)
    assert "quadrature gives" in result.reason


def test_the_worker_runs_as_a_module() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "radii._worker"],
        input=json.dumps(request(exp(-2 * z), oo)),
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout) == {"value": {"number": "1/2"}}
