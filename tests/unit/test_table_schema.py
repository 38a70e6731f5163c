"""The schema for editors accepts and refuses the tables that pytest accepts and refuses."""

from __future__ import annotations

import copy
import importlib.metadata
import json
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest

from pytest_freezecheck import Artifact, InputSpec, Model, OutputSpec, SettingError
from pytest_freezecheck.declared import schema
from pytest_freezecheck.declared.model import keys_of
from pytest_freezecheck.declared.pyproject import read
from pytest_freezecheck.spec.inputs import DTYPES

IMAGES = {"shape": [8, 8, 3]}
MODEL: dict[str, Any] = {
    "inputs": {"images": IMAGES},
    "build": "nets:infer",
    "checkpoint": "train_dir",
}
LIVE: dict[str, Any] = {"inputs": {"images": IMAGES}, "live": "evaluation:model"}
TABLE = schema.tool_schema("freezecheck")
VALIDATOR = jsonschema.Draft7Validator(TABLE)


def model(key: str | None = None, value: object = None, **more: Any) -> dict[str, Any]:
    changed = {**copy.deepcopy(MODEL), **more}
    return changed if key is None else {**changed, key: value}


def artifact(key: str, value: object) -> dict[str, Any]:
    return model(artifacts=[{"path": "a.pb", key: value}])


def an_input(**keys: Any) -> dict[str, Any]:
    return model(inputs={"images": keys})


def with_input(key: str, value: object, dtype: str = "float32") -> dict[str, Any]:
    return an_input(**{"shape": [8], "dtype": dtype, key: value})


def output(key: str, value: object) -> dict[str, Any]:
    return model(outputs={"boxes": {key: value}})


#: {key: (values that are right, values that are wrong)}, of what models and artifacts both have.
OF_BOTH: dict[str, tuple[list[Any], list[Any]]] = {
    "ignore_outputs": ([[], ["aux/*", "b"]], ["aux", [""], [3], {"aux": 1}]),
    "ignore_weights": ([["logits/*"]], ["logits", [""], 3]),
    "allow_ops": ([["Write*"]], ["Write*", [False]]),
    "atol": ([0, 1e-4, 2], [-1e-9, "1e-4", True, float("inf"), [1e-4]]),
    "examples": ([1, 10, 1_000_000], [0, 1_000_001, 1.5, "10", True]),
    "logit_rtol": ([0, 1e-3, False], [True, -1.0, "off", float("inf")]),
    "min_power": ([0, 0.5, 1], [-0.1, 1.1, "0.5", True]),
    "require": (["agreement", "proof"], ["proven", True, ["proof"]]),
}
OF_A_MODEL: dict[str, tuple[list[Any], list[Any]]] = {
    **OF_BOTH,
    "inputs": ([{"a": IMAGES, "b": {"shape": []}}], [{}, [], "images", {"a": 3}, {"a": {}}]),
    "build": (["a:b", "a.b_1:C.d"], ["a", "a:", ":b", "a:b c", "1a:b", 3]),
    "checkpoint": (["train_dir/model.ckpt-1"], [3, ["train_dir"], True]),
    "ema": (["trainable", "all", "none"], ["some", True, ["all"]]),
    "export": (["export:main"], ["main", 3]),
    "artifacts": (
        [[], ["a.pb", "b/c"], [{"path": "a.pb"}]],
        ["a.pb", [3], [""], ["a[0].pb"], [{}], {"path": "a.pb"}, [["a.pb"]]],
    ),
    "freeze": ([[], ["graph_def", "tflite"]], ["graph_def", [3], {"way": "graph_def"}]),
    "outputs": ([{}, {"a": {}, "b": {"kind": "scores"}}], [[], {"a": "scores"}, "a"]),
}
OF_AN_ARTIFACT: dict[str, tuple[list[Any], list[Any]]] = {
    **OF_BOTH,
    "path": (["a.pb", "dir/a b.tflite"], ["", "a[0].pb", "a].pb", 3, ["a.pb"]]),
    "inputs": (
        [
            *({}, {"images": "x:0"}, {"phase": {"value": False}}, {"k": {"value": [1, 2]}}),
            *({"e": {"tf_example": ["images"]}}, {"e": {"tf_example": {"images": "f"}}}),
        ],
        [
            *(["images"], {"images": 3}, {"phase": {}}, {"phase": {"valeu": 1}}, "images"),
            *({"e": {"tf_example": []}}, {"e": {"tf_example": "images"}}),
            *({"e": {"tf_example": {}}}, {"e": {"tf_example": [3]}}),
            *({"e": {"tf_example": ["images"], "value": 1}}, {"e": {"tf_example": {"images": 1}}}),
        ],
    ),
    "outputs": ([{}, {"p": "softmax:0"}], [["p"], {"p": 3}, {"p": {"value": 1}}]),
    "signature": (["predict", ""], [3, ["predict"], True]),
}
OF_AN_INPUT: dict[str, tuple[list[Any], list[Any]]] = {
    "shape": (
        [[], [1, 2], ["8..32", 3], [" length = 1 .. 128 "], ["1..1"]],
        [3, "8..32", [0], [-1], [1.5], [True], ["8"], ["8.."], ["8..32x"], [[1]], {"a": 1}],
    ),
    "dtype": (
        [name for name in DTYPES if name.startswith("float")],
        ["float", "complex64", 32, True, ["float32"]],
    ),
    "low": ([-2, 0.5], ["0", True, float("-inf"), [0]]),
    "high": ([2, 1.5], ["1", False, float("inf"), {}]),
    "samples": (
        ["tests/*.npy", ["a.npy", "**/b.npy"], []],
        ["a.png", "a.txt", [3], 3, ["a.npy", "a"], {"a": "a.npy"}, ""],
    ),
    "choices": ([[]], ["a", [3], ["a"], 3]),
}
OF_AN_OUTPUT: dict[str, tuple[list[Any], list[Any]]] = {
    "kind": (["probabilities", "scores", "classes", "pixels"], ["boxes", 3, ["scores"]]),
    "atol": ([0, 0.5], [-1, "0.5", True, float("inf")]),
}
KINDS: list[tuple[Any, Any, dict[str, tuple[list[Any], list[Any]]]]] = [
    (Model, model, OF_A_MODEL),
    (Artifact, artifact, OF_AN_ARTIFACT),
    (InputSpec, with_input, OF_AN_INPUT),
    (OutputSpec, output, OF_AN_OUTPUT),
]
BY_KEY = {
    right: [
        pytest.param(make(key, value), id=f"{kind.__name__}.{key}={value!r}")
        for kind, make, values in KINDS
        for key, pair in values.items()
        for value in pair[0 if right else 1]
    ]
    for right in (True, False)
}

