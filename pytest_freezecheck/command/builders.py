"""Functions that look as if they build the inference graph: read from source, nothing is run."""

from __future__ import annotations

import ast
import dataclasses
import re
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

_TOOLS = frozenset({"tensorflow", "tf_slim", "tf_keras", "keras", "slim"})
_LIKELY = re.compile(r"build|infer|net|model|forward|predict|classif|logits|tower", re.IGNORECASE)
_UNLIKELY = re.compile(
    r"^(_|test|main|train|freeze|export|loss|load|read|parse|save|convert|eval)", re.IGNORECASE
)
_LAYERS = re.compile(
    r"^(conv|separable_conv|fully_connected|dense|softmax|sigmoid|matmul|bias_add)"
)
#: Larger files are no code that somebody wrote.
_LARGEST = 1_000_000
#: What a function has to come to, of the points that follow.
_ENOUGH = 5
_IS_TESTS = re.compile(r"^(tests?|conftest|setup|noxfile)$|^test_|_test$")


@dataclasses.dataclass(frozen=True)
class Builder:
    """A function that may build the graph.

    Attributes:
        reference: `module:function`.
        arguments: those that have no default.
        score: how much speaks for it.
    """

    reference: str
    arguments: tuple[str, ...]
    score: int


def builders(
    modules: Sequence[Path], folder: Path, inputs: Sequence[Collection[str]]
) -> list[Builder]:
    """Return functions that may build the graph, the likeliest first.

    Args:
        modules: files of Python.
        folder: of the repository, from which they are imported, or from its `src`.
        inputs: the names of the inputs of each artifact that tells them.
    """
    known = [set(names) for names in inputs if names]
    found = [one for path in modules for one in _of_module(path, folder, known)]
    return sorted(found, key=lambda one: (-one.score, one.reference))


def _of_module(path: Path, folder: Path, inputs: list[set[str]]) -> Iterator[Builder]:
    name = _importable(path, folder)
    if name is None:
        return
    try:
        if path.stat().st_size > _LARGEST:
            return
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError, RecursionError, OSError):
        return  # of another Python, or no Python at all
    if not _imports_tools(tree):
        return
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            arguments = _required(node)
            score = _score(node, arguments, inputs)
            if arguments and score >= _ENOUGH:
                yield Builder(f"{name}:{node.name}", arguments, score)


def _importable(path: Path, folder: Path) -> str | None:
    """Return the name by which a file is imported, or None where it is none of the models'."""
    parts = path.relative_to(folder).with_suffix("").parts
    parts = parts[1:] if parts[0] == "src" else parts
    parts = parts[:-1] if parts and parts[-1] == "__init__" else parts
    if not parts or not all(part.isidentifier() for part in parts):
        return None
    return None if any(map(_IS_TESTS.search, parts)) else ".".join(parts)


def _imports_tools(tree: ast.Module) -> bool:
    for node in ast.walk(tree):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        if any(part in _TOOLS for name in names for part in name.split(".")):
            return True
    return False


def _required(node: ast.FunctionDef) -> tuple[str, ...]:
    """Return the arguments that have no default; none where keywords are demanded."""
    given = node.args
    every = [argument.arg for argument in (*given.posonlyargs, *given.args)]
    keywords = zip(given.kwonlyargs, given.kw_defaults, strict=True)
    if any(default is None for _, default in keywords):
        return ()
    return tuple(every[: len(every) - len(given.defaults)])


def _score(node: ast.FunctionDef, arguments: tuple[str, ...], inputs: list[set[str]]) -> int:
    score = 0
    if set(arguments) in inputs:
        score += 4
    elif inputs and len(arguments) not in map(len, inputs):
        score -= 3
    score += 2 if _LIKELY.search(node.name) else 0
    score -= 5 if _UNLIKELY.search(node.name) else 0
    score += 1 if any(isinstance(n, ast.Return) and n.value for n in ast.walk(node)) else -5
    calls = {_called(n) for n in ast.walk(node) if isinstance(n, ast.Call)}
    score += 2 if any(map(_LAYERS.search, calls)) else 0
    score += 1 if calls & {"softmax", "sigmoid"} else 0
    decided = {"is_training", "training", "train", "mode"}
    return score - (3 if decided & set(arguments) else 0)


def _called(node: ast.Call) -> str:
    function = node.func
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""
