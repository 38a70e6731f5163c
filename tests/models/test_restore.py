"""Checkpoints as people have them: moved folders, and shadows under the names scopes give."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

import pytest_freezecheck as freezecheck
from pytest_freezecheck import LiveModel
from pytest_freezecheck.models import reference

v1 = tf.compat.v1
SHADOW = "/ExponentialMovingAverage"


def build(images: Any) -> Any:
    with v1.variable_scope("net"):
        weights = v1.get_variable("w", [3, 2])
        return tf.nn.softmax(tf.matmul(images, weights), name="p")


def checkpoint(folder: Path, rename: Callable[[str], str | None]) -> str:
    """Write the raw weight, and its shadow under another name, or not at all."""
    values = {
        "net/w": np.ones([3, 2], np.float32),
        f"net/w{SHADOW}": np.eye(3, 2, dtype=np.float32),
    }
    with tf.Graph().as_default(), v1.Session() as session:
        saved = {}
        for place, (key, value) in enumerate(values.items()):
            name = rename(key)
            if name is not None:
                saved[name] = tf.Variable(value, name=f"v{place}")
        session.run(v1.global_variables_initializer())
        return str(v1.train.Saver(saved).save(session, str(folder / "model.ckpt")))


@pytest.mark.parametrize(
    "shadow",
    [
        f"net/w{SHADOW}",
        f"net/net/w{SHADOW}",  # made inside of a name scope, tensorflow#2740
        f"moving_avg/net/w{SHADOW}",  # made inside of a variable scope
        f"train/ema/net/w{SHADOW}",
    ],
)
def test_shadows_are_found_under_the_names_that_scopes_give(tmp_path: Path, shadow: str) -> None:
    prefix = checkpoint(tmp_path, lambda key: shadow if key.endswith(SHADOW) else key)
    model = LiveModel.from_checkpoint(build, prefix, {"images": {"shape": [3]}})
    np.testing.assert_array_equal(model.weights()["net/w"], np.eye(3, 2))
    assert model.saver is not None
    path = freezecheck.freeze(model, "freeze_graph", tmp_path)
    assert freezecheck.assert_agreement(model, path).exact
    model.close()


@pytest.mark.parametrize("shadow", [None, f"other/v{SHADOW}", "net/w/Momentum", f"net/w{SHADOW}_1"])
def test_a_shadow_that_is_not_there_is_named(tmp_path: Path, shadow: str | None) -> None:
    prefix = checkpoint(tmp_path, lambda key: shadow if key.endswith(SHADOW) else key)
    with pytest.raises(freezecheck.ModelError) as error:
        LiveModel.from_checkpoint(build, prefix, {"images": {"shape": [3]}})
    first = str(error.value).splitlines()[0]
    assert f"lacks 1 of the 1 keys that the live model reads: net/w{SHADOW}" in first
    assert "(it has 'net/w', without a shadow)" in first


def test_a_raw_key_is_never_looked_for_elsewhere(tmp_path: Path) -> None:
    prefix = checkpoint(tmp_path, lambda key: f"tower/{key}")
    with pytest.raises(freezecheck.ModelError, match=r"lacks 1 of the 1 keys .*: net/w "):
        LiveModel.from_checkpoint(build, prefix, {"images": {"shape": [3]}}, ema="none")


def test_two_scopes_that_would_fit_are_not_guessed_between(tmp_path: Path) -> None:
    values = {"net/w": np.ones([3, 2], np.float32)}
    values |= {f"{s}/net/w{SHADOW}": np.eye(3, 2, dtype=np.float32) for s in ("a", "b")}
    with tf.Graph().as_default(), v1.Session() as session:
        saved = {k: tf.Variable(v, name=f"v{i}") for i, (k, v) in enumerate(values.items())}
        session.run(v1.global_variables_initializer())
        prefix = v1.train.Saver(saved).save(session, str(tmp_path / "model.ckpt"))
    with pytest.raises(freezecheck.ModelError, match="lacks 1 of the 1"):
        LiveModel.from_checkpoint(build, prefix, {"images": {"shape": [3]}})


def test_a_folder_that_was_moved_still_has_its_latest_checkpoint(
    trained: Path, tmp_path: Path
) -> None:
    moved = tmp_path / "moved"
    shutil.copytree(trained, moved)
    state = moved / "checkpoint"
    state.write_text(state.read_text().replace('"model', '"/another/machine/model'))
    model = LiveModel.from_checkpoint(reference.build, moved, reference.INPUTS)
    assert model.checkpoint == str(moved / f"model.ckpt-{reference.STEPS}")
    model.close()


def test_a_folder_without_its_checkpoint_file_names_what_is_there(
    trained: Path, tmp_path: Path
) -> None:
    moved = tmp_path / "moved"
    shutil.copytree(trained, moved)
    (moved / "checkpoint").unlink()
    with pytest.raises(freezecheck.ModelError) as error:
        LiveModel.from_checkpoint(reference.build, moved, reference.INPUTS)
    assert "it has no 'checkpoint' file; name one of model.ckpt-110, model.ckpt-160" in str(
        error.value
    )
    with pytest.raises(freezecheck.ModelError, match=r"\(nearest: 'model.ckpt-1[16]0'\)"):
        LiveModel.from_checkpoint(reference.build, moved / "model.ckpt-150", reference.INPUTS)


def test_a_checkpoint_of_the_first_format_says_so(trained: Path, tmp_path: Path) -> None:
    (tmp_path / "old.ckpt").write_bytes(b"")
    with pytest.raises(freezecheck.ModelError, match=r"old.ckpt is no Saver V2 checkpoint: .*V1"):
        LiveModel.from_checkpoint(reference.build, tmp_path / "old.ckpt", reference.INPUTS)
    (tmp_path / "checkpoint").write_text('model_checkpoint_path: "old.ckpt"')
    with pytest.raises(freezecheck.ModelError, match=r"latest of .*, is no Saver V2 checkpoint"):
        LiveModel.from_checkpoint(reference.build, tmp_path, reference.INPUTS)
