"""What the runner's process does: it makes the checks that pytest sends, one after the other.

It is started with two pipes of its own, since what a file runs may write to stdout and stderr.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import dataclasses
import faulthandler
import json
import os
import queue
import signal
import struct
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

from pytest_freezecheck import errors
from pytest_freezecheck.declared.job import Job
from pytest_freezecheck.declared.model_cache import ModelCache
from pytest_freezecheck.declared.told import behind_of
from pytest_freezecheck.errors import FreezecheckError, ModelError
from pytest_freezecheck.messages.raised import in_short
from pytest_freezecheck.result.agreement import Agreement, FrozenMismatch
from pytest_freezecheck.result.progress import Progress, watching
from pytest_freezecheck.result.recording import telling
from pytest_freezecheck.runner import sending
from pytest_freezecheck.runner.limits import NO_MEMORY
from pytest_freezecheck.runner.surroundings import (
    Log,
    as_there,
    filter_as,
    in_plain_words,
    outcome_of,
    wants_memory,
)
from pytest_freezecheck.settings import Run, using

_LENGTH = struct.Struct("<Q")
_PR_SET_PDEATHSIG = 1
#: How many of the live model's answers are timed: the first one of a session takes longer.
_TIMED = range(1, 4)
#: Seconds between two messages on how far a check has come.
_PAUSE = 0.1


def main(requests: int, replies: int) -> None:
    """Make checks until pytest closes its end, or is no more.

    Args:
        requests: descriptor of the pipe that checks come from.
        replies: descriptor of the pipe that results go to.
    """
    _die_with_parent()
    faulthandler.enable()
    for pipe in (requests, replies):
        os.set_inheritable(pipe, False)  # what is started here would keep them open
    inbox = _Inbox(requests)
    inbox.start()
    import tensorflow  # noqa: F401 - what takes most of the time before a first check

    from pytest_freezecheck.checking import targets  # noqa: F401

    child = _Child(replies)
    child.say({"is": "ready"})
    inbox.busy = False
    while (content := inbox.next()) is not None:
        child.answer(sending.loads(content))
        inbox.busy = False
    child.close()


def end() -> NoReturn:
    """End the process as Python does, but for taking its modules apart.

    That of TensorFlow takes most of a second, which pytest would wait for, and changes nothing that
    outlives the process.
    """
    threading._shutdown()  # type: ignore[attr-defined] # waits for threads of the model's own
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def _die_with_parent() -> None:
    """End when pytest is killed, and be the first that the system ends for want of memory."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        with contextlib.suppress(OSError):
            Path("/proc/self/oom_score_adj").write_text("1000", "ascii")


class _Inbox(threading.Thread):
    """Reads what pytest sends; when pytest is gone in the middle of a check, ends the process.

    Attributes:
        busy: whether a check is being made, or TensorFlow imported.
    """

    def __init__(self, requests: int) -> None:
        super().__init__(daemon=True)
        self._file = os.fdopen(requests, "rb", buffering=0)
        self._queue: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self.busy = True

    def next(self) -> bytes | None:
        """Return the next request, or None if there will be none."""
        return self._queue.get()

    def run(self) -> None:
        """Read until the pipe ends."""
        while (head := self._read(_LENGTH.size)) is not None:
            content = self._read(_LENGTH.unpack(head)[0])
            if content is None:
                break
            self.busy = True
            self._queue.put(content)
        if self.busy:
            os.killpg(os.getpgid(0), signal.SIGKILL)
        self._queue.put(None)

    def _read(self, size: int) -> bytes | None:
        content = b""
        while len(content) < size:
            part = self._file.read(size - len(content))
            if not part:
                return None
            content += part
        return content


