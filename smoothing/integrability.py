"""Decide whether exp(-psi) is integrable, and say why when it is not."""

from __future__ import annotations

from smoothing.structure import Structure

__all__ = ["check_integrable"]


def check_integrable(structures: frozenset[Structure], dimension: int) -> None:
    """Raise AssumptionError when exp(-psi) is not integrable."""
