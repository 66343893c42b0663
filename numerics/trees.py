"""SymPy expressions as JSON trees, for passing between processes without parsing text.

Every node is an object {"call": name, "args": [...]}, a number {"number": "p/q"}, a named constant
or a symbol. Names outside the tables below are refused, so that a tree can only ever build
mathematical functions.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sympy
from sympy import Basic, Expr, Symbol

from numerics.errors import invalid

__all__ = ["from_tree", "to_tree"]

_CONSTANTS: dict[str, Expr] = {
    "pi": sympy.pi,
    "e": sympy.E,
    "oo": sympy.oo,
    "-oo": -sympy.oo,
    "i": sympy.I,
    "gamma": sympy.EulerGamma,
    "catalan": sympy.Catalan,
}

_FUNCTIONS: dict[str, type[Basic]] = {
    function.__name__: function
    for function in (
        *(sympy.Add, sympy.Mul, sympy.Pow, sympy.exp, sympy.log, sympy.Abs, sympy.sign),
        *(sympy.sin, sympy.cos, sympy.tan, sympy.cot, sympy.asin, sympy.acos, sympy.atan),
        *(sympy.sinh, sympy.cosh, sympy.tanh, sympy.asinh, sympy.acosh, sympy.atanh),
        *(sympy.erf, sympy.erfc, sympy.erfi, sympy.erfinv, sympy.Ei, sympy.expint, sympy.li),
        *(sympy.gamma, sympy.loggamma, sympy.lowergamma, sympy.uppergamma, sympy.beta),
        *(sympy.besselk, sympy.besseli, sympy.polylog, sympy.hyper, sympy.Tuple),
    )
}

#: Trees deeper than this are no expressions a person wrote.
_DEEPEST = 200

Tree = dict[str, Any]


def to_tree(expr: Basic) -> Tree:
    """Return an expression as a JSON tree.

    Examples
    --------
    >>> to_tree(Symbol("z", positive=True) / 2)["call"]
    'Mul'
    """
    if isinstance(expr, sympy.Rational):
        return {"number": f"{expr.p}/{expr.q}"}
    for name, constant in _CONSTANTS.items():
        if expr == constant:
            return {"constant": name}
    if isinstance(expr, Symbol):
        return {"symbol": expr.name, "positive": bool(expr.is_positive)}
    if isinstance(expr, sympy.Tuple):  # hyper keeps its parameters in a subclass of its own
        return {"call": "Tuple", "args": [to_tree(arg) for arg in expr.args]}
    name = type(expr).__name__
    if _FUNCTIONS.get(name) is not type(expr):
        raise invalid("expression", f"made of {sorted(_FUNCTIONS)}", name, "rewrite it first")
    return {"call": name, "args": [to_tree(arg) for arg in expr.args]}


def from_tree(tree: Any, symbols: Mapping[str, Symbol] | None = None, *, depth: int = 0) -> Expr:
    """Build the expression of a JSON tree.

    Parameters
    ----------
    tree : nested dict
    symbols : mapping of names to symbols, optional
        Without it symbols are made from the tree: positive or real ones.

    Raises
    ------
    InvalidInputError
        The tree names something that is no known function, constant or symbol.

    Examples
    --------
    >>> from_tree({"call": "exp", "args": [{"number": "1/2"}]})
    exp(1/2)
    """
    if not isinstance(tree, dict) or depth > _DEEPEST:
        raise invalid("tree", "nested objects", tree, "build it with to_tree")
    if "number" in tree:
        return _number(tree["number"])
    if "constant" in tree and tree["constant"] in _CONSTANTS:
        return _CONSTANTS[tree["constant"]]
    if "symbol" in tree:
        return _symbol(tree, symbols)
    function = _FUNCTIONS.get(tree.get("call", ""))
    if function is None or not isinstance(tree.get("args"), list):
        raise invalid("tree", f"calls of {sorted(_FUNCTIONS)}", tree, "build it with to_tree")
    return function(*(from_tree(arg, symbols, depth=depth + 1) for arg in tree["args"]))


def _number(text: Any) -> Expr:
    numerator, _, denominator = str(text).partition("/")
    if not (numerator.lstrip("-").isdigit() and denominator.isdigit() and int(denominator) > 0):
        raise invalid("number", "of the form p/q", text, "build it with to_tree")
    return sympy.Rational(int(numerator), int(denominator))


def _symbol(tree: Tree, symbols: Mapping[str, Symbol] | None) -> Symbol:
    name = str(tree["symbol"])
    if symbols is None:
        return Symbol(name, positive=True) if tree.get("positive") else Symbol(name, real=True)
    if name not in symbols:
        raise invalid("symbol", f"one of {sorted(symbols)}", name, "name only the given symbols")
    return symbols[name]
