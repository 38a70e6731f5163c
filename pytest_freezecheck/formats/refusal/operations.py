"""Operations that are no arithmetic: a file that holds them is refused before it is loaded.

What it does, the list of `judged` says; an operation that stands nowhere in it is refused, too. It
would end the process, have it call Python functions of the live model, or take an answer from the
live checkpoint: none of that ships with the file.
"""

from __future__ import annotations

import contextlib
import contextvars
import fnmatch
import functools
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pytest_freezecheck.errors import ArtifactError
from pytest_freezecheck.formats.refusal.judged import READS, REFUSED, WRITES, part_of
from pytest_freezecheck.formats.refusal.reach import Place, Reach
from pytest_freezecheck.formats.tflite.flex import FLEX

#: What is said of an operation that the list has not.
_UNKNOWN = "is none of TensorFlow's that are known here, so that nobody has looked at what it does"
#: {type, or pattern: (attribute, whether its value does harm, what it does)} of those that do harm
#: with some attributes alone. Descriptors of protocol buffers may stand in the file itself.
BY_ATTRIBUTE: Mapping[str, tuple[str, Callable[[Any], bool], str]] = {
    "PrintV2": ("output_stream", lambda value: value.s.startswith(b"file:"), WRITES),
    "Debug*": ("debug_urls", lambda value: bool(value.list.s), "sends values to a debugger"),
    "FixedUnigramCandidateSampler": ("vocab_file", lambda value: bool(value.s), READS),
    "DecodeProto*": ("descriptor_source", lambda value: _is_path(value.s), READS),
    "EncodeProto": ("descriptor_source", lambda value: _is_path(value.s), READS),
}

_allowed: contextvars.ContextVar[tuple[str, ...]] = contextvars.ContextVar("allowed", default=())
#: When something runs, for messages.
OUTPUT, LOADING = "on the way to the output", "that loading runs"
#: Tells of a node of a refused type why it is none: a SavedModel reads its own files.
Excuse = Callable[[Place, str], bool]


@contextlib.contextmanager
def allowing(patterns: Iterable[str]) -> Iterator[None]:
    """Refuse no operations of these types, for a while, in what is loaded."""
    token = _allowed.set((*_allowed.get(), *patterns))
    try:
        yield
    finally:
        _allowed.reset(token)


def allowed_now() -> tuple[str, ...]:
    """Return the patterns of types that are not refused now."""
    return _allowed.get()


def refuse(
    definition: Any, outputs: Sequence[str], path: Path, allowed: Sequence[str] = ()
) -> None:
    """Make sure that nothing but arithmetic runs for the outputs of a graph.

    Args:
        definition: a `GraphDef`.
        outputs: names of operations or tensors.
        path: the file, for the message.
        allowed: patterns of types that are not refused.

    Raises:
        ArtifactError: an operation that is not allowed is on the way; the message names it.
    """
    refuse_places(Reach(definition).places(outputs), path, OUTPUT, allowed)


def refuse_places(
    places: Iterable[Place],
    path: Path,
    where: str,
    allowed: Sequence[str],
    excused: Excuse | None = None,
) -> None:
    """Make sure that none of these nodes is of a refused type.

    Args:
        places: what runs.
        path: the file or folder, for the message.
        where: when they run, for the message.
        allowed: patterns of types that are not refused.
        excused: tells of a node, and of what its type does, that it does no harm.

    Raises:
        ArtifactError: one is.
    """
    found = {}
    for place in places:
        does = _does(place.node, tuple(allowed), known=place.calls)
        if does and place.node.op not in found and not (excused and excused(place, does)):
            found[place.node.op] = f"operation {place.node.op!r} ({place}) {where} {does}"
    if found:
        raise refusal(path, found)


def refuse_types(
    types: Iterable[str], path: Path, allowed: Sequence[str], nodes: Iterable[Any] = ()
) -> None:
    """Make sure that none of the operations of a TFLite file is refused.

    Args:
        types: names of custom operations; those of TensorFlow begin with `Flex`.
        path: the file, for the message.
        allowed: patterns of types that are not refused.
        nodes: the `NodeDef`s that operations of TensorFlow hold.

    Raises:
        ArtifactError: one is.
    """
    # What an interpreter has of its own is not listed, and what it has not it refuses itself.
    kinds = {
        kind: _named(kind.removeprefix(FLEX), tuple(allowed), known=not kind.startswith(FLEX))
        for kind in types
    }
    for node in nodes:
        kind = f"{FLEX}{node.op}"
        kinds[kind] = kinds.get(kind) or _does(node, tuple(allowed))
    found = {kind: f"operation {kind!r} {does}" for kind, does in kinds.items() if does}
    if found:
        raise refusal(path, found)


def refusal(path: Path, found: Mapping[str, str]) -> ArtifactError:
    """Return the error of a file that is refused for {type of operation: what is wrong}."""
    first, *others = found.values()
    # As TOML has it; a damaged file may have anything for a name.
    names = ", ".join(json.dumps(kind.removeprefix(FLEX)) for kind in found)
    return ArtifactError(
        "\n  ".join(
            [
                f"{path}: refused: {first}",
                *(f"likewise, {other}" for other in others[:4]),
                "export the model without it; where it is meant, and known to do no harm, "
                f"declare it: allow_ops = [{names}]",
            ]
        )
    )


def _does(node: Any, allowed: tuple[str, ...], *, known: bool = False) -> str | None:
    """Return what is wrong with an operation, or None.

    An attribute that is not there has its default; asking for it would add it to the node.
    """
    for kind, (attribute, harms, does) in BY_ATTRIBUTE.items():
        if (
            fnmatch.fnmatchcase(node.op, kind)
            and attribute in node.attr
            and harms(node.attr[attribute])
        ):
            return None if _matches(node.op, allowed) else does
    return _named(node.op, allowed, known=known)


def _is_path(source: bytes) -> bool:
    return bool(source) and not source.startswith((b"local:", b"bytes:"))


@functools.cache
def _named(kind: str, allowed: tuple[str, ...], *, known: bool = False) -> str | None:
    """Return what is wrong with operations of a type; one that is known need not be listed."""
    part = part_of(kind)
    if _matches(kind, allowed) or (part is None and known):
        return None
    if part is None:
        return _UNKNOWN
    return part.does if part.kind == REFUSED else None


def _matches(kind: str, patterns: Iterable[str]) -> bool:
    return any(fnmatch.fnmatchcase(kind, pattern) for pattern in patterns)
