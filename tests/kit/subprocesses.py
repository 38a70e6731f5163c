"""Run scripts and pytest in processes of their own, where start-up, workers or state matter."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import sys
import time
from pathlib import Path


def run_pytest(folder: Path, *arguments: str, timeout: int = 1200) -> tuple[int, str]:
    """Return the exit code and what was printed."""
    environment = {**os.environ, "COLUMNS": "300"}
    environment.pop("PYTEST_ADDOPTS", None)
    environment.pop("CI", None)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments],
        cwd=folder,
        env=environment,
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=timeout,
    )
    return done.returncode, done.stdout


def at_once(
    folder: Path, *commands: list[str], env: dict[str, str], timeout: int = 600
) -> tuple[list[int], list[str]]:
    """Run commands at the same time; return their exit codes, and what each printed."""
    runs = [
        subprocess.Popen(
            command,
            cwd=folder,
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for command in commands
    ]
    printed = [run.communicate(timeout=timeout)[0] for run in runs]
    return [run.returncode for run in runs], printed


def in_terminal(folder: Path, *command: str, columns: int = 120, terminal: str = "xterm") -> str:
    """Run a command in a terminal, and return all that it writes.

    Args:
        folder: to run it in.
        *command: the program, and what it is given.
        columns: of the terminal.
        terminal: what kind it is, as `TERM` says it.
    """
    main, other = pty.openpty()
    run = subprocess.Popen(
        command,
        cwd=folder,
        stdin=other,
        stdout=other,
        stderr=other,
        env={**os.environ, "COLUMNS": str(columns), "TERM": terminal},
    )
    os.close(other)
    written = b""
    while True:
        ready = select.select([main], [], [], 0.1)[0]
        try:
            part = os.read(main, 65536) if ready else b""
        except OSError:  # the other end is closed
            part = b""
        written += part
        if not part and run.poll() is not None:
            break
    os.close(main)
    return written.decode()


def ended_once_begun(
    folder: Path, number: signal.Signals, *arguments: str, timeout: int = 30
) -> tuple[int, str]:
    """Run pytest, send it a signal once a test has written the file `began`.

    Args:
        folder: to run it in.
        number: the signal.
        *arguments: of pytest.
        timeout: seconds in which it is to end by itself then.

    Returns:
        The exit code and what was printed.
    """
    run = subprocess.Popen(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=heeding_interrupts,
    )
    try:
        until = time.monotonic() + 60
        while not (folder / "began").exists() and time.monotonic() < until:
            time.sleep(0.1)
        run.send_signal(number)
        printed, _ = run.communicate(timeout=timeout)
    finally:
        run.kill()
    return run.returncode, printed


class Apart:
    """Runs things in processes of their own; `tests.kit.inprocess.Here` does in this one."""

    def python(self, folder: Path, *arguments: str) -> None:
        """Run `python SCRIPT ...` or `python -m MODULE ...`."""
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=folder,
            check=False,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=1200,
        )
        assert done.returncode == 0, done.stdout

    def pytest(self, folder: Path, *arguments: str) -> tuple[int, str]:
        """Run pytest; return the exit code and what was printed."""
        return run_pytest(folder, *arguments)


def heeding_interrupts() -> None:
    """Let a process be interrupted, also where tests run in the background, which ignores it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
