"""Lines of certification logs: their columns, their cells, and what those say about each other."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from certify.certificate import ABSTAIN
from certify.confidence import MAX_TRIALS
from certify.interfaces import RadiusLike
from certify.log_cells import number, seconds, votes, whole
from certify.log_header import LogHeader
from certify.multiclass import radius_of_votes
from certify.rule_text import check_rule, lower_limit

__all__ = [
    "COHEN_COLUMNS",
    "COLUMNS",
    "FIRST_COLUMNS",
    "Log",
    "LogRecord",
    "matches",
    "parse_record",
    "radius_of_record",
]

#: Columns of the logs published by Cohen, Rosenfeld and Kolter (ICML 2019) and their followers.
COHEN_COLUMNS = ("idx", "label", "predict", "radius", "correct", "time")

#: Columns of our first logs, all of a fixed number of votes for one class.
FIRST_COLUMNS = (*COHEN_COLUMNS, "count", "n", "prob_lower", "alpha", "seed", "noise")

#: Columns of our logs.
COLUMNS = (*FIRST_COLUMNS, "rule", "votes")

#: Slack, relative, when a printed number is compared with the one computed again: another version
#: of scipy may differ in the last digits of a float64, and printing rounds down.
_RECOMPUTE_SLACK = 1e-9

#: Printing keeps at least this many digits, so a value may be this much below (see certify.logs).
RADIUS_PRINT_ERROR = 1e-5
_PROBABILITY_PRINT_ERROR = 1e-11


@dataclass(frozen=True)
class LogRecord:
    """One line of a log. From `count` on, attributes are None in a six-column log."""

    line: int
    index: int
    label: int | None
    prediction: int
    radius: float
    correct: bool
    seconds: float
    count: int | None = None
    n: int | None = None
    prob_lower: float | None = None
    alpha: float | None = None
    seed: int | None = None
    noise: str | None = None
    adversary: str | None = None
    rule: str = "fixed"
    votes: tuple[tuple[int, int], ...] = ()

    @property
    def abstained(self) -> bool:
        """Whether the line is an abstention."""
        return self.prediction == ABSTAIN


@dataclass(frozen=True)
class Log:
    """A log that passed every check."""

    path: Path
    columns: tuple[str, ...]
    header_line: int
    records: tuple[LogRecord, ...]
    header: LogHeader = field(default_factory=LogHeader)

    def __len__(self) -> int:
        return len(self.records)

    @property
    def has_counts(self) -> bool:
        """Whether the lines carry counts, so that radii can be computed again exactly."""
        return self.columns != COHEN_COLUMNS

    @property
    def radius(self) -> npt.NDArray[np.float64]:
        """Printed radii, shape (len,)."""
        return np.array([r.radius for r in self.records], dtype=np.float64)

    @property
    def correct(self) -> npt.NDArray[np.bool_]:
        """Which predictions equal their labels, shape (len,)."""
        return np.array([r.correct for r in self.records], dtype=np.bool_)

    @property
    def abstained(self) -> npt.NDArray[np.bool_]:
        """Which lines are abstentions, shape (len,)."""
        return np.array([r.abstained for r in self.records], dtype=np.bool_)


def parse_record(line: int, cells: list[str], columns: tuple[str, ...]) -> LogRecord:
    """One line, checked by itself.

    Raises
    ------
    ValueError
        What is wrong with it.
    """
    if len(cells) != len(columns):
        raise ValueError(f"{len(cells)} columns instead of {len(columns)}")
    named = dict(zip(columns, cells, strict=True))
    record = LogRecord(
        line=line,
        index=whole("idx", named["idx"], 0),
        label=None if named["label"] == "-" else whole("label", named["label"], 0),
        prediction=whole("predict", named["predict"], ABSTAIN),
        radius=number("radius", named["radius"], math.inf),
        correct=bool(whole("correct", named["correct"], 0, 1)),
        seconds=seconds(named["time"]),
        **({} if columns == COHEN_COLUMNS else _count_fields(named)),
    )
    _check_consistent(record)
    return record


def _count_fields(named: dict[str, str]) -> dict[str, Any]:
    n = whole("n", named["n"], 1, MAX_TRIALS)
    alpha = number("alpha", named["alpha"], 1.0)
    if not 0.0 < alpha < 1.0:
        raise ValueError(f"alpha is {named['alpha']!r}, not in (0, 1)")
    noise, mark, adversary = named["noise"].rpartition("; adversary = ")
    if not (mark and noise and adversary):
        raise ValueError(f"noise is {named['noise']!r}, without '; adversary = ' and a norm")
    count = whole("count", named["count"], 0)
    if count > n:
        raise ValueError(f"count is {count}, above n = {n}")
    return {
        "count": count,
        "n": n,
        "prob_lower": number("prob_lower", named["prob_lower"], 1.0),
        "alpha": alpha,
        "seed": whole("seed", named["seed"], 0),
        "noise": noise,
        "adversary": adversary,
        "rule": check_rule(named.get("rule", "fixed"), n),
        "votes": votes("votes", named.get("votes", "-"), n),
    }


def _check_consistent(record: LogRecord) -> None:
    """What the cells of one line say about each other."""
    expected = not record.abstained and record.prediction == record.label
    if record.correct != expected:
        raise ValueError(
            f"correct is {int(record.correct)} for label {record.label} and predict "
            f"{record.prediction}"
        )
    if record.abstained and record.radius != 0.0:
        raise ValueError(f"radius is {record.radius} for an abstention")
    count = record.count
    if count is None or record.n is None or record.alpha is None:
        return
    prob_lower = record.prob_lower or 0.0
    counted = record.rule.startswith("classes")
    proved = record.radius > 0.0 if counted else prob_lower > 0.5
    if record.abstained == proved:
        raise ValueError(f"prob_lower is {prob_lower} with predict {record.prediction}")
    if counted != bool(record.votes) or (
        counted and not record.abstained and dict(record.votes).get(record.prediction, 0) != count
    ):
        raise ValueError(f"votes are {record.votes} with rule {record.rule!r} and count {count}")
    again = float(lower_limit(record.rule, count, record.n, record.alpha))
    if not matches(prob_lower, again, _PROBABILITY_PRINT_ERROR):
        raise ValueError(
            f"prob_lower is {prob_lower}, but {count} of {record.n} at alpha = "
            f"{record.alpha} give {again}"
        )


def matches(printed: float, again: float, print_error: float) -> bool:
    """Whether a number rounded down when printed can be the one computed again."""
    if printed == again:
        return True
    above = printed <= again * (1.0 + _RECOMPUTE_SLACK)
    return above and printed >= again * (1.0 - print_error - _RECOMPUTE_SLACK)


def radius_of_record(record: LogRecord, radius: RadiusLike, *, alpha: float | None = None) -> float:
    """Radius that the votes of one line certify for its class, by any radius function.

    Parameters
    ----------
    record : LogRecord
        A line with counts, no abstention.
    radius : RadiusFunction
        Of the noise of the log, against any norm.
    alpha : float, optional
        Failure probability; the line's by default.

    Returns
    -------
    float
        Rounded down; 0 if nothing is certified.
    """
    level = record.alpha if alpha is None else alpha
    if record.count is None or record.n is None or level is None:
        raise ValueError("the record has no counts")
    if record.votes:
        return radius_of_votes(record.votes, record.prediction, record.rule, level, radius)
    prob_lower = float(lower_limit(record.rule, record.count, record.n, level))
    return float(radius(tail=1.0 - prob_lower)) if prob_lower > 0.5 else 0.0
