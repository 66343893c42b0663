"""Print expressions as text that the grammar of densities reads back."""

from __future__ import annotations

import sympy

__all__ = ["expression_text"]


def expression_text(tree: sympy.Basic) -> str:
    """Return an expression as text."""
    return str(tree)
