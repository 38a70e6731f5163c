"""Settings of a run: their values, where each came from, and what is accepted.

Light on purpose: it is imported while pytest configures itself, before collection.
"""

from __future__ import annotations

import contextlib
import contextvars
import dataclasses
import importlib.util
import math
import os
import re
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path, PurePath
from typing import Any, TypeVar

from pytest_freezecheck.errors import SettingError
from pytest_freezecheck.messages.wording import nearest

T = TypeVar("T")

#: Hypothesis takes any integer; one that fits in 32 bits is also a NumPy and TensorFlow seed.
LARGEST_SEED = 2**32 - 1
REQUIRED = ("agreement", "proof")
MOST_EXAMPLES = 1_000_000
#: What writes each is in report/kinds.py.
REPORT_ENDINGS = (
    ".gitlab.json",
    ".json",
    ".sarif",
    ".md",
    ".html",
    ".jsonl",
)
#: {ending: what it takes to write one}: looked for here, imported when it is written.
_REPORT_NEEDS = {".html": ("jinja2", "matplotlib")}
ISOLATIONS = ("process", "none")
#: Folder of saved failing inputs, below that in which a run works.
FOLDER = ".freezecheck"
_OF_A_RUN = ("reports", "isolation", "timeout", "memory", "cache")
_UNITS = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9}
#: A value is shown up to so many characters.
_LONGEST_SHOWN = 200


@dataclasses.dataclass(frozen=True)
class Settings:
    """What one check works with.

    Attributes:
        atol: largest absolute difference allowed in any probability. There is no relative one.
        examples: Hypothesis examples for each artifact; an example is one batch.
        seed: seed of everything drawn.
        exact: fail what TensorFlow itself runs unless it is bit-identical.
        logit_rtol: largest relative difference of the centred logits; None turns it off. The
            default lies between the 4.1e-5 that true exports reached on real-size networks with
            other executors and the 3.2e-4 of the least raw bias (docs/benchmarks.md).
        min_power: least share of planted mistakes that the inputs have to catch, 0 to 1.
        require: "agreement" of answers, or "proof" that both sides compute the same.
        reports: files to write results to.
        isolation: "process", where declared checks run in one of their own, "none", or None where
            nobody chose.
        timeout: seconds that a check may take in that process; None leaves it to the model.
        memory: bytes that the process may take; None is what is free, but for some.
        cache: folder in which what live models say is kept from run to run, or None.
        given: names of the fields that somebody chose; the others are defaults.
    """

    atol: float = 1e-5
    examples: int = 100
    seed: int = 0
    exact: bool = False
    logit_rtol: float | None = 1e-4
    min_power: float = 0.0
    require: str = "agreement"
    reports: tuple[str, ...] = ()
    isolation: str | None = None
    timeout: float | None = None
    memory: int | None = None
    cache: str | None = None
    given: frozenset[str] = dataclasses.field(default=frozenset(), compare=False)

    def override(
        self,
        values: Mapping[str, object],
        source: str,
        *,
        of_a_run: bool = False,
        names: Mapping[str, str] | None = None,
        others: Sequence[str] = (),
    ) -> Settings:
        """Return a copy in which the values that are not None replace ours.

        Args:
            values: {field: value as it was given}.
            source: where they were given, for messages.
            of_a_run: whether the settings that are a run's and not a check's are accepted too.
            names: {field: what it is called where it was given}, where that is another name.
            others: what else is accepted there, for messages.

        Raises:
            SettingError: a key is unknown or a value is not accepted.
        """
        accepted = [key for key in _PARSERS if of_a_run or key not in _OF_A_RUN]
        parsed: dict[str, Any] = {}
        for key, value in values.items():
            if key not in accepted:
                known = [*accepted, *others]
                raise SettingError(
                    f"{source}: unknown setting {key!r}{nearest(key, known)}; "
                    f"accepted: {', '.join(known)}"
                )
            if value is not None:
                parsed[key] = _PARSERS[key](value, (names or {}).get(key, key), source)
        return dataclasses.replace(self, **parsed, given=self.given | parsed.keys())

    def with_defaults(self, defaults: Mapping[str, float]) -> Settings:
        """Return a copy with other defaults for the fields that nobody chose.

        Args:
            defaults: {field: value}, of a way to freeze that is declared to lose precision.
        """
        free = {name: value for name, value in defaults.items() if name not in self.given}
        return dataclasses.replace(self, **free)  # type: ignore[arg-type]


def _refuse(key: str, value: object, source: str, accepted: str) -> SettingError:
    given = repr(value)
    shown = given if len(given) <= _LONGEST_SHOWN else f"{given[:_LONGEST_SHOWN]}..."
    return SettingError(f"{source}: {key} = {shown} is not accepted; expected {accepted}")


def _number(value: object, convert: Callable[[Any], T]) -> T | None:
    if isinstance(value, bool):  # True is an int in Python, never a tolerance or a count
        return None
    try:
        return convert(value)
    except (TypeError, ValueError, OverflowError):
        return None


def _integer(value: object) -> int | None:
    if isinstance(value, float):
        return None
    return _number(value, int)


