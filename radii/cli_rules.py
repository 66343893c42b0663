"""The command ``radii rules``: the facts that symbolic derivations rest on."""

from __future__ import annotations

from typing import Annotated

import typer

__all__ = ["rules", "rules_page"]

_KINDS = {
    "integral": "Integrals of positive kernels",
    "antiderivative": "Antiderivatives",
    "inverse": "Solving f(z) = y",
    "equation": "Ends of level sets",
    "rewrite": "Rewriting",
}


def rules(
    check: Annotated[
        bool, typer.Option("--check", help="Also test every rule on random instances.")
    ] = False,
    seed: Annotated[int, typer.Option("--seed", help="Seed of the random instances.")] = 0,
) -> None:
    """List the rules of symbolic derivations: what they say, when, and where that is proved."""
    from differential.rule_checks import check_rule
    from differential.rules import RULES

    typer.echo(rules_page().rstrip())
    for name in RULES if check else ():
        found = check_rule(name, seed)
        worst = max(c.difference for c in found)
        typer.echo(f"{name:<40} {len(found):2d} comparisons, largest difference {worst:.1e}")


def rules_page() -> str:
    """All rules as Markdown, in the order in which rules of one kind are tried.

    Examples
    --------
    >>> rules_page().splitlines()[0]
    '### Integrals of positive kernels'
    """
    import differential.symbolic  # noqa: F401  (importing registers the rules)
    from differential.rules import RULES

    lines: list[str] = []
    for kind, heading in _KINDS.items():
        lines += [f"### {heading}", "", "| rule | statement | when | source |", "|---|---|---|---|"]
        for rule in RULES.values():
            if rule.kind == kind:
                cells = (rule.name, f"`{rule.statement}`", rule.conditions, rule.source)
                lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
        lines.append("")
    return "\n".join(lines)
