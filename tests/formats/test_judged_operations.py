"""Every operation of TensorFlow was judged: what stands nowhere in the list is refused."""

from __future__ import annotations

import collections
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf

import pytest_freezecheck as freezecheck
from benchmarks import operations
from pytest_freezecheck.formats.refusal import judged
from pytest_freezecheck.formats.refusal.operations import refuse, refuse_types


def registered() -> dict[str, bool]:
    """Return {operation: whether it is stateful}, of this TensorFlow."""
    from tensorflow.core.framework import op_def_pb2
    from tensorflow.python.client import pywrap_tf_session as session

    buffer = session.TF_GetBuffer(session.TF_GetAllOpList())
    return {op.name: op.is_stateful for op in op_def_pb2.OpList.FromString(buffer).op}


def refused(kind: str) -> str | None:
    try:
        refuse_types([f"Flex{kind}"], Path("model.pb"), ())
    except freezecheck.ArtifactError as error:
        return str(error)
    return None


def test_each_operation_stands_in_one_place() -> None:
    every = collections.Counter(name for part in judged.parts() for name in part.names)
    assert len(every) > 1800
    assert [name for name, times in every.items() if times > 1] == []
    assert {part.kind for part in judged.parts()} == {"refused", "allowed", "pure"}
    said = {part.does for part in judged.parts()}
    assert {judged.READS, judged.RESTORES, judged.WRITES, judged.KEEPS, judged.DRAWS} <= said


def test_no_stateful_operation_is_called_pure() -> None:
    there = registered()
    assert sum(there.values()) > 400
    (pure,) = (part for part in judged.parts() if part.kind == judged.PURE)
    assert [name for name in pure.names if there.get(name)] == []


def test_every_operation_that_freezing_leaves_in_a_graph_is_allowed() -> None:
    for kind in ("Conv2D", "FusedBatchNormV3", "Placeholder", "If", "TensorListStack", "Assert"):
        assert refused(kind) is None
    assert "ends the process" in str(refused("Abort"))


def graph(kind: str) -> Any:
    definition = tf.compat.v1.GraphDef()
    definition.node.add(name="x", op="Placeholder")
    definition.node.add(name="y", op=kind, input=["x"])
    return definition


@pytest.mark.parametrize("kind", ["FlowersOp", "matMul", "Abort2", "\n"])
def test_an_operation_that_nobody_knows_is_refused_and_one_of_the_files_own_is_not(
    kind: str,
) -> None:
    with pytest.raises(freezecheck.ArtifactError) as error:
        refuse(graph(kind), ["y"], Path("model.pb"))
    first, last = str(error.value).splitlines()
    assert first.startswith(f"model.pb: refused: operation {kind!r} (node 'y') on the way to the o")
    assert first.endswith(
        "is none of TensorFlow's that are known here, so that nobody has looked at what it does"
    )
    assert last.endswith(f'declare it: allow_ops = ["{kind}"]'.replace("\n", "\\n"))
    refuse(graph(kind), ["y"], Path("model.pb"), ["*"])
    refuse(graph("MatMul"), ["y"], Path("model.pb"))
    own = graph(kind)
    own.library.function.add().signature.name = kind  # is called by its name, and looked into
    refuse(own, ["y"], Path("model.pb"))


def test_a_function_of_a_refused_name_is_refused() -> None:
    own = graph("Abort")
    own.library.function.add().signature.name = "Abort"
    with pytest.raises(freezecheck.ArtifactError, match="ends the process"):
        refuse(own, ["y"], Path("model.pb"))


def test_only_the_last_part_is_written_anew() -> None:
    text = judged.LIST.read_text("ascii")
    (part,) = (part for part in judged.parts() if part.kind == judged.PURE)
    assert operations.rewritten(text, part.names, operations.VERSIONS) == text
    fewer = operations.rewritten(text, part.names[1:], operations.VERSIONS)
    assert len(fewer) < len(text)
    assert fewer.split("\n[pure] ")[0] == text.split("\n[pure] ")[0]


def test_what_one_version_calls_stateful_has_to_be_judged() -> None:
    versions = [{"A": False, "B": False, "Old": False}, {"A": False, "B": True, "Abort": False}]
    assert operations.pure(versions, {"Abort"}) == (["A", "Old"], ["B"])