#: Tables that more than one key decides.
RIGHT = {
    "nothing": {},
    "no-model": {"models": {}},
    "live": {"models": {"a": LIVE}},
    "live-with-a-checkpoint": {"models": {"a": {**LIVE, "checkpoint": "train_dir"}}},
    "two": {"models": {"a.b-c_d": MODEL, "2": LIVE}},
    "value": {
        "models": {"a": model(inputs={"images": IMAGES, "phase_train": {"value": False}})},
    },
    "values": {"models": {"a": model(inputs={"images": IMAGES, "k": {"value": [1, 2.5, "x"]}})}},
    "bool": {"models": {"a": an_input(shape=[], dtype="bool")}},
    "strings": {"models": {"a": an_input(shape=[2], dtype="string", choices=["a", "b"])}},
    "strings-in-files": {"models": {"a": an_input(shape=[2], dtype="string", samples="a/*.txt")}},
    "strings-in-lists": {"models": {"a": an_input(shape=[], dtype="string", samples=["a.npy"])}},
    "bytes": {"models": {"a": an_input(shape=[2], dtype="uint8")}},
    "wide": {"models": {"a": an_input(shape=[2], dtype="int64", low=0, high=9)}},
}
WRONG = {
    "no-table": [],
    "a-key-of-a-run": {"atol": 1e-4},
    "a-word": {"model": {"a": MODEL}},
    "models-in-a-list": {"models": [MODEL]},
    "a-model-that-is-none": {"models": {"a": "nets:infer"}},
    "a-name": {"models": {"a/b": MODEL}},
    "a-name-with-a-dash-first": {"models": {"-a": MODEL}},
    "an-empty-name": {"models": {"": MODEL}},
    "an-unknown-key": {"models": {"a": model("artifcats", ["a.pb"])}},
    "a-key-of-python": {"models": {"a": model("root", "/")}},
    "a-key-of-python-too": {"models": {"a": model("source", "here")}},
    "its-own-name": {"models": {"a": model("name", "b")}},
    "an-unknown-key-of-an-artifact": {"models": {"a": artifact("freeze", ["graph_def"])}},
    "an-unknown-key-of-an-input": {"models": {"a": with_input("lo", 0)}},
    "what-a-shape-makes": {"models": {"a": with_input("extents", [])}},
    "an-unknown-key-of-an-output": {"models": {"a": output("rtol", 0)}},
    "no-inputs": {"models": {"a": {k: v for k, v in MODEL.items() if k != "inputs"}}},
    "no-source": {"models": {"a": {"inputs": {"images": IMAGES}}}},
    "no-checkpoint": {"models": {"a": {"inputs": {"images": IMAGES}, "build": "a:b"}}},
    "a-checkpoint-alone": {"models": {"a": {"inputs": {"images": IMAGES}, "checkpoint": "a"}}},
    "two-sources": {"models": {"a": {**MODEL, **LIVE}}},
    "ema-of-a-session": {"models": {"a": {**LIVE, "ema": "all"}}},
    "live-that-is-none": {"models": {"a": {**LIVE, "live": "evaluation"}}},
    "no-shape": {"models": {"a": an_input(low=0)}},
    "value-and-more": {
        "models": {"a": model(inputs={"images": IMAGES, "k": {"value": 1, "dtype": "int32"}})}
    },
    "a-table-as-value": {"models": {"a": model(inputs={"images": IMAGES, "k": {"value": {}}})}},
    "a-range-of-truth": {"models": {"a": an_input(shape=[], dtype="bool", low=0)}},
    "a-range-of-strings": {
        "models": {"a": an_input(shape=[], dtype="string", choices=["a"], high=1)}
    },
    "no-strings": {"models": {"a": an_input(shape=[2], dtype="string")}},
    "empty-strings": {"models": {"a": an_input(shape=[2], dtype="string", choices=[], samples=[])}},
    "strings-in-pictures": {"models": {"a": an_input(shape=[], dtype="string", samples="a.png")}},
    "no-range": {"models": {"a": an_input(shape=[2], dtype="int32")}},
    "half-a-range": {"models": {"a": an_input(shape=[2], dtype="uint64", low=0)}},
}
#: What a schema does not know; the reader refuses it.
BEYOND = {
    "low-is-not-less": {"models": {"a": an_input(shape=[2], low=1, high=1)}},
    "low-is-not-less-than-the-default": {"models": {"a": an_input(shape=[2], low=2.0)}},
    "a-type-holds-less": {"models": {"a": an_input(shape=[2], dtype="uint8", low=0, high=256)}},
    "a-range-that-falls": {"models": {"a": an_input(shape=["9..8"])}},
    "a-range-from-0": {"models": {"a": an_input(shape=["0..8"])}},
    "two-ranges-of-one-name": {"models": {"a": an_input(shape=["n=1..2", "n=1..3"])}},
    "the-same-twice": {"models": {"a": model(artifacts=["a.pb", "a.pb"])}},
    "a-file-called-as-a-way": {"models": {"a": model(artifacts=["npz", "npz"], freeze=[])}},
    "an-input-of-another-name": {"models": {"a": artifact("inputs", {"image": "x:0"})}},
    "an-example-of-another-name": {
        "models": {"a": artifact("inputs", {"e": {"tf_example": ["image"]}})}
    },
    "nothing-is-drawn": {"models": {"a": model(inputs={"phase": {"value": True}})}},
    "a-way-that-no-conftest-adds": {"models": {"a": model(freeze=["graphdef"])}},
    "a-whole-float": {"models": {"a": model(examples=10.0)}},
    "a-whole-float-as-a-size": {"models": {"a": an_input(shape=[8.0])}},
    # In Python `$` also matches before a last line break; in JSON Schema's regular expressions not.
    "a-name-with-a-line": {"models": {"a\n": MODEL}},
    "a-function-with-a-line": {"models": {"a": model("build", "a:b\n")}},
    "not-a-number": {"models": {"a": model(atol=float("nan"))}},
}


