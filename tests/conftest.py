"""Settings shared by every test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

# The same examples on every run: a red run must be reproducible from its log alone. No deadline,
# because the first call of a compiled kernel takes seconds and later ones nanoseconds.
hypothesis.settings.register_profile("radii", deadline=None, derandomize=True, max_examples=50)
hypothesis.settings.load_profile("radii")


@pytest.fixture(scope="session", autouse=True)
def own_cache_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Tables that tests build stay out of the user's cache, and are built by this code."""
    folder = tmp_path_factory.mktemp("tables")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RADII_CACHE_DIR", str(folder))
        yield folder
