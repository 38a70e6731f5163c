"""What makes answers of a file depend on chance, or on the calls before; nothing of it is run.

A file may draw numbers that reach no output: in the branch of a phase that it is not in, or for a
dropout that drops nothing. So what is known to be taken, and to be the same whatever is drawn, is
followed through branches, loops and functions. Only what may reach an output counts.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pytest_freezecheck.formats.refusal.followed import Frame
from pytest_freezecheck.formats.refusal.judged import DRAWS, KEEPS, part_of
from pytest_freezecheck.formats.refusal.operations import refusal
from pytest_freezecheck.formats.refusal.reach import Place
from pytest_freezecheck.formats.refusal.spans import ANYTHING, Span, of_array

#: Functions within functions that are followed.
_DEEPEST = 40


class Chance:
    """Follows what is drawn, and what is kept, to the outputs of a graph.

    Args:
        definition: a `GraphDef`.
        fed: {name of a node of the graph: array} of what it is always fed; None of what is fed
            anything.
        allowed: patterns of types of operations that are meant.

    Attributes:
        kept: what keeps values where something is answered, in words.
    """

    def __init__(
        self, definition: Any, fed: Mapping[str, Any], allowed: Sequence[str] = ()
    ) -> None:
        self._nodes = {node.name: node for node in definition.node}
        self._functions = {f.signature.name: f for f in definition.library.function}
        self._bodies: dict[str, dict[str, Any]] = {}
        self._fed = {n: ANYTHING if a is None else of_array(a) for n, a in fed.items()}
        self._allowed = allowed
        self._answered: dict[tuple[str, tuple[Span, ...]], list[Span]] = {}
        self._depth = 0
        self.kept: dict[str, str] = {}

    def found(self, outputs: Sequence[str], functions: Iterable[str] = ()) -> dict[str, str]:
        """Return {type of operation: what it does, in words}, of what makes outputs change.

        Args:
            outputs: names of operations or tensors.
            functions: names of functions that are called by themselves.
        """
        self.kept = {}
        spans = Frame(self, self._nodes, {}, None).of(outputs)
        called = {name for name, _ in self._answered}
        for name in functions:
            if name in self._functions and name not in called:
                given = [ANYTHING] * len(self._functions[name].signature.input_arg)
                spans += self.call(name, given)
        found = dict(span.drawn.split(" ", 1) for span in spans if span.drawn)
        return {**found, **self.kept}

    def fed(self, name: str) -> Span | None:
        """Return what a node of the graph is always fed."""
        return self._fed.get(name)

    def holds(self, kind: str) -> bool:
        """Return whether a node's type is the name of a function."""
        return kind in self._functions

    def call(self, name: str, given: Sequence[Span]) -> list[Span]:
        """Return what is known of the results of a function."""
        function = self._functions.get(name)
        if function is None or self._depth > _DEEPEST:
            return []
        key = (name, tuple(given))
        if key not in self._answered:
            names = [argument.name for argument in function.signature.input_arg]
            if name not in self._bodies:
                self._bodies[name] = {node.name: node for node in function.node_def}
            frame = Frame(self, self._bodies[name], dict(zip(names, given, strict=False)), name)
            self._depth += 1
            # What keeps a state runs there although nothing reads it.
            runs = [n.name for n in function.node_def if self._keeps(n)]
            frame.of([*function.control_ret.values(), *runs])
            asked = [function.ret.get(a.name, "") for a in function.signature.output_arg]
            self._answered[key] = frame.of(asked)
            self._depth -= 1
        return self._answered[key]

    def source(self, place: Place) -> str | None:
        """Return what a node draws, in words that begin with its type; None if it draws nothing."""
        node = place.node
        if not self._is(node, DRAWS) or seeded(node):
            return None
        return (
            f"{node.op} operation {node.op!r} ({place}) on the way to the output draws random "
            "numbers, without a seed of its own"
        )

    def keep(self, place: Place, first: str) -> None:
        """Note that a node keeps a value, unless it is in what lasts for one call."""
        node = place.node
        if not self._keeps(node) or first == "TemporaryVariable":
            return
        said = f"operation {node.op!r} ({place}) on the way to the output {KEEPS}"
        self.kept.setdefault(node.op, said)

    def _keeps(self, node: Any) -> bool:
        generator = node.op.startswith("Stateful") and self._is(node, DRAWS)
        return generator or self._is(node, KEEPS)

    def _is(self, node: Any, does: str) -> bool:
        part = part_of(node.op)
        if part is None or part.does != does:
            return False
        return not any(fnmatch.fnmatchcase(node.op, pattern) for pattern in self._allowed)


def refuse_chance(
    definition: Any,
    outputs: Sequence[str],
    path: Path,
    allowed: Sequence[str],
    fed: Mapping[str, Any],
    functions: Iterable[str] = (),
) -> None:
    """Make sure that outputs of a graph depend on neither chance nor the calls before.

    Args:
        definition: a `GraphDef`.
        outputs: names of operations or tensors.
        path: the file, for the message.
        allowed: patterns of types of operations that are meant.
        fed: {name of a node: array} of what it is always fed; None of what is fed anything.
        functions: names of functions that are called by themselves.

    Raises:
        ArtifactError: they do, or it cannot be told that they do not; the message names what draws
            or keeps.
    """
    if may(definition):
        found = Chance(definition, fed, allowed).found(outputs, functions)
        if found:
            raise refusal(path, found)


def may(definition: Any) -> bool:
    """Return whether a `GraphDef` holds anything that draws or keeps, wherever."""
    kinds = {node.op for node in definition.node}
    kinds.update(node.op for f in definition.library.function for node in f.node_def)
    parts = (part_of(kind) for kind in kinds)
    return any(part is not None and part.does in (DRAWS, KEEPS) for part in parts)


def seeded(node: Any) -> bool:
    """Return whether a node draws the same in each run; also where that cannot be told."""
    from tensorflow.python.framework import op_def_registry

    if node.op == "NonDeterministicInts":
        return False
    known = op_def_registry.get(node.op)
    seeds = [a.name for a in known.attr if a.name in ("seed", "seed2")] if known else []
    if node.op.startswith("Stateful") or not seeds:
        return True  # a generator is told for the state that it keeps; inputs may be any seeds
    # One that is not there has its default, 0; asking for it would add it to the node.
    return any(node.attr[name].i for name in seeds if name in node.attr)
