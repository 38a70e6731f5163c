"""An input of another dtype: TensorFlow casts what it is fed, a server refuses the client."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf

import pytest_freezecheck as freezecheck
from pytest_freezecheck import InputSpec, LiveModel
from tests.kit import tiny
from tests.kit.subjects import Subject
from tests.kit.ways import HERE

WAYS = [
    w for w in ("graph_def", "saved_model", "saved_model_session", "tflite", "onnx") if w in HERE
]


def cast(dtype: str, subject: Subject) -> LiveModel:
    """Return the network with an input of another dtype, which it casts to float32."""

    def build(images: Any) -> Any:
        return tiny.build(tf.cast(images, tf.float32))

    low, high = (0, 1) if dtype == "uint8" else (-1.0, 1.0)
    specs = {"images": InputSpec(tiny.SHAPE, dtype, low, high)}
    return LiveModel.from_checkpoint(build, subject.checkpoint, specs, name=dtype)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("dtype", ["float64", "uint8"])
def test_another_dtype_is_told_in_one_line_and_is_right_for_its_own_model(
    dtype: str, way: str, flowers: Subject, tmp_path: Path
) -> None:
    live, other = flowers.live(), cast(dtype, flowers)
    frozen = freezecheck.load(freezecheck.freeze(other, way, tmp_path), way=way)
    result = freezecheck.check(live, frozen)
    assert (result.outcome, result.reason) == ("failed", "dtype")
    first, second, names = result.text.splitlines()
    assert first.startswith("dtype: input ")
    assert names == f"  {live.name}, {way}"
    assert first.endswith(f"takes {dtype}, the live model's 'images' takes float32")
    assert second == "  a client that sends float32 is refused: export it with an input of float32"
    assert freezecheck.assert_agreement(other, frozen, examples=20)
    frozen.close()
    live.close()
    other.close()
