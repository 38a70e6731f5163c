"""The benchmark of speed: its plan, what it makes of runs, and a small run of it."""

from __future__ import annotations

import dataclasses
import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks import processes
from benchmarks.speed import __main__ as speed
from benchmarks.speed import machine, page, plan, results, run, targets
from benchmarks.speed.cases import NETWORKS, PLAN
from benchmarks.speed.runs import Run, as_data, from_data

MEASURED = {
    "idle": {"idle": [Run(0.0004, modules=("one", "two"))]},
    "reference": {
        "proved": [Run(6.0, 6, 700), Run(8.0, 6, 700), Run(5.0, 6, 900)],
        "limit": [Run(4.0, 4, 600), Run(8.0, 4, 600), Run(2.0, 4, 600)],
    },
    "segmentation": {
        "sampled": [Run(60.0, 70.0, 2_000_000_001)],
        "limit": [Run(50.0, 60.0, 10**9, parts={"ask": 30.0})],
    },
}


# The plan.


def test_the_plan_has_everything_that_is_measured_and_ends_in_time() -> None:
    assert set(NETWORKS) == {case.network for case in PLAN}
    files = {(len(c.files), c.models) for case in PLAN for c in case.commands}
    assert files >= {(1, 1), (10, 1), (100, 1), (5, 2)}
    names = set(plan.names())
    assert {
        f"reference/{n}" for n in ("10 examples", "1,000 examples", "2 x 5 files, -n 2")
    } < names
    assert {f"reference/{name}" for name in ("plain Hypothesis", "Polygraphy, ONNX")} < names
    for network in ("reference", "slim_classifier", "inception_v3"):
        usual = ("sampled", "limit", "proved", "failing", "converted")
        assert {f"{network}/{name}" for name in usual} < names
    for case in PLAN[1:]:
        assert any(command.kind == "limit" for command in case.commands), case.network
        assert any(command.kind == "gate" for command in case.commands), case.network
    assert plan.seconds(PLAN) < plan.ALLOWED


def test_a_command_follows_the_one_whose_inputs_it_asks_and_has_a_limit_that_asks_as_many() -> None:
    for case in PLAN:
        by_name = {command.name: command for command in case.commands}
        assert len(by_name) == len(case.commands)
        before: set[str] = set()
        for command in case.commands:
            if command.kind in ("limit", "polygraphy"):
                assert command.inputs_of in before, (case.network, command.name)
            if command.kind not in ("limit", "idle"):
                limit = by_name[command.limit]
                assert limit.kind == "limit"
                assert len(limit.files) == command.models * len(command.files), command.name
            before.add(command.name)


def test_each_target_is_of_something_in_the_plan() -> None:
    for target in targets.TARGETS:
        assert f"{target.network}/{target.command}" in plan.names()


def test_what_is_asked_for_comes_with_what_it_is_held_against() -> None:
    (case,) = plan.chosen(["reference/10 files"])
    assert [command.name for command in case.commands] == [
        "sampled",
        "limit",
        "10 files",
        "limit, 10 files",
    ]
    assert [case.network for case in plan.chosen(["vgg_16", "idle"])] == ["idle", "vgg_16"]
    assert plan.chosen([]) == list(PLAN)


def test_what_is_not_there_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match=r"no 'reference/nine files'; there are idle, idle/idle"):
        speed.main(["--only", "reference/nine files"])
    missing = dataclasses.replace(PLAN[0].commands[0], needs=("no_such_package", "json"))
    (row,) = plan.rows([dataclasses.replace(PLAN[0], commands=(missing,))])
    assert (row["times"], row["left out"]) == (0, "needs no_such_package")


def test_repeat_takes_the_place_of_the_plans_number() -> None:
    case = next(case for case in PLAN if case.network == "inception_v3")
    once = next(command for command in case.commands if command.rounds == 1)
    assert (case.turns(once, None), case.turns(once, 4)) == (1, 4)
    assert plan.seconds([case], 1) < plan.seconds([case]) < plan.seconds([case], 9)


