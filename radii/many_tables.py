"""`radii.tables`: many lookup tables in parallel, each built once, a stopped run resumed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from numpy.typing import ArrayLike

from levelset.build import DEFAULT_LOSS, MOST_ENTRIES
from levelset.table import LookupTable
from numerics.errors import InvalidInputError, invalid
from radii.cache import Problem
from radii.cache_folder import cache_folder, named_folder
from radii.lookup_tables import made_table, problem_of, proved_ray
from smoothing.distribution import SmoothingDistribution
from smoothing.norms import LpNorm, Norm

__all__ = ["tables"]


def tables(
    problems: Iterable[tuple[SmoothingDistribution, Norm | str]],
    *,
    radii: ArrayLike | None = None,
    relative_loss: float = DEFAULT_LOSS,
    max_radii: int = MOST_ENTRIES,
    cache: bool = True,
    n_jobs: int = 1,
    progress: bool | Callable[[int, int], None] = False,
) -> list[LookupTable]:
    """Tabulate many densities, in parallel and with resumption.

    Tables that are in the cache are not built again, so that a run that was stopped goes on where
    it was. Where several processes, or machines that share a folder, ask for one table, one of
    them builds it.

    Parameters
    ----------
    problems : iterable of (SmoothingDistribution, Norm or str)
    radii, relative_loss, max_radii, cache
        As for `table`.
    n_jobs : int
        Processes of joblib, -1 for all cores. Within ``joblib.parallel_config(backend="ray")``
        (after ``ray.util.joblib.register_ray()``) the work goes to a Ray cluster.
    progress : bool or callable
        Show a progress bar, or call a function with (tables done, tables in all).

    Returns
    -------
    list of LookupTable
        In the order of `problems`.

    Raises
    ------
    InvalidInputError
        An argument lies outside its legal set.
    UnsupportedPairError
        One of the pairs has no table; both are found before anything is built.
    """
    import joblib

    from numerics.progress import reporter

    if isinstance(n_jobs, bool) or not isinstance(n_jobs, int) or n_jobs == 0:
        raise invalid("n_jobs", "a number of processes, or -1 for all cores", n_jobs, "pass 1")
    asked = [problem_of(*_pair(one), radii, relative_loss, max_radii) for one in problems]
    for problem in asked:
        proved_ray(problem.smoothing, problem.adversary)
    # Workers may have been started elsewhere, or when the variable said something else.
    folder = _folder(cache)
    jobs = (joblib.delayed(_numbered)(i, _sent(one), cache, folder) for i, one in enumerate(asked))
    done: dict[int, LookupTable] = {}
    with reporter(progress, len(asked), "tables") as report:
        for number, made in _parallel(n_jobs)(jobs):
            done[number] = made
            report(len(done), len(asked))
    return [done[i] for i in range(len(asked))]


def _pair(one: Any) -> tuple[Any, Any]:
    if isinstance(one, tuple | list) and len(one) == 2:
        return one[0], one[1]
    raise invalid("problems", "pairs of a density and a norm", one, 'pass [(q, "l2"), ...]')


def _sent(problem: Problem) -> tuple[Any, ...]:
    """A problem for a worker; the density travels as text."""
    norm = float(problem.adversary.p)
    rest = (problem.radii, problem.relative_loss, problem.max_radii)
    return problem.smoothing.describe(), norm, *rest


def _numbered(
    number: int, sent: tuple[Any, ...], cache: bool, folder: Path | None
) -> tuple[int, LookupTable]:
    """One table in a worker."""
    noise, p, *rest = sent
    problem = Problem(SmoothingDistribution.from_description(noise), LpNorm(p), *rest)
    return number, made_table(problem, cache, folder)


def _folder(cache: bool) -> Path | None:
    """Folder that workers are told; where none is named, each machine has its own."""
    try:
        return cache_folder() if cache and named_folder() else None
    except InvalidInputError:  # each table warns
        return None


def _parallel(n_jobs: int) -> Any:
    """joblib's parallel runner, giving tables as they are ready where its backend can."""
    import joblib

    try:
        return joblib.Parallel(n_jobs=n_jobs, return_as="generator_unordered")
    except ValueError:  # a backend that gives all results at the end
        return joblib.Parallel(n_jobs=n_jobs)
