"""The file of a SavedModel that holds its graphs, binary or text."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def read_graphs(folder: Path) -> Any:
    """Return the `SavedModel` message of a folder that was loaded before, so that it parses."""
    from google.protobuf import text_format
    from tensorflow.core.protobuf import saved_model_pb2

    saved = saved_model_pb2.SavedModel()
    if _binary(folder).is_file():
        saved.ParseFromString(_binary(folder).read_bytes())
    else:
        text_format.Parse(_text(folder).read_text("utf-8"), saved)
    return saved


def write_graphs(folder: Path, saved: Any) -> None:
    """Write a `SavedModel` message in the place of the folder's own, in the same form."""
    from google.protobuf import text_format

    if _binary(folder).is_file():
        _binary(folder).write_bytes(saved.SerializeToString())
    else:
        _text(folder).write_text(text_format.MessageToString(saved), encoding="utf-8")


def _binary(folder: Path) -> Path:
    return folder / "saved_model.pb"


def _text(folder: Path) -> Path:
    return folder / "saved_model.pbtxt"
