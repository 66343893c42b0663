"""Runs that are killed, resumed, or resumed with something changed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from certify.log_reader import read_log
from certify.logs import LogWriter
from certify.smoothed_classifier import SmoothedClassifier
from numerics.errors import LogFormatError
from smoothing.families import gaussian
from tests.reference.stand_in_radius import StandInRadius

ROOT = Path(__file__).resolve().parents[2]
DIM = 4


def brighter(x):
    return (x.mean(dim=1) > 0.5).long()


def smoothed(scale=0.5, model=brighter, adversary="l2"):
    radius = StandInRadius("gaussian", scale=scale, dim=DIM, adversary=adversary)
    return SmoothedClassifier(model, gaussian(dim=DIM, scale=scale), radius)


IMAGES = torch.linspace(0.2, 0.9, 12).view(12, 1).expand(12, DIM).contiguous()


def run(path, count=12, **changes):
    options = {"n": 400, "seed": 3, "log": path} | changes
    return smoothed().certify(IMAGES[:count], labels=[1] * count, **options)


def lines(path):
    """The lines without their times."""
    rows = [line.split("\t") for line in path.read_text().splitlines()]
    return [row[:5] + row[6:] for row in rows if not row[0].startswith("#")]


def test_repeating_a_call_resumes_it(tmp_path):
    path, whole = tmp_path / "run.tsv", tmp_path / "whole.tsv"
    expected = run(whole)
    run(path, count=5)
    calls = []

    def model(x):
        calls.append(len(x))
        return brighter(x)

    model.__module__, model.__qualname__ = brighter.__module__, brighter.__qualname__
    again = smoothed(model=model).certify(IMAGES, labels=[1] * 12, n=400, seed=3, log=path)
    assert sum(calls) == 7 * (400 + 64)
    assert lines(path) == lines(whole)
    assert [c.count for c in again] == [c.count for c in expected]
    # Radii that come from the file are printed ones, rounded down.
    assert (again.radius <= expected.radius).all()
    assert again.radius == pytest.approx(expected.radius, rel=1e-5)
    text = path.read_text()
    run(path)
    assert path.read_text() == text


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"n": 500}, "n is '400' in the log, now '500'"),
        ({"seed": 4}, "seed is '3' in the log, now '4'"),
        ({"n0": 32}, "n0 is '64' in the log, now '32'"),
        ({"alpha": 0.01}, r"alpha is '0\.001' in the log, now '0\.01'"),
        ({"family": 10}, r"alpha is '0\.001' in the log, now '9\.99\d*e-05'"),
        ({"target": 0.1}, r"mode is 'fixed' in the log, now 'target 0\.1'"),
        ({"log_settings": {"data": "other"}}, "data is not in the log, now 'other'"),
    ],
)
def test_other_settings_are_refused_with_the_difference(tmp_path, changes, message):
    path = tmp_path / "run.tsv"
    run(path, count=1)
    text = path.read_text()
    with pytest.raises(LogFormatError, match=message):
        run(path, **changes)
    assert path.read_text() == text


def test_other_noise_model_or_norm_is_refused(tmp_path):
    path = tmp_path / "run.tsv"
    run(path, count=1)
    options = {"n": 400, "seed": 3, "log": path}
    with pytest.raises(LogFormatError, match=r"noise is .*scale = 0\.5.* now .*scale = 0\.25"):
        smoothed(scale=0.25).certify(IMAGES, **options)
    with pytest.raises(LogFormatError, match="adversary is 'l2' in the log, now 'l1'"):
        smoothed(adversary="l1").certify(IMAGES, **options)
    first, second = torch.nn.Linear(DIM, 2).eval(), torch.nn.Linear(DIM, 2).eval()
    other = tmp_path / "module.tsv"
    smoothed(model=first).certify(IMAGES[:1], n=400, log=other)
    with pytest.raises(LogFormatError, match=r"model is 'Linear .*' in the log, now 'Linear"):
        smoothed(model=second).certify(IMAGES[:1], n=400, log=other)


def test_settings_and_versions_stand_in_the_log(tmp_path):
    path = tmp_path / "run.tsv"
    run(path, count=2, log_settings={"data": "ramp"})
    header = read_log(path).header
    assert header.settings["alpha"] == "0.001"
    assert header.settings["data"] == "ramp"
    assert header.versions["torch"] == torch.__version__
    assert path.read_text().startswith("# radii certification log\n# setting mode = fixed\n")


def test_every_cut_of_the_last_line_is_repaired(tmp_path):
    path = tmp_path / "run.tsv"
    run(path, count=3)
    data = path.read_bytes()
    start = data.rfind(b"\n", 0, -1) + 1
    for end in range(start + 1, len(data), 7):
        path.write_bytes(data[:end])
        with pytest.warns(UserWarning, match="last line was cut off"), LogWriter(path) as writer:
            assert [r.index for r in writer.records] == [0, 1]
        assert path.read_bytes() == data[:start]
    path.write_bytes(data[: start + 9])
    with pytest.warns(UserWarning, match="last line was cut off"):
        run(path, count=3)
    assert [r.index for r in read_log(path).records] == [0, 1, 2]


def test_only_the_last_line_is_repaired(tmp_path):
    path = tmp_path / "run.tsv"
    run(path, count=3)
    text = path.read_text()
    damaged = text.replace("\t64\t", "\tx\t").replace("\n1\t", "\n1", 1) + "torn"
    path.write_text(damaged)
    with pytest.raises(LogFormatError, match="line"):
        run(path)
    assert path.read_text() == damaged
    note = tmp_path / "note.txt"
    note.write_text("not a log\nat all")
    with pytest.raises(LogFormatError, match="line 1: the header"):
        LogWriter(note)
    assert note.read_text() == "not a log\nat all"


def test_one_writer_at_a_time(tmp_path):
    path = tmp_path / "run.tsv"
    with LogWriter(path), pytest.raises(LogFormatError, match="by another process"):
        LogWriter(path)
    LogWriter(path).close()


CHILD = """
import sys, time
sys.path.insert(0, {root!r})
from tests.certify.test_resume import IMAGES, brighter, smoothed
def slow(x):
    time.sleep(0.01)
    return brighter(x)
slow.__module__, slow.__qualname__ = brighter.__module__, brighter.__qualname__
print("ready", flush=True)
smoothed(model=slow).certify(IMAGES, labels=[1] * 12, n=400, seed=3, log={path!r})
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="the system has no SIGKILL")
def test_killed_at_any_moment(tmp_path):
    """SIGKILL twice in the middle, then finish: the log is that of an undisturbed run."""
    path, whole = tmp_path / "run.tsv", tmp_path / "whole.tsv"
    run(whole)
    code = CHILD.format(root=str(ROOT), path=str(path))
    for wanted in (1, 6):
        child = subprocess.Popen(
            [sys.executable, "-c", code],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        deadline = time.monotonic() + 60.0
        while time.monotonic() < deadline and child.poll() is None:
            if path.exists() and len(lines(path)) > wanted:
                break
            time.sleep(0.002)
        os.kill(child.pid, signal.SIGKILL)
        assert child.wait() == -signal.SIGKILL
        before = read_log(path).records
        assert len(before) >= wanted
        assert len({record.index for record in before}) == len(before)
    run(path)
    assert lines(path) == lines(whole)