def reads(table: Any) -> bool:
    try:
        read(Path("/repository/pyproject.toml"), table)
    except SettingError:
        return False
    return True


def fits(table: Any) -> bool:
    return bool(VALIDATOR.is_valid(table))


@pytest.mark.parametrize("table", BY_KEY[True])
def test_both_accept_what_a_key_may_be(table: dict[str, Any]) -> None:
    assert reads({"models": {"a": table}})
    assert fits({"models": {"a": table}})


@pytest.mark.parametrize("table", BY_KEY[False])
def test_both_refuse_what_a_key_may_not_be(table: dict[str, Any]) -> None:
    assert not reads({"models": {"a": table}})
    assert not fits({"models": {"a": table}})


@pytest.mark.parametrize("name", RIGHT)
def test_both_accept(name: str) -> None:
    assert reads(RIGHT[name])
    assert fits(RIGHT[name])


@pytest.mark.parametrize("name", WRONG)
def test_both_refuse(name: str) -> None:
    assert not reads(WRONG[name])
    assert not fits(WRONG[name])


@pytest.mark.parametrize("name", BEYOND)
def test_what_the_schema_does_not_know_is_this_alone(name: str) -> None:
    assert not reads(BEYOND[name])
    assert fits(BEYOND[name])


@pytest.mark.parametrize(("kind", "make", "values"), KINDS)
def test_every_key_was_tried(kind: Any, make: Any, values: dict[str, Any]) -> None:
    assert set(values) | ({"live"} if kind is Model else set()) == set(keys_of(kind))
    assert all(right and wrong for right, wrong in values.values())


