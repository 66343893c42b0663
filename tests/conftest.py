"""Settings shared by every test."""

from __future__ import annotations

import hypothesis

# The same examples on every run: a red run must be reproducible from its log alone. No deadline,
# because the first call of a compiled kernel takes seconds and later ones nanoseconds.
hypothesis.settings.register_profile("radii", deadline=None, derandomize=True, max_examples=50)
hypothesis.settings.load_profile("radii")