# What is made of runs.


def test_ratios_are_those_of_the_same_round() -> None:
    row = next(row for row in results.rows(MEASURED) if row["command"] == "proved")
    assert row["times its limit"] == "1.50 (1.00 to 2.50)"
    assert (row["seconds"], row["runs"]) == ("6.0 (5.0 to 8.0)", 3)
    assert row["times its processors"] == "1.50"
    assert row["times its memory"] == "1.17 (1.17 to 1.50)"


def test_targets_say_whether_they_are_met() -> None:
    found = {row["target, of medians"]: row for row in targets.rows(MEASURED)}
    assert len(found) == 5  # of what was measured, and no others
    told = {name: (row["measured"], row["met"]) for name, row in found.items()}
    assert told["reference, a proved GraphDef"] == ("1.50", "no")
    assert told["idle: its own code"] == ("0.40", "yes")
    assert told["segmentation, sampled: memory"] == ("2.00", "no")  # a byte too much
    asking = "segmentation, sampled: the whole command against the script's forward passes alone"
    assert told[asking] == ("2.00", "yes")


def test_runs_are_the_same_from_json() -> None:
    again = from_data(json.loads(json.dumps(as_data(MEASURED))))
    assert list(results.rows(again)) == list(results.rows(MEASURED))


@pytest.mark.parametrize(("others", "said"), [(0.1, "was quiet"), (0.7, "kept 0.7 cores busy")])
def test_the_page_has_tables_machine_and_load_between_its_markers(
    tmp_path: Path, others: float, said: str
) -> None:
    own = tmp_path / "speed.md"
    own.write_text(f"before\n{page.BEGIN}\nold\n")
    with pytest.raises(SystemExit, match="has no"):
        page.write("new", own)
    own.write_text(f"before\n{page.BEGIN}\nold\n{page.END}\nafter\n")
    ran = {"minutes": 21.4, "others": others}
    page.write(page.markdown(MEASURED, machine.described(), ran, ["VGG: left out."]), own)
    text = own.read_text("utf-8")
    assert "old" not in text
    assert text.startswith(f"before\n{page.BEGIN}\n")
    assert text.endswith(f"{page.END}\nafter\n")
    for part in (
        said,
        "21 minutes",
        "cores ",
        "Python 3.",
        "VGG: left out.",
        "1.50 (1.00 to 2.50)",
    ):
        assert part in text, part


def test_the_documentation_has_a_place_for_all_of_it() -> None:
    text = page.PAGE.read_text("utf-8")
    assert text.index(page.BEGIN) < text.index(page.END)
    assert f"](images/{page.PLOT.name})" in text


