"""What a format or a way needs beside TensorFlow, and the line that installs it. Imports none."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import importlib.util
from collections.abc import Mapping

from pytest_freezecheck.messages.wording import listed


@dataclasses.dataclass(frozen=True)
class Extra:
    """Optional packages.

    Attributes:
        install: command that installs them.
        modules: names under which they are imported; none of them is imported to look.
        majors: {distribution: least major version}, where an older one is of no use.
    """

    install: str
    modules: tuple[str, ...]
    majors: Mapping[str, int] = dataclasses.field(default_factory=dict)

    def missing(self) -> str | None:
        """Return what is missing and how to install it, or None if all is there."""
        absent = [name for name in self.modules if importlib.util.find_spec(name) is None]
        if absent:
            return f"needs {listed(absent, len(absent))}, not installed here: {self.install}"
        for name, least in self.majors.items():
            version = importlib.metadata.version(name)
            if int(version.split(".")[0]) < least:
                return f"needs {name} {least}, and {version} is installed here: {self.install}"
        return None


def _ours(name: str) -> str:
    return f'pip install "pytest-freezecheck[{name}]"'


#: To run a file takes less than to make one.
ONNXRUNTIME = Extra(_ours("onnx"), ("onnxruntime",))
ONNX = Extra(_ours("onnx"), ("tf2onnx", "onnx", "onnxruntime"))
OPENVINO = Extra(_ours("openvino"), ("openvino",))
#: Keras 2 has no `use_ema` that finalises by itself; TensorFlow 2.15 comes with it and allows no 3.
KERAS = Extra(f"{_ours('keras')} (TensorFlow 2.16 or newer)", ("keras",), {"keras": 3})
