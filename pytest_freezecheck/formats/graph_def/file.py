"""A file that holds a GraphDef, binary or text: which files are one, and reading it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pytest_freezecheck.errors import ArtifactError


def read_graph(path: Path) -> Any:
    """Parse a GraphDef, binary or text.

    Raises:
        ArtifactError: the file is something else, or only the beginning of one.
    """
    import tensorflow as tf
    from google.protobuf import text_format
    from google.protobuf.message import DecodeError

    definition = tf.compat.v1.GraphDef()
    content = path.read_bytes()
    try:
        if is_text(path, content[:64]):
            text_format.Parse(content, definition)
        else:
            definition.ParseFromString(content)
    except (DecodeError, UnicodeDecodeError):
        raise ArtifactError(
            f"{path}: not a GraphDef, or truncated: {len(content)} bytes do not parse"
        ) from None
    except text_format.ParseError as error:
        raise ArtifactError(f"{path}: not a GraphDef in text format: {error}") from None
    if not definition.node or not all(node.name and node.op for node in definition.node):
        raise ArtifactError(f"{path}: not a GraphDef: it has no named operations")
    return definition


def is_text(path: Path, start: bytes) -> bool:
    """Return whether a file that begins so is a GraphDef in text format."""
    return path.suffix == ".pbtxt" or start.lstrip().startswith((b"node {", b"node{", b"versions"))


def write_graph(path: Path, definition: Any, like: Path) -> None:
    """Write a GraphDef, binary or text, as another file of one is."""
    from google.protobuf import text_format

    with like.open("rb") as file:
        start = file.read(64)
    if is_text(like, start):
        path.write_text(text_format.MessageToString(definition), encoding="utf-8")
    else:
        path.write_bytes(definition.SerializeToString())
