"""The command lines of certification: models and data by name, runs that resume, curves."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from typer.testing import CliRunner

from certify.data_files import load_data
from certify.log_curves import curves_of_logs
from certify.log_reader import read_log
from certify.model_files import load_model
from certify.models import small_cnn
from certify.tables import TableRow, format_table
from numerics.errors import InvalidInputError
from radii.cli import app

NOISE = ["--psi", "norm(x, 2)**2/2", "-a", "l2", "--data", "digits", "--seed", "5"]
FACTORY = "certify.models:small_cnn"


def call(*arguments):
    return CliRunner().invoke(app, [str(a) for a in arguments], env={"COLUMNS": "200"})


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    folder = tmp_path_factory.mktemp("weights")
    state = small_cnn(seed=1).state_dict()
    save_file(state, folder / "plain.safetensors")
    wrapped = {f"module.{name}": value for name, value in state.items()}
    torch.save({"epoch": 3, "state_dict": wrapped}, folder / "cohen.pth.tar")
    torch.save(state, folder / "bare.pt")
    example = (torch.zeros(4, 1, 8, 8),)
    dynamic = ({0: torch.export.Dim("batch")},)
    program = torch.export.export(small_cnn(seed=1).eval(), example, dynamic_shapes=dynamic)
    torch.export.save(program, folder / "program.pt2")
    return folder


@pytest.mark.parametrize("name", ["plain.safetensors", "cohen.pth.tar", "bare.pt", "program.pt2"])
def test_models_from_files(weights, name):
    architecture = None if name.endswith("pt2") else FACTORY
    model = load_model(str(weights / name), architecture=architecture)
    x = torch.rand(7, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    assert not any(module.training for module in model.modules())
    assert torch.allclose(model(x), small_cnn(seed=1)(x), atol=1e-6)  # float32 logits of order 1


def test_models_that_cannot_be_loaded(weights, tmp_path):
    class Dangerous:
        def __reduce__(self):
            return (print, ("this must never run",))

    torch.save(Dangerous(), tmp_path / "evil.pt")
    for name, architecture, message in (
        ("somewhere", None, "package.module:function, or a file"),
        ("certify.models:nothing", None, "importable"),
        (FACTORY, FACTORY, "given for files of weights only"),
        (str(weights / "bare.pt"), None, "pass the factory"),
        (str(weights / "absent.pt"), FACTORY, "a file that exists"),
        (str(weights / "bare.pt"), "torch.nn:Flatten", "does not fit"),
        (str(tmp_path / "evil.pt"), FACTORY, "a file of tensors"),
    ):
        with pytest.raises(InvalidInputError, match=message):
            load_model(name, architecture=architecture)


def test_data_from_npz(tmp_path):
    path = tmp_path / "data.npz"
    images = np.arange(24, dtype=np.uint8).reshape(2, 1, 3, 4) * 10
    np.savez(path, images=images, labels=np.array([1, 0]))
    data = load_data(str(path))
    assert data.images.dtype == torch.float32
    assert data.images.max() == np.float32(230 / 255)
    assert data.labels.tolist() == [1, 0]
    for arrays, message in (
        ({"images": images}, "add labels"),
        ({"images": images.astype(int), "labels": np.array([1, 0])}, "images must be of floating"),
        ({"images": images, "labels": np.array([1.0, 0.0])}, "labels must be whole"),
        ({"images": images, "labels": np.array([1])}, "labels must be whole"),
    ):
        np.savez(path, **arrays)
        with pytest.raises(InvalidInputError, match=message):
            load_data(str(path))
    for name in ("data.csv", str(tmp_path / "absent.npz")):
        with pytest.raises(InvalidInputError, match="data must be"):
            load_data(name)


def test_certify_writes_a_log_and_resumes_it(weights, tmp_path):
    log = tmp_path / "run.tsv"
    model = [weights / "cohen.pth.tar", "--arch", FACTORY]
    options = [*NOISE, "--sigma", 0.25, "-n", 500, "--skip", 3, "--log", log]
    first = call("certify", *model, *options, "--max", 2)
    assert first.exit_code == 0, first.output
    assert "copies     500 counted per image" in first.output
    again = call("certify", *model, *options, "--max", 4, "--pixels")
    assert again.exit_code == 0, again.output
    assert "steps of 8 bits" in again.output
    records = read_log(log).records
    assert [record.index for record in records] == [0, 3, 6, 9]
    other = call("certify", *model, *options, "--max", 4, "--gain", "0.1")
    assert other.exit_code == 2
    assert "mode is 'fixed' in the log, now 'gain 0.1 by 5'" in other.output


def test_alpha_for_all_images(tmp_path):
    log = tmp_path / "run.tsv"
    options = [*NOISE, "--sigma", 0.25, "-n", 500, "--max", 4, "--alpha-for-all"]
    assert call("certify", FACTORY, *options, "--log", log).exit_code == 0
    assert {record.alpha for record in read_log(log).records} == {0.001 / 4}


def test_dry_run_certifies_nothing(tmp_path):
    log = tmp_path / "run.tsv"
    options = [*NOISE, "--sigma", 0.25, "--log", log, "--dry-run", "--target", 0.2, "--max", 3]
    result = call("certify", FACTORY, *options)
    assert result.exit_code == 0, result.output
    assert "at most 300,192 copies" in result.output  # 3 (100,000 + 64)
    assert "classes    10" in result.output
    assert not log.exists()


def test_certify_says_what_is_wrong():
    for changes, message in (
        (["--target", 3], "target must be at most 0.94"),
        (["--device", "abacus"], "--device must be a device"),
        (["-n", 5], "n must be at least 10"),
        (["--max", 0], "--max must be an integer >= 1"),
        (["--mean", 0.5], "mean and std must be both given"),
        (["--high", 0.5], "images must lie in [0, 0.5]"),
    ):
        result = call("certify", FACTORY, *NOISE, "--sigma", 0.25, *changes)
        assert result.exit_code == 2
        assert message in result.output


HEADER = "idx\tlabel\tpredict\tradius\tcorrect\ttime\n"


def test_plot_curves(tmp_path):
    for name, rows in (("a", "0\t1\t1\t0.4\t1\t0\n1\t1\t-1\t0.0\t0\t0\n"),
                       ("b_c", "0\t1\t1\t0.9\t1\t0\n1\t1\t2\t0.7\t0\t0\n")):  # fmt: skip
        (tmp_path / f"{name}.tsv").write_text(HEADER + rows)
    files = [tmp_path / "a.tsv", tmp_path / "b_c.tsv"]
    picture = tmp_path / "curves.svg"
    result = call("plot", "curves", *files, "--at", 0.4, "--at", "1/2", "--out", picture)
    assert result.exit_code == 0, result.output
    assert result.output.splitlines()[:5] == [
        "| radius | 0.4 | 0.5 | ACR |",
        "|---|---|---|---|",
        "| a | 0.5 | 0 | 0.2 |",
        "| b_c | 0.5 | 0.5 | 0.45 |",
        "| envelope | 0.5 | 0.5 |  |",
    ]
    assert picture.read_text().startswith("<?xml")
    latex = call("plot", "curves", *files, "--at", 0.4, "--table", "latex", "--no-envelopes")
    assert r"b\_c & 0.5 & 0.45 \\" in latex.output
    assert "envelope" not in latex.output
    for wrong, message in (
        (["--table", "html"], "--table must be one of"),
        (["--label", "one"], "labels must be 2 names"),
        (["--at", "x"], "at must be a number"),
    ):
        result = call("plot", "curves", *files, *wrong)
        assert result.exit_code == 2
        assert message in result.output


def test_logs_of_two_norms_share_no_axis(tmp_path):
    logs = []
    for norm in ("l1", "l2"):
        path = tmp_path / f"{norm}.tsv"
        options = ["--psi", "norm(x, 2)**2/2", "--data", "digits", "--max", 2, "-n", 100]
        done = call("certify", FACTORY, *options, "-a", norm, "--sigma", 1, "--log", path)
        assert done.exit_code == 0, done.output
        logs.append(read_log(path))
    with pytest.raises(InvalidInputError, match="radii in one norm"):
        curves_of_logs(logs, [0.0])
    with pytest.raises(InvalidInputError, match="at least one"):
        curves_of_logs([], [0.0])
    assert curves_of_logs([logs[0], logs[0]], [0.0]).envelopes[0].label.startswith("envelope psi")


def test_special_characters_in_tables():
    text = format_table([TableRow("50% a|b", (1.0,))], [0.0], style="latex")
    assert r"50\% a|b & 1 \\" in text
    assert "a\\|b" in format_table([TableRow("a|b", (1.0,))], [0.0])
