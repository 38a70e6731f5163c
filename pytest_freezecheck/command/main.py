"""The command's entry point: its subcommands, what it does with errors, and its exit codes."""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from pytest_freezecheck.command import options
from pytest_freezecheck.command.printing import Printer
from pytest_freezecheck.errors import FreezecheckError, SettingError
from pytest_freezecheck.report.files import why

#: docs/reference/exit-codes.md says what each means.
AGREES, DIFFERS, INTERRUPTED, UNUSABLE = 0, 1, 2, 4
_EPILOG = "Exit codes: 0 agrees, 1 differs or nothing compared, 2 interrupted, 4 cannot be used."


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """End with the code that pytest has for misuse; argparse's own means interrupted."""
        self.exit(UNUSABLE, f"freezecheck: {message}\n  {self.prog} --help tells more\n")


def parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line."""
    whole = _Parser(
        prog="freezecheck",
        description="Compare a live TensorFlow model with the files that ship, without pytest.",
        epilog=_EPILOG,
    )
    subcommands = whole.add_subparsers(dest="subcommand", metavar="SUBCOMMAND", required=True)
    for name, (summary, example, add) in options.SUBCOMMANDS.items():
        one = subcommands.add_parser(
            name,
            help=summary,
            description=summary,
            epilog=f"Example:\n  {example}\n\n{_EPILOG}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        add(one)
    return whole


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command, and return its exit code.

    Args:
        arguments: those of the command line; by default this process's own.
    """
    try:
        given = parser().parse_args(arguments)
    except SystemExit as end:  # argparse has said why
        return int(end.code or 0)
    printer = Printer(given.verbose - given.quiet)
    try:
        return _subcommand(given, printer)
    except BrokenPipeError:
        raise  # nobody is told any more
    except SettingError as error:
        printer.error(str(error))
        return UNUSABLE
    except FreezecheckError as error:
        printer.error(str(error))
        return DIFFERS
    except OSError as error:  # a full disk, a folder that cannot be written to
        where = f"{error.filename}: " if error.filename else ""
        printer.error(f"{where}{why(error)}")
        return DIFFERS
    except KeyboardInterrupt:
        printer.error("interrupted")
        return INTERRUPTED


def _subcommand(given: argparse.Namespace, printer: Printer) -> int:
    """Run a subcommand; each is imported when it is asked for, with what it needs."""
    if given.subcommand == "check":
        from pytest_freezecheck.command import check as chosen
    elif given.subcommand == "repair":
        from pytest_freezecheck.command import repair as chosen  # type: ignore[no-redef]
    elif given.subcommand == "explain":
        from pytest_freezecheck.command import explain as chosen  # type: ignore[no-redef]
    elif given.subcommand == "merge":
        from pytest_freezecheck.command import merge as chosen  # type: ignore[no-redef]
    else:
        from pytest_freezecheck.command import init as chosen  # type: ignore[no-redef]
    return chosen.run(given, printer)


def run() -> NoReturn:
    """Run the command as a process does."""
    for stream in (sys.stdout, sys.stderr):  # a name that cannot be shown is no reason to end
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        code = main()
        sys.stdout.flush()
    except BrokenPipeError:  # of `freezecheck ... | head`
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = DIFFERS
    sys.exit(code)
