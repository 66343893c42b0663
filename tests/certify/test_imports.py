"""What importing the certifier costs: PyTorch only where it is used."""

from __future__ import annotations

import subprocess
import sys

import pytest

import certify


def loaded_after(code: str) -> set[str]:
    script = f"import sys\n{code}\nprint(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


def test_reading_and_recertifying_logs_needs_no_torch():
    code = "import certify\ncertify.read_log, certify.recertify_counts, certify.LogWriter"
    modules = loaded_after(code)
    assert "certify.recertify" in modules
    assert not {"torch", "matplotlib", "sklearn", "sympy"} & modules
    assert not {"certify.recertify", "scipy"} & loaded_after("import certify")


def test_public_names():
    for name in certify.__all__:
        assert getattr(certify, name) is not None
        assert name in dir(certify)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        certify.nothing  # noqa: B018
