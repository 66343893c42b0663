"""Progress of certification runs."""

from __future__ import annotations

from numerics.progress import Report, reporter

__all__ = ["Report", "reporter"]
