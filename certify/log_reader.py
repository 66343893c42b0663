"""Strict reader of certification logs: ours, and the six-column ones of Cohen et al.

Every line is checked by itself and against the others; the first one that cannot be trusted is
named by its number. Radii can also be computed again from the counts (`verify`).
"""

from __future__ import annotations

import os
from pathlib import Path

from certify.interfaces import RadiusLike, norm_name
from certify.log_header import parse_header
from certify.log_records import (
    COHEN_COLUMNS,
    COLUMNS,
    FIRST_COLUMNS,
    RADIUS_PRINT_ERROR,
    Log,
    LogRecord,
    matches,
    parse_record,
    radius_of_record,
)
from numerics.errors import LogFormatError

__all__ = ["COHEN_COLUMNS", "COLUMNS", "Log", "LogRecord", "parse_log", "read_log"]


def read_log(path: str | os.PathLike[str], *, verify: RadiusLike | None = None) -> Log:
    """Read and check a certification log.

    Parameters
    ----------
    path : path
        A log of this library or of Cohen et al. (six columns). Lines that start with ``#`` before
        the line of column names are comments; ours state the settings of the run.
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
    log = parse_log(place, place.read_bytes())
    if verify is not None:
        _verify(place, log.records, verify)
    return log


def parse_log(place: Path, data: bytes) -> Log:
    """Check the contents of a log file.

    Raises
    ------
    LogFormatError
        As for `read_log`.
    """
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise _error(place, line, "not UTF-8 text", "restore the file") from None
    lines = text.split("\n")
    header_line = next((i for i, line in enumerate(lines) if not line.startswith("#")), 0)
    columns = tuple(lines[header_line].rstrip("\r").split("\t"))
    if columns not in (COLUMNS, FIRST_COLUMNS, COHEN_COLUMNS):
        raise _error(
            place,
            header_line + 1,
            f"the header is {lines[header_line]!r}",
            f"a log starts with {' '.join(COHEN_COLUMNS)}, separated by tabs",
        )
    # A file that was cut in the middle of a line has no newline at its end.
    if lines[-1] != "":
        remedy = "resume the run, which repairs it, or delete it"
        raise _error(place, len(lines), "the last line is cut off", remedy)
    records = _read_lines(place, lines, header_line + 1, columns)
    return Log(place, columns, header_line + 1, records, parse_header(lines[:header_line]))


def _error(path: Path, line: int, what: str, remedy: str) -> LogFormatError:
    return LogFormatError(f"{path}, line {line}: {what}; {remedy}")


def _read_lines(
    path: Path, lines: list[str], start: int, columns: tuple[str, ...]
) -> tuple[LogRecord, ...]:
    records: list[LogRecord] = []
    seen: dict[int, int] = {}
    for line_number, line in enumerate(lines[start:-1], start + 1):
        try:
            record = parse_record(line_number, line.rstrip("\r").split("\t"), columns)
        except ValueError as error:
            raise _error(path, line_number, str(error), "restore or delete the line") from None
        if record.index in seen:
            what = f"image {record.index} is already on line {seen[record.index]}"
            raise _error(path, line_number, what, "keep one of the two")
        seen[record.index] = line_number
        records.append(record)
    return tuple(records)


def _verify(path: Path, records: tuple[LogRecord, ...], radius: RadiusLike) -> None:
    for record in records:
        if record.count is None or record.n is None or record.alpha is None:
            what = "no counts to compute the radius from"
            raise _error(path, record.line, what, "read this log without `verify`")
        if record.adversary != norm_name(radius.adversary):
            what = f"radius in {record.adversary}, not in {norm_name(radius.adversary)}"
            raise _error(path, record.line, what, "verify with the radius function of the log")
        again = 0.0 if record.abstained else radius_of_record(record, radius)
        if not matches(record.radius, again, RADIUS_PRINT_ERROR):
            what = f"radius is {record.radius}, but its count gives {again}"
            raise _error(path, record.line, what, "the line was edited or is of another noise")
