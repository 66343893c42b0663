"""Data as they lie on disks: CIFAR-10's binary files, folders of images, files that are damaged."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

from certify.cifar_files import read_cifar10
from certify.data_files import load_data, read_rows
from certify.image_folder import ImageFolder
from certify.log_reader import read_log
from certify.shards import Shard, merge_logs
from certify.training_batches import Batches
from numerics.errors import CorruptImageError, InvalidInputError, LogFormatError
from radii.cli import app


def call(*arguments):
    return CliRunner().invoke(app, [str(a) for a in arguments], env={"COLUMNS": "200"})


def write_cifar(path, records, seed=0):
    rng = np.random.default_rng(seed)
    data = rng.integers(0, 256, (records, 3073), dtype=np.uint8)
    data[:, 0] %= 10
    data.tofile(path)
    return data


@pytest.fixture
def cifar(tmp_path):
    folder = tmp_path / "cifar-10-batches-bin"
    folder.mkdir()
    return folder, write_cifar(folder / "test_batch.bin", 4)


def test_cifar10_records(cifar):
    folder, data = cifar
    for name in (f"cifar10:{folder}", str(folder), str(folder / "test_batch.bin")):
        found = load_data(name)
        assert found.shape == (3, 32, 32)
        assert found.labels.tolist() == data[:, 0].tolist()
    # Record 2: byte 1 + 1024 is the first of the green plane, row by row.
    assert float(found.images[2, 1, 0, 0]) == np.float32(data[2, 1 + 1024]) / np.float32(255)
    assert float(found.images[2, 0, 1, 3]) == np.float32(data[2, 1 + 35]) / np.float32(255)
    large = load_data(f"{folder}?size=48")
    assert large.shape == (3, 48, 48)
    assert 0.0 <= float(large.images.min()) <= float(large.images.max()) <= 1.0


def test_cifar10_training_part(tmp_path):
    parts = [write_cifar(tmp_path / f"data_batch_{i}.bin", 2, seed=i) for i in range(1, 6)]
    found = load_data(f"{tmp_path}?part=train")
    assert found.labels.tolist() == [int(label) for part in parts for label in part[:, 0]]


def test_cifar10_faults(cifar):
    folder, data = cifar
    with pytest.raises(InvalidInputError, match=r"data_batch_1.bin is missing"):
        read_cifar10(folder, "train")
    (folder / "test_batch.bin").write_bytes(data.tobytes()[:-5])
    with pytest.raises(InvalidInputError, match=r"test_batch.bin has 12287 bytes"):
        load_data(str(folder))
    data[3, 0] = 77
    data.tofile(folder / "test_batch.bin")
    with pytest.raises(InvalidInputError, match="record 3: the label is 77"):
        load_data(str(folder))


@pytest.fixture
def pictures(tmp_path):
    """Two classes of three 40 x 30 pictures, whose red channel grows from left to right."""
    root = tmp_path / "val"
    ramp = np.tile(np.linspace(0, 255, 40).astype(np.uint8), (30, 1))
    for number, name in enumerate(("n01", "n02")):
        (root / name).mkdir(parents=True)
        for i in range(3):
            green = np.full_like(ramp, 40 * i + 100 * number)
            image = Image.fromarray(np.stack([ramp, green, 0 * ramp], axis=-1))
            image.save(root / name / f"{i}.png")
    (root / "n02" / "notes.txt").write_text("no picture")
    return root


def test_folder_of_images(pictures):
    data = load_data(f"{pictures}?resize=15&crop=10")
    assert len(data) == 6
    assert data.labels.tolist() == [0, 0, 0, 1, 1, 1]
    assert "2 classes (n01 to n02)" in data.describe()
    taken = data.take([4, 1])
    assert taken.labels.tolist() == [1, 0]
    assert taken.images.shape == (2, 3, 10, 10)
    assert float(taken.images[0, 1].mean()) == pytest.approx(140 / 255)
    # 40 x 30 becomes 20 x 15, of which columns 5 to 15 are cut: their mean is the ramp's middle.
    assert float(taken.images[0, 0].mean()) == pytest.approx(0.5, abs=0.02)
    assert (ImageFolder(pictures).resize, ImageFolder(pictures).crop) == (256, 224)
    # Grey pictures become colour.
    Image.new("L", (50, 50), 51).save(pictures / "n01" / "grey.png")
    grey = load_data(f"{pictures}?resize=15&crop=10").read(3)
    assert torch.allclose(grey, torch.full((3, 10, 10), 0.2), atol=1e-6)


def test_unreadable_images_are_named_and_skipped_or_stop(pictures):
    bad = pictures / "n01" / "1.png"
    bad.write_bytes(bad.read_bytes()[:60])
    data = load_data(f"{pictures}?resize=15&crop=10")
    with pytest.raises(CorruptImageError, match=r"n01.1\.png cannot be read"):
        read_rows(data, [0, 1, 2])
    with pytest.warns(UserWarning, match=r"image 1 is left out: .*1\.png"):
        images, kept = read_rows(data, [0, 1, 2], on_corrupt="skip")
    assert kept == [0, 2]
    assert len(images) == 2
    with pytest.raises(InvalidInputError, match="on_corrupt"):
        read_rows(data, [0], on_corrupt="ignore")


def test_training_on_folders_takes_random_cuts(pictures):
    """Cuts follow the generator; the ramp shows that they come from different places."""
    data = load_data(f"{pictures}?resize=15&crop=10")

    def epoch(seed):
        batches = Batches(data, 4, torch.device("cpu"))
        return list(batches.epoch(torch.Generator().manual_seed(seed)))

    first, again = epoch(1), epoch(1)
    assert [images.shape for images, _ in first] == [(4, 3, 10, 10), (2, 3, 10, 10)]
    assert sorted(torch.cat([labels for _, labels in first]).tolist()) == [0, 0, 0, 1, 1, 1]
    assert all(torch.equal(a[0], b[0]) for a, b in zip(first, again, strict=True))
    red = torch.cat([images[:, 0].mean(dim=(1, 2)) for images, _ in first])
    assert float(red.max() - red.min()) > 0.05
    green = torch.cat([images[:, 1].mean(dim=(1, 2)) for images, _ in first])
    # Scaling and cutting keep the green of a picture, which is constant: 0, 40, 80, 100, ...
    assert sorted((green * 255).round().int().tolist()) == [0, 40, 80, 100, 140, 180]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("digits?part=validation", "part must be one of"),
        ("digits?colour=1", "drop colour"),
        ("digits?size=big", "size must be a whole number"),
    ],
)
def test_options_of_names(name, message):
    with pytest.raises(InvalidInputError, match=message):
        load_data(name)


def test_folders_that_hold_nothing(tmp_path, pictures):
    with pytest.raises(InvalidInputError, match="one sub-folder of images per class"):
        load_data(str(tmp_path / "val" / "n01"))
    with pytest.raises(InvalidInputError, match="resize must be at least"):
        load_data(f"{pictures}?resize=5")
    with pytest.raises(InvalidInputError, match="use resize= and crop="):
        load_data(f"{pictures}?size=5")
    (tmp_path / "odd.npz").write_bytes(b"PK nothing")
    with pytest.raises(InvalidInputError, match="readable file"):
        load_data(str(tmp_path / "odd.npz"))


def model():
    """Logits of two classes: is the picture red?"""

    def reddish(images):
        red = images[:, 0].mean(dim=(1, 2))
        return torch.stack([torch.full_like(red, 0.4), red], dim=1)

    return reddish


def run(pictures, *options):
    return call(
        "certify", f"{__name__}:model", "--data", f"{pictures}?resize=10&crop=10", "--psi", "0",
        "--support", "norm(x, oo) <= 1", "--sigma", 0.1, "-a", "l1", "-n", 100, *options,
    )  # fmt: skip


def test_command_names_and_skips_unreadable_images(pictures, tmp_path):
    (pictures / "n01" / "1.png").write_bytes(b"nothing")
    log = tmp_path / "run.tsv"
    stopped = run(pictures, "--log", log)
    assert stopped.exit_code == 2
    assert "1.png cannot be read" in stopped.output
    dry = run(pictures, "--dry-run")
    assert dry.exit_code == 0, dry.output
    assert "6 files of 2 classes" in dry.output
    assert "unreadable image 1:" in dry.output
    assert "820 copies" in dry.output  # 5 (100 + 64)
    with pytest.warns(UserWarning, match="image 1 is left out"):
        skipped = run(pictures, "--log", log, "--on-corrupt", "skip")
    assert skipped.exit_code == 0, skipped.output
    assert [record.index for record in read_log(log).records] == [0, 2, 3, 4, 5]


def test_parts_make_the_log_of_the_whole(pictures, tmp_path):
    logs = [tmp_path / "1.tsv", tmp_path / "2.tsv", tmp_path / "all.tsv", tmp_path / "merged.tsv"]
    for log, part in zip(logs, ("1/2", "2/2", "1/1"), strict=False):
        done = run(pictures, "--log", log, "--shard", part, "--alpha-for-all")
        assert done.exit_code == 0, done.output
    assert call("merge", logs[1], logs[0], "--out", logs[3]).output.endswith("6 images of 2 logs\n")

    def essence(path):
        lines = path.read_text().splitlines()
        return [line.split("\t")[:5] + line.split("\t")[6:] for line in lines]

    assert essence(logs[3]) == essence(logs[2])
    again = run(pictures, "--log", logs[3], "--alpha-for-all")  # a merged log resumes
    assert again.exit_code == 0, again.output
    twice = call("merge", logs[0], logs[2], "--out", tmp_path / "no.tsv")
    assert "image 0 is already in" in twice.output
    other = tmp_path / "other.tsv"
    assert run(pictures, "--log", other, "--shard", "2/2").exit_code == 0
    with pytest.raises(LogFormatError, match="alpha is"):
        merge_logs([logs[0], other], tmp_path / "no.tsv")
    assert not (tmp_path / "no.tsv").exists()


@pytest.mark.parametrize("text", ["0/2", "3/2", "2", "a/b", "1/0"])
def test_malformed_parts(text):
    with pytest.raises(InvalidInputError, match="i/k"):
        Shard.parse(text)
