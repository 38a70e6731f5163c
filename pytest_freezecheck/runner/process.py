"""A process to make checks in, as pytest sees it: started, asked, listened to, ended."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import IO, Any

_LENGTH = struct.Struct("<Q")
#: What `python -c` has in front of sys.path, the current folder, may hold modules of any name.
_CODE = (
    "import sys; sys.path[:] = sys.argv[3].split('\\n'); "
    "from pytest_freezecheck.runner.child import end, main; "
    "main(int(sys.argv[1]), int(sys.argv[2])); end()"
)
_ONE_READ = 2**16


class Process:
    """One process, in a session of its own: what a terminal sends reaches pytest alone.

    Args:
        folder: where its temporary files go, so that none stays.

    Attributes:
        asked: how many checks it was asked for.
    """

    def __init__(self, folder: Path) -> None:
        self.asked = 0
        self._temporary = Path(tempfile.mkdtemp(prefix="runner-", dir=folder))
        self._files = {name: _appended() for name in ("stdout", "stderr")}
        self._seen = dict.fromkeys(self._files, 0)
        theirs, self._requests = os.pipe()
        self._replies, their_replies = os.pipe()
        self._buffer = b""
        command = [sys.executable, *_flags(), "-u", "-c", _CODE, str(theirs), str(their_replies)]
        try:
            self._popen = subprocess.Popen(  # noqa: S603 - ourselves
                [*command, "\n".join(sys.path)],
                stdin=subprocess.DEVNULL,
                stdout=self._files["stdout"],
                stderr=self._files["stderr"],
                env={**os.environ, "TMPDIR": str(self._temporary)},
                pass_fds=(theirs, their_replies),
                start_new_session=True,
            )
        finally:
            os.close(theirs)
            os.close(their_replies)

    @property
    def pid(self) -> int:
        """Its process ID."""
        return self._popen.pid

    def send(self, content: bytes) -> None:
        """Send a request.

        Raises:
            OSError: it is no more.
        """
        self.asked += 1
        content = _LENGTH.pack(len(content)) + content
        while content:
            content = content[os.write(self._requests, content) :]

    def receive(self, patience: float) -> list[dict[str, Any]] | None:
        """Return what it sent, waiting so many seconds for it; None if it will send no more."""
        poll = select.poll()  # unlike select, for descriptors of any number
        poll.register(self._replies, select.POLLIN)
        if not poll.poll(patience * 1000):
            return []
        read = os.read(self._replies, _ONE_READ)
        *lines, self._buffer = (self._buffer + read).split(b"\n")
        return [json.loads(line) for line in lines] if read or lines else None

    @property
    def gone(self) -> bool:
        """Whether it has ended, although what it has started may still hold its pipes."""
        return self._popen.poll() is not None

    def output(self) -> dict[str, str]:
        """Return {"stdout", "stderr": what was written to it since this was asked last}."""
        found = {}
        for name, file in self._files.items():
            size = os.fstat(file.fileno()).st_size - self._seen[name]
            content = os.pread(file.fileno(), size, self._seen[name])
            self._seen[name] += len(content)
            found[name] = content.decode("utf-8", "replace")
        return found

    def status(self) -> int:
        """Return its exit code, or minus the signal that ended it; waits for its end.

        What closes its pipes and goes on is ended.
        """
        try:
            return self._popen.wait(timeout=2.0)
        except subprocess.TimeoutExpired:
            self._kill()
            return self._popen.wait()

    def finish(self) -> None:
        """Let it end by itself, which `end` waits for."""
        if self._requests >= 0:
            os.close(self._requests)
            self._requests = -1

    def end(self, patience: float = 0.0) -> None:
        """End it, all that it has started, and what it has written.

        Args:
            patience: seconds in which it may end by itself.
        """
        self.finish()
        deadline = time.monotonic() + patience
        while self._popen.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        self._kill()
        self._popen.wait()
        if self._replies >= 0:
            os.close(self._replies)
            self._replies = -1
        for file in self._files.values():
            file.close()
        shutil.rmtree(self._temporary, ignore_errors=True)

    def _kill(self) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._popen.pid, signal.SIGKILL)


def _appended() -> IO[bytes]:
    """Return a file without a name, to whose end all is written, wherever it is read."""
    file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - closed with the process
    flags = fcntl.fcntl(file.fileno(), fcntl.F_GETFL)
    fcntl.fcntl(file.fileno(), fcntl.F_SETFL, flags | os.O_APPEND)
    return file


def _flags() -> list[str]:
    """Return the interpreter's options that the process is to have, too."""
    flags = sys.flags
    options = {
        "-O": flags.optimize == 1,
        "-OO": flags.optimize > 1,
        "-B": flags.dont_write_bytecode,
    }
    options |= {"-s": flags.no_user_site, "-E": flags.ignore_environment}
    return [option for option, given in options.items() if given]
