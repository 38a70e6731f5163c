"""Where nothing is declared: is this a repository, and where did its table get lost?"""

from __future__ import annotations

import contextlib
import difflib
import fnmatch
import os
import re
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from pytest_freezecheck.declared import pyproject
from pytest_freezecheck.errors import SettingError
from pytest_freezecheck.messages.wording import listed

#: Folders that hold nothing of a repository's own, beside those of the setting norecursedirs.
_SKIPPED = (".*", "node_modules", "build", "dist", "venv", "site-packages", "__pycache__")
_MARKS_A_VENV = ("pyvenv.cfg", "conda-meta")
#: So many entries are looked at of one folder, and of all of them.
_MOST_OF_ONE, _MOST = 2_000, 50_000
_CONFIGURATIONS = ("pytest.ini", ".pytest.ini", "pytest.toml", ".pytest.toml")
_SECTIONS = {"tox.ini": "[pytest]", "setup.cfg": "[tool:pytest]"}
_OURS = ("tool", "freezecheck")
_KEYS = frozenset({"inputs", "checkpoint", "artifacts", "freeze", "export", "ema"})
#: A table of a model is looked for so deep.
_DEPTH = 5
EXAMPLE = """\
    [tool.freezecheck.models.flowers]
    build = "flowers.nets:inference"  # builds the inference graph: inference(images) -> a tensor
    checkpoint = "train_dir"
    artifacts = ["export/frozen.pb"]

    [tool.freezecheck.models.flowers.inputs.images]
    shape = [224, 224, 3]"""


class _TooMuchError(Exception):
    """There are more entries than are looked at."""


def is_repository(config: pytest.Config) -> bool:
    """Return whether a run is started in a repository of somebody's, and not just anywhere.

    That is where pytest has a configuration, or where there is a pyproject.toml, a conftest.py, a
    configuration of pytest or a test, in the root folder, in the one in which pytest was started,
    or below. What is too large to look through counts as one.
    """
    if config.inipath is not None:
        return True
    tests = config.getini("python_files")
    try:
        return any(_marks(path, tests) for path in _files(config))
    except _TooMuchError:
        return True


def _marks(path: Path, tests: Sequence[str]) -> bool:
    if path.name in (pyproject.NAME, "conftest.py", *_CONFIGURATIONS):
        return True
    if path.name in _SECTIONS:
        try:
            return _SECTIONS[path.name] in path.read_text("utf-8", errors="replace")
        except OSError:
            return False
    given = (path.as_posix() if "/" in pattern else path.name for pattern in tests)
    return path.suffix == ".py" and any(
        fnmatch.fnmatch(name, f"*{pattern}" if "/" in pattern else pattern)
        for name, pattern in zip(given, tests, strict=True)
    )


def _folders(config: pytest.Config) -> list[Path]:
    """Return the root folder, and the one in which pytest was started unless it lies below it."""
    root, start = config.rootpath, config.invocation_params.dir
    return [root] if start == root or root in start.parents else [root, start]


def _files(config: pytest.Config) -> Iterator[Path]:
    """Yield the files of a repository, those of the upper folders first; no link is followed.

    Raises:
        _TooMuchError: there are more than are looked at.
    """
    skipped = (*_SKIPPED, *config.getini("norecursedirs"))
    waiting, looked_at = deque(_folders(config)), 0
    while waiting:
        folder = waiting.popleft()
        try:
            with os.scandir(folder) as entries:
                here = [entry for entry, _ in zip(entries, range(_MOST_OF_ONE), strict=False)]
        except OSError:
            continue
        looked_at += len(here)
        if any(entry.name in _MARKS_A_VENV for entry in here):
            continue
        for entry in sorted(here, key=lambda each: each.name):
            if not entry.is_dir(follow_symlinks=False):
                yield Path(entry.path)
            elif not any(fnmatch.fnmatch(entry.name, pattern) for pattern in skipped):
                waiting.append(Path(entry.path))
        if looked_at > _MOST:
            raise _TooMuchError


# Tables that are not read.


def misspelt(path: Path | None) -> list[str]:
    """Return a line for each table of a pyproject.toml that looks like ours and is not read.

    Args:
        path: the file; there is nothing to say of one that is missing or cannot be read.
    """
    content = _content(path)
    return [
        f"{_table(keys)} is not read; did you mean {_table((*_OURS, 'models', keys[-1]))}?"
        for keys in _models(content)
    ] + [
        f"{_table(keys)} is not read; did you mean [tool.freezecheck]?"
        for keys in _near_misses(content)
    ]


