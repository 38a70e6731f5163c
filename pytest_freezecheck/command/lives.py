"""From what a command line calls the live model to a declaration, as a table would make it."""

from __future__ import annotations

import argparse
import dataclasses
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pytest_freezecheck.declared import places, pyproject
from pytest_freezecheck.declared.live_files import LiveFile
from pytest_freezecheck.declared.model import Artifact, Model
from pytest_freezecheck.errors import SettingError
from pytest_freezecheck.formats.registry import recognised
from pytest_freezecheck.messages.wording import listed, nearest

_FUNCTION = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*")
_EXTRA_KEYS = ("low", "high", "dtype", "samples")


@dataclasses.dataclass(frozen=True)
class Declared:
    """A model, and what of it is to be checked.

    Attributes:
        model: the declaration.
        artifacts: those that the command line names, with their tables if there are any.
        file: the pyproject.toml that declares it, or None.
        of_table: the artifacts that its table names.
    """

    model: Model
    artifacts: tuple[Artifact, ...]
    file: Path | None = None
    of_table: tuple[Artifact, ...] = ()

    def nodeid(self, artifact: Artifact) -> str:
        """Return what reports call a check: as the gate does, of what a table names."""
        named = self.file is not None and artifact in self.of_table
        first = self.file.name if self.file is not None and named else "freezecheck"
        return f"{first}::{self.model.name}::{artifact.path}"

    def place(self, artifact: Artifact) -> dict[str, Any] | None:
        """Return where a check is declared, as a result has it; None of what no table declares."""
        if self.file is None:
            return None
        paths = [one.path for one in self.of_table]
        known = artifact.path in paths
        keys: places.Keys = ("artifacts", paths.index(artifact.path)) if known else ()
        line = places.Places(self.file.read_text("utf-8")).of(self.model.name, keys)
        return (
            None if line is None else {"file": Path(shown_path(self.file)).as_posix(), "line": line}
        )


def shown_path(path: Path) -> str:
    """Return a path from the current folder."""
    return os.path.relpath(path)


def declared(given: argparse.Namespace, paths: Sequence[str]) -> Declared:
    """Return the declaration that a command line comes to.

    Args:
        given: the command line, with its `live`.
        paths: the artifacts that it names.

    Raises:
        SettingError: there is no such live model, or an option does not go with it.
    """
    live, inputs = given.live, dict(_input(text) for text in given.input)
    here = Path.cwd()
    checkpoint = None if given.checkpoint is None else str((here / given.checkpoint).absolute())
    if _FUNCTION.fullmatch(live) and not Path(live).exists():
        made = _of_function(live, inputs, checkpoint, given.ema)
    elif Path(live).exists() and _is_live_file(Path(live)):
        _refuse_ema(given.ema, live)
        _refuse_itself(live, paths)
        path = str(Path(live).absolute())
        made = _model(live, inputs, live=LiveFile(path), checkpoint=checkpoint)
    else:
        return _of_table(live, inputs, checkpoint, given.ema, paths)
    model = dataclasses.replace(made, artifacts=tuple(dict.fromkeys(paths)))
    return Declared(model, tuple(model.artifacts))  # type: ignore[arg-type]


def _of_function(
    live: str, inputs: dict[str, Any], checkpoint: str | None, ema: str | None
) -> Model:
    if ema is None:
        return _model(live, inputs, live=live, checkpoint=checkpoint)
    if checkpoint is None:
        raise SettingError(f"--ema={ema} needs a --checkpoint beside it, which is restored")
    if not inputs:
        raise SettingError(
            f"--ema={ema} needs an --input for each argument of {live}, such as "
            "--input images=224x224x3,low=-1,high=1"
        )
    return _model(live, inputs, build=live, checkpoint=checkpoint, ema=ema, inferred=False)


def _model(called: str, inputs: dict[str, Any], *, inferred: bool = True, **fields: Any) -> Model:
    name = called if _FUNCTION.fullmatch(called) else Path(called).absolute().name
    return Model(
        name=re.sub(r"[^A-Za-z0-9._-]", ".", name).lstrip("._-") or "live",
        inputs=inputs,
        root=Path.cwd(),
        source=called,
        inferred=inferred,
        **fields,
    )


