"""What a process that makes checks wrote, without what TensorFlow says of itself."""

from __future__ import annotations

import re

_NATIVE_LOG = re.compile(
    r"^(INFO: Created TensorFlow Lite|WARNING: All log messages before absl::InitializeLog|"
    r"[IWE]\d{4} |To enable the following instructions|\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+: [IWE] )"
)
#: How many lines of stderr are shown of a process that ended, and where what matters begins.
_LINES, _BEFORE = 10, 3
_FATAL = "Fatal Python error"


def telling(stderr: str) -> list[str]:
    """Return the lines that tell why a process ended."""
    kept = without_native_log([("", stderr)])
    lines = [line for line in kept[0][1].splitlines() if line.strip()] if kept else []
    fatal = (place for place, line in enumerate(lines) if line.startswith(_FATAL))
    first = max(0, next(fatal, len(lines)) - _BEFORE)
    return lines[first : first + _LINES] if first < len(lines) - _BEFORE else lines[-_LINES:]


def without_native_log(sections: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Drop the lines that TensorFlow's C++ side prints when it starts, and sections left empty.

    Nothing else of what was captured is touched.
    """
    kept = []
    for title, content in sections:
        lines = [x for x in content.splitlines(keepends=True) if not _NATIVE_LOG.match(x)]
        if "".join(lines).strip():
            kept.append((title, "".join(lines)))
    return kept
