"""The log: what is written can be read back, and nothing else is believed."""

from __future__ import annotations

import dataclasses
import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certify.certificate import ABSTAIN, Certificate, Status
from certify.confidence import clopper_pearson_lower
from certify.log_reader import COHEN_COLUMNS, COLUMNS, read_log
from certify.logs import LogWriter
from numerics.decimals import down_text, half_unit
from numerics.errors import LogFormatError
from tests.reference.stand_in_radius import StandInRadius

RADIUS = StandInRadius("gaussian", scale=0.5)
NOISE = "norm(x, 2)**2/2; dim=4; scale=0.5"


def certificate(index, count, label=3, prediction=3, n=1000, alpha=1e-3):
    prob_lower = float(clopper_pearson_lower(count, n, alpha))
    certified = prob_lower > 0.5
    return Certificate(
        index=index,
        status=Status.CERTIFIED if certified else Status.ABSTAINED,
        prediction=prediction if certified else ABSTAIN,
        radius=float(RADIUS(tail=1.0 - prob_lower)) if certified else 0.0,
        prob_lower=prob_lower,
        count=count,
        n=n,
        alpha=alpha,
        seed=7,
        adversary="l1",
        guarantee="conservative",
        route="stand-in",
        noise=NOISE,
        label=label,
        seconds=0.25,
    )


@pytest.fixture
def path(tmp_path):
    place = tmp_path / "run.tsv"
    with LogWriter(place) as writer:
        for item in (
            certificate(0, 1000),
            certificate(20, 700, label=5),
            certificate(40, 300),
            certificate(60, 999, label=None),
        ):
            writer.write(item)
    return place


def edit(path, old, new):
    text = path.read_text()
    assert text.count(old) >= 1
    path.write_text(text.replace(old, new, 1))


def test_round_trip_and_rounding(path):
    log = read_log(path, verify=RADIUS)
    assert log.columns == COLUMNS
    assert [r.index for r in log.records] == [0, 20, 40, 60]
    assert log.correct.tolist() == [True, False, False, False]
    assert log.abstained.tolist() == [False, False, True, False]
    first, second, third, fourth = log.records
    assert (first.count, first.n, first.alpha, first.seed) == (1000, 1000, 1e-3, 7)
    assert (first.noise, first.adversary, first.seconds) == (NOISE, "l1", 0.25)
    assert third.radius == 0.0
    assert fourth.label is None
    for record, count in ((first, 1000), (second, 700), (fourth, 999)):
        exact = certificate(0, count)
        assert record.radius <= exact.radius <= record.radius * (1 + 1e-5)
        assert record.prob_lower <= exact.prob_lower <= record.prob_lower * (1 + 1e-11)


def test_text_is_as_documented(path):
    lines = path.read_text().splitlines()
    assert lines[0].split("\t") == [*COHEN_COLUMNS, *COLUMNS[6:]]
    assert lines[1].split("\t") == [
        *["0", "3", "3", "1.23163", "1", "0.250"],
        # 0.001 ** (1 / 1000) = 0.9931160484209338; the radius is 0.5 ndtri of it = 1.231636...
        *["1000", "1000", "0.99311604842", "0.001", "7", f"{NOISE}; adversary = l1"],
        *["fixed", "-"],
    ]


@given(st.floats(0, 1e300), st.integers(1, 17))
def test_printing_never_rounds_up(value, digits):
    text = down_text(value, digits)
    assert Fraction(text) <= Fraction(value)
    assert Fraction(text) >= Fraction(value) * (1 - Fraction(10) ** (1 - digits))


def test_half_unit_bounds_the_error_of_printing():
    for value in (0.97842, 1.9551, 0.0082499, 9.996, 123.4, 2.3456e-5):
        printed = float(f"{value:.3}")
        assert abs(value - printed) <= half_unit(printed, 3)
    assert half_unit(0.0, 3) == 0.0


def test_appending_continues_the_file(path):
    with LogWriter(path) as writer:
        assert [r.index for r in writer.records] == [0, 20, 40, 60]
        writer.write(certificate(80, 900))
        with pytest.raises(LogFormatError, match=r"already holds image\(s\) 20"):
            writer.write(certificate(20, 900))
    text = path.read_text()
    assert text.count("idx") == 1
    assert len(read_log(path)) == 5


