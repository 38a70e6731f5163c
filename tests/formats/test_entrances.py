"""Where a file is entered: other signatures, tf.Examples, tensors in the middle of a graph."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

import pytest_freezecheck as freezecheck
from pytest_freezecheck import Artifact, ArtifactError, LiveModel, MatchError, Model, SettingError
from pytest_freezecheck.checking.targets import check_artifact
from pytest_freezecheck.formats import unavailable
from pytest_freezecheck.formats.saved_model.examples import serialised

v1 = tf.compat.v1
INPUTS: dict[str, Any] = {
    "age": {"shape": [1], "low": 0.0, "high": 4.0},
    "income": {"shape": [2], "low": 0.0, "high": 4.0},
    "plan": {"shape": [1], "dtype": "int64", "low": 0, "high": 5},
}
PARSED = {
    "age": tf.io.FixedLenFeature([1], tf.float32),
    "income": tf.io.FixedLenFeature([2], tf.float32),
    "plan": tf.io.FixedLenFeature([1], tf.int64),
}


def census(age: Any, income: Any, plan: Any) -> Any:
    table = v1.get_variable("table", [6, 3])
    every = tf.concat([age, income, tf.gather(table, plan[:, 0])], 1)
    return tf.nn.softmax(tf.matmul(every, v1.get_variable("w", [6, 3])), name="probabilities")


def swapped(age: Any, income: Any, plan: Any) -> Any:
    return census(age, income[:, ::-1], plan)


@pytest.fixture(scope="module")
def prefix(tmp_path_factory: pytest.TempPathFactory) -> str:
    with tf.Graph().as_default() as graph, v1.Session(graph=graph) as session:
        census(**fed())
        rng = np.random.default_rng(2)
        for variable in v1.global_variables():
            variable.load(rng.normal(0.0, 0.6, variable.shape), session)
        folder = tmp_path_factory.mktemp("census")
        return str(v1.train.Saver().save(session, str(folder / "model.ckpt")))


@pytest.fixture(scope="module")
def live(prefix: str) -> Iterator[LiveModel]:
    made = LiveModel.from_checkpoint(census, prefix, INPUTS, "none")
    yield made
    made.close()


def fed() -> dict[str, Any]:
    return {
        name: v1.placeholder(spec.get("dtype", "float32"), [None, *spec["shape"]], name=name)
        for name, spec in INPUTS.items()
    }


def several(path: Path, prefix: str) -> Path:
    """Export three signatures, none of which is the usual one: right, wrong, and another answer."""
    with tf.Graph().as_default() as graph, v1.Session(graph=graph) as session:
        inputs = fed()
        right = census(**inputs)
        with v1.variable_scope(v1.get_variable_scope(), reuse=True):
            wrong = swapped(**inputs)
        v1.train.Saver().restore(session, prefix)
        signed = v1.saved_model.predict_signature_def
        builder = v1.saved_model.Builder(str(path))
        builder.add_meta_graph_and_variables(
            session,
            ["serve"],
            {
                "predict": signed(inputs, {"probabilities": right}),
                "predict_swapped": signed(inputs, {"probabilities": wrong}),
                "classify": signed(inputs, {"classes": tf.argmax(right, -1)}),
            },
        )
        builder.save()
    return path


def parsing(path: Path, prefix: str, build: Callable[..., Any]) -> Path:
    """Export as an Estimator does: one string for each row, which the graph parses."""
    with tf.Graph().as_default() as graph, v1.Session(graph=graph) as session:
        examples = v1.placeholder(tf.string, [None], name="examples")
        output = build(**tf.io.parse_example(examples, PARSED))
        v1.train.Saver().restore(session, prefix)
        v1.saved_model.simple_save(
            session, str(path), {"examples": examples}, {"probabilities": output}
        )
    return path


def test_a_signature_is_named(live: LiveModel, prefix: str, tmp_path: Path) -> None:
    path = several(tmp_path / "several", prefix)
    right = freezecheck.check(live, freezecheck.load(path, signature="predict"), examples=20)
    assert right.outcome == "passed", right.text
    wrong = freezecheck.load(path, signature="predict_swapped")
    assert freezecheck.check(live, wrong, examples=20).outcome == "failed"
    with pytest.raises(
        ArtifactError, match=r"no signature 'serving_default'; it has classify, pre"
    ):
        freezecheck.load(path)
    with pytest.raises(ArtifactError, match=r"no signature 'predicts' \(nearest: 'predict'"):
        freezecheck.load(path, signature="predicts")


def test_a_declared_signature_is_served(live: LiveModel, prefix: str, tmp_path: Path) -> None:
    several(tmp_path / "several", prefix)
    check_artifact(live, Artifact("several", examples=20, signature="predict"), tmp_path)
    with pytest.raises(freezecheck.FrozenMismatch):
        check_artifact(live, Artifact("several", signature="predict_swapped"), tmp_path)


def test_a_signature_of_tflite(tmp_path: Path) -> None:
    class Net(tf.Module):  # type: ignore[misc]
        @tf.function(input_signature=[tf.TensorSpec([None, 3])])  # type: ignore[untyped-decorator]
        def once(self, x: Any) -> Any:
            return {"y": tf.nn.softmax(x)}

        @tf.function(input_signature=[tf.TensorSpec([None, 3])])  # type: ignore[untyped-decorator]
        def twice(self, x: Any) -> Any:
            return {"y": tf.nn.softmax(2.0 * x)}

    net = Net()
    path = tmp_path / "two.tflite"
    with tf.init_scope():
        tf.saved_model.save(
            net, str(tmp_path / "two"), signatures={"once": net.once, "twice": net.twice}
        )
        path.write_bytes(
            tf.lite.TFLiteConverter.from_saved_model(
                str(tmp_path / "two"), signature_keys=["once", "twice"]
            ).convert()
        )
    with tf.Graph().as_default() as graph:
        x = v1.placeholder(tf.float32, [None, 3], name="x")
        outputs = {"y": tf.nn.softmax(x)}
    model = LiveModel.from_session(
        v1.Session(graph=graph), {"x": x}, outputs, {"x": {"shape": [3]}}
    )
    assert freezecheck.check(model, freezecheck.load(path, signature="once"), examples=20)
    assert not freezecheck.check(model, freezecheck.load(path, signature="twice"), examples=20)


def test_a_file_without_signatures_has_none_of_that_name(live: LiveModel, tmp_path: Path) -> None:
    path = freezecheck.freeze(live, "graph_def", tmp_path)
    with pytest.raises(ArtifactError, match="a file of graph_def has no signature 'predict'"):
        freezecheck.load(path, signature="predict")


def test_examples_are_made_of_inputs(live: LiveModel, prefix: str, tmp_path: Path) -> None:
    parsing(tmp_path / "right", prefix, census)
    parsing(tmp_path / "wrong", prefix, swapped)
    inputs = {"examples": {"tf_example": ["age", "income", "plan"]}}
    check_artifact(live, Artifact("right", inputs=inputs), tmp_path)
    with pytest.raises(freezecheck.FrozenMismatch) as failure:
        check_artifact(live, Artifact("wrong", inputs=inputs), tmp_path)
    found = failure.value.agreement
    assert found.max_abs_diff is not None
    assert found.max_abs_diff > 1e-3
    assert found.counterexample is not None
    assert set(found.counterexample.feeds) == set(INPUTS)


def estimator(path: Path, prefix: str, build: Callable[..., Any]) -> Path:
    """Export with a second signature, whose inputs are what the first one parses."""
    with tf.Graph().as_default() as graph, v1.Session(graph=graph) as session:
        examples = v1.placeholder(tf.string, [None], name="examples")
        parsed = tf.io.parse_example(examples, PARSED)
        outputs = {"probabilities": build(**parsed)}
        v1.train.Saver().restore(session, prefix)
        signed = v1.saved_model.predict_signature_def
        builder = v1.saved_model.Builder(str(path))
        signatures = {
            "serving_default": signed({"examples": examples}, outputs),
            "predict": signed(parsed, outputs),
        }
        builder.add_meta_graph_and_variables(session, ["serve"], signatures)
        builder.save()
    return path


def test_a_signature_may_begin_behind_the_parsing(
    live: LiveModel, prefix: str, tmp_path: Path
) -> None:
    right = estimator(tmp_path / "right", prefix, census)
    wrong = estimator(tmp_path / "wrong", prefix, swapped)
    found = freezecheck.check(live, freezecheck.load(right, signature="predict"), examples=20)
    assert found.outcome == "passed", found.text
    assert not freezecheck.check(live, freezecheck.load(wrong, signature="predict"), examples=20)


def test_features_may_have_other_names(live: LiveModel, prefix: str, tmp_path: Path) -> None:
    path = parsing(tmp_path / "right", prefix, census)
    names = {"age": "age", "income": "income", "plan": "plan"}
    assert freezecheck.check(
        live, freezecheck.load(path, features={"examples": names}), examples=20
    )
    with pytest.raises(ArtifactError, match="plan"):  # a feature that it needs and is not sent
        freezecheck.check(
            live, freezecheck.load(path, features={"examples": {**names, "plan": "plans"}})
        )


def test_examples_go_where_strings_go(live: LiveModel, prefix: str, tmp_path: Path) -> None:
    path = parsing(tmp_path / "right", prefix, census)
    names = {name: name for name in INPUTS}
    with pytest.raises(MatchError, match=r"no input 'example' for tf.Examples \(nearest: 'exa"):
        freezecheck.check(live, freezecheck.load(path, features={"example": names}))
    saved = freezecheck.freeze(live, "saved_model", tmp_path)
    with pytest.raises(MatchError, match=r"takes float32; serialised tf\.Examples are s"):
        freezecheck.check(live, freezecheck.load(saved, features={"age": names}))
    with pytest.raises(MatchError, match="no input 'age' for the live model's input 'age'"):
        freezecheck.check(live, path)


def test_a_serialised_example_has_each_kind_of_list() -> None:
    rows = serialised(
        {
            "f": np.array([[0.5, 1.5]], np.float32),
            "i": np.array([2**62], np.int64),
            "b": np.array([[True, False]]),
            "s": np.array([["öl", "gas"]]),
        }
    )
    found = tf.train.Example.FromString(rows[0]).features.feature
    assert list(found["f"].float_list.value) == [0.5, 1.5]
    assert list(found["i"].int64_list.value) == [2**62]
    assert list(found["b"].int64_list.value) == [1, 0]
    assert list(found["s"].bytes_list.value) == ["öl".encode(), b"gas"]


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ({"examples": {"tf_example": ["age", "incom"]}}, "has no input 'incom' (nearest: 'income'"),
        ({"examples": {"tf_example": []}}, "tf_example = [] is not accepted; expected names of"),
        ({"examples": {"tf_example": "age"}}, "tf_example = 'age' is not accepted"),
        ({"examples": {"tf_example": {"age": 3}}}, "is not accepted; expected names of inputs"),
        ({"examples": {"tf_examples": ["age"]}}, "expected { value = ... }"),
    ],
)
def test_a_wrong_table_is_refused(inputs: Any, said: str) -> None:
    with pytest.raises(SettingError) as refusal:
        Model(name="m", inputs=INPUTS, live="a:b", artifacts=[{"path": "a", "inputs": inputs}])
    assert said in str(refusal.value)


def test_a_signature_is_a_string() -> None:
    with pytest.raises(SettingError, match=r"artifacts\[0\].signature = 3 is not accepted"):
        Model(name="m", inputs=INPUTS, live="a:b", artifacts=[{"path": "a", "signature": 3}])


def test_what_a_converter_cannot_convert_leaves_no_traceback(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    if unavailable("onnx") is not None:
        pytest.skip(str(unavailable("onnx")))
    with tf.Graph().as_default() as graph:
        x = v1.placeholder(tf.float32, [None, 3], name="x")
        y = tf.math.betainc(tf.ones_like(x), 2.0 * tf.ones_like(x), tf.sigmoid(x), name="y")
    model = LiveModel.from_session(
        v1.Session(graph=graph), {"x": x}, {"y": y}, {"x": {"shape": [3]}}
    )
    path = freezecheck.freeze(model, "onnx", tmp_path)
    assert "Traceback" not in caplog.text
    assert "Betainc" not in caplog.text
    with pytest.raises(ArtifactError, match=r"onnxruntime cannot load it: .*Betainc"):
        freezecheck.load(path)


# In the middle of a graph.


def decoding(path: Path, *, scale: float) -> Path:
    """Write a graph that decodes one recording of 6 numbers, and classifies what it decoded."""
    with tf.Graph().as_default() as graph:
        recording = v1.placeholder(tf.string, [1], name="recording")
        volume = v1.placeholder(tf.float32, [1], name="volume")
        heard = tf.io.decode_raw(recording, tf.float32)[:, :6] * volume
        fingerprint = tf.reshape(heard, [-1, 6], name="Reshape")
        rng = np.random.default_rng(4)
        weights = tf.constant(scale * rng.normal(size=(6, 3)), tf.float32, name="w")
        tf.nn.softmax(tf.matmul(fingerprint, weights), name="labels")
    path.write_bytes(graph.as_graph_def().SerializeToString())
    return path


@pytest.fixture
def words() -> Iterator[LiveModel]:
    """What stands behind the decoding."""
    with tf.Graph().as_default() as graph:
        fingerprint = v1.placeholder(tf.float32, [None, 6], name="fingerprint")
        rng = np.random.default_rng(4)
        weights = v1.get_variable("w", initializer=np.float32(rng.normal(size=(6, 3))))
        output = tf.nn.softmax(tf.matmul(fingerprint, weights), name="labels")
        session = v1.Session(graph=graph)
        session.run(weights.initializer)
    made = LiveModel.from_session(
        session, {"fingerprint": fingerprint}, {"labels": output}, {"fingerprint": {"shape": [6]}}
    )
    yield made
    made.close()


@pytest.mark.parametrize("name", ["Reshape:0", "Reshape"])
def test_a_tensor_in_the_middle_is_fed(name: str, words: LiveModel, tmp_path: Path) -> None:
    inputs = {"fingerprint": name}
    right = freezecheck.load(decoding(tmp_path / "right.pb", scale=1.0), inputs=inputs)
    found = freezecheck.check(words, right)
    assert found.outcome == "passed", found.text
    assert found.exact  # in whole batches: the recording is of one row, and is not fed
    wrong = freezecheck.load(decoding(tmp_path / "wrong.pb", scale=1.01), inputs=inputs)
    failure = freezecheck.check(words, wrong)
    assert failure.outcome == "failed"
    assert "1 of 1 differ from the live model's, from the input on: w" in failure.text
    assert failure.first_difference is not None
    assert failure.first_difference["tensor"] == "MatMul"
    assert right.predict({"Reshape": np.zeros((2, 6), np.float32)})["labels"].shape == (2, 3)


def test_what_comes_before_has_to_be_fed_where_it_is_needed(
    words: LiveModel, tmp_path: Path
) -> None:
    path = decoding(tmp_path / "right.pb", scale=1.0)
    with pytest.raises(MatchError, match="no input 'fingerprint' for the live model's input"):
        freezecheck.check(words, path)
    with pytest.raises(MatchError, match="no input 'Reshap'"):
        freezecheck.check(words, freezecheck.load(path, inputs={"fingerprint": "Reshap"}))
    # The product behind the decoding needs the volume, too.
    before = freezecheck.load(path, inputs={"fingerprint": "strided_slice:0"})
    with pytest.raises(MatchError, match="needs volume fed, which the live model has no input for"):
        freezecheck.check(words, before)
    loud = freezecheck.load(
        path, inputs={"fingerprint": "strided_slice:0"}, constants={"volume": [1.0]}
    )
    assert freezecheck.check(words, loud, examples=20)
