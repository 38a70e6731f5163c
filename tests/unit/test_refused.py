"""Which operations are refused by their type alone; no TensorFlow needed."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_freezecheck import ArtifactError
from pytest_freezecheck.formats.refusal.operations import (
    OUTPUT,
    allowed_now,
    allowing,
    refuse_places,
    refuse_types,
)
from pytest_freezecheck.formats.refusal.reach import Place

PATH = Path("model.tflite")


@pytest.mark.parametrize(
    ("kind", "does"),
    [
        ("Abort", "ends the process"),
        ("EagerPyFunc", "calls a Python function"),
        ("PyFuncStateless", "calls a Python function"),
        ("MatchingFiles", "reads files"),
        ("TextLineReaderV2", "reads files"),
        ("ReaderReadUpToV2", "reads files"),
        ("TFRecordDatasetV2", "reads files"),
        ("FixedLengthRecordDataset", "reads files"),
        ("ImmutableConst", "reads files"),
        ("Restore", "restores values"),
        ("RestoreSlice", "restores values"),
        ("SaveSlices", "writes files"),
        ("MergeV2Checkpoints", "writes files"),
        ("WriteScalarSummary", "writes files"),
        ("CreateSummaryFileWriter", "writes files"),
        ("RpcCall", "asks another process"),
        ("Timestamp", "reads the clock"),
        ("SnapshotChunkDataset", "reads files"),
        ("CacheDatasetV2", "keeps values from one call to the next"),
        ("DatasetFromGraph", "runs a graph that stands in a value"),
        ("CollectiveReduceV3", "waits for another device or process"),
        ("Recv", "waits for another device or process"),
        ("RegisterDatasetV2", "asks another process"),
        ("RemoteCall", "asks another process"),
        ("SleepIdentityOp", "makes whoever asks wait"),
        ("ExperimentalSleepDataset", "makes whoever asks wait"),
        ("QueueDequeueUpToV2", "waits for what another thread would bring"),
        ("OrderedMapUnstage", "waits for what another thread would bring"),
    ],
)
def test_each_kind_is_refused_with_what_it_does(kind: str, does: str) -> None:
    with pytest.raises(ArtifactError) as error:
        refuse_types(["Flex" + kind], PATH, ())
    first, second = str(error.value).splitlines()
    assert first.startswith(f"model.tflite: refused: operation 'Flex{kind}' {does}")
    assert second.endswith(f'allow_ops = ["{kind}"]')
    refuse_types(["Flex" + kind], PATH, (kind,))
    refuse_types(["Flex" + kind], PATH, (kind[:4] + "*",))


@pytest.mark.parametrize(
    "kind",
    [
        "MatMul",
        "Print",
        "Assert",
        "Snapshot",
        "ScalarSummary",
        "MergeSummary",
        "ReadVariableOp",
        "TensorArrayReadV3",
        "DecodeCSV",
        "RngReadAndSkip",
        "RandomUniform",
        "Multinomial",
        "ParseExampleV2",
        "LookupTableImportV2",
        "ShardedFilename",
        "FIFOQueueV2",
        "SparseConditionalAccumulator",
    ],
)
def test_arithmetic_tables_and_random_numbers_are_not(kind: str) -> None:
    refuse_types([kind], PATH, ())


@pytest.mark.parametrize(
    ("kind", "attribute", "harmful", "harmless"),
    [
        ("PrintV2", "output_stream", b"file:///tmp/log", b"stderr"),
        ("DecodeProtoV2", "descriptor_source", b"/tmp/descriptors.pb", b"local://"),
        ("EncodeProto", "descriptor_source", b"/tmp/descriptors.pb", b"bytes://rest"),
        ("FixedUnigramCandidateSampler", "vocab_file", b"/tmp/words.csv", b""),
        ("DebugIdentityV2", "debug_urls", [b"file:///tmp/dump"], []),
    ],
)
def test_some_are_refused_for_the_file_that_they_name(
    kind: str, attribute: str, harmful: Any, harmless: Any
) -> None:
    def place(value: Any) -> Place:
        held = SimpleNamespace(s=value, list=SimpleNamespace(s=value))
        return Place(SimpleNamespace(name="n", op=kind, attr={attribute: held}))

    with pytest.raises(
        ArtifactError, match=rf"refused: operation '{kind}' \(node 'n'\) on the way"
    ):
        refuse_places([place(harmful)], PATH, OUTPUT, ())
    refuse_places([place(harmless)], PATH, OUTPUT, ())
    refuse_places([place(harmful)], PATH, OUTPUT, (kind,))


def test_several_are_told_each_in_a_line() -> None:
    with pytest.raises(ArtifactError) as error:
        refuse_types(["Abort", "MatMul", "WriteFile"], PATH, ())
    first, second, third = str(error.value).splitlines()
    assert "'Abort'" in first
    assert second == "  likewise, operation 'WriteFile' writes files"
    assert third.endswith('allow_ops = ["Abort", "WriteFile"]')


def test_what_is_allowed_lasts_as_long_as_its_block() -> None:
    with allowing(["Abort"]), allowing(["Print*"]):
        assert allowed_now() == ("Abort", "Print*")
    assert allowed_now() == ()
