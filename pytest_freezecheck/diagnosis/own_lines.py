"""The line of the team's exporting function that a cause comes from, and what mends it.

Told only where there is exactly one such line: of two, the wrong one might be the right one.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from pytest_freezecheck.messages.paths import from_here
from pytest_freezecheck.result.exhibit import Edit

#: Arguments that say whether a graph is built for training, as slim and Keras call them.
_TRAINING = ("is_training", "training", "train", "phase_train")
_AVERAGE, _RESTORED = "ExponentialMovingAverage", "variables_to_restore"


def edit(cause: str, function: Callable[..., Any]) -> Edit | None:
    """Return the change of one line that mends a cause, or None if it is not known.

    Args:
        cause: id of the cause, which is proven.
        function: what exported the artifact, in Python.
    """
    find = _MENDED.get(cause)
    file = inspect.getsourcefile(inspect.unwrap(function)) if find else None
    if find is None or file is None or not Path(file).is_file():
        return None
    try:
        text = Path(file).read_text("utf-8")
        tree = ast.parse(text)
    except (OSError, ValueError, SyntaxError):  # another version of it was imported
        return None
    found = [
        (node, new)
        for part in _reached(tree, function.__name__)
        for call in ast.walk(part)
        if isinstance(call, ast.Call)
        for node, new in find(call, part)
    ]
    if len(found) != 1 or found[0][0].lineno != found[0][0].end_lineno:
        return None
    node, new = found[0]
    old = text.splitlines()[node.lineno - 1]
    # Columns are those of UTF-8.
    raw = old.encode()
    changed = raw[: node.col_offset] + new.encode() + raw[node.end_col_offset :]
    return Edit(from_here(Path(file)).as_posix(), node.lineno, old, changed.decode())


def _reached(tree: ast.Module, name: str) -> list[ast.FunctionDef]:
    """Return a function of a module, and those of the module that it calls, however deep."""
    known = {part.name: part for part in tree.body if isinstance(part, ast.FunctionDef)}
    reached: dict[str, ast.FunctionDef] = {}
    waiting = [name]
    while waiting:
        part = known.get(waiting.pop())
        if part is None or part.name in reached:
            continue
        reached[part.name] = part
        calls = (node.func for node in ast.walk(part) if isinstance(node, ast.Call))
        waiting += [called.id for called in calls if isinstance(called, ast.Name)]
    return list(reached.values())


Found = Iterator[tuple[ast.expr, str]]


def _for_inference(call: ast.Call, _: ast.FunctionDef) -> Found:
    for keyword in call.keywords:
        value = keyword.value
        if keyword.arg in _TRAINING and isinstance(value, ast.Constant) and value.value is True:
            yield value, "False"


def _of_averages(call: ast.Call, part: ast.FunctionDef) -> Found:
    if not _is_saver(call) or call.args or call.keywords:
        return
    averages = [
        node.targets[0].id
        for node in ast.walk(part)
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and isinstance(node.value, ast.Call)
        and isinstance(node.value.func, ast.Attribute)
        and node.value.func.attr == _AVERAGE
    ]
    saver = ast.unparse(call.func)
    # Which decay does not matter: it is names that are restored.
    made = f"{saver.removesuffix('Saver')}{_AVERAGE}(0.999)"
    yield call, f"{saver}({averages[-1] if averages else made}.{_RESTORED}())"


def _of_raw_weights(call: ast.Call, _: ast.FunctionDef) -> Found:
    if not _is_saver(call) or len(call.args) + len(call.keywords) != 1:
        return
    given = [*call.args, *(keyword.value for keyword in call.keywords)][0]
    function = given.func if isinstance(given, ast.Call) else None
    if isinstance(function, ast.Attribute) and function.attr == _RESTORED:
        yield call, f"{ast.unparse(call.func)}()"


def _is_saver(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Attribute) and call.func.attr == "Saver"


_MENDED: dict[str, Callable[[ast.Call, ast.FunctionDef], Found]] = {
    "raw-weights": _of_averages,
    "averaged-weights": _of_raw_weights,
    "training-batch-norm": _for_inference,
    "training-flag": _for_inference,
    "dropout": _for_inference,
}
