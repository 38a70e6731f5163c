"""Versions of what a verdict depends on, and which of them were never tried together."""

from __future__ import annotations

import importlib.metadata
import re
from collections.abc import Iterable

#: The oldest and the newest TensorFlow that the tests were run with (docs/compatibility.md).
TESTED = ((2, 15), (2, 21))
_PACKAGES = (
    *("pytest-freezecheck", "tensorflow", "tf-keras", "tf-slim", "numpy", "hypothesis"),
    *("keras", "ai-edge-litert", "tf2onnx", "onnx", "onnxruntime", "openvino"),
)
#: Other distributions of the module `tensorflow`: builds of which one is installed in its place.
_BUILDS = (
    *("tensorflow-cpu", "tensorflow-gpu", "tensorflow-rocm", "intel-tensorflow"),
    *("nvidia-tensorflow", "tf-nightly", "tf-nightly-cpu", "tf-nightly-gpu"),
)
#: What `tensorflow` itself installs on some machines, having no files of its own there.
_PARTS = ("tensorflow-intel", "tensorflow-macos", "tensorflow-cpu-aws")


def versions() -> dict[str, str]:
    """Return {package: version} of those that are installed.

    `tensorflow` has the version of TensorFlow, also where it is another distribution, which then
    has an entry beside it.
    """
    found = _installed(_PACKAGES)
    builds = _installed((*_BUILDS, *_PARTS))
    if builds:
        found.setdefault("tensorflow", next(iter(builds.values())))
    return found | builds


def remarks() -> list[str]:
    """Return a line for each thing about the installed TensorFlow that a run should say."""
    own, others = _installed(("tensorflow",)), _installed(_BUILDS)
    every = {**own, **others, **_installed(_PARTS)}
    lines = []
    if not own:
        lines += [f"TensorFlow is {name} {version}" for name, version in every.items()]
    if len(own) + len(others) > 1:
        names = " and ".join(f"{name} {version}" for name, version in {**own, **others}.items())
        lines.append(
            f"{names} are installed over each other's files; uninstall both, then install the one "
            "that is meant"
        )
    if every:
        lines += _untested(next(iter(every.values())))
    return lines


def _installed(names: Iterable[str]) -> dict[str, str]:
    found = {}
    for name in names:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def _untested(version: str) -> list[str]:
    numbers = re.match(r"(\d+)\.(\d+)", version)
    if numbers is None:
        return []
    minor = (int(numbers[1]), int(numbers[2]))
    least, most = TESTED
    if least <= minor <= most:
        return []
    tried = " to ".join(".".join(map(str, each)) for each in TESTED)
    order = "newer" if minor > most else "older"
    return [
        f"TensorFlow {version} is {order} than those that this version was tested with, {tried}"
    ]
