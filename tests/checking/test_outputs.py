"""Outputs of every kind: a correct export passes, and one that answers otherwise fails."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

import pytest_freezecheck as freezecheck
from pytest_freezecheck import LiveModel
from pytest_freezecheck.formats import unavailable
from pytest_freezecheck.formats.saved_model.cli import CommandLineSavedModel
from tests.kit.made import exported, made, v1, weight

X: Mapping[str, Mapping[str, object]] = {"x": {"shape": [8]}}
IMAGES: Mapping[str, Mapping[str, object]] = {"x": {"shape": [8, 8, 3]}}
TENSORFLOW = ("graph_def", "saved_model")
EVERYWHERE = (*TENSORFLOW, "tflite", "onnx")


@dataclasses.dataclass(frozen=True)
class Kind:
    """A network whose outputs are of some kind.

    Attributes:
        build: builds it.
        wrong: builds what answers otherwise; None for other values in the last variable.
        ways: how it is exported.
        inputs: what it takes.
        reason: why the wrong one fails.
    """

    build: Callable[..., Any]
    wrong: Callable[..., Any] | None = None
    ways: tuple[str, ...] = EVERYWHERE
    inputs: Mapping[str, Mapping[str, object]] = dataclasses.field(default_factory=lambda: X)
    reason: str = "differs"


def hidden(x: Any, width: int = 16) -> Any:
    return tf.nn.relu(tf.matmul(x, weight("w", x.shape[-1], width)) + weight("b", width))


def price(x: Any) -> Any:
    return {"price": tf.matmul(hidden(x), weight("o", 16, 1)) * 2e5 + 1e6}


def classes(x: Any, choose: Any = tf.argmax) -> Any:
    probabilities = tf.nn.softmax(tf.matmul(hidden(x), weight("o", 16, 10)))
    return {
        "probs": tf.identity(probabilities, name="probs"),
        "classes": choose(probabilities, -1, name="classes"),
        "top": tf.identity(tf.nn.top_k(probabilities, 3).indices, name="top"),
    }


def other_classes(x: Any) -> Any:
    return classes(x, tf.argmin)


def without_rows(x: Any) -> Any:
    z = tf.matmul(hidden(x), weight("o", 16, 4))
    t = weight("temperature")
    return {
        "probs": tf.nn.softmax(z, name="probs"),
        "temperature": tf.identity(t, name="temp"),
        "mean": tf.reduce_mean(z, 0, name="mean"),
        "size": tf.identity(tf.shape(x)[0], name="size"),
    }


def longest(ids: Any, length: Any) -> Any:
    x = tf.gather(weight("table", 50, 6), ids)[:, : tf.reduce_max(length)]
    z = tf.tensordot(x, weight("w", 6, 5), [[2], [0]])
    mask = tf.sequence_mask(length, dtype=tf.float32)
    return {"tags": tf.nn.softmax(z * tf.expand_dims(mask, -1), name="tags")}


WORDS: Mapping[str, Mapping[str, object]] = {
    "ids": {"shape": [12], "dtype": "int32", "low": 0, "high": 49},
    "length": {"shape": [], "dtype": "int32", "low": 1, "high": 12},
}


def detections(x: Any) -> Any:
    maps = tf.nn.conv2d(x, weight("k", 3, 3, 3, 8), 4, "SAME")
    z = tf.reshape(tf.nn.conv2d(tf.nn.relu(maps), weight("o", 1, 1, 8, 5), 1, "SAME"), [-1, 5])
    keep = z[:, 4] > 1.0
    return {
        "boxes": tf.identity(tf.boolean_mask(tf.sigmoid(z[:, :4]), keep), name="boxes"),
        "scores": tf.identity(tf.boolean_mask(tf.sigmoid(z[:, 4]), keep), name="scores"),
    }


def names(x: Any, words: tuple[str, ...] = ("cat", "dog", "owl")) -> Any:
    p = tf.nn.softmax(tf.matmul(hidden(x), weight("o", 16, 3)), name="probs")
    named = tf.gather(tf.constant(words), tf.argmax(p, -1), name="names")
    return {"probs": p, "names": named}


def other_names(x: Any) -> Any:
    return names(x, ("cat", "owl", "dog"))


def half(x: Any) -> Any:
    def get(name: str, *shape: int) -> Any:
        return weight(name, *shape, dtype=tf.bfloat16)

    h = tf.nn.relu(tf.matmul(tf.cast(x, tf.bfloat16), get("w", 8, 16)) + get("b", 16))
    return {"probs": tf.nn.softmax(tf.matmul(h, get("o", 16, 4)), name="probs")}


def spectrum(x: Any) -> Any:
    wave = tf.matmul(x, weight("o", 8, 16))
    return {"spectrum": tf.identity(tf.signal.rfft(wave), name="spectrum")}


def log_probabilities(x: Any) -> Any:
    return {"logp": tf.nn.log_softmax(tf.matmul(hidden(x), weight("o", 16, 20)) * 12)}


def one_minus(x: Any) -> Any:
    p = tf.sigmoid(tf.matmul(hidden(x), weight("o", 16, 1)) * 8)
    return {"probs": tf.concat([1.0 - p, p], 1, name="probs")}


def shares(x: Any) -> Any:
    parts = tf.nn.relu(tf.matmul(hidden(x), weight("o", 16, 5)) + 0.5)
    return {"shares": tf.divide(parts, tf.reduce_sum(parts, -1, keepdims=True) + 1e-3)}


def pixels(x: Any) -> Any:
    shades = tf.sigmoid(tf.nn.conv2d(x, weight("o", 3, 3, 3, 3), 1, "SAME")) * 255.0
    return {"picture": tf.cast(tf.round(shades), tf.uint8, name="picture")}


def labels(x: Any) -> Any:
    z = tf.nn.conv2d(x, weight("o", 3, 3, 3, 6), 1, "SAME")
    return {"labels": tf.argmax(z, -1, output_type=tf.int32, name="labels")}


def frames(x: Any) -> Any:
    rows = tf.reshape(x, [-1, 3])
    return {"tags": tf.nn.softmax(tf.matmul(rows, weight("o", 3, 4)), name="tags")}


def stream(x: Any) -> Any:
    seen = tf.nn.conv1d(x[None], weight("k", 5, 8, 16), 1, "SAME")[0]
    return {"probs": tf.nn.softmax(tf.matmul(tf.nn.relu(seen), weight("o", 16, 4)), name="probs")}


def large_logits(x: Any) -> Any:
    z = tf.matmul(hidden(x, 64), weight("o", 64, 5)) * 300.0
    return {"probs": tf.nn.softmax(z, name="probs")}


def small_differences(x: Any) -> Any:
    """What is left of two large numbers, as of features that were not standardised."""
    z = tf.matmul(hidden(x, 32), weight("o", 32, 3))
    return {"scores": tf.subtract(z, tf.reduce_mean(z, -1, keepdims=True), name="scores")}


def excited(x: Any) -> Any:
    maps = tf.nn.conv2d(x, weight("k", 3, 3, 3, 8), 1, "SAME")
    gate = tf.sigmoid(tf.matmul(tf.reduce_mean(maps, [1, 2]), weight("g", 8, 8)) * 4)
    pooled = tf.reduce_mean(maps * gate[:, None, None, :], [1, 2])
    return {"probs": tf.nn.softmax(tf.matmul(pooled, weight("o", 8, 4)) * 20, name="probs")}


def best_scores(x: Any) -> Any:
    z = tf.matmul(hidden(x, 32), weight("o", 32, 20)) * 50
    return {"best": tf.identity(tf.nn.top_k(z, 4).values, name="best")}


def of_dtype(dtype: Any) -> Callable[..., Any]:
    def build(x: Any) -> Any:
        h = tf.nn.relu(tf.matmul(tf.cast(x, dtype), weight("w", 8, 16, dtype=dtype)))
        return {"probs": tf.nn.softmax(tf.matmul(h, weight("o", 16, 4, dtype=dtype)))}

    return build


YEARS: Mapping[str, Mapping[str, object]] = {"x": {"shape": [8], "low": 1900.0, "high": 2100.0}}
KINDS: dict[str, Kind] = {
    "logits of a thousand": Kind(large_logits),
    "raw years": Kind(small_differences, inputs=YEARS),
    "squeeze and excite": Kind(excited, inputs=IMAGES),
    "the scores of top k": Kind(best_scores),
    "float64": Kind(of_dtype(tf.float64), ways=(*TENSORFLOW, "onnx")),
    "float16": Kind(of_dtype(tf.float16), ways=(*TENSORFLOW, "onnx")),
    "prices of a million": Kind(price),
    "classes and top k": Kind(classes, other_classes),
    "scalars and answers without rows": Kind(without_rows),
    "as long as the longest of the batch": Kind(longest, inputs=WORDS),
    "as many as are found": Kind(detections, inputs=IMAGES, ways=(*TENSORFLOW, "onnx")),
    "names": Kind(names, other_names, ways=(*TENSORFLOW, "onnx")),
    "bfloat16": Kind(half, ways=TENSORFLOW),
    "complex": Kind(spectrum, ways=TENSORFLOW),
    "log-probabilities": Kind(log_probabilities),
    "1 - p and p": Kind(one_minus),
    "shares of a sum": Kind(shares),
    "pixels": Kind(pixels, inputs=IMAGES),
    "a map of classes": Kind(labels, inputs=IMAGES),
    "several answers for an input": Kind(frames, inputs={"x": {"shape": [5, 3]}}),
    "the frames of a stream": Kind(stream),
}


def ordinary(number: int, ways: tuple[str, ...], way: str) -> bool:
    """Return whether a way is tried in an ordinary run: one that is exact, and one that is not."""
    exact = TENSORFLOW[number % len(TENSORFLOW)]
    others = [other for other in ways if other not in TENSORFLOW]
    return way == exact or (bool(others) and way == others[number // 2 % len(others)])


MIXED = [
    pytest.param(
        kind,
        way,
        id=f"{name}, {way}",
        marks=() if ordinary(number, kind.ways, way) else pytest.mark.slow,
    )
    for number, (name, kind) in enumerate(KINDS.items())
    for way in kind.ways
]


def last_changed(build: Callable[..., Any], inputs: Any) -> Callable[[str, Any], Any]:
    """Return what gives other values for the last variable of a graph."""
    with tf.Graph().as_default():
        placeholders = {
            name: v1.placeholder(fields.get("dtype", "float32"), [None, *fields["shape"]])
            for name, fields in inputs.items()
        }
        build(**placeholders)
        last = v1.global_variables()[-1].op.name
    return lambda name, value: _altered(value) if name == last else value


def _altered(value: Any) -> Any:
    return value * 1.25 + 0.05 + 0.1 * (np.arange(value.size) % 2).reshape(value.shape)


@pytest.fixture(scope="module")
def sides() -> Iterator[Callable[[Kind], tuple[LiveModel, LiveModel]]]:
    """Return what makes the live model of a kind, and one that answers otherwise, one at a time."""
    held: dict[int, tuple[LiveModel, LiveModel]] = {}

    def close() -> None:
        for live, other in held.values():
            live.close()
            other.close()
        held.clear()

    def both(kind: Kind) -> tuple[LiveModel, LiveModel]:
        if id(kind) not in held:
            close()
            change = last_changed(kind.build, kind.inputs) if kind.wrong is None else None
            live = made(kind.build, kind.inputs)
            other = made(kind.wrong or kind.build, kind.inputs, change=change)
            held[id(kind)] = live, other
        return held[id(kind)]

    yield both
    close()


@pytest.mark.parametrize(("kind", "way"), MIXED)
def test_a_correct_export_passes_and_one_that_answers_otherwise_fails(
    kind: Kind, way: str, sides: Callable[[Kind], tuple[LiveModel, LiveModel]], tmp_path: Path
) -> None:
    live, other = sides(kind)
    right = exported(live, way, tmp_path / "right")
    wrong = exported(other, way, tmp_path / "wrong")
    passed = freezecheck.check(live, right, examples=30)
    assert passed, passed.text
    assert passed.reason == "identical" or not right.bit_exact
    failed = freezecheck.check(live, wrong, examples=30)
    assert failed.outcome == "failed", failed.text
    assert failed.reason in (kind.reason, "shape"), failed.text
    right.close()
    wrong.close()


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_correct_exports_pass_on_ten_seeds(
    kind: Kind, sides: Callable[[Kind], tuple[LiveModel, LiveModel]], tmp_path: Path
) -> None:
    live, _ = sides(kind)
    missing = [said for way in kind.ways if (said := unavailable(way)) is not None]
    exports = [exported(live, way, tmp_path / way) for way in kind.ways if unavailable(way) is None]
    for seed in range(10):  # what is drawn for one, and the live answers, serve all exports
        for right in exports:
            passed = freezecheck.check(live, right, seed=seed, examples=40)
            assert passed, passed.text
    for right in exports:
        right.close()
    if missing:
        pytest.skip(f"{len(exports)} of {len(kind.ways)} ways agreed; {missing[0]}")


def test_what_an_output_holds_is_told_from_the_graph_and_the_answers(tmp_path: Path) -> None:
    expected = {
        price: {"price": "scores"},
        classes: {"probs": "probabilities", "classes": "classes", "top": "classes"},
        names: {"probs": "probabilities", "names": "text"},
        log_probabilities: {"logp": "scores"},
        one_minus: {"probs": "probabilities"},
        shares: {"shares": "probabilities"},
    }
    for number, (build, kinds) in enumerate(expected.items()):
        live = made(build, X)
        frozen = exported(live, "graph_def", tmp_path / str(number))
        result = freezecheck.check(live, frozen, examples=10)
        assert {one.output: one.kind for one in result.compared} == kinds
        frozen.close()
        live.close()


def test_a_tolerance_of_its_own_is_in_the_unit_of_the_output(tmp_path: Path) -> None:
    live = made(price, X)
    off = made(price, X, change=lambda name, value: value * 1.00001 if name == "o" else value)
    frozen = exported(off, "graph_def", tmp_path)
    strict = freezecheck.check(live, frozen, examples=20, atol=1e-8)
    assert (strict.outcome, strict.reason) == ("failed", "differs")
    live.output_specs["price"] = freezecheck.OutputSpec(atol=100.0)
    loose = freezecheck.check(live, frozen, examples=20, atol=1e-8)
    assert loose, loose.text
    assert loose.atol == 100.0
    for model in (live, off, frozen):
        model.close()


def test_answers_that_are_always_empty_were_not_compared(tmp_path: Path) -> None:
    def nothing(x: Any) -> Any:
        z = tf.matmul(x, weight("o", 8, 4))
        return {"boxes": tf.boolean_mask(z, z[:, 0] > 1e6)}

    live = made(nothing, X)
    frozen = exported(live, "graph_def", tmp_path)
    result = freezecheck.check(live, frozen, examples=10)
    assert (result.outcome, result.reason) == ("failed", "output-not-compared")
    assert "the answer 'boxes' was empty for all" in result.text
    frozen.close()
    live.close()


@pytest.mark.parametrize("way", EVERYWHERE)
def test_a_mistake_of_large_batches_alone_is_found(way: str, tmp_path: Path) -> None:
    def build(x: Any) -> Any:
        return {"probs": tf.nn.softmax(tf.matmul(hidden(x), weight("o", 16, 4)), name="probs")}

    def sliced(x: Any) -> Any:
        p = build(x)["probs"]
        return {"probs": tf.where(tf.shape(p)[0] > 200, tf.nn.softmax(p), p, name="answer")}

    live, other = made(build, X), made(sliced, X)
    wrong = exported(other, way, tmp_path)
    result = freezecheck.check(live, wrong, examples=10)
    assert (result.outcome, result.reason) == ("failed", "differs")
    assert result.largest_batch == 257
    for model in (live, other, wrong):
        model.close()


@pytest.mark.parametrize("way", ["tflite", "onnx"])
def test_rows_that_see_each_other_raise_no_tolerance(way: str, tmp_path: Path) -> None:
    def listwise(x: Any) -> Any:
        centred = x - tf.reduce_mean(x, 0, keepdims=True)
        z = tf.matmul(centred, weight("w", 8, 1)) + weight("bias", 1)
        return {"score": tf.sigmoid(z, name="score")}

    live = made(listwise, X)
    off = made(listwise, X, change=lambda n, value: value + 0.011 if n == "bias" else value)
    right, wrong = exported(live, way, tmp_path / "r"), exported(off, way, tmp_path / "w")
    passed = freezecheck.check(live, right, examples=20)
    assert passed, passed.text
    assert any("batch-dependent" in warning for warning in passed.warnings)
    assert passed.atol == 1e-5
    failed = freezecheck.check(live, wrong, examples=20)
    assert (failed.outcome, failed.reason) == ("failed", "differs")
    assert "would pass" not in failed.text
    for model in (live, off, right, wrong):
        model.close()


@pytest.mark.parametrize(
    "build",
    [pytest.param(longest, marks=pytest.mark.slow), without_rows, detections, stream],
    ids=lambda build: build.__name__,
)
def test_what_is_compiled_for_some_rows_is_asked_as_the_live_model_is(
    build: Callable[..., Any], tmp_path: Path
) -> None:
    inputs = {longest: WORDS, detections: IMAGES}.get(build, X)
    live = made(build, inputs)
    other = made(build, inputs, change=last_changed(build, inputs))
    right, wrong = (
        exported(model, "xla", tmp_path / name)
        for model, name in ((live, "right"), (other, "wrong"))
    )
    passed = freezecheck.check(live, right, examples=20)
    assert passed, passed.text
    failed = freezecheck.check(live, wrong, examples=20)
    assert failed.outcome == "failed", failed.text
    assert failed.reason in ("differs", "shape")
    for model in (live, other, right, wrong):
        model.close()


def test_xla_does_not_freeze_what_it_does_not_compile(tmp_path: Path) -> None:
    live = made(names, X)
    with pytest.raises(freezecheck.FreezeError, match=r"xla does not compile .* no GatherV2"):
        freezecheck.freeze(live, "xla", tmp_path)
    live.close()


def test_openvino_answers_with_bfloat16(tmp_path: Path) -> None:
    live, other = made(half, X), made(half, X, change=last_changed(half, X))
    right, wrong = (
        exported(model, "openvino", tmp_path / name)
        for model, name in ((live, "right"), (other, "wrong"))
    )
    passed = freezecheck.check(live, right, examples=20)
    assert passed, passed.text
    failed = freezecheck.check(live, wrong, examples=20)
    assert (failed.outcome, failed.reason) == ("failed", "differs")
    for model in (live, other, right, wrong):
        model.close()


@pytest.mark.parametrize(
    ("build", "wrong"), [(names, other_names), (half, None)], ids=["text", "bfloat16"]
)
def test_the_command_answers_with_any_dtype(
    build: Callable[..., Any], wrong: Callable[..., Any] | None, tmp_path: Path
) -> None:
    change = last_changed(build, X) if wrong is None else None
    live, other = made(build, X), made(wrong or build, X, change=change)
    right, off = (
        exported(model, "saved_model_cli", tmp_path / name)
        for model, name in ((live, "right"), (other, "wrong"))
    )
    passed = freezecheck.check(live, right, examples=20)
    assert passed, passed.text
    assert isinstance(right, CommandLineSavedModel)
    assert right._alike  # the session answers all batches but the first
    failed = freezecheck.check(live, off, examples=20)
    assert (failed.outcome, failed.reason) == ("failed", "differs")
    for model in (live, other, right, off):
        model.close()


@pytest.mark.parametrize("build", [frames, longest, without_rows], ids=lambda build: build.__name__)
def test_a_file_of_one_row_is_asked_as_the_live_model_is(
    build: Callable[..., Any], tmp_path: Path
) -> None:
    inputs = {frames: {"x": {"shape": [5, 3]}}, longest: WORDS}.get(build, X)
    live, single = made(build, inputs), made(build, inputs, rows=1)
    off = made(build, inputs, rows=1, change=last_changed(build, inputs))
    right, wrong = (
        exported(one, "tflite", tmp_path / one_name)
        for one, one_name in (
            (single, "r"),
            (off, "w"),
        )
    )
    passed = freezecheck.check(live, right, examples=20)
    assert passed, passed.text
    failed = freezecheck.check(live, wrong, examples=20)
    assert (failed.outcome, failed.reason) == ("failed", "differs")
    for model in (live, single, off, right, wrong):
        model.close()
