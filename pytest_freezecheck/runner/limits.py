"""How long a check may take in a process of its own, and how much memory."""

from __future__ import annotations

import dataclasses
import time

from pytest_freezecheck.errors import OutOfMemoryError, RunnerError, TimedOutError
from pytest_freezecheck.runner import memory

#: How the process says that a check was refused memory.
NO_MEMORY = "no-memory"
#: Seconds for a check, at least, where nobody chose; for making a live model; for a start.
CHECK, LIVE, START = 120.0, 1800.0, 600.0
#: A check may take so many times as long as the live model takes for one answer to each example.
#: It asks both sides for each, and thousands of times more: planted mistakes, causes, shrinking.
_TIMES = 40
#: Bytes that are left free, and that are left at least, whatever else takes them.
_RESERVE, _LEAST = 10**9, 2**28
#: A process that has grown by less during its check is not what takes the machine's memory.
_GROWN = 10**9


@dataclasses.dataclass
class Limits:
    """What one check may take.

    Args:
        pid: the process that makes it.
        timeout: seconds that somebody chose, or None.
        memory: bytes that somebody chose, or None.
        examples: batches of the check.
        answer: seconds that the live model takes for one, as far as is known.
    """

    pid: int
    timeout: float | None
    memory: int | None
    examples: int
    answer: float = 0.0

    def __post_init__(self) -> None:
        self._least = START
        self._began = time.monotonic()
        self._before = memory.resident(self.pid) or 0
        self.largest = self._before
        free = memory.available()
        spare = None if free is None else max(free - _RESERVE, free // 2)
        self._most = self.memory or (None if spare is None else self._before + spare)

    def bind(self) -> None:
        """Have the system refuse the process what is far too much.

        Looking decides: what was reserved and is not used takes nothing from anybody. This is for
        what is so much at once that looking would come too late, with room for what threads and
        allocators reserve.
        """
        more = None if self._most is None else max(0, self._most - self._before) + _RESERVE
        memory.bound(self.pid, more)

    def begin(self, least: float) -> None:
        """Begin to make something that may take so many seconds where nobody chose."""
        self._least, self._began = least, time.monotonic()

    @property
    def seconds(self) -> float:
        """How long what was begun last may take."""
        if self._least == START:
            return START
        if self.timeout is not None:
            return self.timeout
        return max(self._least, _TIMES * self.examples * self.answer)

    @property
    def near(self) -> bool:
        """Whether it has taken so much memory that the system may have ended it for that."""
        return self._most is not None and self.largest - self._before > (
            (self._most - self._before) // 2
        )

    @property
    def refused(self) -> OutOfMemoryError:
        """What is exceeded if the system has refused it memory."""
        most = self.largest if self._most is None else self._most
        return out_of_memory(most, chosen=self.memory is not None)

    def exceeded(self) -> RunnerError | None:
        """Return what is exceeded now, if anything is."""
        now = memory.resident(self.pid) or 0
        self.largest = max(self.largest, now)
        if self._most is not None and now > self._most:
            return out_of_memory(self._most, chosen=self.memory is not None)
        free = memory.available() if now - self._before > _GROWN else None
        if free is not None and free < _LEAST:
            return out_of_memory(now, chosen=False)
        if time.monotonic() - self._began > self.seconds:
            return TimedOutError(
                f"took longer than {self.seconds:.0f} s, and was ended (freezecheck_timeout)"
            )
        return None


def out_of_memory(most: int, *, chosen: bool) -> OutOfMemoryError:
    """Return the error of a process that took more memory than it may."""
    why = "" if chosen else ", which is what was free, but for some,"
    size = f"{most / 1e9:.1f} GB" if most >= 10**9 else f"{most / 1e6:.0f} MB"
    return OutOfMemoryError(
        f"took more than {size} of memory{why} and was ended (freezecheck_memory)"
    )
