"""SymPy's integrator as the last resort, in a process of its own under a time limit."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time

import sympy
from sympy import Dummy, Expr, Symbol

from differential.kernels import Kernel
from differential.masses import Mass
from differential.rules import Trace
from differential.rules_integrals import Interval, PartialIntegral, partial_integral
from numerics.errors import InvalidInputError
from numerics.inverse_functions import GammaLower, GammaUpper, PolyLogarithm
from numerics.trees import from_tree, to_tree

__all__ = ["integrate_within", "partial_integral_within"]

#: The process that integrates; it belongs to the room above and is only ever run by name.
_WORKER = "radii._worker"

SOURCE = "SymPy's integrator, compared with quadrature"


def integrate_within(
    integrand: Expr, variable: Symbol, low: Expr, high: Expr, seconds: float
) -> Expr | None:
    """Integrate with SymPy, or return None when it does not answer in time.

    Parameters
    ----------
    integrand, variable, low, high
    seconds : float
        Time limit, the start of Python and SymPy (one to two seconds) included.
    """
    parts = {"integrand": integrand, "variable": variable, "low": low, "high": high}
    symbols = sorted(sympy.Tuple(*parts.values()).free_symbols, key=str)
    # Plain positive symbols under generic names: a Dummy has no name to send.
    plain = {s: Symbol(f"x{i}", positive=True) for i, s in enumerate(symbols)}
    try:
        trees = {name: to_tree(part.xreplace(plain)) for name, part in parts.items()}
        done = subprocess.run(
            [sys.executable, "-m", _WORKER],
            input=json.dumps(trees),
            capture_output=True,
            text=True,
            timeout=seconds,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
            check=False,
        )
        if done.returncode != 0:
            return None
        value = json.loads(done.stdout)["value"]
        back = {new.name: old for old, new in plain.items()}
        return None if value is None else _regularised(from_tree(value, back))
    except (subprocess.TimeoutExpired, InvalidInputError):
        return None


def partial_integral_within(
    kernel: Kernel, interval: Interval, trace: Trace
) -> PartialIntegral | None:
    """`partial_integral`, then the last resort for as long as the trace allows."""
    found = partial_integral(kernel, interval, trace)
    if found is not None or trace.seconds <= 0:
        return found
    deadline = time.monotonic() + trace.seconds
    z, point = kernel.variable, Dummy("a", positive=True)
    lower = integrate_within(kernel.expr, z, interval[0], point, trace.seconds)
    if lower is None:
        return None
    total = integrate_within(kernel.expr, z, *interval, deadline - time.monotonic())
    if total is None or not total.is_positive:
        return None
    below = lower.subs(point, z) / total
    trace.note("share of the mass below a", below, SOURCE)
    return PartialIntegral(z, Mass(total), below, 1 - below, interval)


def _regularised(expr: Expr) -> Expr:
    """Write SymPy's incomplete functions with those that this project can invert."""
    return (
        expr.replace(sympy.uppergamma, lambda a, x: sympy.gamma(a) * GammaUpper(a, x))
        .replace(sympy.lowergamma, lambda a, x: sympy.gamma(a) * GammaLower(a, x))
        .replace(sympy.polylog, lambda s, x: PolyLogarithm(s, x))
    )
