"""The small examples: each passes as committed, and fails by name after each of three faults."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf

from tests.kit.inprocess import Here

v1 = tf.compat.v1
EXAMPLES = Path(__file__).parents[2] / "examples"
Fault = Callable[[Path, Here], None]


def replaced(file: str, *pairs: tuple[str, str]) -> Fault:
    """Change the source of a script."""

    def fault(folder: Path, runner: Here) -> None:
        text = (folder / file).read_text()
        for before, after in pairs:
            assert before in text
            text = text.replace(before, after)
        (folder / file).write_text(text)

    return fault


def exported_with(command: list[str], artifact: str, fault: Fault) -> Fault:
    """Export one artifact with a changed script, and put the script back."""

    def export(folder: Path, runner: Here) -> None:
        wrong = folder.parent / "wrong"
        shutil.copytree(folder, wrong)
        shutil.rmtree(wrong / "export")
        (wrong / "export").mkdir()
        fault(wrong, runner)
        runner.python(wrong, *command)
        ours, theirs = folder / artifact, wrong / artifact
        if ours.is_dir():
            shutil.rmtree(ours)
            shutil.copytree(theirs, ours)
        else:
            shutil.copy(theirs, ours)

    return export


def edited(artifact: str, edit: Callable[[Any], None]) -> Fault:
    """Change a GraphDef."""

    def fault(folder: Path, runner: Here) -> None:
        path = folder / artifact
        definition = v1.GraphDef.FromString(path.read_bytes())
        edit(definition)
        path.write_bytes(definition.SerializeToString())

    return fault


def constant(name: str, change: Callable[[Any], Any]) -> Callable[[Any], None]:
    def edit(definition: Any) -> None:
        (node,) = (node for node in definition.node if node.name == name)
        value = change(tf.make_ndarray(node.attr["value"].tensor))
        node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(value))

    return edit


def steeper(definition: Any) -> None:
    (node,) = (node for node in definition.node if node.op == "LeakyRelu")
    node.attr["alpha"].f = 0.2


CLASSIFIER = ["-m", "classifier.export"]
RAW = ("average.variables_to_restore()", "{v.op.name: v for v in v1.global_variables()}")
SCORING = ["scoring.py", "export"]

#: {example: what it checks, and {fault: the artifact that is then wrong}}
CASES: dict[str, tuple[set[str], list[tuple[str, Fault, set[str]]]]] = {
    "slim_classifier": (
        {
            "export/frozen.pb",
            "export/saved_model",
            "graph_def",
            "saved_model",
            "export: frozen.pb",
            "export: saved_model",
        },
        [
            (
                "raw weights in the frozen file",
                exported_with(
                    CLASSIFIER, "export/frozen.pb", replaced("classifier/export.py", RAW)
                ),
                {"export/frozen.pb"},
            ),
            (
                "an older checkpoint in the SavedModel",
                exported_with(
                    CLASSIFIER,
                    "export/saved_model",
                    replaced("classifier/export.py", ("model.ckpt-200", "model.ckpt-100")),
                ),
                {"export/saved_model"},
            ),
            (
                "training mode in the script, after yesterday's files were written",
                replaced("classifier/export.py", ("is_training=False", "is_training=True")),
                {"export: frozen.pb", "export: saved_model"},
            ),
        ],
    ),
    "two_inputs": (
        {"export/frozen.pb", "export/saved_model", "graph_def", "saved_model"},
        [
            (
                "the picture scaled to [0, 1]",
                exported_with(
                    SCORING, "export/saved_model", replaced("scoring.py", ("127.5 - 1.0", "255.0"))
                ),
                {"export/saved_model"},
            ),
            (
                "one weight of the second output",
                edited(
                    "export/frozen.pb", constant("net/price/weights", lambda value: value * 1.01)
                ),
                {"export/frozen.pb"},
            ),
            (
                "raw weights",
                exported_with(SCORING, "export/frozen.pb", replaced("scoring.py", RAW)),
                {"export/frozen.pb"},
            ),
        ],
    ),
    "tf1_session": ({"export/frozen.pb", "graph_def", "saved_model"}, []),
}
#: {what is wrong: edits the GraphDef} of the example that is run in a process of its own.
EDITS = {
    "statistics at their initial values": constant("mlp/mean", lambda value: value * 0),
    "another activation": steeper,
    "classes shifted by one": constant("mlp/w2", lambda value: value[:, [1, 2, 3, 0]]),
}
FAULTS = [
    pytest.param(example, fault, wrong, id=f"{example}: {title}")
    for example, (_, faults) in CASES.items()
    for title, fault, wrong in faults
]


#: What an example imports stays out of this process: one calls `tf.disable_v2_behavior()`.
ISOLATED = ("-o", "freezecheck_isolation=process")


@pytest.fixture
def runner(pytester: pytest.Pytester) -> Here:
    return Here(pytester)


def gate(folder: Path, runner: Here, *arguments: str) -> tuple[int, str, dict[str, str]]:
    """Return the exit code, what was printed, and {artifact: outcome}."""
    report = "--freezecheck-report=report.json"
    code, printed = runner.pytest(folder, "--freezecheck", report, *arguments)
    return code, printed, outcomes(folder)


def outcomes(folder: Path) -> dict[str, str]:
    checks = json.loads((folder / "report.json").read_text())["checks"]
    return {check["artifact"]: check["outcome"] for check in checks}


@pytest.fixture
def copied(tmp_path: Path) -> Callable[[str], Path]:
    def copy(example: str) -> Path:
        folder = tmp_path / "repository"
        shutil.copytree(EXAMPLES / example, folder, ignore=shutil.ignore_patterns("__pycache__"))
        return folder

    return copy


@pytest.mark.parametrize("example", CASES)
def test_an_example_passes_as_committed(
    example: str, copied: Callable[[str], Path], runner: Here
) -> None:
    code, printed, found = gate(copied(example), runner, *ISOLATED)
    assert code == 0, printed
    assert found == dict.fromkeys(CASES[example][0], "passed")


@pytest.mark.parametrize(("example", "fault", "wrong"), FAULTS)
def test_an_example_fails_by_name_after_a_fault(
    example: str, fault: Fault, wrong: set[str], copied: Callable[[str], Path], runner: Here
) -> None:
    folder = copied(example)
    fault(folder, runner)
    code, printed, found = gate(folder, runner)
    assert code == 1, printed
    assert {name for name, outcome in found.items() if outcome != "passed"} == wrong
    assert {found[name] for name in wrong} == {"failed"}
    named = sorted(wrong)[0]
    assert f", {named}: output " in printed
    assert "Traceback" not in printed
    if named.startswith("export: "):  # what wrote it is known, and its line
        assert "    look at classifier/export.py, line 22: probabilities = " in printed
        assert "    with the fix: probabilities = inference(images, is_training=False)" in printed


def test_the_session_of_tensorflow_1_fails_by_name_after_each_fault(
    copied: Callable[[str], Path], runner: Here
) -> None:
    """In one run: a process of its own takes long to start."""
    folder = copied("tf1_session")
    names = [f"export/{number}.pb" for number in range(len(EDITS))]
    for name, edit in zip(names, EDITS.values(), strict=True):
        shutil.copy(folder / "export" / "frozen.pb", folder / name)
        edited(name, edit)(folder, runner)
    declared = '"export/frozen.pb"'
    more = ", ".join([declared, *(f'"{name}"' for name in names)])
    replaced("pyproject.toml", (declared, more))(folder, runner)
    code, printed, found = gate(folder, runner, *ISOLATED)
    assert code == 1, printed
    assert found == {
        **dict.fromkeys(CASES["tf1_session"][0], "passed"),
        **dict.fromkeys(names, "failed"),
    }
    for name in names:
        assert f", {name}: output " in printed
    assert "Traceback" not in printed


@pytest.mark.parametrize("example", sorted(p.name for p in EXAMPLES.iterdir() if p.is_dir()))
def test_every_example_says_what_it_is_in_a_few_lines(example: str) -> None:
    lines = (EXAMPLES / example / "README.md").read_text().splitlines()
    assert lines[0].startswith("# ")
    assert "pytest --freezecheck" in "\n".join(lines)
    assert len(lines) <= 20
