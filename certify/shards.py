"""Parts of a run for plain schedulers, and one log out of the logs of the parts."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from certify.log_header import differences, format_header
from certify.log_reader import COLUMNS, Log, LogRecord, read_log
from numerics.errors import LogFormatError, invalid

__all__ = ["Shard", "merge_logs"]

T = TypeVar("T")


@dataclass(frozen=True)
class Shard:
    """Part `number` of `total`: every total-th image, so that parts take about equally long.

    Examples
    --------
    >>> Shard.parse("2/3").part([0, 10, 20, 30, 40])
    [10, 40]
    """

    number: int = 1
    total: int = 1

    @classmethod
    def parse(cls, text: str) -> Shard:
        """Read ``i/k``, 1 <= i <= k.

        Raises
        ------
        InvalidInputError
            It is something else.
        """
        number, _, total = text.partition("/")
        if not (number.isdecimal() and total.isdecimal() and 1 <= int(number) <= int(total)):
            raise invalid("--shard", "i/k with whole numbers 1 <= i <= k", text, "write 1/4 to 4/4")
        return cls(int(number), int(total))

    def part(self, items: Sequence[T]) -> list[T]:
        """The items of this part."""
        return list(items[self.number - 1 :: self.total])

    def describe(self) -> str:
        """Words for a message; empty for the whole."""
        return "" if self.total == 1 else f", part {self.number} of {self.total}"


def merge_logs(
    paths: Sequence[str | os.PathLike[str]], out: str | os.PathLike[str]
) -> tuple[Path, int]:
    """Join logs of parts of one run, sorted by the number of the image.

    Parameters
    ----------
    paths : sequence of path
        Logs with the same settings and no image in common.
    out : path
        File to write, which appears whole or not at all. It can be resumed like any log.

    Returns
    -------
    tuple of (path, int)
        The file and its number of images.

    Raises
    ------
    LogFormatError
        A log is damaged, has other settings, or repeats an image; nothing is written.
    """
    logs = [read_log(path) for path in paths]
    if not logs:
        raise invalid("logs", "at least one", [], "pass the logs of the parts")
    first, target = logs[0], Path(out)
    seen: dict[int, Path] = {}
    for log in logs:
        _check_alike(first, log)
        for record in log.records:
            if record.index in seen:
                raise LogFormatError(
                    f"{log.path}, line {record.line}: image {record.index} is already in "
                    f"{seen[record.index]}; the parts overlap"
                )
            seen[record.index] = log.path
    lines = sorted((r.index, text) for log in logs for r, text in _lines(log))
    header = format_header(first.header.settings, first.header.versions)
    if not first.header.settings:
        header = ""
    draft = target.with_name(f".{target.name}.new")
    with draft.open("w", encoding="utf-8", newline="\n") as file:
        file.write(header + "\t".join(COLUMNS) + "\n")
        file.writelines(text for _, text in lines)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(target)
    return target, len(lines)


def _check_alike(first: Log, log: Log) -> None:
    if log.columns != COLUMNS:
        raise LogFormatError(f"{log.path} has the columns {' '.join(log.columns)}; certify anew")
    changed = differences(first.header.settings, log.header.settings)
    if changed:
        raise LogFormatError(
            f"{log.path} is of another run than {first.path}: {'; '.join(changed)}"
        )


def _lines(log: Log) -> list[tuple[LogRecord, str]]:
    text = log.path.read_text(encoding="utf-8").split("\n")
    return [(record, text[record.line - 1].rstrip("\r") + "\n") for record in log.records]
