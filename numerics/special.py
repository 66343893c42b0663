"""Special functions that compiled kernels can call, under the names SciPy gives them.

Each is the function of `scipy.special` when called from Python (it broadcasts over arrays) and
the same C code, on scalars, when called from a kernel of `numerics.jit`. Formulas that stay
accurate where these lose digits are in `numerics.stable`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import scipy

__all__ = [
    "NATIVE",
    "Native",
    "betainc",
    "betaincc",
    "betainccinv",
    "betaincinv",
    "betaln",
    "erfcinv",
    "erfcx",
    "erfinv",
    "exp1",
    "expi",
    "gammainc",
    "gammaincc",
    "gammainccinv",
    "gammaincinv",
    "gammaln",
    "log_ndtr",
    "ndtr",
    "ndtri",
    "ndtri_exp",
    "spence",
]


@dataclass(frozen=True)
class Native:
    """A real function of `scipy.special` with `arity` arguments.

    Examples
    --------
    >>> float(ndtr(0.0))
    0.5
    """

    name: str
    arity: int

    def __call__(self, *args: Any) -> Any:
        return getattr(scipy.special, self.name)(*args)


betainc = Native("betainc", 3)
betaincc = Native("betaincc", 3)
betaincinv = Native("betaincinv", 3)
betainccinv = Native("betainccinv", 3)
betaln = Native("betaln", 2)
gammainc = Native("gammainc", 2)
gammaincc = Native("gammaincc", 2)
gammaincinv = Native("gammaincinv", 2)
gammainccinv = Native("gammainccinv", 2)
gammaln = Native("gammaln", 1)
ndtr = Native("ndtr", 1)
ndtri = Native("ndtri", 1)
ndtri_exp = Native("ndtri_exp", 1)
log_ndtr = Native("log_ndtr", 1)
erfinv = Native("erfinv", 1)
erfcinv = Native("erfcinv", 1)
erfcx = Native("erfcx", 1)
exp1 = Native("exp1", 1)
expi = Native("expi", 1)
spence = Native("spence", 1)

#: Every function above, in the order in which `numerics.native` registers them.
NATIVE: tuple[Native, ...] = (
    betainc,
    betaincc,
    betaincinv,
    betainccinv,
    betaln,
    gammainc,
    gammaincc,
    gammaincinv,
    gammainccinv,
    gammaln,
    ndtr,
    ndtri,
    ndtri_exp,
    log_ndtr,
    erfinv,
    erfcinv,
    erfcx,
    exp1,
    expi,
    spence,
)
