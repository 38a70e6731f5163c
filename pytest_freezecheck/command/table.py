"""A first `[tool.freezecheck]` table, with a comment on whatever no file has told."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from pytest_freezecheck.command.builders import Builder
from pytest_freezecheck.command.survey import Artifact, Checkpoint, Found, Input
from pytest_freezecheck.errors import SettingError
from pytest_freezecheck.messages.wording import counted, listed
from pytest_freezecheck.spec.inputs import InputSpec

_GUESSED = "guessed"
#: Stands for a size that a placeholder leaves open.
_SIZE = 32
_EXAMPLE = Input("images", "float32", (None, 224, 224, 3))


def rendered(found: Found, builders: Sequence[Builder], folder: Path) -> str:
    """Return the table.

    Args:
        found: what lies in the repository.
        builders: functions that may build the graph, the likeliest first.
        folder: of the repository; the model is called after it.
    """
    name = re.sub(r"[^A-Za-z0-9_-]", "_", folder.resolve().name).strip("_-") or "model"
    head = f"tool.freezecheck.models.{name}"
    taken = _inputs(found.artifacts, builders[0].arguments if builders else ())
    inputs, told = taken or [_EXAMPLE], bool(taken)
    lines = [
        "# Written by freezecheck init. Look at what is marked guessed, then: pytest --freezecheck",
        f"[{head}]",
        *_side(found, builders),
        *_artifacts(found.artifacts, {one.name for one in taken}),
    ]
    for one in inputs:
        lines += ["", *_input(head, one, told=told)]
    return "\n".join(lines) + "\n"


def _side(found: Found, builders: Sequence[Builder]) -> Iterator[str]:
    """Yield how the live model is made."""
    if not found.checkpoints:
        yield "# No checkpoint was found: a function that returns the model as it was evaluated."
        yield f'live = "evaluate:session"  # {_GUESSED}: write your own module:function'
        return
    first, *others = found.checkpoints
    if builders:
        also = [builder.reference for builder in builders[1:]]
        more = f"; or {listed(also)}" if also else ""
        yield f"build = {_text(builders[0].reference)}  # {_GUESSED} by its name and calls{more}"
    else:
        yield f'build = "nets:inference"  # {_GUESSED}: no function that builds the graph was found'
    where = first.prefix if first.prefix != first.path else ""
    others_ = f"others: {listed([one.path for one in others])}" if others else ""
    note = "; ".join(part for part in (_comment(where), _comment(others_)) if part)
    yield f"checkpoint = {_text(first.path)}{f'  # {note}' if note else ''}"
    yield _averages(first)


def _averages(checkpoint: Checkpoint) -> str:
    if checkpoint.problem is not None:
        return f'ema = "trainable"  # {_GUESSED}: {_comment(checkpoint.problem)}'
    if not checkpoint.shadows:
        return 'ema = "none"  # the checkpoint has no shadows'
    said = f"{_GUESSED}: it has {counted(checkpoint.shadows, 'shadow')}"
    if checkpoint.statistics:
        said = (
            f"{said}, {checkpoint.statistics} of BatchNorm's statistics: "
            '"all" if your evaluation reads those, too'
        )
    return f'ema = "trainable"  # {said}; "none" if it reads the raw weights'


def _artifacts(artifacts: Sequence[Artifact], names: Collection[str]) -> Iterator[str]:
    """Yield the files that ship, what each takes and answers, and what is left out."""
    usable = [one for one in artifacts if _why_not(one) is None]
    yield "artifacts = ["
    for one in usable:
        ends = ", ".join(_comment(name) for name in one.outputs)
        takes = ", ".join(_comment(given.name) for given in one.inputs)
        told = f": {takes} -> {ends}" if takes and ends else ""
        other = {given.name for given in one.inputs if not _is_switch(given)} - set(names)
        note = "; other names: declare its inputs and outputs" if other and names else ""
        yield f"  {_text(one.path)},  # {one.format}{told}{note}"
    if not usable:
        yield f'  # {_GUESSED}: no artifact was found; "export/frozen.pb", for one'
    yield "]"
    if not usable:
        yield f'freeze = ["graph_def"]  # {_GUESSED}: until there is one, freeze afresh and check'
    for one in artifacts:
        why = _why_not(one)
        if why is not None:
            yield f"# left out: {_comment(one.path)}: {_comment(why)}"


def _why_not(artifact: Artifact) -> str | None:
    if artifact.problem is not None:
        return artifact.problem
    if set(artifact.path) & set("[]"):
        return "a path with square brackets cannot be declared"
    return None if artifact.path.isprintable() else "a path that cannot be written here"


def _inputs(artifacts: Sequence[Artifact], arguments: Collection[str]) -> list[Input]:
    """Return the inputs of an artifact that tells them, as the function is called if one is.

    Args:
        artifacts: what was found.
        arguments: of the function that builds the graph.
    """
    telling = [
        one
        for one in artifacts
        if _why_not(one) is None and any(not _is_switch(given) for given in one.inputs)
    ]
    # A GraphDef has the names of placeholders, which are the live graph's more often than keys are.
    telling.sort(key=lambda one: (set(names_of(one)) != set(arguments), one.format != "graph_def"))
    return list(telling[0].inputs) if telling else []


def names_of(artifact: Artifact) -> list[str]:
    """Return the names of the inputs that are drawn."""
    return [given.name for given in artifact.inputs if not _is_switch(given)]


def _is_switch(given: Input) -> bool:
    """Whether it is a single value, such as `is_training`, and no batch of anything."""
    return given.shape == ()


def _input(head: str, given: Input, *, told: bool) -> Iterator[str]:
    yield f"[{head}.inputs.{_key(given.name)}]"
    if _is_switch(given):
        value = "false" if given.dtype == "bool" else "1.0" if "float" in given.dtype else "0"
        value = '""' if given.dtype == "string" else value
        yield f"value = {value}  # {_GUESSED}: what inference feeds"
        return
    if not told:
        yield f"# {_GUESSED}: no artifact tells its inputs; write the model's own"
    shape = (None, 224, 224, 3) if given.shape is None else given.shape
    open_ = given.shape is None or None in shape[1:]
    sizes = ", ".join(str(_SIZE if size is None else size) for size in shape[1:])
    note = f'  # {_GUESSED}: the file leaves it open; "8..64" is a range of sizes' if open_ else ""
    yield f"shape = [{sizes}]{note}"
    dtype = given.dtype
    if not _known(dtype):
        yield f"# {_GUESSED}: the file takes {dtype}, which cannot be declared"
        dtype = "float32"
    yield f"dtype = {_text(dtype)}"
    if dtype == "string":
        yield f'choices = ["a", "b"]  # {_GUESSED}: strings that are legal'
    elif dtype != "bool" and not _has_range(dtype):
        low, high = ("-1.0", "1.0") if "float" in dtype else ("0", "1")
        yield f"low = {low}  # {_GUESSED}: nothing outside of the legal range is fed"
        yield f"high = {high}  # {_GUESSED}"


def _known(dtype: str) -> bool:
    """Return whether an input of this dtype can be declared."""
    try:
        InputSpec((1,), dtype)
    except SettingError as error:
        return not str(error).startswith("dtype")
    return True


def _has_range(dtype: str) -> bool:
    """Return whether a dtype has a range of its own, which is legal as a rule."""
    return dtype in ("uint8", "int8", "uint16", "int16")


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else _text(name)


def _text(value: str) -> str:
    """Return a basic string of TOML, which JSON's are but for one letter."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _comment(text: str) -> str:
    """Return a text that can stand in a comment."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)
