"""Certification logs: append-only, tab-separated, one line per image, Cohen's columns first.

Columns are ``idx label predict radius correct time`` (Cohen et al., github locuslab/smoothing, so
that their scripts read ours), then ``count n prob_lower alpha seed noise rule votes``: everything
needed to compute the radius again, for this norm or another. `radius` and `prob_lower` are rounded
down. A label that is unknown is written as ``-``, and so are votes that were not counted by class.
The cell `noise` holds the noise as text, then ``; adversary = `` and the norm; `rule` says by which
limit the votes were bounded (`certify.rule_text`). Settings and versions stand in comments above
(`certify.log_header`).
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import IO

from filelock import FileLock, Timeout

from certify.certificate import Certificate
from certify.log_header import current_versions, differences, format_header
from certify.log_reader import COLUMNS, Log, LogRecord, parse_log
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
        certificate.rule,
        ",".join(f"{label}:{count}" for label, count in certificate.votes) or "-",
    )
    return "\t".join(cells) + "\n"


class LogWriter:
    """Appends certificates to a log, one flushed line per image.

    A new file appears with its whole header or not at all. An existing one is read first: a line
    that a killed run left half written is removed, with a warning; a file that is damaged anywhere
    else, or that another process is writing, is refused, and so are other settings.

    Parameters
    ----------
    path : path
        File to create or to append to.
    settings : mapping of str to str, optional
        What a resumed run has to agree in. Without it nothing is stated, and nothing compared.
    fsync : bool, default True
        Also ask the operating system to put every line on the disk, so that a power cut loses at
        most the image in flight.

    Raises
    ------
    LogFormatError
        The file exists and is not a log of this format, or one of other settings (all differences
        are listed), or is locked.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder, LogWriter(Path(folder) / "run.tsv") as writer:
    ...     writer.path.read_text().split()[:3]
    ['idx', 'label', 'predict']
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        settings: Mapping[str, str] | None = None,
        fsync: bool = True,
    ) -> None:
        self.path = Path(path)
        self._fsync = fsync
        self._lock = _locked(self.path)
        try:
            self._records = list(self._open(settings))
            self._file: IO[str] = self.path.open("a", encoding="utf-8", newline="\n")
        except BaseException:
            self._lock.release()
            raise
        self._indices = {record.index for record in self._records}

    def _open(self, settings: Mapping[str, str] | None) -> tuple[LogRecord, ...]:
        """Create the file, or check and repair it; returns the lines it holds."""
        if not self.path.exists() or self.path.stat().st_size == 0:
            _create(self.path, settings)
            return ()
        log = _repaired(self.path)
        if log.columns != COLUMNS:
            raise LogFormatError(
                f"{self.path}, line {log.header_line}: cannot append to a log with the columns "
                f"{' '.join(log.columns)}; pass a new path"
            )
        if settings is not None:
            changed = differences(log.header.settings, settings)
            if changed:
                raise LogFormatError(
                    f"{self.path} is of another run: {'; '.join(changed)}; repeat the settings of "
                    "the log, or pass a new path"
                )
        return log.records

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
        self._file.write(format_line(certificate))
        self._file.flush()
        if self._fsync:
            os.fsync(self._file.fileno())
        self._indices.add(certificate.index)

    def close(self) -> None:
        """Close the file; the writer cannot be used afterwards."""
        self._file.close()
        self._lock.release()

    def __enter__(self) -> LogWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def _locked(path: Path) -> FileLock:
    """A lock beside the log; the system releases it when its process ends, however that happens."""
    lock = FileLock(path.with_name(f".{path.name}.lock"))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise LogFormatError(
            f"{path} is being written by another process; wait for it, or pass a new path"
        ) from None
    return lock


def _create(path: Path, settings: Mapping[str, str] | None) -> None:
    """Write the header beside the file and rename it, so that no half of it can be seen."""
    text = "" if settings is None else format_header(settings, current_versions())
    draft = path.with_name(f".{path.name}.new")
    with draft.open("w", encoding="utf-8", newline="\n") as file:
        file.write(text + "\t".join(COLUMNS) + "\n")
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def _repaired(path: Path) -> Log:
    """Read a log whose last line may be cut off; such a line is removed from the file."""
    data = path.read_bytes()
    whole = data[: data.rfind(b"\n") + 1]
    if len(whole) == len(data) or not whole:
        return parse_log(path, data)
    log = parse_log(path, whole)  # refuses a file that is no log before anything is removed
    warnings.warn(
        f"{path}: the last line was cut off when a run was killed; it is removed, and its image "
        "will be certified again",
        UserWarning,
        stacklevel=4,
    )
    with path.open("r+b") as file:
        file.truncate(len(whole))
        file.flush()
        os.fsync(file.fileno())
    return log
