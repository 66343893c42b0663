"""The smoothing distribution: a density exp(-psi(x / scale)) on R^dim, as a frozen value."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import sympy
from numpy.typing import ArrayLike, NDArray

from numerics.errors import AssumptionError, InvalidInputError, invalid
from numerics.validation import check_dim, check_positive
from smoothing import moments
from smoothing.black_box import BlackBox
from smoothing.centre import recentre
from smoothing.checks import check_support, check_symbols
from smoothing.description import read_description
from smoothing.expressions import DIM, as_boolean, as_expression, x
from smoothing.integrability import check_integrable
from smoothing.recognise import Recognition, analyse
from smoothing.structure import General, Structure

__all__ = ["BlackBox", "SmoothingDistribution"]

Array = NDArray[np.float64]


@dataclass(frozen=True, init=False, eq=False, repr=False)
class SmoothingDistribution:
    r"""Noise on R^dim with density proportional to ``exp(-psi(x / scale))``.

    Parameters
    ----------
    psi : SymPy expression
        Potential, written with `radii.x`, `radii.t`, `norm` and `coordinate_sum`; the symbol
        `radii.expressions.dim` stands for the dimension. Text goes through `parse`.
    dim : int
        Dimension, >= 1.
    support : SymPy comparison or And of comparisons, optional
        Where the density lives at scale 1; the noise lives on scale times that. ``x >= 0`` means
        every coordinate.
    scale : float, optional
        The lambda of the density, 1 by default.
    sigma : float, optional
        Noise level sqrt(E ||x||_2^2 / dim), instead of `scale`; it includes the mean.
    centered : bool
        Move the mean to 0.

    Raises
    ------
    InvalidInputError
        dim < 1, scale or sigma not positive, both given, psi or support not understood, unknown
        symbols.
    AssumptionError
        exp(-psi) is not integrable, psi is not real, or sigma is given and the variance is
        infinite or unknown.

    Examples
    --------
    >>> from smoothing.expressions import norm
    >>> noise = SmoothingDistribution(norm(x, 1), dim=3072, sigma=0.5)
    >>> round(noise.scale, 6), noise.sigma
    (0.353553, 0.5)
    >>> sorted(type(s).__name__ for s in noise.structures)
    ['Product', 'Radial']
    """

    psi: sympy.Expr
    dim: int
    support: sympy.Basic | None
    scale: float
    black_box: BlackBox | None
    _recognition: Recognition

    def __init__(
        self,
        psi: object,
        *,
        dim: int,
        support: object = None,
        scale: float | None = None,
        sigma: float | None = None,
        centered: bool = False,
    ) -> None:
        dimension = check_dim(dim)
        if scale is not None and sigma is not None:
            raise InvalidInputError(
                f"at most one of scale and sigma may be given, got scale={scale!r} and "
                f"sigma={sigma!r}; pass only one"
            )
        number = {DIM: sympy.Integer(dimension)}
        potential = as_expression(psi).xreplace(number)
        domain = None if support is None else as_boolean(support).xreplace(number)
        check_symbols(potential, dimension)
        domain = check_support(domain, dimension)
        recognition = analyse(potential, domain, dimension)
        check_integrable(recognition.structures, dimension, domain)
        if centered:
            potential, domain = recentre(potential, domain, recognition)
            recognition = analyse(potential, domain, dimension)
        self._store(potential, dimension, domain, 1.0, None, recognition)
        if sigma is not None:
            object.__setattr__(self, "scale", self._scale_for(check_positive("sigma", sigma)))
        elif scale is not None:
            object.__setattr__(self, "scale", check_positive("scale", scale))

    def _store(self, *values: Any) -> None:
        names = ("psi", "dim", "support", "scale", "black_box", "_recognition")
        for name, value in zip(names, values, strict=True):
            object.__setattr__(self, name, value)

    def _scale_for(self, sigma: float) -> float:
        if math.isinf(self._unit_sigma):
            raise AssumptionError(
                f"sigma cannot be {sigma!r}: the variance of this density is infinite; "
                "pass scale= instead"
            )
        return sigma / self._unit_sigma

    @classmethod
    def parse(
        cls,
        text: str,
        *,
        dim: int,
        support: str | None = None,
        scale: float | None = None,
        sigma: float | None = None,
    ) -> SmoothingDistribution:
        """Build a distribution from text in the grammar of densities (see `smoothing.grammar`).

        Raises
        ------
        ExpressionSyntaxError
            The text is not in the grammar; the message shows where.

        Examples
        --------
        >>> SmoothingDistribution.parse("norm(x, 1)**2 + log(norm(x, 1))/2", dim=64)
        SmoothingDistribution(log(norm(x, 1))/2 + norm(x, 1)**2, dim=64, scale=1.0)
        """
        from smoothing.grammar import parse_expression, parse_support

        domain = None if support is None else parse_support(support)
        return cls(parse_expression(text), dim=dim, support=domain, scale=scale, sigma=sigma)

    @classmethod
    def from_callable(
        cls,
        psi: Callable[[Array], Array],
        grad: Callable[[Array], Array],
        sampler: Callable[[int, np.random.Generator], Array],
        *,
        dim: int,
        scale: float = 1.0,
        gradient_moment: tuple[float, float] | None = None,
    ) -> SmoothingDistribution:
        """Wrap a density known only through callables; only sampling-based routes apply.

        Parameters
        ----------
        psi : callable
            Maps points (n, dim) to potentials (n,), at scale 1, up to a constant.
        grad : callable
            Maps points (n, dim) to gradients of psi (n, dim).
        sampler : callable
            Maps (n, numpy.random.Generator) to draws (n, dim) at scale 1.
        dim : int
            Dimension.
        scale : float
            Factor on the draws.
        gradient_moment : (order, value), optional
            What you know: ``(E |<u, grad psi>|**order)**(1/order) <= value`` at scale 1 for every
            u in the adversary's unit ball; order inf for ``|<u, grad psi>| <= value``. The route
            "montecarlo" needs it, because no sample bounds a mean without such an assumption.
        """
        made = object.__new__(cls)
        dimension = check_dim(dim)
        placeholder = sympy.Function("psi")(x)
        general = General(placeholder, dimension, "psi is a callable, not an expression")
        recognition = Recognition(((general, sympy.S.Zero),))
        box = BlackBox(psi, grad, sampler, gradient_moment)
        made._store(placeholder, dimension, None, check_positive("scale", scale), box, recognition)
        return made

    @property
    def structures(self) -> frozenset[Structure]:
        """Every structure of the density, at scale 1."""
        return self._recognition.structures

    @cached_property
    def _unit_sigma(self) -> float:
        return math.sqrt(moments.second_moment(moments.preferred(self.structures)) / self.dim)

    @property
    def sigma(self) -> float:
        """Noise level sqrt(E ||x||_2^2 / dim), mean included; inf when the variance is infinite."""
        return self.scale * self._unit_sigma

    @cached_property
    def mean(self) -> Array:
        """Expectation of the noise, shape (dim,)."""
        return self.scale * moments.mean(moments.preferred(self.structures))

    @cached_property
    def log_normaliser(self) -> float:
        """Logarithm of the integral of exp(-psi) over R^dim, at scale 1."""
        structure = moments.preferred(self.structures)
        offset = dict(self._recognition.offsets)[structure]
        return moments.log_normaliser(structure) - float(offset)

    def log_density(self, points: ArrayLike) -> Array:
        """Logarithm of the density of the noise at points of shape (n, dim), shape (n,)."""
        from smoothing.evaluate import evaluate_psi, inside_support

        array = self._points(points) / self.scale
        if self.black_box is not None:
            raise AssumptionError("the normaliser of a density given by callables is not known")
        inside = inside_support(self.support, array)
        values = np.full(len(array), -np.inf)
        values[inside] = -evaluate_psi(self.psi, array[inside])
        return values - self.log_normaliser - self.dim * math.log(self.scale)

    def density(self, points: ArrayLike) -> Array:
        """Density of the noise at points of shape (n, dim), shape (n,)."""
        return np.exp(self.log_density(points))

    def sample(self, n: int, generator: np.random.Generator) -> Array:
        """Draw noise of shape (n, dim), scale included."""
        from smoothing.sampling import sample

        return sample(self, n, generator)

    def _points(self, points: ArrayLike) -> Array:
        array = np.asarray(points, dtype=np.float64)
        if array.ndim != 2 or array.shape[1] != self.dim:
            raise invalid("points", f"an array of shape (n, {self.dim})", array.shape, "match dim")
        return array

    @property
    def psi_text(self) -> str:
        """psi in the grammar of `parse`."""
        from smoothing.printing import expression_text

        return expression_text(self.psi)

    @property
    def support_text(self) -> str:
        """The support in the grammar of `parse`; empty for all of R^dim."""
        from smoothing.printing import expression_text

        return "" if self.support is None else expression_text(self.support)

    def describe(self) -> str:
        """One line from which `from_description` rebuilds the distribution, for logs.

        Examples
        --------
        >>> from smoothing.expressions import norm
        >>> SmoothingDistribution(norm(x, 1), dim=3, scale=0.5).describe()
        'psi = norm(x, 1); dim = 3; scale = 0.5'
        """
        support = () if self.support is None else (f"support = {self.support_text}",)
        parts = (f"psi = {self.psi_text}", *support, f"dim = {self.dim}", f"scale = {self.scale!r}")
        return "; ".join(parts)

    @classmethod
    def from_description(cls, line: str) -> SmoothingDistribution:
        """Rebuild a distribution from the line that `describe` wrote.

        Examples
        --------
        >>> SmoothingDistribution.from_description("psi = norm(x, 1); dim = 3; scale = 0.5").scale
        0.5
        """
        fields = read_description(line)
        return cls.parse(fields.pop("psi"), **fields)

    def _key(self) -> tuple[Any, ...]:
        return (self.psi, self.support, self.dim, self.scale, self.black_box)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SmoothingDistribution) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def __repr__(self) -> str:
        support = "" if self.support is None else f", support={self.support_text}"
        text = f"{self.psi_text}, dim={self.dim}{support}, scale={self.scale!r}"
        return f"SmoothingDistribution({text})"
