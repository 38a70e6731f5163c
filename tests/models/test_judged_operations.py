"""Every operation of TensorFlow that keeps or touches something was judged: refused, or listed."""

from __future__ import annotations

from pathlib import Path

import pytest
import tensorflow as tf

import pytest_freezecheck as freezecheck
import tests
from pytest_freezecheck.formats.operations import refuse_types

LISTED = Path(tests.__file__).parent / "data" / "stateful_operations.txt"


def stateful() -> set[str]:
    from tensorflow.core.framework import op_def_pb2
    from tensorflow.python.client import pywrap_tf_session as session

    buffer = session.TF_GetBuffer(session.TF_GetAllOpList())
    every = op_def_pb2.OpList.FromString(buffer).op
    return {op.name for op in every if op.is_stateful}


def refused(kind: str) -> bool:
    try:
        refuse_types([kind], Path("model.pb"), ())
    except freezecheck.ArtifactError:
        return True
    return False


@pytest.mark.skipif(
    tuple(map(int, tf.__version__.split(".")[:2])) < (2, 21),
    reason="the list is of TensorFlow 2.21; older ones have some that it dropped",
)
def test_every_stateful_operation_was_judged() -> None:
    judged = {line for line in LISTED.read_text("utf-8").splitlines() if line[0] != "#"}
    there = stateful()
    assert len(there) > 400
    assert {kind for kind in there - judged if not refused(kind)} == set()
    assert {kind for kind in judged if refused(kind)} == set()