def _of_table(
    live: str,
    inputs: dict[str, Any],
    checkpoint: str | None,
    ema: str | None,
    paths: Sequence[str],
) -> Declared:
    found = pyproject.find(Path.cwd())
    models = {} if found is None else {m.name: m for m in pyproject.read(*found)}
    if found is None or live not in models:
        raise SettingError(_no_live(live, models))
    file, root = found[0], found[0].parent
    model = models[live]
    changes: dict[str, Any] = {"inputs": {**model.inputs, **inputs}, "freeze": (), "export": None}
    changes |= {"checkpoint": checkpoint} if checkpoint is not None else {}
    changes |= {"ema": ema} if ema is not None else {}
    of_table: tuple[Artifact, ...] = tuple(model.artifacts)  # type: ignore[arg-type]
    known = {(root / artifact.path).resolve(): artifact for artifact in of_table}
    asked = [
        known.get(Path(path).resolve(), Artifact(os.path.relpath(Path(path).absolute(), root)))
        for path in paths
    ]
    unique = {artifact.path: artifact for artifact in asked}
    model = dataclasses.replace(model, artifacts=tuple(unique.values()), **changes)
    return Declared(model, tuple(unique.values()), file, of_table)


def _no_live(live: str, models: dict[str, Model]) -> str:
    """Return why there is no such live model, and what there is."""
    if Path(live).exists():
        return (
            f"{live!r} cannot be the live model: it is no .keras file and no SavedModel folder; "
            "name those, module:function, or a model of pyproject.toml"
        )
    said = f"there is no model {live!r}{nearest(live, models)}: "
    if not models:
        return f"{said}no file, no module:function, and no [tool.freezecheck.models.*] here"
    return f"{said}pyproject.toml has {listed(models, 8)}"


def _is_live_file(path: Path) -> bool:
    if path.is_dir():
        return (path / "saved_model.pb").is_file() or (path / "saved_model.pbtxt").is_file()
    return path.suffix == ".keras" and recognised(path)


def _refuse_ema(ema: str | None, live: str) -> None:
    if ema is not None:
        raise SettingError(
            f"--ema={ema} goes with a function that builds a graph, and {live} is a file, whose "
            "weights are what they are"
        )


def _refuse_itself(live: str, paths: Sequence[str]) -> None:
    for path in paths:
        if Path(path).resolve() == Path(live).resolve():
            raise SettingError(f"{path} is the live model itself: to compare it tells nothing")


def _input(text: str) -> tuple[str, dict[str, Any]]:
    """Return the name and the fields of an input, of `images=224x224x3,low=0,high=1`.

    Raises:
        SettingError: it is written otherwise.
    """
    name, equals, rest = text.partition("=")
    shape, *pairs = rest.split(",")
    fields: dict[str, Any] = {"shape": [_size(part, text) for part in shape.split("x") if part]}
    for pair in pairs:
        key, _, value = pair.partition("=")
        if key not in _EXTRA_KEYS or not value:
            raise _unreadable(text, f"{pair!r}{nearest(key, _EXTRA_KEYS)}")
        fields[key] = _number(value, text) if key in ("low", "high") else value
    if not name or not equals:
        raise _unreadable(text, "no name")
    return name, fields


def _size(part: str, text: str) -> int | str:
    if part.isdecimal():
        return int(part)
    if ".." in part:
        return part
    raise _unreadable(text, f"the size {part!r}")


def _number(value: str, text: str) -> float:
    try:
        return int(value) if re.fullmatch(r"[+-]?\d+", value) else float(value)
    except ValueError:
        raise _unreadable(text, repr(value)) from None


def _unreadable(text: str, what: str) -> SettingError:
    return SettingError(
        f"--input {text}: it has {what}; expected NAME=SHAPE and then low=, high=, dtype= or "
        "samples=, such as images=224x224x3,low=0,high=1"
    )
