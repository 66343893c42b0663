"""`python -m radii._worker`: one definite integral by SymPy, in a process that can be killed.

Reads {"integrand": tree, "variable": tree, "low": tree, "high": tree} from standard input and
writes {"value": tree or null} to standard output; see `numerics.trees`. SymPy's integrator may run
for hours or exhaust the memory, so its caller sets a time limit and kills the process.
"""

from __future__ import annotations

import json
import sys
from typing import Any, TextIO

import sympy

from numerics.errors import InvalidInputError
from numerics.trees import from_tree, to_tree

__all__ = ["answer", "main"]


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """Integrate; the value is null where SymPy leaves an integral or uses an unknown function.

    Examples
    --------
    >>> z = sympy.Symbol("z", positive=True)
    >>> parts = {"integrand": sympy.exp(-z), "variable": z, "low": sympy.S.Zero, "high": sympy.oo}
    >>> answer({name: to_tree(part) for name, part in parts.items()})
    {'value': {'number': '1/1'}}
    """
    integrand, variable, low, high = (
        from_tree(request[name]) for name in ("integrand", "variable", "low", "high")
    )
    value = sympy.integrate(integrand, (variable, low, high), conds="none")
    try:
        return {"value": to_tree(value)}
    except InvalidInputError:
        return {"value": None}


def main(source: TextIO = sys.stdin, target: TextIO = sys.stdout) -> None:
    """Answer one request."""
    json.dump(answer(json.load(source)), target)


if __name__ == "__main__":
    main()
