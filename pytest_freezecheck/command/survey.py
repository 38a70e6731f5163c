"""What lies in a repository: checkpoints, artifacts and what they take. Nothing of it is run."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pytest_freezecheck.errors import FreezecheckError
from pytest_freezecheck.formats.matching import dtype_of, shape_of
from pytest_freezecheck.formats.refusal.reach import answers
from pytest_freezecheck.formats.registry import by_content, companions
from pytest_freezecheck.messages.wording import counted
from pytest_freezecheck.models.checkpoint import find_checkpoint
from pytest_freezecheck.models.checkpoint_files import INDEX, opened
from pytest_freezecheck.models.graphdef import operation_of

#: Folders that hold nothing of a repository's own.
_SKIPPED = frozenset({"node_modules", "venv", "site-packages", "__pycache__"})
_MARKS_A_VENV = ("pyvenv.cfg", "conda-meta")
_ENDINGS = frozenset({".pb", ".pbtxt", ".tflite", ".lite", ".onnx", ".xml", ".keras"})
#: So many files are looked at.
_MOST = 50_000
_SHADOW = "/ExponentialMovingAverage"
_STATISTICS = ("/moving_mean", "/moving_variance")
_VARIABLES = frozenset({"Variable", "VariableV2", "VarHandleOp"})
#: Formats whose inputs can be told without running anything.
_TOLD = ("graph_def", "saved_model")


@dataclasses.dataclass(frozen=True)
class Input:
    """An input that an artifact takes.

    Attributes:
        name: of the placeholder, or key of the signature.
        dtype: name of its dtype.
        shape: with the batch; None where its rank is not told.
    """

    name: str
    dtype: str
    shape: tuple[int | None, ...] | None


@dataclasses.dataclass(frozen=True)
class Artifact:
    """A file or folder of a known format.

    Attributes:
        path: below the folder.
        format: its name.
        inputs: what it takes, where that is told.
        outputs: names of what it answers, likewise.
        problem: why it is left out, or None.
    """

    path: str
    format: str
    inputs: tuple[Input, ...] = ()
    outputs: tuple[str, ...] = ()
    problem: str | None = None


@dataclasses.dataclass(frozen=True)
class Checkpoint:
    """A checkpoint that a training left.

    Attributes:
        path: below the folder: the training's folder where it names its latest, else a prefix.
        prefix: of its files.
        shadows: how many shadows of an exponential moving average it has.
        statistics: how many of them are of BatchNorm's statistics.
        problem: why it cannot be read, or None.
    """

    path: str
    prefix: str
    shadows: int = 0
    statistics: int = 0
    problem: str | None = None


@dataclasses.dataclass(frozen=True)
class Found:
    """What lies in a folder.

    Attributes:
        checkpoints: the one that was written last first.
        artifacts: by path.
        modules: files of Python.
    """

    checkpoints: list[Checkpoint]
    artifacts: list[Artifact]
    modules: list[Path]


def survey(folder: Path) -> Found:
    """Look through a folder."""
    files, folders = _walked(folder)
    models = [path for path in folders if _is_saved_model(path)]
    within = {path for path in files if any(model in path.parents for model in models)}
    # A link to nothing is no file.
    loose = [p for p in files if p.suffix in _ENDINGS and p not in within and p.is_file()]
    indices = [p for p in files if p.suffix == INDEX and p not in within and p.is_file()]
    beside = companions(loose)
    artifacts = [_artifact(path, folder) for path in [*models, *loose] if path not in beside]
    return Found(
        _checkpoints(indices, folder),
        sorted((a for a in artifacts if a is not None), key=lambda artifact: artifact.path),
        [path for path in files if path.suffix == ".py"],
    )


def _walked(folder: Path) -> tuple[list[Path], list[Path]]:
    """Return the files and folders below a folder, but for what is not the repository's own."""
    files: list[Path] = []
    folders: list[Path] = []
    for here, names, inside in os.walk(folder):
        names[:] = sorted(n for n in names if not _is_skipped(Path(here, n)))
        folders += [Path(here, name) for name in names]
        files += [Path(here, name) for name in sorted(inside) if not name.startswith(".")]
        if len(files) > _MOST:
            break
    return files[:_MOST], folders


