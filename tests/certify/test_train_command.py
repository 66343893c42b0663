"""The command ``radii train``, and weights that training starts from."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from typer.testing import CliRunner

from certify.model_files import build, load_model
from certify.train_command import start_from
from numerics.errors import InvalidInputError
from radii.cli import app

NOISE = ["--psi", "norm(x, 2)**2/2", "--sigma", 0.2]


@pytest.fixture(scope="module")
def few(tmp_path_factory):
    """Two hundred digits as a file."""
    from certify.data_files import load_data

    digits = load_data("digits?part=train").first(200)
    path = tmp_path_factory.mktemp("data") / "few.npz"
    np.savez(path, images=digits.images.numpy(), labels=digits.labels.numpy())
    return path


def train(few, out, *options):
    arguments = ["train", "small_cnn", "--data", few, *NOISE, "--out", out, *options]
    return CliRunner().invoke(app, [str(a) for a in arguments], env={"COLUMNS": "200"})


def test_train_writes_weights_that_certify_reads(few, tmp_path):
    out = tmp_path / "weights.safetensors"
    first = train(few, out, "--objective", "stability", "--gamma", 3, "--epochs", 2)
    assert first.exit_code == 0, first.output
    assert "Stability(gamma=3.0)" in first.output
    with safe_open(out, framework="pt") as file:
        assert file.metadata()["architecture"] == "small_cnn"
    before = load_model(str(out))[0].weight
    again = train(few, out, "--objective", "stability", "--gamma", 3, "--epochs", 2)
    assert "resumes" in again.output
    assert torch.equal(load_model(str(out))[0].weight, before)
    other = train(few, out, "--objective", "stability", "--epochs", 2)
    assert other.exit_code == 2
    assert "objective is 'Stability(gamma=3.0)' there, now 'Stability(gamma=6.0)'" in other.output


def test_a_teacher_labels_more_images(few, tmp_path):
    teacher = tmp_path / "teacher.safetensors"
    save_file(build("small_cnn", seed=1).state_dict(), teacher, {"architecture": "small_cnn"})
    out = tmp_path / "student.safetensors"
    done = train(few, out, "--epochs", 1, "--extra", few, "--teacher", teacher, "--init", teacher)
    assert done.exit_code == 0, done.output
    assert "extra      " in done.output


def test_dry_run_writes_nothing(few, tmp_path):
    out = tmp_path / "weights.safetensors"
    dry = train(few, out, "--dry-run")
    assert dry.exit_code == 0, dry.output
    assert "cost       about" in dry.output
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--objective", "magic"], "objective must be one of 'noise'"),
        (["--beta", 2], "the setting beta of noise"),
        (["--teacher", "certify.models:small_cnn"], "--teacher must be given with --extra"),
        (["--new-head"], "--new-head must be given with --init"),
        (["--init", "absent.safetensors"], "--init must be a file that exists"),
        (["--device", "abacus"], "--device must be a device"),
        (["--epochs", 0], "epochs must be"),
    ],
)
def test_train_says_what_is_wrong(few, tmp_path, options, message):
    result = train(few, tmp_path / "w.safetensors", *options)
    assert result.exit_code == 2, result.output
    assert message in result.output


def test_pre_trained_weights_with_other_classes(tmp_path):
    path = tmp_path / "pretrained.safetensors"
    source = build("small_cnn", classes=20, seed=1)
    save_file(source.state_dict(), path)
    model = build("small_cnn", seed=2)
    head = model[5].weight.clone()
    start_from(model, path)
    assert torch.equal(model[0].weight, source[0].weight)
    assert torch.equal(model[5].weight, head)
    same = build("small_cnn", seed=3)
    save_file(same.state_dict(), path)
    start_from(model, path, new_head=True)
    assert torch.equal(model[5].weight, head)
    start_from(model, path)
    assert torch.equal(model[5].weight, same[5].weight)
    state = {**same.state_dict(), "2.weight": torch.zeros(1, 1)}
    save_file(state, path)
    with pytest.raises(InvalidInputError, match="only the last layer may differ"):
        start_from(model, path)
