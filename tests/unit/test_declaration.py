"""Every key of a model's table: a good value, and a bad one with a message that names it all."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from pytest_freezecheck import Artifact, InputSpec, Model, SettingError
from pytest_freezecheck.declared.pyproject import find, read
from pytest_freezecheck.settings import Settings
from pytest_freezecheck.spec.inputs import Constant

INPUTS = {"images": {"shape": [8, 8, 3]}}
GOOD: dict[str, Any] = {"inputs": INPUTS, "build": "nets:infer", "checkpoint": "train_dir"}
TABLE = "pyproject.toml: [tool.freezecheck.models.flowers]"


def table(**changes: Any) -> Model:
    """Read one model from a table as TOML gives it; None takes a key out."""
    values = {k: v for k, v in {**GOOD, **changes}.items() if v is not None}
    (model,) = read(Path("/repository/pyproject.toml"), {"models": {"flowers": values}})
    return model


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("build", "flowers.nets:inference"),
        ("build", "nets:Net.build"),
        ("checkpoint", "train_dir/model.ckpt-100"),
        ("ema", "trainable"),
        ("ema", "all"),
        ("ema", "none"),
        ("export", "flowers.export:main"),
        ("freeze", ["graph_def", "saved_model_session"]),
        ("artifacts", ["export/frozen.pb", "export/saved_model"]),
        ("atol", 1e-4),
        ("examples", 10),
        ("logit_rtol", 1e-3),
        ("logit_rtol", False),
    ],
)
def test_good_values(key: str, value: Any) -> None:
    model = table(**{key: value})
    if key == "artifacts":
        assert [artifact.path for artifact in model.artifacts] == value  # type: ignore[union-attr]
    else:
        assert getattr(model, key) == value
    assert model.root == Path("/repository")
    assert model.inputs == {"images": InputSpec((8, 8, 3))}


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("build", "flowers.nets", "build = 'flowers.nets' is not accepted; expected 'module:fun"),
        ("build", 3, "build = 3 is not accepted; expected 'module:function'"),
        ("build", None, "needs either build, with checkpoint, or live"),
        ("live", "eval:session", "needs either build, with checkpoint, or live"),
        ("checkpoint", None, "build needs a checkpoint beside it"),
        ("checkpoint", 3, "checkpoint = 3 is not accepted; expected a checkpoint's prefix or"),
        ("ema", "some", "ema = 'some' is not accepted; expected one of trainable, all, none"),
        ("ema", True, "ema = True is not accepted"),
        ("export", "main", "export = 'main' is not accepted; expected 'module:function'"),
        ("freeze", "graph_def", "freeze = 'graph_def' is not accepted; expected a list of ways"),
        (
            "freeze",
            ["graphdef"],
            "freeze = 'graphdef' is not accepted; expected ways (nearest: 'gra",
        ),
        ("artifacts", "frozen.pb", "artifacts = 'frozen.pb' is not accepted; expected a list of"),
        ("artifacts", [3], "artifacts[0] = 3 is not accepted; expected a path, or a table with a"),
        (
            "artifacts",
            ["a.pb", "a.pb"],
            "two checks would be called 'a.pb'",
        ),
        (
            "artifacts",
            ["a[0].pb"],
            "artifacts[0].path = 'a[0].pb' is not accepted; expected a path",
        ),
        ("artifacts", [{"atol": 1e-3}], "artifacts[0] = {'atol': 0.001} is not accepted; expected"),
        ("freeze", ["graph_def"] * 2, "two checks would be called 'graph_def'"),
        ("atol", -1, "atol = -1 is not accepted; expected a finite number >= 0"),
        ("atol", "small", "atol = 'small' is not accepted"),
        ("examples", 0, "examples = 0 is not accepted; expected a whole number from 1 to"),
        ("logit_rtol", "off", "logit_rtol = 'off' is not accepted"),
        ("inputs", None, "inputs = {} is not accepted; expected a table for each input"),
        ("inputs", {"x": {"shape": [0]}}, "input 'x': shape = [0] is not accepted"),
        ("inputs", {"x": {"shape": [3], "dtype": "float"}}, "dtype = 'float' is not accepted"),
        ("inputs", {"x": {"shape": [3], "low": 2.0}}, "low = 2.0 is not accepted"),
        ("inputs", {"x": {"shape": [3], "high": "1"}}, "high = '1' is not accepted"),
        ("inputs", {"x": {"shape": [3], "samples": "a.png"}}, "samples = 'a.png' is not accepted"),
        ("inputs", {"x": {"shape": [3], "lo": 2.0}}, "input 'x': unknown key 'lo' (nearest: 'low'"),
        ("inputs", {"x": 3}, "input 'x'"),
        ("artifcats", ["a.pb"], "unknown key 'artifcats' (= ['a.pb']) (nearest: 'artifacts'); acc"),
        ("root", "/", "unknown key 'root'"),
    ],
)
def test_bad_values(key: str, value: Any, said: str) -> None:
    with pytest.raises(SettingError) as refusal:
        table(**{key: value})
    assert str(refusal.value).startswith(TABLE)
    assert said in str(refusal.value)


@pytest.mark.parametrize(
    ("artifact", "said"),
    [
        ({"atoll": 1}, "artifacts[0]: unknown key 'atoll' (= 1) (nearest: 'atol')"),
        ({"atol": -1}, "artifact: atol = -1 is not accepted"),
        (
            {"inputs": ["x"]},
            "artifacts[0].inputs = ['x'] is not accepted; expected a table of names",
        ),
        ({"inputs": {"image": "x:0"}}, "has no input 'image' (nearest: 'images'); it has images"),
        (
            {"inputs": {"keep": {"valeu": 1}}},
            "inputs.keep = {'valeu': 1} is not accepted; expected {",
        ),
        (
            {"inputs": {"images": 3}},
            "artifacts[0].inputs.images = 3 is not accepted; expected a name",
        ),
        ({"outputs": {"p": 3}}, "artifacts[0].outputs.p = 3 is not accepted; expected a name"),
    ],
)
def test_bad_artifacts(artifact: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingError) as refusal:
        table(artifacts=[{"path": "a.pb", **artifact}])
    assert said in str(refusal.value)


def test_an_artifacts_table() -> None:
    (artifact,) = table(
        artifacts=[
            {
                "path": "a.pb",
                "atol": 1e-4,
                "inputs": {"images": "x:0", "is_training": {"value": False}},
                "outputs": {"p": "softmax:0"},
            }
        ]
    ).artifacts
    assert isinstance(artifact, Artifact)
    assert artifact.names == {"images": "x:0"}
    assert artifact.constants == {"is_training": False}
    assert artifact.outputs == {"p": "softmax:0"}


def test_an_artifact_beats_its_model_beats_the_run() -> None:
    model = table(atol=1e-3, examples=7, artifacts=["a", {"path": "b", "atol": 1e-2}])
    plain, loose = model.artifacts
    run = Settings(atol=1e-6, examples=50, seed=3)
    assert model.settings(run, plain) == Settings(atol=1e-3, examples=7, seed=3)  # type: ignore[arg-type]
    assert model.settings(run, loose) == Settings(atol=1e-2, examples=7, seed=3)  # type: ignore[arg-type]


def test_live_stands_instead_of_build() -> None:
    model = table(build=None, checkpoint=None, live="flowers.eval:session")
    assert model.live == "flowers.eval:session"
    with pytest.raises(SettingError, match="ema goes with build"):
        table(build=None, live="flowers.eval:session", ema="all")


@pytest.mark.parametrize("name", ["", "two words", "a/b", "a::b", "[x]"])
def test_a_name_is_part_of_a_node_id(name: str) -> None:
    with pytest.raises(SettingError, match="expected letters, digits, dots, dashes"):
        Model(name=name, inputs=INPUTS, build="a:b", checkpoint="c")


def test_python_has_the_same_fields_and_takes_functions() -> None:
    def build(images: Any) -> Any:
        return images

    model = Model("flowers", {"images": InputSpec((3,))}, build=build, checkpoint=Path("train_dir"))
    assert model.build is build
    with pytest.raises(SettingError, match=r"^Model\('flowers'\): build = 'nets' is not accepted"):
        Model("flowers", INPUTS, build="nets", checkpoint="c")


@pytest.mark.parametrize(
    ("ours", "said"),
    [
        ({"modles": {}}, "[tool.freezecheck] unknown key 'modles' (nearest: 'models')"),
        ({"atol": 1e-4}, "settings of a run are pytest's own: freezecheck_atol"),
        ({"models": ["flowers"]}, "expected a table of models"),
        (
            {"models": {"flowers": "nets"}},
            "[tool.freezecheck.models.flowers] = 'nets' is not accept",
        ),
    ],
)
def test_bad_tables_above_a_model(ours: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingError) as refusal:
        read(Path("pyproject.toml"), ours)
    assert said in str(refusal.value)


def test_the_nearest_file_with_a_table_of_ours_is_taken(tmp_path: Path) -> None:
    inner = tmp_path / "packages" / "flowers"
    inner.mkdir(parents=True)
    (tmp_path / "pyproject.toml").write_text("[tool.freezecheck.models]")
    assert find(inner) == (tmp_path / "pyproject.toml", {"models": {}})
    (inner / "pyproject.toml").write_text("[project]\nname = 'x'")
    assert find(inner) == (tmp_path / "pyproject.toml", {"models": {}})
    (inner / "pyproject.toml").write_text("[tool.freezecheck]")
    assert find(inner) == (inner / "pyproject.toml", {})
    (inner / "pyproject.toml").write_text("[tool.freezecheck")
    with pytest.raises(SettingError, match=r"pyproject.toml: not TOML: "):
        find(inner)


def test_no_two_checks_have_one_node_id() -> None:
    for changes in (
        {"artifacts": ["export"], "export": "a:b"},
        {"artifacts": ["graph_def"], "freeze": ["graph_def"]},
    ):
        with pytest.raises(SettingError, match="two checks would be called"):
            table(**changes)
    assert table(artifacts=["./export"], export="a:b")


def test_what_is_always_fed_is_no_input() -> None:
    model = table(inputs={**INPUTS, "phase_train": {"value": False}})
    assert list(model.specs) == ["images"]
    assert model.inputs["phase_train"] == Constant(False)
    assert dataclasses.replace(model, root=Path("/elsewhere")).inputs == model.inputs


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ({"phase": {"value": False}}, "expected an input that is drawn, with a shape"),
        (
            {**INPUTS, "phase": {"value": False, "shape": []}},
            "input 'phase': value stands alone: what is fed one value has no shape",
        ),
        ({**INPUTS, "phase": {"value": {}}}, "input 'phase': value = {} is not accepted; expected"),
        ({**INPUTS, "phase": {"vale": 1}}, "input 'phase': unknown key 'vale'"),
    ],
)
def test_what_cannot_be_fed_is_refused(inputs: Any, said: str) -> None:
    with pytest.raises(SettingError) as refusal:
        table(inputs=inputs)
    assert str(refusal.value).startswith(TABLE)
    assert said in str(refusal.value)


def test_a_constant_takes_no_name_of_an_artifact() -> None:
    with pytest.raises(SettingError, match="the model has no input 'phase'"):
        table(
            inputs={**INPUTS, "phase": {"value": False}},
            artifacts=[{"path": "a.pb", "inputs": {"phase": "is_training"}}],
        )
