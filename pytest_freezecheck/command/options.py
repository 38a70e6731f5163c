"""The subcommands, what each takes, and what is shared between them."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from pytest_freezecheck.settings import ISOLATIONS, REQUIRED, Settings
from pytest_freezecheck.spec.inputs import EMA_MODES

_LIVE = (
    "a model of [tool.freezecheck.models.*], module:function (as `live` of a table), a .keras "
    "file, or a SavedModel folder"
)
#: {setting: option}.
_OF_SETTINGS = {
    "atol": "--atol",
    "examples": "--examples",
    "seed": "--seed",
    "min_power": "--min-power",
    "require": "--require",
    "reports": "--report",
    "isolation": "--isolation",
    "timeout": "--timeout",
    "memory": "--memory",
    "cache": "--cache",
}


def _verbosity(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-v", "--verbose", action="count", default=0, help="print failures whole, and passes"
    )
    parser.add_argument(
        "-q", "--quiet", action="count", default=0, help="print the first line of each failure"
    )


def _of_a_check(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--atol", metavar="X", help="largest difference in any probability (default: 1e-5)")
    add("--examples", metavar="N", help="batches for each artifact (default: 100)")
    add("--seed", metavar="N|random", help="seed of everything drawn (default: 0)")
    add("--exact", action="store_true", help="demand bit-identity of what TensorFlow runs")
    add("--min-power", metavar="P", help="least share of planted mistakes to catch (default: 0)")
    add(
        "--require",
        metavar="|".join(REQUIRED),
        help="fail what is not proved to compute the same (default: agreement)",
    )
    add("--timeout", metavar="S", help="seconds that a check may take")
    add("--memory", metavar="SIZE", help="memory that a check may take, such as '8 GB'")
    add(
        "--isolation",
        metavar="|".join(ISOLATIONS),
        help="none: check in this process, without a limit (default: process)",
    )
    add(
        "--checkpoint",
        metavar="PATH",
        help="prefix or folder: what --ema restores; else it is for the diagnosis alone",
    )
    add(
        "--ema",
        choices=EMA_MODES,
        help="LIVE builds the graph, as `build` of a table: restore --checkpoint, with these "
        "variables from shadows",
    )
    add(
        "--input",
        action="append",
        default=[],
        metavar="NAME=SHAPE[,low=X,high=X,dtype=D,samples=FILES]",
        help="an input and its legal range, such as images=224x224x3,low=0,high=1 (default: as "
        "the live model's placeholders tell it, floats from -1 to 1); repeatable",
    )
    add(
        "--report",
        action="append",
        metavar="PATH",
        help="write the results, by its ending: .json, .jsonl, .md, .html and others; repeatable",
    )
    add(
        "--cache",
        metavar="FOLDER",
        help="keep in FOLDER what live models say, for later checks of the same model",
    )
    _verbosity(parser)


def _check(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("live", metavar="LIVE", help=_LIVE)
    parser.add_argument("artifacts", metavar="ARTIFACT", nargs="+", help="file or folder")
    parser.add_argument("--replay", metavar="FILE", help="feed only a failing input that was saved")
    _of_a_check(parser)


def _repair(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("artifact", metavar="ARTIFACT", help="a frozen GraphDef or a SavedModel")
    parser.add_argument("--model", dest="live", metavar="LIVE", required=True, help=_LIVE)
    parser.add_argument(
        "--output", metavar="PATH", help="where to write (default: beside it, as *.repaired*)"
    )
    parser.add_argument("--force", action="store_true", help="replace what an earlier repair wrote")
    _of_a_check(parser)


def _explain(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("report", metavar="REPORT", help="a .json or .jsonl report")
    parser.add_argument("--model", metavar="M", help="checks of this model alone")
    parser.add_argument("--artifact", metavar="A", help="checks of this artifact or way alone")
    _verbosity(parser)


def _merge(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("reports", metavar="REPORT", nargs="+", help=".json or .jsonl reports")
    parser.add_argument(
        "--report", action="append", default=[], metavar="PATH", help="write one of all; repeatable"
    )
    _verbosity(parser)


def _init(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", metavar="FOLDER", nargs="?", default=".", help="default: here")
    parser.add_argument(
        "--write", action="store_true", help="append it to pyproject.toml instead of printing it"
    )
    _verbosity(parser)


#: {name: (what it does, an example, adds its arguments)}.
SUBCOMMANDS: dict[str, tuple[str, str, Callable[[argparse.ArgumentParser], None]]] = {
    "check": (
        "Check files against a live model, as pytest --freezecheck does.",
        "freezecheck check flowers export/frozen.pb --report=freezecheck.json",
        _check,
    ),
    "explain": (
        "Tell the failures of a report in full: cause, meaning, fix, how to replay them.",
        "freezecheck explain freezecheck.json --model flowers",
        _explain,
    ),
    "repair": (
        "Write a mended copy of a file whose mistake is proven, and check the copy.",
        "freezecheck repair export/frozen.pb --model flowers",
        _repair,
    ),
    "init": (
        "Write a first table for a repository, from the files that are in it.",
        "freezecheck init --write",
        _init,
    ),
    "merge": (
        "Make one verdict of the reports of several runs.",
        "freezecheck merge shard-1.json shard-2.json --report=all.json",
        _merge,
    ),
}


def settings(given: argparse.Namespace) -> Settings:
    """Return the settings that a command line asks for.

    Raises:
        SettingError: a value cannot be used.
    """
    values = {
        name: getattr(given, option.removeprefix("--").replace("-", "_"))
        for name, option in _OF_SETTINGS.items()
    }
    values["exact"] = given.exact or None
    return Settings().override(
        values, "command line", of_a_run=True, names={**_OF_SETTINGS, "exact": "--exact"}
    )