class _Child:
    def __init__(self, replies: int) -> None:
        self._replies = replies
        self._model_cache: ModelCache | None = None
        self._formats = contextlib.ExitStack()
        self._made: list[Agreement] = []
        #: What was last sent of how far a check has come, and when.
        self._stage, self._last = "", 0.0

    def say(self, message: dict[str, Any]) -> None:
        """Send a message, as a line of JSON."""
        content = f"{json.dumps(message)}\n".encode("ascii")
        while content:
            content = content[os.write(self._replies, content) :]

    def answer(self, request: dict[str, Any]) -> None:
        """Make a check, and send what it came to."""
        log = Log()
        with as_there(request), log.collecting(), warnings.catch_warnings(record=True) as caught:
            filter_as(request["filters"])
            self._made = []
            end = self._ended(request)
        sys.stdout.flush()
        sys.stderr.flush()
        said = [in_plain_words(warning) for warning in caught]
        results = [agreement.as_json() for agreement in self._made]
        self.say({"is": "end", **end, "results": results, "log": log.text, "warnings": said})

    def _ended(self, request: dict[str, Any]) -> dict[str, Any]:
        """Make a check, and return how it ended."""
        try:
            self._do(request)
        except FrozenMismatch as mismatch:
            return {"how": "mismatch", "text": str(mismatch)}
        except FreezecheckError as error:
            if wants_memory(error):
                return {"how": NO_MEMORY, "text": str(error)}
            kind = next(k.__name__ for k in type(error).__mro__ if k.__name__ in vars(errors))
            return {"how": kind, "text": str(error), "behind": behind_of(error)}
        except BaseException as error:  # noqa: BLE001 - whatever it is, pytest has to be told
            if wants_memory(error):
                return {"how": NO_MEMORY, "text": in_short(error)}
            outcome = outcome_of(error)
            if outcome is not None:
                return {"how": outcome, "text": str(error)}
            behind = "".join(traceback.format_exception(error))
            return {"how": "raised", "text": in_short(error), "behind": behind}
        return {"how": "done"}

    def _do(self, request: dict[str, Any]) -> None:
        from pytest_freezecheck.checking import targets

        if self._model_cache is None:
            self._model_cache = ModelCache(request["folder"])
            self._know(request["formats"])
        job: Job = _received(request["job"], "what the model's declaration names")
        run: Run = request["run"]
        with using(run), telling(self._tell), watching(self._watch):
            self.say({"is": "live"})
            live = self._model_cache.of(job.model)
            self.say({"is": "check"})
            with self._timed(live):
                targets.do(job, live, self._model_cache.scratch)

    def _know(self, formats: bytes) -> None:
        """Know the formats that the repository adds, for as long as the process lives."""
        from pytest_freezecheck.formats import registry

        more = _received(formats, "the formats of pytest_freezecheck_formats")
        self._formats.enter_context(registry.added(more, "pytest_freezecheck_formats"))

    def _tell(self, agreement: Agreement) -> None:
        """Send a result as soon as it is there: a later one may end the process."""
        self._made.append(agreement)
        self.say({"is": "result", "result": agreement.as_json()})

    def _watch(self, progress: Progress) -> None:
        """Send how far the check has come, as often as somebody can read it."""
        now = time.perf_counter()
        if progress.stage != self._stage or now - self._last >= _PAUSE:
            self._stage, self._last = progress.stage, now
            self.say({"is": "progress", **dataclasses.asdict(progress)})

    @contextlib.contextmanager
    def _timed(self, live: Any) -> Iterator[None]:
        """Tell how long the live model takes for its first answers, which limits follow."""
        answer, answers = live.answer, 0

        def timed(feeds: Any) -> Any:
            nonlocal answers
            began = time.perf_counter()
            answered = answer(feeds)
            if answers in _TIMED:
                self.say({"is": "answer", "seconds": time.perf_counter() - began})
            answers += 1
            return answered

        live.answer = timed
        try:
            yield
        finally:
            del live.answer

    def close(self) -> None:
        """Free the models."""
        self._formats.close()
        if self._model_cache is not None:
            self._model_cache.close()


def _received(content: bytes, what: str) -> Any:
    """Return what was sent.

    Raises:
        ModelError: what it is made of cannot be imported here.
    """
    try:
        return sending.loads(content)
    except Exception as error:
        raise ModelError(
            f"{what} cannot be imported in the process that checks: {in_short(error)}; with "
            "freezecheck_isolation = none pytest's own process checks it"
        ) from error