def test_the_plot_is_the_same_each_time(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    from benchmarks.speed.plot import draw

    for name in ("one.svg", "other.svg"):
        draw(MEASURED, tmp_path / name)
    svg = (tmp_path / "one.svg").read_text("utf-8")
    assert svg == (tmp_path / "other.svg").read_text("utf-8")
    assert svg.count("<!-- reference: proved -->") == 1
    assert not re.search(r"<!-- reference: limit -->|<dc:date>", svg)


# Running.


def test_memory_is_that_of_all_processes_together(tmp_path: Path) -> None:
    (tmp_path / "child.py").write_text(
        "held = bytearray(b'1' * 60_000_000)\nprint('holds', flush=True)\ninput()\n"
    )
    (tmp_path / "parent.py").write_text(
        "import subprocess, sys, time\n"
        "held = bytearray(b'1' * 60_000_000)\n"
        "words = [sys.executable, 'child.py']\n"
        "pipe = subprocess.PIPE\n"
        "with subprocess.Popen(words, stdin=pipe, stdout=pipe, text=True) as child:\n"
        "    child.stdout.readline()\n"
        "    time.sleep(0.8)\n"
        "    child.communicate('end')\n"
    )
    took = processes.measured(tmp_path, [sys.executable, "parent.py"], 0)
    assert took.memory > 120_000_000
    assert took.seconds > 0.8
    assert took.processors < took.seconds + 1


def test_a_command_that_ends_otherwise_stops_it_and_is_shown(tmp_path: Path) -> None:
    with pytest.raises(processes.CommandError, match=r"ended with 3, not 0\nthe reason"):
        processes.measured(tmp_path, [sys.executable, "-c", "print('the reason'); exit(3)"], 0)


@pytest.mark.parametrize("proof", ["identical", "differs"])
def test_a_check_that_was_proved_otherwise_than_planned_is_not_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, proof: str
) -> None:
    command = next(c for c in PLAN[1].commands if c.name == "proved")

    def measured(folder: Path, *_: Any) -> processes.Measured:
        check = {"proof": {"result": proof}, "cause": None, "inputs": 374, "seconds": 0.5}
        (folder / "report.json").write_text(json.dumps({"checks": [check]}))
        return processes.Measured(6.0, 7.0, 10**9)

    monkeypatch.setattr(run, "measured", measured)
    if proof == "identical":
        found = run.run_one("reference", command, tmp_path, {})
        assert found == Run(6.0, 7.0, 10**9, 748, 374, {"check": 0.5})
    else:
        with pytest.raises(processes.CommandError, match=r"1 checks, which say \{'differs'\}"):
            run.run_one("reference", command, tmp_path, {})


def test_what_fails_is_told_and_the_rest_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def repository(name: str, folder: Path) -> None:
        if name == "vgg_16":
            raise processes.CommandError("cannot be made\nfor its reasons")

    def measured(folder: Path, words: list[str], *_: Any) -> processes.Measured:
        if "limit.py" not in words:
            raise processes.CommandError("ended with 2, not 0")
        raise AssertionError("there are no inputs for it")

    monkeypatch.setattr(run, "repository", repository)
    monkeypatch.setattr(run, "measured", measured)
    cases = plan.chosen(["resnet_v2_50", "vgg_16"])
    found, missing = run.run_all(cases, tmp_path, 3, lambda *_: None)
    assert found == {"resnet_v2_50": {}, "vgg_16": {}}
    assert missing == [
        "resnet_v2_50, proved: ended with 2, not 0.",
        "resnet_v2_50, limit: left out, as there are no inputs of 'proved'.",
        "vgg_16, all of it: cannot be made.",
    ]


def test_a_small_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept = tmp_path / "measured.json"
    speed.main(["--only", "idle", "--repeat", "1", "--json", str(kept), "--folder", str(tmp_path)])
    data = json.loads(kept.read_text())
    (once,) = data["runs"]["idle"]["idle"]
    assert once["modules"] == ["pytest_freezecheck", "pytest_freezecheck.plugin"]
    assert 0.0 < once["seconds"] < 1.0
    printed = capsys.readouterr().out
    assert "| idle: modules      | 2 modules | 2.00     | yes |" in printed
    speed.main(["--of", str(kept), "--only", "idle"])
    assert "| idle: modules " in capsys.readouterr().out


@pytest.mark.slow
def test_a_run_of_the_reference_model(tmp_path: Path) -> None:
    kept = tmp_path / "measured.json"
    words = ["--only", "reference/proved", "--repeat", "1", "--json", str(kept)]
    speed.main([*words, "--folder", str(tmp_path)])
    runs = from_data(json.loads(kept.read_text())["runs"])["reference"]
    assert set(runs) == {"sampled", "limit", "proved"}
    assert runs["limit"][0].passes == 2 * runs["sampled"][0].inputs
    assert set(runs["limit"][0].parts) == {"import", "restore", "load", "ask"}
    assert min(found.memory for (found,) in runs.values()) > 10**8
