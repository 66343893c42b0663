"""Experiments of the papers: their records, runs at the smallest scale, recorded outputs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from certify import reproduce
from certify.data_files import load_data
from certify.experiments import EXPERIMENTS
from certify.objectives import Trades
from certify.reproduce_recorded import RECORDED
from certify.reproduction import Bench, Scale, _objective, smoothed_accuracy
from smoothing import families
from smoothing.distribution import SmoothingDistribution

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"

#: What the issue of this project lists: tables and figures of the three papers.
PAPERS = {
    "rsas-table-1", "rsas-figure-2", "rsas-figure-3-l2", "rsas-figure-3-linf",
    *(f"rsas-figure-c{i}" for i in range(1, 10)), "rsas-figure-d1",
    "blum-table-1", "blum-figure-2",
    "zhang-table-1", "zhang-table-2", "zhang-table-3", "zhang-figure-4",
}  # fmt: skip


def test_every_experiment_has_a_record():
    assert set(EXPERIMENTS) == PAPERS


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_noises_of_records_are_densities(name):
    for variant in EXPERIMENTS[name].variants:
        for kind in (variant.noise, variant.tested or variant.noise):
            text = kind.psi.format(d=3072)
            q = SmoothingDistribution.parse(text, dim=3072, support=kind.support, sigma=0.25)
            assert q.scale > 0


def run(tmp_path, name, *options):
    few = ["--epochs", "1", "--images", "4", "--n", "50", "--out", str(tmp_path)]
    return reproduce.main([name, *few, *options])


def test_a_table_end_to_end(tmp_path, capsys):
    only = ["--only", "uniform", "--only", "+ stability, pre-training"]
    assert run(tmp_path, "rsas-table-1", "--sigma", "0.25", *only) == 0
    folder = tmp_path / "rsas-table-1"
    table = (folder / "table.md").read_text()
    assert table.startswith("# Certified l1 accuracy, best over sigma")
    assert "| + stability, pre-training | " in table
    assert (folder / "figure.png").stat().st_size > 5000
    record = json.loads((folder / "record.json").read_text())
    assert record["experiment"]["sigmas"] == [0.25]
    assert record["scale"]["n"] == "50"
    first = capsys.readouterr().out
    assert "training small_cnn_stability_init_uniform_0.25_1_epochs" in first
    # Once more: nothing is trained again, and certificates come from the logs.
    assert run(tmp_path, "rsas-table-1", "--sigma", "0.25", *only) == 0
    assert "training" not in capsys.readouterr().out.replace("pre-training", "")


@pytest.mark.parametrize("name", ["rsas-figure-c9", "blum-figure-2"])
def test_other_kinds_of_figures(tmp_path, name, monkeypatch):
    monkeypatch.setattr("certify.reproduce_accuracy._MOST", 20)
    assert run(tmp_path, name) == 0
    table = (tmp_path / name / "table.md").read_text()
    assert ("trained on" if name == "rsas-figure-c9" else "16 pixels") in table


def test_bad_input(tmp_path, capsys):
    assert reproduce.main(["rsas-table-9"]) == 2
    assert "the experiment must be one of" in capsys.readouterr().out
    assert run(tmp_path, "rsas-table-1", "--only", "nothing") == 2
    assert reproduce.main(["zhang-table-1", "--recorded", str(tmp_path)]) == 2
    assert "drop --recorded" in capsys.readouterr().out
    assert reproduce.main(["list"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == len(EXPERIMENTS)


def test_trades_radius_in_proportion_to_the_noise():
    """Blum et al., section 5.2: 0.435, 0.6525, 0.87 at sigma 0.12, 0.18, 0.24."""
    radii = [_objective("trades", sigma) for sigma in (0.12, 0.18, 0.24)]
    assert [goal.radius for goal in radii if isinstance(goal, Trades)] == pytest.approx(
        [0.435, 0.6525, 0.87]
    )
    bench = Bench(Scale("digits", Path()), lambda text: None)
    levels = reproduce._levels(bench, EXPERIMENTS["blum-figure-2"])
    assert [size for _, size in levels] == [8, 12, 16]
    assert [sigma for sigma, _ in levels] == pytest.approx([0.12, 0.18, 0.24])


def test_accuracy_by_votes():
    """A model that says 0 is right on the zeros."""
    digits = load_data("digits").first(20)

    class Zero(torch.nn.Module):
        def forward(self, x):
            return torch.eye(10)[torch.zeros(len(x), dtype=torch.long)]

    q = families.gaussian(64, sigma=0.1)
    share = float((digits.labels == 0).float().mean())
    assert smoothed_accuracy(Zero().eval(), q, digits, copies=5) == pytest.approx(share)


@pytest.mark.skipif(not DATA.exists(), reason="../shared/data is absent")
@pytest.mark.parametrize("name", ["rsas-table-1", "blum-table-1", "zhang-table-2"])
def test_recorded_outputs(name, tmp_path, capsys):
    """Rows of ../shared/data/README.md, and Table 1 of Blum et al. (62.6 %)."""
    assert name in RECORDED
    assert reproduce.main([name, "--recorded", str(DATA), "--out", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    if name == "rsas-table-1":
        assert "| uniform, cifar10 | 0.7055 | 0.5848 | 0.5079 | 0.4319 |" in out
        assert "| uniform, imagenet | 0.546 | 0.406 | 0.388 | 0.362 |" in out
    elif name == "blum-table-1":
        value = float(out.strip().splitlines()[-1].split("|")[2])
        # Printed radii have three significant digits or fewer, and are taken at face value.
        assert value == pytest.approx(0.626, abs=0.005)
    assert (tmp_path / f"{name}-recorded" / "figure.png").exists()