def test_every_type_was_tried() -> None:
    for dtype in DTYPES:
        given: dict[str, Any] = {"choices": ["a"]} if dtype == "string" else {}
        given |= {"low": 0, "high": 1} if dtype not in ("bool", "string") else {}
        table = {"models": {"a": an_input(shape=[2], dtype=dtype, **given)}}
        assert reads(table), dtype
        assert fits(table), dtype


def test_the_file_is_what_the_declarations_make() -> None:
    """Written by `python -m pytest_freezecheck.declared.schema table`."""
    assert schema.of_table() == TABLE
    jsonschema.Draft7Validator.check_schema(TABLE)


def test_an_editor_gets_the_same_of_a_whole_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert schema.main([]) == 0
    whole = json.loads(capsys.readouterr().out)
    jsonschema.Draft7Validator.check_schema(whole)
    validator = jsonschema.Draft7Validator(whole)
    project = {"name": "flowers"}
    for name, table in RIGHT.items():
        assert validator.is_valid({"project": project, "tool": {"freezecheck": table}}), name
    for name, table in WRONG.items():
        assert not validator.is_valid({"project": project, "tool": {"freezecheck": table}}), name
    assert validator.is_valid({"project": project, "tool": {"other": {"models": 3}}})


def test_every_key_says_what_it_is() -> None:
    every = set().union(*(keys_of(kind) for kind, _, _ in KINDS))
    said: dict[str, list[str]] = {key: [] for key in every}

    def walk(part: object) -> None:
        if isinstance(part, dict):
            for key, value in part.items():
                if key in every and isinstance(value, dict) and "description" in value:
                    said[key].append(value["description"])
                walk(value)
        elif isinstance(part, list):
            for each in part:
                walk(each)

    walk(TABLE)
    assert {key for key, texts in said.items() if not texts} == set()
    assert all(text.endswith(".") for texts in said.values() for text in texts)


# validate-pyproject.


def test_validate_pyproject_finds_it() -> None:
    (found,) = importlib.metadata.entry_points(
        group="validate_pyproject.tool_schema", name="freezecheck"
    )
    assert found.load() is schema.tool_schema


def test_validate_pyproject_takes_it() -> None:
    api = pytest.importorskip("validate_pyproject.api")
    errors = pytest.importorskip("validate_pyproject.errors")
    validator = api.Validator()

    def taken(table: Any) -> bool:
        try:
            validator({"tool": {"freezecheck": table}})
        except errors.ValidationError:
            return False
        return True

    assert [name for name, table in RIGHT.items() if not taken(table)] == []
    assert [name for name, table in WRONG.items() if taken(table)] == []