def _is_skipped(path: Path) -> bool:
    if path.name.startswith(".") or path.name in _SKIPPED or path.is_symlink():
        return True
    return any((path / mark).exists() for mark in _MARKS_A_VENV)


def _is_saved_model(path: Path) -> bool:
    return (path / "saved_model.pb").is_file() or (path / "saved_model.pbtxt").is_file()


def _artifact(path: Path, folder: Path) -> Artifact | None:
    """Return what a file is, or None if it is of no known format."""
    name = path.relative_to(folder).as_posix()
    if not os.access(path, os.R_OK):
        return Artifact(name, "", problem="it cannot be read")
    try:
        kind = by_content(path).name
    except FreezecheckError:
        return None
    try:
        if kind == "graph_def":
            return _graph(path, name)
        if kind == "saved_model":
            return _saved_model(path, name)
    except FreezecheckError as error:
        said = str(error).removeprefix(f"{path}: ").splitlines()[0]
        return Artifact(name, kind, problem=said)
    return Artifact(name, kind)


def _graph(path: Path, name: str) -> Artifact:
    from pytest_freezecheck.formats.graph_def.file import read_graph

    nodes = list(read_graph(path).node)
    left = sum(node.op in _VARIABLES for node in nodes)
    if left:
        problem = f"not frozen: {counted(left, 'variable')} in the graph"
        return Artifact(name, "graph_def", problem=problem)
    read = {operation_of(x) for node in nodes for x in node.input}
    fed = [node for node in nodes if node.op == "Placeholder" and node.name in read]
    inputs = (
        Input(n.name, dtype_of(n.attr["dtype"].type), _sizes(n.attr["shape"].shape)) for n in fed
    )
    silent = ("Const", "Placeholder", "PlaceholderWithDefault")
    ends = (n for n in nodes if n.name not in read and n.op not in silent and answers(n.op))
    return Artifact(name, "graph_def", tuple(inputs), tuple(node.name for node in ends))


def _saved_model(path: Path, name: str) -> Artifact:
    from pytest_freezecheck.formats.saved_model.signatures import choose_signature

    _, _, signature = choose_signature(path)
    inputs = (
        Input(key, dtype_of(info.dtype), _sizes(info.tensor_shape))
        for key, info in sorted(signature.inputs.items())
    )
    return Artifact(name, "saved_model", tuple(inputs), tuple(sorted(signature.outputs)))


def _sizes(shape: Any) -> tuple[int | None, ...] | None:
    found = shape_of(shape)
    if found is None and not shape.unknown_rank:
        return ()
    return found


def _checkpoints(indices: Sequence[Path], folder: Path) -> list[Checkpoint]:
    """Return one checkpoint of each folder, the one that was written last first."""
    newest = sorted(indices, key=lambda path: (path.stat().st_mtime, path.name), reverse=True)
    return [_checkpoint(place, folder) for place in _places(newest)]


def _places(newest: Sequence[Path]) -> Iterator[Path]:
    """Yield folders that name their latest checkpoint, and prefixes of others, once each."""
    seen: set[Path] = set()
    for index in newest:
        if index.parent not in seen:
            seen.add(index.parent)
            named = (index.parent / "checkpoint").is_file()
            yield index.parent if named else index.with_name(index.name.removesuffix(INDEX))


def _checkpoint(place: Path, folder: Path) -> Checkpoint:
    path = place.relative_to(folder).as_posix()
    try:
        prefix = find_checkpoint(place)
        keys = opened(prefix).get_variable_to_shape_map()
    except FreezecheckError as error:
        return Checkpoint(path, path, problem=str(error).splitlines()[0])
    shadows = [key.removesuffix(_SHADOW) for key in keys if key.endswith(_SHADOW)]
    statistics = sum(key.endswith(_STATISTICS) for key in shadows)
    return Checkpoint(path, os.path.relpath(prefix, folder), len(shadows), statistics)
