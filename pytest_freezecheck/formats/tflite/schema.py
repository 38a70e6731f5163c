"""The schema of TFLite files, of whichever interpreter runs them."""

from __future__ import annotations

from typing import Any

from pytest_freezecheck.errors import ArtifactError


def read_through(content: Any, executor: str) -> Any:
    """Follow every offset of a file once, so that one which leads nowhere raises.

    tf.lite up to TensorFlow 2.17 and LiteRT 2.0 believe them all, and a truncated file may end the
    process.

    Returns:
        The `ModelT`.
    """
    schema = schema_of(executor)
    try:
        return schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(content, 0))
    except Exception as error:  # of struct, NumPy or flatbuffers
        raise ValueError("an offset leads out of the file: it is truncated or damaged") from error


def schema_of(executor: str) -> Any:
    """Return the module that reads the format: TensorFlow and LiteRT bring one each."""
    try:
        if executor == "tf.lite":
            from tensorflow.lite.python import schema_py_generated as schema
        else:
            from ai_edge_litert import schema_py_generated as schema
    except ImportError as error:
        raise ArtifactError(f"the schema of TFLite files is missing: {error}") from None
    return schema
