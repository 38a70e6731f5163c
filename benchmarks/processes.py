"""What a command takes: time by the clock and of processors, and memory of all its processes."""

from __future__ import annotations

import os
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks.killed import descendants

#: Seconds between two looks at memory. Each takes time from what is measured, the more the more
#: pages there are: as many times as long as it took passes before the next one, too.
_INTERVAL, _TIMES = 0.2, 40


class CommandError(SystemExit):
    """A command could not run, or did not end as it should: ends a script, unless it goes on."""


class Measured(NamedTuple):
    """What a command took.

    Attributes:
        seconds: by the clock.
        processors: seconds of processors, of all its processes that have ended.
        memory: the most bytes that it and what it had started held at once, each page counted
            once (the sum of their PSS).
    """

    seconds: float
    processors: float
    memory: int


def held(pid: int) -> int:
    """Return the bytes that a process and what it has started hold, each page counted once."""
    total = 0
    for process in (pid, *descendants(pid)):
        try:
            lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        total += sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
    return total


def measured(
    folder: Path,
    command: Sequence[str],
    expected: int,
    environment: Mapping[str, str] | None = None,
) -> Measured:
    """Run a command, and return what it took.

    Args:
        folder: where it runs.
        command: what runs.
        expected: the exit status that is right.
        environment: variables that it gets besides.

    Raises:
        CommandError: it ended with another.
    """
    began, most = time.perf_counter(), 0
    with tempfile.TemporaryFile() as printed:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2", **(environment or {})},
            stdout=printed,
            stderr=printed,
        )
        ended = threading.Event()

        def watch() -> None:
            nonlocal most
            pause = _INTERVAL
            while not ended.wait(pause):
                looked = time.perf_counter()
                most = max(most, held(process.pid))
                pause = max(_INTERVAL, _TIMES * (time.perf_counter() - looked))

        watcher = threading.Thread(target=watch)
        watcher.start()
        _, status, used = os.wait4(process.pid, 0)
        code = process.returncode = os.waitstatus_to_exitcode(status)
        took = time.perf_counter() - began
        ended.set()
        watcher.join()
        if code != expected:
            printed.seek(0)
            raise CommandError(
                f"{' '.join(command[1:])} ended with {code}, not {expected}\n"
                + printed.read().decode("utf-8", "replace")
            )
    return Measured(took, used.ru_utime + used.ru_stime, most)
