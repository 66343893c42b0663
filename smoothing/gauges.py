"""The gauge of a polytope as a SymPy function of the noise vector: gauge(x, zonotope(g_1, ...)).

Every Wulff crystal of a polytope norm is a zonotope (RSAS, Proposition G.4), so that is the one
body there is. Cubes and cross polytopes are turned into norms at once.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import sympy
from numpy.typing import NDArray

from numerics.errors import InvalidInputError, invalid
from smoothing.exact import exact
from smoothing.expressions import Vector, norm
from smoothing.polytope_gauge import PolytopeGauge, boundary_cells, check_cell_count

__all__ = ["gauge", "polytope_gauge", "zonotope"]


class zonotope(sympy.Basic):
    """The body sum_i [-1/2, 1/2] g_i, by its generators as exact numbers.

    Zero generators are dropped, parallel ones added up, and the rest sorted, so that equal lists
    of segments are equal objects.

    Examples
    --------
    >>> zonotope((1, 1), (1, -1), (-1, -1))
    zonotope((2, 2), (1, -1))
    """

    is_commutative = True

    def __new__(cls, *generators: Any) -> zonotope:
        rows = [tuple(exact(v, name="generators") for v in row) for row in generators]
        dims = {len(row) for row in rows}
        if len(dims) != 1 or 0 in dims or not all(v.is_finite for row in rows for v in row):
            raise invalid("generators", "finite vectors of one length", generators, "pass rows")
        merged = _merged(rows)
        matrix = np.array([[float(v) for v in row] for row in merged], dtype=np.float64)
        (dim,) = dims
        if not len(matrix) or np.linalg.matrix_rank(matrix) < dim:
            raise InvalidInputError(
                f"generators must span R^{dim}, got rank "
                f"{np.linalg.matrix_rank(matrix) if len(matrix) else 0} in {len(rows)} rows; add "
                "the missing directions"
            )
        return super().__new__(cls, *(sympy.Tuple(*row) for row in merged))

    @property
    def dim(self) -> int:
        """Dimension of the space."""
        return len(self.args[0].args)

    @property
    def generators(self) -> NDArray[np.float64]:
        """Generators as float64, shape (m, dim)."""
        return np.array([[float(v) for v in row] for row in self.args], dtype=np.float64)

    def as_norm(self) -> tuple[sympy.Expr, sympy.Expr] | None:
        """(order, radius) when the body is a cube or, in the plane, a cross polytope."""
        rows = [tuple(row) for row in self.args]
        if len(rows) != self.dim:
            return None
        sizes = {sum(abs(v) for v in row) for row in rows}
        if len(sizes) == 1 and all(sum(v != 0 for v in row) == 1 for row in rows):
            return sympy.oo, sizes.pop() / 2
        if self.dim == 2 and len({abs(v) for row in rows for v in row}) == 1:
            return sympy.S.One, abs(rows[0][0])
        return None


class gauge(sympy.Function):
    """The gauge of a zonotope at the noise vector: the smallest r >= 0 with x in r times the body.

    Examples
    --------
    >>> from smoothing.expressions import x
    >>> gauge(x, zonotope((1, 1), (1, -1)))
    norm(x, 1)
    >>> gauge(x, zonotope((1, 1), (1, -1), (1, 0)))
    gauge(x, zonotope((1, 1), (1, 0), (1, -1)))
    """

    nargs = (2,)
    is_real = True
    is_nonnegative = True
    is_finite = True
    is_commutative = True

    def __new__(cls, vector: Any, body: Any, **options: Any) -> sympy.Expr:
        if not isinstance(vector, sympy.Basic) or not isinstance(body, zonotope):
            raise invalid("gauge(x, body)", "made of x and a zonotope", (vector, body), "use both")
        return super().__new__(cls, vector, body, **options)

    @classmethod
    def eval(cls, vector: sympy.Expr, body: zonotope) -> sympy.Expr | None:
        factor, rest = vector.as_coeff_Mul()
        if not isinstance(rest, Vector):
            raise invalid("the first argument of gauge", "x, or a multiple of it", vector, "use x")
        known = body.as_norm()
        if known is not None:
            return norm(vector, known[0]) / known[1]
        check_cell_count(len(body.args), body.dim)
        return None if factor == 1 else abs(factor) * cls(rest, body)

    @property
    def order(self) -> sympy.Basic:
        """The body, which stands where the order of a norm does."""
        return self.args[1]


@lru_cache(maxsize=16)
def polytope_gauge(body: zonotope) -> PolytopeGauge:
    """The boundary of a body in numbers."""
    return boundary_cells(body.generators)


def _merged(rows: list[tuple[sympy.Expr, ...]]) -> list[tuple[sympy.Expr, ...]]:
    """One row per line: directions have 1 as their first entry that is not 0."""
    lengths: dict[tuple[sympy.Expr, ...], sympy.Expr] = {}
    for row in rows:
        leading = next((v for v in row if v != 0), None)
        if leading is not None:
            direction = tuple(v / leading for v in row)
            lengths[direction] = lengths.get(direction, sympy.S.Zero) + abs(leading)
    ordered = sorted(lengths.items(), key=lambda item: tuple(map(float, item[0])), reverse=True)
    return [tuple(length * v for v in direction) for direction, length in ordered]
