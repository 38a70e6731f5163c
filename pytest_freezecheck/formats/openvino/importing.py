"""OpenVINO, imported without its telemetry."""

from __future__ import annotations

import sys
from typing import Any

_TELEMETRY = "openvino_telemetry"


def import_openvino() -> Any:
    """Import OpenVINO, which then sends nothing to its makers' server.

    On import and on each conversion it would fork from a thread to send what it was asked to do,
    which in a process where TensorFlow runs threads of its own can wait for ever. Without the
    module for that, it puts a stub of its own (`openvino.tools.ovc.telemetry_stub`) in its place.
    Where the user's code imported OpenVINO before, it stays as it is.
    """
    hidden = "openvino" not in sys.modules and _TELEMETRY not in sys.modules
    if hidden:
        sys.modules[_TELEMETRY] = None  # type: ignore[assignment]
    try:
        import openvino
    finally:
        if hidden:
            del sys.modules[_TELEMETRY]
    return openvino
