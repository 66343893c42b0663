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
from scipy.special import ndtr

from certify.confidence import clopper_pearson_lower
from certify.log_reader import read_log
from certify.logs import LogWriter
from certify.recertify import recertify_log
from certify.smoothed_classifier import SmoothedClassifier
from numerics.errors import InvalidInputError, LogFormatError
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


@pytest.mark.parametrize("mode", [{"target": 0.2}, {"gain": 0.05, "step": 50}])
def test_sequential_logs_keep_their_own_limit(tmp_path, mode):
    """A Clopper-Pearson limit where one happened to stop would be too large."""
    path = tmp_path / "run.tsv"
    batch = run(path, n=2000, **mode)
    certified = [c for c in batch if c.certified]
    assert len({c.n for c in batch}) > 1
    assert all(c.rule == "anytime 2000" for c in batch)
    for c in certified:
        assert c.prob_lower <= clopper_pearson_lower(c.count, c.n, c.alpha)
    radius = smoothed().smoother.radius
    assert len(read_log(path, verify=radius)) == 12
    again = recertify_log(path, radius)
    assert again.radius == pytest.approx(batch.radius, rel=1e-12)
    stricter = recertify_log(path, radius, alpha=1e-6)
    assert (stricter.radius <= again.radius).all()
    text = path.read_text()
    path.write_text(text.replace("\tanytime 2000\t", "\tfixed\t"))
    with pytest.raises(LogFormatError, match=r"prob_lower is .* give"):
        read_log(path)


def test_target_agrees_with_the_fixed_sample_and_with_any_batch_size(tmp_path):
    """The images lie far from the target of 0.2, so both decide alike; batches do not matter.

    The distance of image i to the plane is 2 |x - 1/2|; none is within 0.04 of 0.2.
    """
    fixed = run(None, n=20_000)
    target = run(None, n=20_000, target=0.2)
    assert [c.holds_at(0.2) for c in fixed] == [c.holds_at(0.2) for c in target]
    assert sum(c.n for c in target) < sum(c.n for c in fixed) / 8
    other = run(None, n=20_000, target=0.2, batch_size=7)
    assert [(c.count, c.n) for c in other] == [(c.count, c.n) for c in target]


def test_settings_of_modes_are_checked_before_any_pass():
    def never(x):
        raise AssertionError("a forward pass was made")

    for options, message in (
        ({"target": 0.2, "gain": 0.1}, "target and gain must be not both"),
        ({"step": 10}, "step must be given together with gain"),
        ({"target": -1.0}, "target must be a finite number > 0"),
        ({"gain": 0.0}, "gain must be a finite number > 0"),
        ({"gain": 0.1, "step": 0}, "step must be an integer >= 1"),
        ({"target": 0.6, "n": 20}, "n must be at least 63, the fewest samples"),
        ({"gain": 0.1, "n": 10}, "n must be at least 11, the fewest samples"),
        ({"target": 9.0}, r"target must be at most 1\.8.* in l2 at n = 100000"),
        ({"target": 0.2, "alpha": 0.5}, "at most 1/e"),
        ({"family": 0}, "family must be an integer >= 1"),
    ):
        with pytest.raises(InvalidInputError, match=message):
            smoothed(model=never).certify(IMAGES, **options)
    # 63 is indeed the fewest: (alpha/2)^(1/n) against the standard normal's value at 0.6/0.5.
    assert 0.0005 ** (1 / 63) >= ndtr(1.2) > 0.0005 ** (1 / 62)
