"""The chain from psi to R as a value that can be read: as text, in LaTeX, as one HTML page.

psi -> grad psi -> law of gamma_u -> phi, phi-bar -> Phi -> integrand -> R. Every step carries the
fact it rests on and numbers: the value of its expression beside the value that the engine used,
which was computed in another way. A route hands its steps to `RadiusFunction`; what a route does
not know is left out of the chain, never invented.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

import sympy

if TYPE_CHECKING:
    from radii.radius_function import RadiusFunction

__all__ = ["Check", "Derivation", "DerivationStep"]


@dataclass(frozen=True)
class Check:
    """One number computed in two ways.

    Attributes
    ----------
    what : str
        What was compared, and where: "p = 0.1".
    by_expression : float
        Value of the step's expression.
    by_numbers : float
        Value that the numeric engine has for it.
    note : str
        Why the two may differ by more than rounding; empty where they may not.

    Examples
    --------
    >>> Check("p = 0.1", 2.0, 2.5).difference
    0.2
    """

    what: str
    by_expression: float
    by_numbers: float
    note: str = ""

    @property
    def difference(self) -> float:
        """Relative to the larger of the two; 0 where both are 0."""
        size = max(abs(self.by_expression), abs(self.by_numbers))
        return abs(self.by_expression - self.by_numbers) / size if size else 0.0

    def __str__(self) -> str:
        note = f"  ({self.note})" if self.note else ""
        values = f"{self.by_expression:.12g} by the expression, {self.by_numbers:.12g} in numbers"
        return f"{self.what}: {values}, difference {self.difference:.1e}{note}"


@dataclass(frozen=True)
class DerivationStep:
    """One step: what is found, its expression, the fact it rests on, and its checks.

    Attributes
    ----------
    title : str
        A sentence or less.
    left : sympy.Basic or None
        What the expression is equal to; None where there is nothing to name.
    expression : sympy.Basic or None
        None where the step is a statement in words.
    rule : str
        Theorem or rules with their sources.
    words : str
        What the symbols mean, or what holds where there is no expression.
    checks : tuple of Check
    details : tuple
        Steps of rules within this step, in the order in which they were applied.
    """

    title: str
    left: sympy.Basic | None
    expression: sympy.Basic | None
    rule: str
    words: str = ""
    checks: tuple[Check, ...] = ()
    details: tuple[DerivationStep, ...] = ()

    def __str__(self) -> str:
        formula = "" if self.expression is None else f"{self.expression}"
        if formula and self.left is not None:
            formula = f"{self.left} = {formula}"
        lines = [self.title, *filter(None, (formula, self.words)), f"[{self.rule}]"]
        lines += [f"- {d.title}: {d.expression}  [{d.rule}]" for d in self.details]
        return "\n   ".join([*lines, *(f"check  {check}" for check in self.checks)])


@dataclass(frozen=True, eq=False)
class Derivation(Sequence[DerivationStep]):
    """All steps from psi to R for one pair of density and norm.

    Attributes
    ----------
    radius : RadiusFunction
        What was derived.
    steps : tuple of DerivationStep

    Examples
    --------
    >>> import radii
    >>> radius = radii.derive(radii.families.laplace(dim=4), "l1")
    >>> [step.title for step in radius.derivation][-2:]
    ['Integrand', 'Radius']
    >>> max(c.difference for s in radius.derivation for c in s.checks) < 1e-6
    True
    """

    radius: RadiusFunction
    steps: tuple[DerivationStep, ...]

    @overload
    def __getitem__(self, index: int) -> DerivationStep: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[DerivationStep, ...]: ...
    def __getitem__(self, index: Any) -> Any:
        return self.steps[index]

    def __len__(self) -> int:
        return len(self.steps)

    def __iter__(self) -> Iterator[DerivationStep]:
        return iter(self.steps)

    def __str__(self) -> str:
        return "\n".join(f"{n}. {step}" for n, step in enumerate(self.steps, 1))

    def latex(self) -> str:
        """The steps as a LaTeX fragment for a document with amsmath."""
        from radii.notation import latex

        return "\n".join(latex(step) for step in self.steps)

    def html(self) -> str:
        """One HTML page with MathML and plots that needs no network and no other file."""
        from radii.derivation_page import page

        return page(self)

    def save_html(self, path: str | Path) -> Path:
        """Write `html` to a file.

        Raises
        ------
        InvalidInputError
            The file cannot be written.
        """
        from numerics.errors import invalid

        target = Path(path)
        try:
            target.write_text(self.html(), encoding="utf-8")
        except OSError as error:
            legal = "a file that can be written"
            raise invalid("path", legal, str(target), error.strerror or "try another") from error
        return target
