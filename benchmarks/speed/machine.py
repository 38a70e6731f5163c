"""The machine that all of it ran on, and how busy others kept it."""

from __future__ import annotations

import dataclasses
import os
import platform
import resource
import time
from importlib import metadata
from pathlib import Path

_PACKAGES = ("tensorflow", "pytest", "hypothesis", "onnxruntime", "polygraphy", "pytest-xdist")


def described() -> dict[str, str]:
    """Return {what: value} of the machine and of what is installed."""
    found = {
        "cores": str(len(os.sched_getaffinity(0))),
        "processor": _field("/proc/cpuinfo", "model name") or platform.processor(),
        "memory": f"{int(_field('/proc/meminfo', 'MemTotal').split()[0]) * 1024 / 1e9:.0f} GB",
        "system": f"{platform.system()} {platform.machine()}",
        "Python": platform.python_version(),
    }
    for package in _PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = "not installed"
    return found


def _field(path: str, name: str) -> str:
    for line in Path(path).read_text().splitlines():
        if line.startswith(name):
            return line.partition(":")[2].strip()
    return ""


@dataclasses.dataclass
class Others:
    """How many cores other processes kept busy while this one, and what it started, ran."""

    began: float
    busy: float
    own: float

    @classmethod
    def watched(cls) -> Others:
        """Begin to watch."""
        return cls(time.perf_counter(), _busy(), _own())

    def cores(self) -> float:
        """Return how many, on average since then; what runs and is not waited for counts, too."""
        took = time.perf_counter() - self.began
        others = (_busy() - self.busy) - (_own() - self.own)
        return max(0.0, others / took) if took else 0.0


def _busy() -> float:
    """Return the seconds that all processors have been busy."""
    ticks = [int(n) for n in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    idle, waiting = ticks[3], ticks[4]
    return (sum(ticks) - idle - waiting) / os.sysconf("SC_CLK_TCK")


def _own() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)
