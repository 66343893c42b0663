"""Every example runs, at a small size, and leaves its picture in the folder it was given."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[1] / "examples"

SMALL = {
    "accuracy_robustness": ("--samples", "256"),
    "dual_against_sampling": ("--samples", "1000"),
    "zhang_noise": ("--samples", "500"),
}


def test_no_example_is_left_out() -> None:
    assert {path.stem for path in FOLDER.glob("*.py")} == set(SMALL)


@pytest.mark.parametrize("name", sorted(SMALL))
def test_example_draws_its_picture(name: str, tmp_path: Path) -> None:
    command = [sys.executable, str(FOLDER / f"{name}.py"), "--out", str(tmp_path), *SMALL[name]]
    environment = {**os.environ, "PYTHONWARNINGS": "error::RuntimeWarning"}
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=300, check=False, env=environment
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout
    assert [path.stat().st_size > 5_000 for path in tmp_path.glob("*.png")] == [True]
