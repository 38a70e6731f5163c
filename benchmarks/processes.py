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

#: Seconds between two looks at memory, each of which takes some milliseconds.
_INTERVAL = 0.2


class CommandError(SystemExit):
    """A command could not run, or did not end as it should: ends a script, unless it goes on."""


class Measured(NamedTuple):
    """What a command took.

    Attributes:
        seconds: by the clock.
        processors: seconds of processors, of all its processes that have ended.
        memory: the most bytes that it and what it had started held at once: their own pages, and
            those of files, which they share, of the one that has most of them.
    """

    seconds: float
    processors: float
    memory: int


def held(pid: int) -> int:
    """Return the bytes that a process and what it has started hold.

    PSS would count the pages of a library as fewer, the more others on the machine have loaded it.
    """
    own, files = 0, [0]
    for process in (pid, *descendants(pid)):
        try:
            lines = Path(f"/proc/{process}/status").read_text().splitlines()
        except OSError:
            continue
        pairs = (line.split(":", 1) for line in lines if ":" in line)
        sizes = {name: value.split()[0] for name, value in pairs if value.split()}
        own += 1024 * (int(sizes.get("RssAnon", 0)) + int(sizes.get("RssShmem", 0)))
        files.append(1024 * int(sizes.get("RssFile", 0)))
    return own + max(files)


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
            while not ended.wait(_INTERVAL):
                most = max(most, held(process.pid))

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
