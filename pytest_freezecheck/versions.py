"""Versions of what a verdict depends on."""

from __future__ import annotations

import contextlib
import importlib.metadata

_PACKAGES = (
    *("pytest-freezecheck", "tensorflow", "tf-keras", "tf-slim", "numpy", "hypothesis"),
    *("keras", "ai-edge-litert", "tf2onnx", "onnx", "onnxruntime", "openvino"),
)


def versions() -> dict[str, str]:
    """Return {package: version} of those that are installed."""
    found = {}
    for name in _PACKAGES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found