def _non_negative(value: object, key: str, source: str) -> float:
    number = _number(value, float)
    if number is None or not (0.0 <= number < math.inf):
        raise _refuse(key, value, source, "a finite number >= 0, such as 1e-5")
    return number


def _logit_rtol(value: object, key: str, source: str) -> float | None:
    return None if value is False else _non_negative(value, key, source)


def _share(value: object, key: str, source: str) -> float:
    number = _number(value, float)
    if number is None or not (0.0 <= number <= 1.0):
        raise _refuse(key, value, source, "a number from 0 to 1, such as 0.9")
    return number


def _examples(value: object, key: str, source: str) -> int:
    number = _integer(value)
    if number is None or not 1 <= number <= MOST_EXAMPLES:
        raise _refuse(key, value, source, f"a whole number from 1 to {MOST_EXAMPLES}")
    return number


def _seed(value: object, key: str, source: str) -> int:
    if value == "random":
        return secrets.randbelow(LARGEST_SEED + 1)
    number = _integer(value)
    if number is None or not 0 <= number <= LARGEST_SEED:
        raise _refuse(key, value, source, f"a whole number from 0 to {LARGEST_SEED}, or 'random'")
    return number


def _boolean(value: object, key: str, source: str) -> bool:
    if not isinstance(value, bool):
        raise _refuse(key, value, source, "true or false")
    return value


def _required(value: object, key: str, source: str) -> str:
    if value not in REQUIRED:
        raise _refuse(key, value, source, " or ".join(map(repr, REQUIRED)))
    return str(value)


def _isolation(value: object, key: str, source: str) -> str:
    if value not in ISOLATIONS:
        raise _refuse(key, value, source, " or ".join(map(repr, ISOLATIONS)))
    return str(value)


def _seconds(value: object, key: str, source: str) -> float:
    number = _number(value, float)
    if number is None or not (0.0 < number < math.inf):
        raise _refuse(key, value, source, "a number of seconds > 0, such as 300")
    return number


def _memory(value: object, key: str, source: str) -> int:
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KMG]?B)\s*", str(value), re.IGNORECASE)
    size = int(float(found[1]) * _UNITS[found[2].upper()]) if found else 0
    if size < 1:
        raise _refuse(key, value, source, "a size with its unit, such as '8 GB' or '500 MB'")
    return size


def _folder(value: object, key: str, source: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise _refuse(key, value, source, "the path of a folder")
    if os.path.lexists(value) and not Path(value).is_dir():
        raise _refuse(key, value, source, "the path of a folder; this is a file")
    return value


def _reports(value: object, key: str, source: str) -> tuple[str, ...]:
    paths = [value] if isinstance(value, str) else value
    if not isinstance(paths, (list, tuple)):
        raise _refuse(key, value, source, "a path, or a list of paths")
    for path in paths:
        if not isinstance(path, str) or not _ends_well(path):
            endings = f"{', '.join(REPORT_ENDINGS[:-1])} or {REPORT_ENDINGS[-1]}"
            raise _refuse(key, path, source, f"a path that ends in {endings}")
        _can_be_written(path, key, source)
    return tuple(paths)


def _can_be_written(path: str, key: str, source: str) -> None:
    """Refuse a report of a kind that takes a package which is not installed."""
    needed = (names for ending, names in _REPORT_NEEDS.items() if path.endswith(ending))
    absent = [name for name in next(needed, ()) if importlib.util.find_spec(name) is None]
    if absent:
        raise SettingError(
            f"{source}: {key} = {path!r} needs {' and '.join(absent)}, not installed here: "
            "pip install 'pytest-freezecheck[report]'"
        )


def _ends_well(path: str) -> bool:
    """Return whether a path ends as one of the kinds of reports, and has a name before that."""
    name = PurePath(path).name
    return any(name.endswith(ending) and name != ending for ending in REPORT_ENDINGS)


_PARSERS: dict[str, Callable[[object, str, str], object]] = {
    "atol": _non_negative,
    "examples": _examples,
    "seed": _seed,
    "exact": _boolean,
    "logit_rtol": _logit_rtol,
    "min_power": _share,
    "require": _required,
    "reports": _reports,
    "isolation": _isolation,
    "timeout": _seconds,
    "memory": _memory,
    "cache": _folder,
}


@dataclasses.dataclass(frozen=True)
class Run:
    """What a check has to know of the run that it is made in; outside of the gate, the defaults.

    Attributes:
        settings: what `check` starts from.
        nodeid: pytest's name of the test that is running, if any.
        folder: where failing inputs are saved, or None.
        replay: file with the only input to feed, or None.
        command: what makes the check without pytest, or None.
    """

    settings: Settings = dataclasses.field(default_factory=Settings)
    nodeid: str | None = None
    folder: Path | None = None
    replay: Path | None = None
    command: str | None = None


_current: contextvars.ContextVar[Run] = contextvars.ContextVar("freezecheck_run")


def current() -> Run:
    """Return the run of the test that is running, or the defaults outside of the gate."""
    return _current.get(Run())


@contextlib.contextmanager
def using(run: Run) -> Iterator[None]:
    """Make this what `check` starts from, for the duration of a test."""
    token = _current.set(run)
    try:
        yield
    finally:
        _current.reset(token)
