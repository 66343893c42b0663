"""Orthogonal directions that are short in l_p and long in l_2 (Blum et al., 3.5 and 3.6)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nogo.exact import as_order
from numerics.errors import invalid
from numerics.validation import check_dim

__all__ = ["orthogonal_directions"]

#: The matrix has dim^2/2 entries or more: 128 MiB at this dimension.
_LARGEST_DIM = 4096


def orthogonal_directions(dim: int, p: Any) -> NDArray[np.float64]:
    """Corollary 3.6: b > dim/2 orthogonal vectors of l_p norm 1 and l_2 norm b^(1/2-1/p).

    Parameters
    ----------
    dim : int
        At most 4096, since the whole matrix is returned.
    p : float
        Order of the norm, >= 2.

    Returns
    -------
    array of shape (b, dim)
        b is the largest power of two up to dim; signs by Sylvester's construction.

    Examples
    --------
    >>> orthogonal_directions(3, float("inf"))
    array([[ 1.,  1.,  0.],
           [ 1., -1.,  0.]])
    """
    from scipy.linalg import hadamard

    d, order = check_dim(dim), as_order(p, minimum=2.0)
    if d > _LARGEST_DIM:
        raise invalid("dim", f"at most {_LARGEST_DIM}", dim, "the bounds themselves take any dim")
    b = 1 << (d.bit_length() - 1)
    rows = np.zeros((b, d))
    scale = 1.0 if order == float("inf") else b ** (-1.0 / order)
    rows[:, :b] = hadamard(b, dtype=np.float64) * scale
    return rows
