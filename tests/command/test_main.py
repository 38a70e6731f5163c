"""The command as a whole: help, exit codes, and what it costs; some of it as real commands."""

from __future__ import annotations

import dataclasses
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_freezecheck.command import main, options, reading
from pytest_freezecheck.errors import CrashedError
from pytest_freezecheck.runner.keeper import Check, Keeper
from tests.command.conftest import Run
from tests.command.reports import failed, run_of, written
from tests.kit.inprocess import run_freezecheck
from tests.kit.subprocesses import heeding_interrupts

MODULE = [sys.executable, "-m", "pytest_freezecheck"]
SCRIPT = shutil.which("freezecheck", path=str(Path(sys.executable).parent))
#: What would break a run of pytest, and is none of this command's business.
HOSTILE = {
    "conftest.py": "raise RuntimeError('this is no run of pytest')\n",
    "pytest.ini": "[pytest]\naddopts = --no-such-option\nfreezecheck_atol = no number\n",
}


def call(folder: Path, *command: str, timeout: int = 300) -> tuple[int, str]:
    done = subprocess.run(
        command,
        cwd=folder,
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=timeout,
        env={**os.environ, "COLUMNS": "300"},
    )
    return done.returncode, done.stdout


@pytest.mark.parametrize("name", options.SUBCOMMANDS)
def test_help_is_short_and_has_an_example(tmp_path: Path, name: str) -> None:
    ran = run_freezecheck(tmp_path, name, "--help")
    assert ran.code == 0
    summary, example, _ = options.SUBCOMMANDS[name]
    assert summary in ran.out
    assert f"Example:\n  {example}" in ran.out
    assert example.startswith(f"freezecheck {name} ")
    main.parser().parse_args(example.split()[1:])  # which accepts it


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "the following arguments are required: SUBCOMMAND"),
        (["chekc"], "invalid choice: 'chekc'"),
        (["check", "--no-such"], "the following arguments are required"),
        (["merge"], "the following arguments are required: REPORT"),
        (["explain", "r.json", "--no-such"], "unrecognized arguments: --no-such"),
    ],
)
def test_misuse_exits_with_4_in_two_lines(tmp_path: Path, arguments: list[str], said: str) -> None:
    ran = run_freezecheck(tmp_path, *arguments)
    assert (ran.code, ran.out) == (4, "")
    assert said in ran.err
    assert len(ran.err.splitlines()) == 2


def test_colours_are_for_terminals_that_want_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(tmp_path / "r.json")
    written(Path(path), run_of([failed("b.pb")]))
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    main.main(["merge", path])
    assert "\x1b" not in capsys.readouterr().out
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    main.main(["merge", path])
    assert "\x1b[31mDIFFERS\x1b[0m\n" in capsys.readouterr().out
    for name, value in (("NO_COLOR", "1"), ("TERM", "dumb")):
        with monkeypatch.context() as patch:
            patch.setenv(name, value)
            main.main(["merge", path])
            assert "\x1b" not in capsys.readouterr().out


def test_what_reads_and_prints_imports_nothing_heavy(tmp_path: Path) -> None:
    written(tmp_path / "r.json", run_of([failed("b.pb")]))
    code = (
        "import sys; from pytest_freezecheck.command.main import main; "
        "codes = [main(['--help']), main(['explain', 'r.json']), main(['merge', 'r.json'])]; "
        "heavy = {'tensorflow', 'numpy', 'hypothesis', 'pytest', 'keras'} & set(sys.modules); "
        "print('AT THE END', codes, sorted(heavy))"
    )
    status, printed = call(tmp_path, sys.executable, "-c", code)
    assert status == 0, printed
    assert printed.splitlines()[-1] == "AT THE END [0, 0, 1] []"


