"""Results as JSON, schema 1: one document for a run."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

SCHEMA = 1


def document(
    checks: Sequence[Mapping[str, Any]], versions: Mapping[str, str], seed: int
) -> dict[str, Any]:
    """Return the document; checks are in the order of their node ids, however a run is spread."""
    ordered = sorted(checks, key=lambda c: (c["nodeid"] or "", c["model"], c["artifact"]))
    return {"schema": SCHEMA, "versions": dict(versions), "seed": seed, "checks": ordered}


def write(path: Path, content: Mapping[str, Any]) -> None:
    """Write a document, making the folder it is to lie in.

    Raises:
        OSError: it cannot be written.
        ValueError: it holds a NaN or an infinity, which JSON has not.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(content, indent=2, allow_nan=False, ensure_ascii=False)
    path.write_text(f"{text}\n", encoding="utf-8")
