"""Curves from certification logs: one per log, and envelopes over the logs of one noise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from certify.evaluate import Curve, accuracy_curve, average_certified_radius, envelope
from certify.log_reader import Log
from numerics.errors import invalid

__all__ = ["LogCurves", "curves_of_logs"]

_SCALE = "; scale = "


@dataclass(frozen=True)
class LogCurves:
    """Curves of logs and the envelopes of those that differ in their noise level only."""

    curves: tuple[Curve, ...]
    averages: tuple[float, ...]
    envelopes: tuple[Curve, ...]
    adversary: str


def curves_of_logs(
    logs: Sequence[Log], at: npt.ArrayLike, *, labels: Sequence[str] | None = None
) -> LogCurves:
    """Certified accuracy of logs at the radii `at`.

    Parameters
    ----------
    logs : sequence of Log
        Of one norm. Logs that do not name their noise count as one family of noises.
    at : array_like
        Radii, increasing.
    labels : sequence of str, optional
        One name per log; by default the names of the files.

    Returns
    -------
    LogCurves

    Raises
    ------
    InvalidInputError
        No logs, an empty one, logs of several norms, or a wrong number of labels.
    """
    if not logs or any(not len(log) for log in logs):
        raise invalid(
            "logs", "at least one, each with an image", [str(g.path) for g in logs], "run"
        )
    names = [log.path.stem for log in logs] if labels is None else list(labels)
    if len(names) != len(logs):
        raise invalid("labels", f"{len(logs)} names, one per log", len(names), "add them")
    norms = sorted({r.adversary for log in logs for r in log.records if r.adversary is not None})
    if len(norms) > 1:
        raise invalid(
            "logs", "radii in one norm", norms, "radii recertify turns one into the other"
        )
    where = np.asarray(at, dtype=np.float64)
    curves = [
        accuracy_curve(name, log.radius, log.correct, where)
        for name, log in zip(names, logs, strict=True)
    ]
    averages = tuple(average_certified_radius(log.radius, log.correct) for log in logs)
    groups: dict[str, list[Curve]] = {}
    for log, curve in zip(logs, curves, strict=True):
        groups.setdefault(_family(log), []).append(curve)
    envelopes = tuple(
        envelope(f"envelope {family}".strip(), members)
        for family, members in groups.items()
        if len(members) > 1
    )
    return LogCurves(tuple(curves), averages, envelopes, norms[0] if norms else "")


def _family(log: Log) -> str:
    """The noise of a log without its level; empty where the log does not say."""
    noises = {(r.noise or "").partition(_SCALE)[0] for r in log.records}
    return noises.pop() if len(noises) == 1 else ""
