"""Files with a state of their own, which answer otherwise when they are asked again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf

import pytest_freezecheck as freezecheck
from tests.kit.made import made, weight

X: dict[str, dict[str, object]] = {"x": {"shape": [8]}}


def build(x: Any) -> Any:
    return {"probs": tf.nn.softmax(tf.matmul(x, weight("w", 8, 4)), name="probs")}


def counting(
    live: freezecheck.LiveModel, path: Path, is_wrong: Callable[[Any], Any] | None
) -> freezecheck.FrozenModel:
    """Save a module that counts its calls, or does not, and answers wrongly from its count on."""
    value = live.weights()["w"]

    class Module(tf.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.w, self.calls = tf.Variable(value), tf.Variable(0, dtype=tf.int64)

        @tf.function(input_signature=[tf.TensorSpec([None, 8], tf.float32, name="x")])  # type: ignore[untyped-decorator]
        def serve(self, x: Any) -> Any:
            z = tf.matmul(x, self.w)
            if is_wrong is not None:
                z = tf.where(is_wrong(self.calls.assign_add(1)), z * 0.5, z)
            return {"probs": tf.nn.softmax(z)}

    module = Module()
    tf.saved_model.save(module, str(path), {"serving_default": module.serve})
    return freezecheck.load(path)


@pytest.mark.parametrize(
    "is_wrong",
    [lambda count: count == 1, lambda count: count >= 20, lambda count: count >= 10**6],
    ids=["at its first call", "from its 20th on", "not yet"],
)
def test_a_file_that_counts_its_calls_fails(is_wrong: Callable[[Any], Any], tmp_path: Path) -> None:
    live = made(build, X)
    frozen = counting(live, tmp_path / "counting", is_wrong)
    result = freezecheck.check(live, frozen, examples=30)
    assert result.outcome == "failed"
    assert result.reason in ("differs", "unsteady"), result.text
    assert result.moved
    assert result.unsteady is None or "would pass" not in result.text
    frozen.close()
    live.close()


def test_a_file_without_a_state_passes(tmp_path: Path) -> None:
    live = made(build, X)
    frozen = counting(live, tmp_path / "plain", None)
    result = freezecheck.check(live, frozen, examples=30)
    assert result, result.text
    assert not result.moved
    frozen.close()
    live.close()
