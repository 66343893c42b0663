"""Progress of long runs: a bar on the terminal, a callback, or nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["Report", "reporter"]

#: Called with (done, total).
Report = Callable[[int, int], None]


@contextmanager
def reporter(
    progress: bool | Report, total: int, description: str = "certifying"
) -> Iterator[Report]:
    """A function to call with (done, total); with True it moves a progress bar."""
    if callable(progress):
        yield progress
    elif not progress:
        yield lambda done, total: None
    else:
        from rich.console import Console
        from rich.progress import Progress

        # Not among the results, which may be piped elsewhere.
        with Progress(console=Console(stderr=True)) as bar:
            task = bar.add_task(description, total=total)
            yield lambda done, total: bar.update(task, completed=done)
