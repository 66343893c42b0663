"""The block of comments that opens a log: what was run, and with which versions.

Lines ``# setting NAME = VALUE`` have to be the same when a run is resumed; lines ``# version NAME =
VALUE`` are for the record.
"""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import metadata

__all__ = ["LogHeader", "current_versions", "differences", "format_header", "parse_header"]

_TITLE = "# radii certification log"
_SETTING, _VERSION = "# setting ", "# version "

#: Packages whose versions can move the last digit of a result.
_PACKAGES = ("radii", "torch", "numpy", "scipy")


@dataclass(frozen=True)
class LogHeader:
    """Settings and versions of a log; both empty where it states none."""

    settings: Mapping[str, str] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)


def current_versions() -> dict[str, str]:
    """Versions of Python and of the packages that results rest on."""
    found = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed as a package"
    return found


def format_header(settings: Mapping[str, str], versions: Mapping[str, str]) -> str:
    """The block as text, with its newlines.

    Examples
    --------
    >>> print(format_header({"alpha": "0.001"}, {"radii": "1.0"}), end="")
    # radii certification log
    # setting alpha = 0.001
    # version radii = 1.0
    """
    lines = [_TITLE]
    lines += [f"{_SETTING}{name} = {_one_line(value)}" for name, value in settings.items()]
    lines += [f"{_VERSION}{name} = {_one_line(value)}" for name, value in versions.items()]
    return "\n".join(lines) + "\n"


def _one_line(value: str) -> str:
    return " ".join(str(value).split())


def parse_header(lines: Sequence[str]) -> LogHeader:
    """Read the comment lines of a log; other comments are passed over."""
    found: dict[str, dict[str, str]] = {_SETTING: {}, _VERSION: {}}
    for line in lines:
        for mark, values in found.items():
            if line.startswith(mark):
                name, equals, value = line.removeprefix(mark).rstrip("\r").partition(" = ")
                if equals:
                    values[name] = value
    return LogHeader(found[_SETTING], found[_VERSION])


def differences(logged: Mapping[str, str], wanted: Mapping[str, str]) -> list[str]:
    """One line for every setting that differs.

    Examples
    --------
    >>> differences({"alpha": "0.001", "n": "100"}, {"alpha": "0.01", "n": "100", "seed": "0"})
    ["alpha is '0.001' in the log, now '0.01'", "seed is not in the log, now '0'"]
    """
    lines = []
    for name in dict.fromkeys((*logged, *wanted)):
        old, new = logged.get(name), wanted.get(name)
        new = None if new is None else _one_line(new)
        if old != new:
            before = "not in the log" if old is None else f"{old!r} in the log"
            lines.append(f"{name} is {before}, now {'not given' if new is None else repr(new)}")
    return lines
