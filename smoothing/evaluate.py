"""Evaluate psi and supports at arrays of points by walking the expression; no code is generated."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import sympy
from numpy.typing import NDArray

from numerics.errors import InvalidInputError
from smoothing.expressions import Coordinate, Vector, coordinate_sum, norm, t
from smoothing.gauges import gauge, polytope_gauge
from smoothing.overflow import stabilise

__all__ = ["evaluate_psi", "inside_support"]

Array = NDArray[np.float64]
Environment = dict[sympy.Basic, Any]


def _special(name: str) -> Callable[[Any], Any]:
    def call(values: Any) -> Any:
        import scipy.special  # imported late: most uses of psi are symbolic

        return getattr(scipy.special, name)(values)

    return call


_UNARY: dict[type, Callable[[Any], Any]] = {
    sympy.exp: np.exp,
    sympy.log: np.log,
    sympy.Abs: np.abs,
    sympy.cosh: np.cosh,
    sympy.sinh: np.sinh,
    sympy.tanh: np.tanh,
    sympy.sech: lambda v: 1 / np.cosh(v),
    sympy.sin: np.sin,
    sympy.cos: np.cos,
    sympy.atan: np.arctan,
    sympy.asinh: np.arcsinh,
    sympy.sign: np.sign,
    sympy.erf: _special("erf"),
    sympy.erfc: _special("erfc"),
    sympy.loggamma: _special("gammaln"),
}
_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
}


def evaluate_psi(psi: sympy.Expr, points: Array) -> Array:
    """Values of psi at points of shape (n, dim), shape (n,).

    Examples
    --------
    >>> from smoothing.expressions import x
    >>> evaluate_psi(norm(x, 2) ** 2 / 2, np.array([[3.0, 4.0]]))
    array([12.5])
    """
    atoms = _environment(psi, points)
    names = {atom: sympy.Dummy(real=True) for atom in atoms}
    environment = {names[atom]: value for atom, value in atoms.items()}
    values = np.empty(len(points))
    # overflow to inf is the right answer for a potential: the density is 0 there
    with np.errstate(over="ignore", divide="ignore"):
        values[:] = _walk(stabilise(psi.xreplace(names)), environment)
    return values


def inside_support(support: sympy.Basic | None, points: Array) -> NDArray[np.bool_]:
    """Whether points of shape (n, dim) lie in the support, shape (n,)."""
    inside = np.ones(len(points), dtype=np.bool_)
    for relation in () if support is None else sympy.And.make_args(support):
        environment = _environment(relation, points)
        held = np.asarray(_walk(relation, environment))
        inside &= held.all(axis=1) if held.ndim == 2 else held
    return inside


def _environment(tree: sympy.Basic, points: Array) -> Environment:
    values: Environment = {t: points}
    for atom in tree.atoms(norm, gauge, coordinate_sum, Vector, Coordinate):
        if isinstance(atom, norm):
            values[atom] = np.linalg.norm(points, ord=float(atom.order), axis=1)
        elif isinstance(atom, gauge):
            values[atom] = polytope_gauge(atom.order).gauge(points)
        elif isinstance(atom, Coordinate):
            values[atom] = points[:, atom.index]
        elif isinstance(atom, Vector):
            values[atom] = points
        else:
            values[atom] = _sum_over_coordinates(atom, points)
    return values


def _sum_over_coordinates(atom: coordinate_sum, points: Array) -> Array:
    with np.errstate(over="ignore", divide="ignore"):
        terms = np.broadcast_to(_walk(stabilise(atom.phi), {t: points}), points.shape)
    if atom.weights is not None:
        terms = terms * np.array([float(w) for w in atom.weights])
    return np.asarray(np.sum(terms, axis=1))


def _walk(tree: sympy.Basic, environment: Environment) -> Any:
    if tree in environment:
        return environment[tree]
    if tree is sympy.true or tree is sympy.false:
        return np.bool_(tree is sympy.true)
    if isinstance(tree, sympy.Expr) and tree.is_number:
        return float(tree)
    if isinstance(tree, sympy.Piecewise):
        conditions = [_walk(c, environment) for _, c in tree.args]
        values = [_walk(v, environment) for v, _ in tree.args]
        shape = np.broadcast_shapes(*(np.shape(p) for p in (*conditions, *values)))
        expand = [np.broadcast_to(p, shape) for p in (*conditions, *values)]
        return np.select(expand[: len(conditions)], expand[len(conditions) :], np.nan)
    arguments = [_walk(argument, environment) for argument in tree.args]
    if isinstance(tree, sympy.core.relational.Relational):
        return _COMPARE[tree.rel_op](*arguments)
    return _apply(tree, arguments)


def _apply(tree: sympy.Basic, arguments: list[Any]) -> Any:
    folds: dict[type, Any] = {
        sympy.Add: np.add,
        sympy.Mul: np.multiply,
        sympy.Max: np.maximum,
        sympy.Min: np.minimum,
        sympy.And: np.logical_and,
        sympy.Or: np.logical_or,
    }
    fold = folds.get(type(tree))
    if fold is not None:
        total = arguments[0]
        for argument in arguments[1:]:
            total = fold(total, argument)
        return total
    if isinstance(tree, sympy.Pow):
        return np.power(np.asarray(arguments[0], dtype=np.float64), arguments[1])
    function = _UNARY.get(type(tree))
    if function is None:
        raise InvalidInputError(f"psi uses {type(tree).__name__}, which has no numpy counterpart")
    return function(arguments[0])
