"""Logged evidence: how many of n fresh noisy copies of each image got the selected class."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from certify.certificate import ABSTAIN
from certify.confidence import check_counts
from certify.log_reader import Log
from numerics.errors import LogFormatError, invalid
from numerics.validation import check_count

__all__ = ["Counts", "counts_from_log", "counts_from_npz"]

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Counts:
    """Logged evidence: `count[i]` of `n[i]` fresh noisy copies of image i got `predict[i]`.

    `label` and `predict` are class numbers; an abstained image has `predict` = -1. `rule[i]` says
    by which limit the votes are bounded (`certify.rule_text`), "fixed" by default; `votes[i]` are
    the votes (class, count) of all classes where the rule is about all of them.
    """

    index: IntArray
    label: IntArray
    predict: IntArray
    count: IntArray
    n: IntArray
    rule: tuple[str, ...] = ()
    votes: tuple[tuple[tuple[int, int], ...], ...] = ()

    def __post_init__(self) -> None:
        check_counts(self.count, self.n)
        if not self.rule:
            object.__setattr__(self, "rule", ("fixed",) * len(self))
        if not self.votes:
            object.__setattr__(self, "votes", ((),) * len(self))
        if not len(self.rule) == len(self.votes) == len(self):
            shown = (len(self.rule), len(self.votes))
            raise invalid("rule and votes", f"{len(self)} each, one per image", shown, "add them")

    def __len__(self) -> int:
        return int(self.index.size)

    @property
    def correct(self) -> npt.NDArray[np.bool_]:
        """Whether the selected class is the right one, shape (len,)."""
        return (self.predict == self.label) & (self.predict != ABSTAIN)


def counts_from_log(log: Log) -> Counts:
    """The counts of one of our logs.

    Raises
    ------
    LogFormatError
        The log has radii only; use `recertify_radii`.
    """
    if not log.has_counts:
        raise LogFormatError(f"{log.path} has no counts, only radii; use recertify_radii")
    rows = log.records

    def column(name: str) -> IntArray:
        return np.array([getattr(row, name) for row in rows], dtype=np.int64)

    labels = np.array([ABSTAIN - 1 if r.label is None else r.label for r in rows], dtype=np.int64)
    return Counts(
        column("index"),
        labels,
        column("prediction"),
        column("count"),
        column("n"),
        tuple(row.rule for row in rows),
        tuple(row.votes for row in rows),
    )


def counts_from_npz(path: str | os.PathLike[str], *, n: int) -> dict[str, Counts]:
    """The counts of a ``.npz`` file, by noise level as its keys spell it, in increasing order.

    The file holds ``label`` and, for every noise level s, ``predict_s`` and ``count_s``, all of
    shape (images,).

    Parameters
    ----------
    path : path
        File to read; it is opened without pickle.
    n : int
        Fresh noisy copies per image, which the file does not hold.

    Returns
    -------
    dict from str to Counts

    Raises
    ------
    LogFormatError
        A key is missing, or shapes differ.
    InvalidInputError
        A count exceeds `n`.
    """
    trials = check_count("n", n, minimum=1)
    with np.load(Path(path), allow_pickle=False) as file:
        data = {key: file[key] for key in file.files}
    levels = [key.removeprefix("count_") for key in data if key.startswith("count_")]
    missing = [k for k in ("label", *(f"predict_{s}" for s in levels)) if k not in data]
    if missing or not levels:
        needed = missing[0] if missing else "count_<noise level>"
        raise LogFormatError(f"{path}: no array {needed!r}; expected label, predict_s and count_s")
    label = data["label"].astype(np.int64)
    result = {}
    for level in sorted(levels, key=float):
        predict, count = data[f"predict_{level}"], data[f"count_{level}"]
        if not label.shape == predict.shape == count.shape or label.ndim != 1:
            raise LogFormatError(f"{path}: arrays of noise level {level} differ in shape")
        result[level] = Counts(
            np.arange(label.size),
            label,
            predict.astype(np.int64),
            count.astype(np.int64),
            np.full(label.shape, trials, dtype=np.int64),
        )
    return result
