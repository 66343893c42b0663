"""Rules: general facts about integrals, inverses and equations, and the record of their use.

A rule knows nothing of what it is used for. It has a name, a statement, a source and a function
that either returns its result or None when its conditions do not hold. `Trace` collects which
rules fired and the steps of a derivation that a reader can follow.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import sympy

__all__ = ["RULES", "Rule", "Step", "Trace", "first_match", "rule"]


@dataclass(frozen=True)
class Step:
    """One line of a derivation: what was found, its expression, and the fact that justifies it.

    Examples
    --------
    >>> step = Step("normalise", sympy.Symbol("x"), "DLMF 8.2.4")
    >>> step.title, step.rule
    ('normalise', 'DLMF 8.2.4')
    """

    title: str
    expression: sympy.Basic
    rule: str


@dataclass
class Trace:
    """Steps of one derivation and the names of the rules that fired in it, in order.

    `seconds` is the time that SymPy's own integrator may take where no rule fits.
    """

    steps: list[Step] = field(default_factory=list)
    fired: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def note(self, title: str, expression: sympy.Basic, source: str) -> None:
        """Add a step that follows from a theorem rather than from a registered rule."""
        self.steps.append(Step(title, expression, source))

    def fire(self, name: str) -> None:
        """Record that a rule was used."""
        self.fired.append(name)

    def sources(self, since: int = 0) -> str:
        """Return name and source of the rules fired since a position, for a step's `rule`."""
        names = dict.fromkeys(self.fired[since:])
        return "; ".join(f"{name} ({RULES[name].source})" for name in names) or "definition"


@dataclass(frozen=True)
class Rule:
    """A general fact with the function that applies it; None from `apply` means "does not fit".

    `statement` has the pattern and what it becomes, `conditions` when that holds. Every rule has
    random instances in `differential.rule_examples`, on which `differential.rule_checks` tests it.
    """

    name: str
    kind: str
    statement: str
    conditions: str
    source: str
    apply: Callable[..., Any]


#: Every rule by name. Registration order is the order in which rules of one kind are tried.
RULES: dict[str, Rule] = {}


def rule(
    name: str, *, kind: str, statement: str, conditions: str, source: str
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register the decorated function as a rule of the given kind."""

    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        known = RULES.get(name)
        # The same file may be imported twice, as doctest does.
        if known and known.apply.__code__.co_filename != function.__code__.co_filename:
            raise ValueError(f"two rules are named {name!r}")
        RULES[name] = Rule(name, kind, statement, conditions, source, function)
        return function

    return register


def first_match(kind: str, trace: Trace, *arguments: Any) -> Any:
    """Apply the rules of one kind in order; return the first result, or None.

    A rule may use other rules (substitutions do); what those recorded is forgotten again when the
    outer rule fails.
    """
    for candidate in RULES.values():
        if candidate.kind != kind:
            continue
        mark = len(trace.fired)
        trace.fire(candidate.name)
        result = candidate.apply(*arguments, trace)
        if result is not None:
            return result
        del trace.fired[mark:]
    return None