def test_lines_reach_the_disk_one_by_one(tmp_path):
    place = tmp_path / "run.tsv"
    writer = LogWriter(place)
    for index in range(3):
        writer.write(certificate(index, 900))
        assert len(read_log(place)) == index + 1  # while the writer is still open
    writer.close()


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("\t7\tnorm", "\tnorm", 2, "13 columns instead of 14"),
        ("\t1000\t1000\t", "\t1001\t1000\t", 2, "count is 1001, above n = 1000"),
        ("\t1000\t1000\t", "\t999\t1000\t", 2, "prob_lower is 0.99311604842, but 999 of 1000"),
        ("\t1000\t1000\t", "\t1_000\t1000\t", 2, "count is '1_000', not a whole number"),
        ("\t1\t0.250", "\t0\t0.250", 2, "correct is 0 for label 3 and predict 3"),
        ("20\t5\t3", "20\t3\t3", 3, "correct is 0 for label 3 and predict 3"),
        ("20\t5\t3", "0\t5\t3", 3, "image 0 is already on line 2"),
        ("20\t5\t3", "20\t5\t-1", 3, "for an abstention"),
        ("40\t3\t-1\t0", "40\t3\t2\t0", 4, "prob_lower is .* with predict 2"),
        ("40\t3\t-1\t0", "-40\t3\t-1\t0", 4, "idx is -40, not >= 0"),
        ("1.23163", "-1", 2, "radius is '-1', not a number from 0"),
        ("1.23163", "nan", 2, "radius is 'nan'"),
        ("1.23163", "big", 2, "radius is 'big', not a number"),
        ("0.250", "-1", 2, "time is '-1'"),
        ("0.250", "soon", 2, "time is 'soon'"),
        ("\t0.001\t", "\t0\t", 2, r"alpha is '0', not in \(0, 1\)"),
        ("\tfixed\t", "\tbest\t", 2, "rule is 'best', not 'fixed'"),
        ("\tfixed\t", "\tanytime 999\t", 2, "rule is 'anytime 999' for n = 1000"),
        ("\tfixed\t", "\tanytime 1000\t", 2, "prob_lower is 0.99311604842, but 1000 of 1000"),
        ("\tfixed\t-", "\tfixed\t3:999", 2, "votes is '3:999', not the votes of distinct"),
        ("\tfixed\t-", "\tfixed\t3:1000", 2, "votes are .* with rule 'fixed'"),
        ("; adversary = l1", "", 2, "noise is .* without '; adversary = '"),
    ],
)
def test_edited_lines_are_named(path, old, new, line, message):
    edit(path, old, new)
    with pytest.raises(LogFormatError, match=rf"run\.tsv, line {line}: .*{message}"):
        read_log(path)


def test_edited_radius_is_found_by_computing_it_again(path):
    edit(path, "1.23163", "1.23164")
    assert read_log(path).records[0].radius == 1.23164
    with pytest.raises(LogFormatError, match=r"line 2: radius is 1.23164, but its count gives"):
        read_log(path, verify=RADIUS)
    with pytest.raises(LogFormatError, match="line 2: radius in l1, not in l2"):
        read_log(path, verify=dataclasses.replace(RADIUS, adversary="l2"))


def test_every_truncation_is_noticed(path):
    whole = path.read_bytes()
    for end in range(len(whole)):
        path.write_bytes(whole[:end])
        if end and whole[end - 1 : end] == b"\n":
            continue  # cut between lines: nothing was lost but whole lines
        with pytest.raises(LogFormatError, match="line"):
            read_log(path)


def test_other_files_are_refused(tmp_path):
    place = tmp_path / "other.tsv"
    place.write_bytes(b"idx\tlabel\xff\n")
    with pytest.raises(LogFormatError, match="line 1: not UTF-8"):
        read_log(place)
    place.write_text("a,b\n1,2\n")
    with pytest.raises(LogFormatError, match="line 1: the header is 'a,b'"):
        read_log(place)


def test_cohen_log(tmp_path):
    place = tmp_path / "cohen.tsv"
    header = "\t".join(COHEN_COLUMNS)
    place.write_text(
        f"{header}\n0\t3\t3\t0.378\t1\t15.4\n20\t7\t-1\t0.0\t0\t0:02:32.717239\n30\t8\t2\t0.1\t0\t1\n"
    )
    log = read_log(place)
    assert not log.has_counts
    assert log.radius.tolist() == [0.378, 0.0, 0.1]
    assert [r.seconds for r in log.records] == pytest.approx([15.4, 152.717239, 1.0])
    with pytest.raises(LogFormatError, match="line 2: no counts"):
        read_log(place, verify=RADIUS)
    with pytest.raises(LogFormatError, match="line 1: cannot append to a log with the columns"):
        LogWriter(place)


def test_comments_before_the_header(path):
    path.write_text("# trained for 90 epochs\n" + path.read_text())
    assert read_log(path).records[0].line == 3


def test_infinite_radius_round_trips(tmp_path):
    place = tmp_path / "run.tsv"
    with LogWriter(place) as writer:
        writer.write(dataclasses.replace(certificate(0, 1000), radius=math.inf))
    assert read_log(place).records[0].radius == math.inf
