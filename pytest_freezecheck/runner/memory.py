"""How much memory a process has, and how much is free, where the system tells."""

from __future__ import annotations

import contextlib
import os
import subprocess
from pathlib import Path

#: Files of a container's group of processes: its limit, and what it uses; of both versions.
_GROUPS = (
    ("/sys/fs/cgroup", "memory.max", "memory.current"),
    ("/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes"),
)
#: What it uses and would give back: files that are read from memory, and have not been lately.
_CACHED = ("inactive_file", "total_inactive_file")


def resident(pid: int) -> int | None:
    """Return the bytes of memory that a process holds, or None where that is not known."""
    try:
        pages = Path(f"/proc/{pid}/statm").read_text("ascii").split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError, ValueError):
        return None if Path("/proc/self").exists() else _asked_of_ps(pid)


def bound(pid: int, more: int | None) -> None:
    """Have the system refuse a process more memory of its own than so much, where it can.

    What counts (RLIMIT_DATA, since Linux 4.7) is memory that is private and can be written to, used
    or not: after a check in each format, 0.8 GB where 0.9 GB are resident. Of address space
    (RLIMIT_AS) it has 3.0 GB then, on two cores: files that are mapped, and what each thread sets
    aside, so that there is no telling how much a right model needs. A limit of a cgroup would be
    best, but mostly only root and systemd may make one.

    Args:
        pid: the process.
        more: how much more than it has now; None if any.
    """
    try:
        import resource

        prlimit, infinity = resource.prlimit, resource.RLIM_INFINITY
    except (ImportError, AttributeError):  # where there is no Linux
        return
    with contextlib.suppress(OSError, ValueError, IndexError):
        pages = Path(f"/proc/{pid}/statm").read_text("ascii").split()[5]
        _, hard = prlimit(pid, resource.RLIMIT_DATA)
        most = infinity if more is None else int(pages) * os.sysconf("SC_PAGE_SIZE") + more
        if hard != infinity and (most == infinity or most > hard):
            most = hard
        prlimit(pid, resource.RLIMIT_DATA, (most, hard))


def _asked_of_ps(pid: int) -> int | None:
    command = ["ps", "-o", "rss=", "-p", str(pid)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=5)  # noqa: S603
        return int(done.stdout) * 1024
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return None


def available() -> int | None:
    """Return the bytes of memory that a process may still take, or None where that is not known.

    In a container that is what its own limit leaves, if that is less than the machine has.
    """
    left = []
    with contextlib.suppress(OSError):
        for line in Path("/proc/meminfo").read_text("ascii").splitlines():
            if line.startswith("MemAvailable:"):
                left.append(int(line.split()[1]) * 1024)
    for folder, limit, usage in _GROUPS:
        # Not a number where there is no limit ("max"), no file where there is no such group.
        with contextlib.suppress(OSError, ValueError):
            most = int(Path(folder, limit).read_text("ascii"))
            used = int(Path(folder, usage).read_text("ascii"))
            left.append(max(0, most - used + _cached(Path(folder, "memory.stat"))))
    return min(left, default=None)


def _cached(statistics: Path) -> int:
    lines = (line.split() for line in statistics.read_text("ascii").splitlines())
    return max((int(line[1]) for line in lines if line[0] in _CACHED), default=0)