def looks_declared(path: Path | None) -> bool:
    """Return whether a table that is not read declares a model, whatever it is called."""
    return bool(_models(_content(path)))


def _content(path: Path | None) -> Mapping[str, Any]:
    if path is None or path.name != pyproject.NAME or not path.is_file():
        return {}
    try:
        return pyproject.content_of(path)
    except SettingError:
        return {}


def _tables(content: Mapping[str, Any], above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield the keys of each table that is neither [tool.freezecheck] nor one of its models."""
    for key, value in content.items():
        keys = (*above, key)
        if isinstance(value, Mapping) and keys != (*_OURS, "models") and len(keys) <= _DEPTH:
            if keys != _OURS:
                yield keys
            yield from _tables(value, keys)


def _at(content: Mapping[str, Any], keys: tuple[str, ...]) -> Mapping[str, Any]:
    for key in keys:
        content = content[key]
    return content


def _models(content: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """Return the tables that have what a model has: a function, and a key of ours besides."""

    def is_one(table: Mapping[str, Any]) -> bool:
        functions = (table.get("build"), table.get("live"))
        named = any(isinstance(f, str) and re.fullmatch(r"[\w.]+:[\w.]+", f) for f in functions)
        return named and bool(_KEYS & set(table))

    return [keys for keys in _tables(content) if is_one(_at(content, keys))]


def _near_misses(content: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """Return the tables with nearly our name, unless a model is in them, which is named itself."""
    models = _models(content)
    near = [keys for keys in _tables(content) if _is_near(keys[-1])]
    return [k for k in near if not any(model[: len(k)] == k for model in models)]


def _is_near(key: str) -> bool:
    plain = re.sub(r"[^a-z]", "", key.lower())
    return (
        "freezecheck" in plain or difflib.SequenceMatcher(None, plain, "freezecheck").ratio() >= 0.8
    )


def _table(keys: Sequence[str]) -> str:
    return f"[{'.'.join(k if re.fullmatch(r'[A-Za-z0-9_-]+', k) else repr(k) for k in keys)}]"


def _elsewhere(config: pytest.Config, read: Path | None) -> Iterator[str]:
    """Yield a line for each table of ours in a pyproject.toml that pytest's root is not above."""
    root, start = config.rootpath, config.invocation_params.dir
    found = [folder / pyproject.NAME for folder in (*root.parents, *start.parents)]
    with contextlib.suppress(_TooMuchError):
        for path in _files(config):
            if path.name == pyproject.NAME:
                found.append(path)
    for path in dict.fromkeys(found):
        if path == read or not path.is_file():
            continue
        name = os.path.relpath(path, start)
        tool = _content(path).get("tool", {})
        table = tool.get("freezecheck") if isinstance(tool, Mapping) else None
        models = table.get("models", {}) if isinstance(table, Mapping) else {}
        if isinstance(models, Mapping) and models:
            tables = listed(_table((*_OURS, "models", model)) for model in models)
            folder = os.path.relpath(path.parent, start)
            yield (
                f"{name}: {tables}: not read, as pytest's root folder is {root}: "
                f"pytest --freezecheck --rootdir={folder} {folder}"
            )
        if path.parent != root:
            yield from (f"{name}: {line}" for line in misspelt(path))


def what_to_add(config: pytest.Config, read: Path | None, table: bool) -> str:
    """Return why a repository that declares nothing has nothing to compare, and what to add.

    The first line stands alone; tables that are not read come first.

    Args:
        config: pytest's.
        read: the pyproject.toml that was read for models, if one has a table of ours.
        table: whether it has one.
    """
    root = config.rootpath / pyproject.NAME
    own = [
        f"{path.name}: {line}"
        for path in dict.fromkeys((root, read))
        if path
        for line in misspelt(path)
    ]
    lost = [*own, *_elsewhere(config, read)]
    if table:
        lost.append(f"{pyproject.NAME}: [tool.freezecheck] has no models in it")
    first = "no model is declared in this repository, and no test of its own compared one"
    return "\n".join(
        [
            f"{first}; {lost[0]}" if lost else first,
            *(f"  {line}" for line in lost[1:]),
            f"  to declare a model, in {root}:",
            EXAMPLE,
            "  to see it work: pytest --freezecheck freezecheck::reference, a model of our own",
        ]
    )
