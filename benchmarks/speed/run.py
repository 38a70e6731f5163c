"""Run commands, in turns, and keep what each took."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.processes import CommandError, measured
from benchmarks.speed.cases import NETWORKS, Case, Command, Network
from benchmarks.speed.prepare import ROOT, repository
from benchmarks.speed.runs import Run, Runs

_GATE = ("-m", "pytest", "--freezecheck", "-p", "no:cacheprovider", "-q")
_SCRIPTS = Path(__file__).parent / "scripts"
_HEAD = """
[tool.pytest.ini_options]
pythonpath = ["."]
filterwarnings = ["ignore:`(layer.apply|tf.layers.*)` is deprecated:UserWarning"]
"""
_MODEL = """
[tool.freezecheck.models.{name}]
build = "net:build"
checkpoint = "train_dir"
artifacts = {files}

[tool.freezecheck.models.{name}.inputs.images]
shape = {shape}
dtype = "{dtype}"
low = {low}
high = {high}
"""


def run_all(
    cases: Iterable[Case],
    folder: Path,
    repeat: int | None,
    keep: Callable[[Runs, list[str]], None],
) -> tuple[Runs, list[str]]:
    """Run cases, one after the other.

    Args:
        cases: to run; what a command needs and is not installed is left out.
        folder: for the repositories of the networks.
        repeat: how often each command runs, in place of what the plan says.
        keep: called after each run with what is known so far, which is what is returned.

    Returns:
        What everything took, and what was left out or failed, in a line each.
    """
    found: Runs = {}
    missing: list[str] = []
    for case in cases:
        own, runs = folder / case.network, found.setdefault(case.network, {})
        try:
            if case.network != "idle":
                _say(f"{case.network}: made, or found, in {own}")
                repository(case.network, own)
            own.mkdir(parents=True, exist_ok=True)
        except CommandError as error:
            missing.append(_told(f"{case.network}, all of it", error))
            continue
        ready = list(case.commands)
        for turn in range(max(case.turns(command, repeat) for command in ready)):
            for command in [one for one in ready if turn < case.turns(one, repeat)]:
                try:
                    run = run_one(case.network, command, own, runs)
                except CommandError as error:
                    ready.remove(command)
                    missing.append(_told(f"{case.network}, {command.name}", error))
                    continue
                runs.setdefault(command.name, []).append(run)
                keep(found, missing)
                size = f"{run.memory / 1e6:,.0f} MB, {run.passes:,} rows"
                _say(f"{case.network}, {command.name}: {run.seconds:.1f} s, {size}")
    return found, missing


def _told(what: str, error: CommandError) -> str:
    """Print all that is known of what failed, and return its first line."""
    _say(f"{what}: {error}")
    return f"{what}: {str(error).partition(chr(10))[0]}."


def run_one(network: str, command: Command, folder: Path, runs: Mapping[str, Sequence[Run]]) -> Run:
    """Run a command once.

    Args:
        network: whose repository it runs in.
        command: what is run.
        folder: of the repository.
        runs: those of the network's commands so far.

    Raises:
        CommandError: it needs what is not there, did not end as it should, or a check did not say
            what the plan does.
    """
    if command.missing:
        raise CommandError(f"left out, needs {', '.join(command.missing)}")
    inputs = 0
    if command.kind in ("limit", "polygraphy"):
        if command.inputs_of not in runs:
            raise CommandError(f"left out, as there are no inputs of {command.inputs_of!r}")
        inputs = runs[command.inputs_of][-1].inputs
    for name in {*command.files} - {path.name for path in folder.iterdir()}:
        if name.startswith("copy_"):
            shutil.copy(folder / "right.pb", folder / name)
    for name in (".freezecheck", ".hypothesis"):  # nothing of an earlier run
        shutil.rmtree(folder / name, ignore_errors=True)
    for name in ("done.json", "report.json", "pyproject.toml"):
        (folder / name).unlink(missing_ok=True)
    if network != "idle":
        _declare(NETWORKS[network], command, folder)
    took = measured(folder, _words(command, inputs), command.status, {"PYTHONPATH": str(ROOT)})
    if command.kind == "gate":
        return _of_a_gate(command, folder, Run(*took))
    done = json.loads((folder / "done.json").read_text())
    if command.kind == "idle":
        return Run(done["milliseconds"] / 1e3, modules=tuple(done["modules"]))
    return Run(*took, done["passes"], inputs, done.get("seconds", {}))


def _words(command: Command, inputs: int) -> list[str]:
    if command.kind == "gate":
        words = [*_GATE, "--freezecheck-report=report.json", *command.arguments]
    elif command.kind == "limit":
        words = ["limit.py", str(inputs), *command.files]
    elif command.kind == "hypothesis":
        words = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "plain_hypothesis.py"]
    elif command.kind == "polygraphy":
        words = ["polygraphy_onnx.py", str(inputs)]
    else:
        words = [str(_SCRIPTS / "idle.py")]
    return [sys.executable, *words]


def _declare(network: Network, command: Command, folder: Path) -> None:
    """Write the table, what scripts read of it, and those scripts."""
    for script in ("limit.py", "plain_hypothesis.py", "polygraphy_onnx.py"):
        shutil.copy(_SCRIPTS / script, folder)
    files = list(command.files)
    declared = {key: getattr(network, key) for key in ("dtype", "low", "high")}
    text = _HEAD
    for number in range(command.models):
        fields = {"shape": list(network.shape), "files": json.dumps(files), **declared}
        text += _MODEL.format(name=f"model_{number}", **fields)
    (folder / "pyproject.toml").write_text(text)
    (folder / "inputs.json").write_text(json.dumps(declared))


def _of_a_gate(command: Command, folder: Path, run: Run) -> Run:
    checks = json.loads((folder / "report.json").read_text())["checks"]
    said = {_said(check) for check in checks}
    if said != {command.says} or len(checks) != command.models * len(command.files):
        raise CommandError(f"{len(checks)} checks, which say {said}")
    fed = max(check["inputs"] for check in checks)
    # What the live model has answered is kept for the next file.
    passes = sum(check["inputs"] for check in checks) + command.models * fed
    parts = {"check": sum(check["seconds"] for check in checks)}
    return dataclasses.replace(run, passes=passes, inputs=fed, parts=parts)


def _said(check: dict[str, Any]) -> str | None:
    """Return the cause that was proven, or what the proof came to."""
    found: dict[str, Any] = check["cause"] or {}
    if found.get("proven"):
        return str(found["id"])
    return (check["proof"] or {}).get("result")


def ready() -> None:
    """Compile the package, as its installation does: a clone need not be, and it takes a second.

    And let what is started keep what it compiles, as it does by default.
    """
    import compileall

    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    compileall.compile_dir(str(ROOT / "pytest_freezecheck"), quiet=1)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
