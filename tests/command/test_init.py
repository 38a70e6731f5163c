"""`freezecheck init`: a table that the gate accepts, of whatever lies in a repository."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf

from pytest_freezecheck.command.builders import builders
from pytest_freezecheck.command.survey import Artifact, Checkpoint, Found, Input
from pytest_freezecheck.command.table import rendered
from pytest_freezecheck.declared import pyproject
from pytest_freezecheck.declared.model import Model
from pytest_freezecheck.spec.inputs import Constant, InputSpec
from tests.kit.inprocess import Ran, run_freezecheck

v1 = tf.compat.v1
EXAMPLES = Path(__file__).parents[2] / "examples"


def copy_of(example: str, to: Path) -> Path:
    """Return a copy of an example without its declaration."""
    folder = to / example
    shutil.copytree(EXAMPLES / example, folder, ignore=shutil.ignore_patterns(".*", "__pycache__"))
    (folder / "pyproject.toml").unlink()
    return folder


def declared(text: str, root: Path = Path()) -> Model:
    """Return the one model that a table declares, as the gate reads it."""
    table = pyproject.parsed(text)["tool"]["freezecheck"]
    (model,) = pyproject.read(root / "pyproject.toml", table)
    return model


def init(folder: Path, *arguments: str) -> Ran:
    return run_freezecheck(folder, "init", *arguments)


def test_the_table_of_the_slim_example_is_right_and_checks_it(tmp_path: Path) -> None:
    folder = copy_of("slim_classifier", tmp_path)
    ran = init(folder)
    assert ran.code == 0, ran.err
    assert not (folder / "pyproject.toml").exists()
    model = declared(ran.out)
    assert (model.name, model.build) == ("slim_classifier", "classifier.nets:inference")
    assert (model.checkpoint, model.ema) == ("train_dir", "trainable")
    assert [a.path for a in model.artifacts] == ["export/frozen.pb", "export/saved_model"]  # type: ignore[union-attr]
    assert model.specs == {"images": InputSpec((16, 16, 3), "float32", -1.0, 1.0)}
    assert "18 shadows, 6 of BatchNorm's statistics" in ran.out
    assert init(folder, "--write").code == 0
    checked = run_freezecheck(
        *(folder, "check", "slim_classifier", "export/frozen.pb"),
        *("--isolation=none", "--examples=5"),
    )
    assert checked.code == 0, checked.out + checked.err


def test_a_function_is_found_by_the_inputs_that_it_takes(tmp_path: Path) -> None:
    ran = init(copy_of("two_inputs", tmp_path))
    model = declared(ran.out)
    assert model.build == "scoring:build"
    assert set(model.specs) == {"picture", "features"}
    assert model.specs["picture"] == InputSpec((12, 12, 1), "uint8")
    assert "other names: declare its inputs and outputs" in ran.out  # of the GraphDef


@pytest.mark.parametrize(
    "before",
    [None, "", "[project]\nname = 'x'", "[tool.other]\na = 1\r\n", "# nothing\n\n"],
)
def test_what_stands_in_pyproject_stays(tmp_path: Path, before: str | None) -> None:
    folder = copy_of("two_inputs", tmp_path)
    path = folder / "pyproject.toml"
    if before is not None:
        path.write_bytes(before.encode())
    ran = init(folder, "--write")
    assert ran.code == 0, ran.err
    after = path.read_bytes().decode()
    assert after.startswith(before or "")
    assert declared(after).build == "scoring:build"
    content = pyproject.parsed(after)
    del content["tool"]["freezecheck"]
    assert content in ({**pyproject.parsed(before or ""), "tool": content["tool"]},)
    assert content["tool"] == pyproject.parsed(before or "").get("tool", {})


@pytest.mark.parametrize(
    ("before", "said"),
    [
        ("[tool.freezecheck]\n", "has a [tool.freezecheck] already"),
        ("[tool\n", "not TOML"),
        ("tool = { other = 1 }\n", "the table cannot be appended to it, and nothing was written"),
    ],
)
def test_a_pyproject_that_cannot_be_appended_to_stays_as_it_is(
    tmp_path: Path, before: str, said: str
) -> None:
    folder = copy_of("two_inputs", tmp_path)
    (folder / "pyproject.toml").write_text(before)
    ran = init(folder, "--write")
    assert (ran.code, ran.out) == (4, "")
    assert said in ran.err
    assert (folder / "pyproject.toml").read_text() == before
    assert sorted(p.name for p in folder.iterdir() if p.name.startswith(".")) == []


def test_where_nothing_lies_the_table_is_an_example_and_is_not_written(tmp_path: Path) -> None:
    ran = init(tmp_path)
    assert ran.code == 1
    assert "no checkpoint and no artifact lies below it: the table is an example" in ran.err
    declared(ran.out)
    assert init(tmp_path, "--write").code == 4
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_missing_is_a_usage_error(tmp_path: Path) -> None:
    ran = init(tmp_path, "nope")
    assert (ran.code, ran.err) == (4, "freezecheck: nope: no such folder\n")


def test_what_is_damaged_or_not_frozen_is_left_out_and_said_to_be(tmp_path: Path) -> None:
    with tf.Graph().as_default() as graph:
        v1.get_variable("w", [3])
        tf.io.write_graph(graph, str(tmp_path), "graph.pbtxt")
        tf.identity(v1.placeholder(tf.float32, [None, 3], name="x"), name="y")
    (tmp_path / "cut.pb").write_bytes(b"\n\xff\xff\xff")
    (tmp_path / "odd[1].pb").write_bytes(tf.Graph().as_graph_def().SerializeToString())
    (tmp_path / "model.ckpt.index").write_bytes(b"no index")
    for name in ("gone.pb", "gone.index", "gone.py"):
        (tmp_path / name).symlink_to("nowhere")
    hidden = tmp_path / ".venv" / "lib"
    hidden.mkdir(parents=True)
    (hidden / "other.pb").write_bytes(b"\n")
    ran = init(tmp_path)
    model = declared(ran.out)
    assert model.artifacts == ()
    assert "# left out: graph.pbtxt: not frozen: 1 variable in the graph" in ran.out
    assert "# left out: cut.pb: not a GraphDef, or truncated" in ran.out
    assert "# left out: odd[1].pb: " in ran.out
    assert "other.pb" not in ran.out
    assert model.checkpoint == "model.ckpt"


INPUTS = [
    Input("image", "float32", (None, 8, None, 3)),
    Input("scope/x:y", "uint8", (None, 4)),
    Input("ids", "int64", (None, 5)),
    Input("on", "bool", (None,)),
    Input("words", "string", (None,)),
    Input("odd", "complex64", None),
    Input("is_training", "bool", ()),
    Input("keep", "float32", ()),
    Input('quo"te\\', "float16", (None, 2)),
]


def test_whatever_inputs_are_called_and_take_the_gate_accepts_the_table() -> None:
    found = Found(
        [Checkpoint("train", "train/m-1", problem="cut\nshort"), Checkpoint("o", "o")],
        [
            Artifact("a b/ü.pb", "graph_def", tuple(INPUTS), ("y",)),
            Artifact("quo'te\".tflite", "tflite"),
            Artifact("bad\n.onnx", "onnx"),
        ],
        [],
    )
    text = rendered(found, [], Path("/srv/9 lives!"))
    model = declared(text)
    assert model.name == "9_lives"
    assert [a.path for a in model.artifacts] == ["a b/ü.pb", "quo'te\".tflite"]  # type: ignore[union-attr]
    assert set(model.inputs) == {one.name for one in INPUTS}
    assert model.inputs["is_training"] == Constant(False)
    assert model.inputs["keep"] == Constant(1.0)
    image: Any = model.inputs["image"]
    assert image.shape == (8, 32, 3)
    assert text.count("guessed") >= 8


SOURCES = {
    "nets.py": "import tf_slim as slim\ndef inference(images):\n  return slim.conv2d(images)\n"
    "def train_net(images):\n  return slim.conv2d(images)\n"
    "def helper(images, is_training):\n  return slim.conv2d(images)\n",
    "src/pkg/model.py": "import tensorflow as tf\n"
    "def build_model(x, *, flag=1):\n  return tf.nn.softmax(x)\n",
    "tests/test_net.py": "import tensorflow as tf\ndef build(images):\n  return tf.nn.softmax(1)\n",
    "plain.py": "def build_network(images):\n  return images\n",
    "broken.py": "import tensorflow\ndef (:\n",
    "not-a-module.py": "import tensorflow as tf\ndef build(images):\n  return tf.nn.softmax(1)\n",
}


@pytest.mark.parametrize(
    ("inputs", "first"),
    [
        ([["images"]], "nets:inference"),
        ([["x"]], "pkg.model:build_model"),
        ([], "pkg.model:build_model"),
    ],
)
def test_functions_that_build_are_told_from_others(
    tmp_path: Path, inputs: list[list[str]], first: str
) -> None:
    for name, source in SOURCES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(source)
    found = builders(sorted(tmp_path.rglob("*.py")), tmp_path, inputs)
    names = [builder.reference for builder in found]
    assert names[:1] == [first]
    assert not {"nets:train_net", "plain:build_network", "nets:helper"} & set(names)
    assert not any(name.startswith(("tests", "not-a")) for name in names)
