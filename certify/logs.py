"""Certification logs: append-only, tab-separated, one line per image, Cohen's columns first.

Columns are ``idx label predict radius correct time`` (Cohen et al., github locuslab/smoothing, so
that their scripts read ours) and then ``count n prob_lower alpha seed noise``: everything needed to
compute the radius again, for this norm or another. `radius` and `prob_lower` are rounded down.
A label that is unknown is written as ``-``. The cell `noise` holds the noise as text, then
``; adversary = `` and the norm.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import IO

from certify.certificate import Certificate
from certify.log_reader import COLUMNS, LogRecord, read_log
from numerics.decimals import down_text
from numerics.errors import LogFormatError

__all__ = ["LogWriter", "format_line"]

#: Significant digits of a printed radius: far below anything an image format resolves.
RADIUS_DIGITS = 6

#: Significant digits of a printed probability, so that 1 - prob_lower keeps six of them or more
#: at n = 1e6. `count`, `n` and `alpha` give it in full.
PROBABILITY_DIGITS = 12


def format_line(certificate: Certificate) -> str:
    """One line of the log, with its newline."""
    text = f"{certificate.noise}; adversary = {certificate.adversary}"
    cells = (
        str(certificate.index),
        "-" if certificate.label is None else str(certificate.label),
        str(certificate.prediction),
        down_text(certificate.radius, RADIUS_DIGITS),
        str(int(certificate.correct)),
        f"{certificate.seconds:.3f}",
        str(certificate.count),
        str(certificate.n),
        down_text(certificate.prob_lower, PROBABILITY_DIGITS),
        repr(certificate.alpha),
        str(certificate.seed),
        " ".join(text.split()),
    )
    return "\t".join(cells) + "\n"


class LogWriter:
    """Appends certificates to a log, one flushed line per image.

    A new file gets its header. An existing one is read first: a damaged file is refused (naming
    the line), and so is an image that is already in it.

    Parameters
    ----------
    path : path
        File to create or to append to.
    fsync : bool, default True
        Also ask the operating system to put every line on the disk, so that a power cut loses at
        most the image in flight.

    Raises
    ------
    LogFormatError
        The file exists and is not a log of this format.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder, LogWriter(Path(folder) / "run.tsv") as writer:
    ...     writer.path.read_text().split()[:3]
    ['idx', 'label', 'predict']
    """

    def __init__(self, path: str | os.PathLike[str], *, fsync: bool = True) -> None:
        self.path = Path(path)
        self._fsync = fsync
        self._records: list[LogRecord] = []
        new = not self.path.exists() or self.path.stat().st_size == 0
        if not new:
            log = read_log(self.path)
            if log.columns != COLUMNS:
                raise LogFormatError(
                    f"{self.path}, line {log.header_line}: cannot append to a log with the columns "
                    f"{' '.join(log.columns)}; pass a new path"
                )
            self._records = list(log.records)
        self._indices = {record.index for record in self._records}
        # Newlines are written as such, so that a log is the same on every system.
        self._file: IO[str] = self.path.open("a", encoding="utf-8", newline="\n")
        if new:
            self._put("\t".join(COLUMNS) + "\n")

    @property
    def records(self) -> tuple[LogRecord, ...]:
        """Lines that were in the file when it was opened."""
        return tuple(self._records)

    def refuse_duplicates(self, indices: Iterable[int]) -> None:
        """Raise `LogFormatError` if one of the images is already in the log."""
        again = sorted(self._indices.intersection(indices))
        if again:
            shown = ", ".join(map(str, again[:5])) + (", ..." if len(again) > 5 else "")
            raise LogFormatError(
                f"{self.path} already holds image(s) {shown}; certify the others, or pass a new "
                "path"
            )

    def write(self, certificate: Certificate) -> None:
        """Append one line and flush it."""
        self.refuse_duplicates([certificate.index])
        self._put(format_line(certificate))
        self._indices.add(certificate.index)

    def _put(self, line: str) -> None:
        self._file.write(line)
        self._file.flush()
        if self._fsync:
            os.fsync(self._file.fileno())

    def close(self) -> None:
        """Close the file; the writer cannot be used afterwards."""
        self._file.close()

    def __enter__(self) -> LogWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