def test_a_real_command_works_in_a_process_of_its_own_and_obeys_no_configuration_of_pytest(
    repository: Path, place: Callable[..., str]
) -> None:
    for name, content in HOSTILE.items():
        (repository / name).write_text(content)
    command = [SCRIPT] if SCRIPT is not None else MODULE
    status, printed = call(
        repository,
        *(*command, "repair", place("raw.pb"), "--model=flowers"),
        *("--examples=10", "-q", "--report=report.json"),
    )
    assert status == 0, printed
    assert "mending raw-weights; it agrees" in printed
    assert [check["outcome"] for check in reading.read(str(repository / "report.json")).checks] == [
        "failed",
        "passed",
    ]


CRASHED = Check(
    error=CrashedError("a.pb ended the process that makes checks: signal SIGSEGV"),
    output={"stderr": "I0000 of TensorFlow's own\nFatal Python error: Segmentation fault\n"},
)
RAISED = Check(end={"how": "raised", "text": "ValueError: odd", "behind": "Traceback of a.pb"})
REFUSED = Check(end={"how": "ModelError", "text": "flowers: no checkpoint", "behind": None})


@pytest.mark.parametrize(
    ("check", "reason", "said", "behind"),
    [
        (CRASHED, "crashed", "signal SIGSEGV", "Fatal Python error: Segmentation fault"),
        (RAISED, "exception", "export/frozen.pb: ValueError: odd", "Traceback of a.pb"),
        (REFUSED, "live-model", "export/frozen.pb: no checkpoint", ""),
    ],
)
def test_how_the_other_process_ended_is_told_in_a_line(
    repository: Path,
    monkeypatch: pytest.MonkeyPatch,
    check: Check,
    reason: str,
    said: str,
    behind: str,
) -> None:
    monkeypatch.setattr(Keeper, "check", lambda *_: dataclasses.replace(check, results=[]))
    arguments = ("check", "flowers", "export/frozen.pb", "--report=report.json")
    ran = run_freezecheck(repository, *arguments)
    assert ran.code == 1
    assert said in ran.out
    assert "Traceback" not in ran.out + ran.err
    assert behind in run_freezecheck(repository, *arguments, "-v").out
    (result,) = reading.read(str(repository / "report.json")).checks
    assert (result["outcome"], result["reason"]) == ("error", reason)


def test_a_refusal_to_mend_comes_from_the_other_process(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    end = {"how": "RepairError", "text": "cannot be mended: so", "behind": None}
    wrong = failed("export/frozen.pb")
    monkeypatch.setattr(Keeper, "check", lambda *_: Check(results=[dict(wrong)], end=end))
    ran = run_freezecheck(repository, "repair", "export/frozen.pb", "--model=flowers")
    assert ran.code == 1
    assert ran.err == "freezecheck: export/frozen.pb cannot be mended: so\n"
    assert ran.out.count("DIFFERS") == 1


def test_ctrl_c_exits_with_2_and_leaves_a_report(repository: Path) -> None:
    (repository / "lives.py").write_text(
        "import pathlib, time\n\n\ndef slow():\n"
        "    pathlib.Path('begun').touch()\n    time.sleep(600)\n"
    )
    process = subprocess.Popen(
        [*MODULE, "check", "lives:slow", "export/frozen.pb", "--report=report.json"],
        cwd=repository,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=heeding_interrupts,
    )
    deadline = time.monotonic() + 120
    while not (repository / "begun").exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    printed, _ = process.communicate(timeout=60)
    assert process.returncode == 2, printed
    assert "freezecheck: interrupted" in printed
    assert "Traceback" not in printed
    explained = run_freezecheck(repository, "explain", "report.json")
    assert "the run was interrupted" in explained.out
    assert "no result: the run was interrupted" in explained.out


def test_a_reader_that_goes_away_is_no_traceback(tmp_path: Path) -> None:
    checks = [failed(f"{number}.pb") for number in range(400)]
    written(tmp_path / "r.json", run_of(checks))
    shell = f"{' '.join(MODULE)} explain r.json | head -1"
    status, printed = call(tmp_path, "sh", "-c", shell)
    assert (status, printed) == (0, "flowers, 0.pb\n")


def test_the_environment_has_the_command(run: Run) -> None:
    from importlib.metadata import entry_points

    (script,) = entry_points(group="console_scripts", name="freezecheck")
    assert script.load() is main.run
