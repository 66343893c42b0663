"""Strict reader of certification logs: ours, and the six-column ones of Cohen et al.

Every line is checked by itself and against the others; the first one that cannot be trusted is
named by its number. Radii can also be computed again from the counts (`verify`).
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from certify.certificate import ABSTAIN
from certify.confidence import MAX_TRIALS, clopper_pearson_lower
from certify.interfaces import RadiusLike, norm_name
from certify.log_cells import number, seconds, whole
from numerics.errors import LogFormatError

__all__ = ["COHEN_COLUMNS", "COLUMNS", "Log", "LogRecord", "read_log"]

#: Columns of the logs published by Cohen, Rosenfeld and Kolter (ICML 2019) and their followers.
COHEN_COLUMNS = ("idx", "label", "predict", "radius", "correct", "time")

#: Columns of our logs.
COLUMNS = (*COHEN_COLUMNS, "count", "n", "prob_lower", "alpha", "seed", "noise")

#: Slack, relative, when a printed number is compared with the one computed again: another version
#: of scipy may differ in the last digits of a float64, and printing rounds down.
_RECOMPUTE_SLACK = 1e-9

#: Printing keeps at least this many digits, so a value may be this much below (see certify.logs).
_RADIUS_PRINT_ERROR = 1e-5
_PROBABILITY_PRINT_ERROR = 1e-11


@dataclass(frozen=True)
class LogRecord:
    """One line of a log. The last six attributes are None in a six-column log."""

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

    def __len__(self) -> int:
        return len(self.records)

    @property
    def has_counts(self) -> bool:
        """Whether the lines carry counts, so that radii can be computed again exactly."""
        return self.columns == COLUMNS

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


def read_log(path: str | os.PathLike[str], *, verify: RadiusLike | None = None) -> Log:
    """Read and check a certification log.

    Parameters
    ----------
    path : path
        A log of this library (twelve columns) or of Cohen et al. (six). Lines that start with
        ``#`` before the header are comments.
    verify : RadiusFunction, optional
        Compute every radius again from its count with this function, and refuse a line that
        prints another.

    Returns
    -------
    Log

    Raises
    ------
    LogFormatError
        The message names the first line that is truncated, inconsistent or not a log line.
    """
    place = Path(path)
    try:
        text = place.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise _error(place, line, "not UTF-8 text", "restore the file") from None
    lines = text.split("\n")
    header_line = next((i for i, line in enumerate(lines) if not line.startswith("#")), 0)
    columns = tuple(lines[header_line].rstrip("\r").split("\t"))
    if columns not in (COLUMNS, COHEN_COLUMNS):
        raise _error(
            place,
            header_line + 1,
            f"the header is {lines[header_line]!r}",
            f"a log starts with {' '.join(COHEN_COLUMNS)}, separated by tabs",
        )
    # A file that was cut in the middle of a line has no newline at its end.
    if lines[-1] != "":
        raise _error(place, len(lines), "the last line is cut off", "delete it and run it again")
    records = _read_lines(place, lines, header_line + 1, columns)
    if verify is not None:
        _verify(place, records, verify)
    return Log(place, columns, header_line + 1, records)


def _error(path: Path, line: int, what: str, remedy: str) -> LogFormatError:
    return LogFormatError(f"{path}, line {line}: {what}; {remedy}")


def _read_lines(
    path: Path, lines: list[str], start: int, columns: tuple[str, ...]
) -> tuple[LogRecord, ...]:
    records: list[LogRecord] = []
    seen: dict[int, int] = {}
    for line_number, line in enumerate(lines[start:-1], start + 1):
        try:
            record = _parse(line_number, line.rstrip("\r").split("\t"), columns)
        except ValueError as error:
            raise _error(path, line_number, str(error), "restore or delete the line") from None
        if record.index in seen:
            what = f"image {record.index} is already on line {seen[record.index]}"
            raise _error(path, line_number, what, "keep one of the two")
        seen[record.index] = line_number
        records.append(record)
    return tuple(records)


def _parse(line: int, cells: list[str], columns: tuple[str, ...]) -> LogRecord:
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
    if record.count is None or record.n is None or record.alpha is None:
        return
    prob_lower = record.prob_lower or 0.0
    if record.abstained != (prob_lower <= 0.5):
        raise ValueError(f"prob_lower is {prob_lower} with predict {record.prediction}")
    again = float(clopper_pearson_lower(record.count, record.n, record.alpha))
    if not _matches(prob_lower, again, _PROBABILITY_PRINT_ERROR):
        raise ValueError(
            f"prob_lower is {prob_lower}, but {record.count} of {record.n} at alpha = "
            f"{record.alpha} give {again}"
        )


def _matches(printed: float, again: float, print_error: float) -> bool:
    """Whether a number rounded down when printed can be the one computed again."""
    if printed == again:
        return True
    above = printed <= again * (1.0 + _RECOMPUTE_SLACK)
    return above and printed >= again * (1.0 - print_error - _RECOMPUTE_SLACK)


def _verify(path: Path, records: tuple[LogRecord, ...], radius: RadiusLike) -> None:
    for record in records:
        if record.count is None or record.n is None or record.alpha is None:
            what = "no counts to compute the radius from"
            raise _error(path, record.line, what, "read this log without `verify`")
        if record.adversary != norm_name(radius.adversary):
            what = f"radius in {record.adversary}, not in {norm_name(radius.adversary)}"
            raise _error(path, record.line, what, "verify with the radius function of the log")
        prob_lower = clopper_pearson_lower(record.count, record.n, record.alpha)
        again = 0.0 if record.abstained else float(radius(tail=1.0 - prob_lower))
        if not _matches(record.radius, again, _RADIUS_PRINT_ERROR):
            what = f"radius is {record.radius}, but its count gives {again}"
            raise _error(path, record.line, what, "the line was edited or is of another noise")
