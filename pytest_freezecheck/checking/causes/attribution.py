"""Why a file computes otherwise: the live computation makes the mistakes, and is compared again.

A converted file keeps neither names nor weights. But both computations are there, in one normal
form: the fewest changes that make the live one the file's are found, weights among them are held
against the checkpoints and against what people do to weights, and operations are named with what
stands there on both sides. What makes no difference is left out again.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from pytest_freezecheck.checking.causes.blame import OF_NO_KEY, evidence_of
from pytest_freezecheck.checking.causes.blocks import Block, blamed, blocks
from pytest_freezecheck.checking.causes.inferring import inferred
from pytest_freezecheck.checking.causes.restored import Choice, Restored, is_initial, names_in
from pytest_freezecheck.checking.causes.rewriting import Rewriter, Rewritten
from pytest_freezecheck.checking.explain import origins_of
from pytest_freezecheck.checking.proving import Compared
from pytest_freezecheck.checking.sides import Sides
from pytest_freezecheck.computation.alignment import align
from pytest_freezecheck.computation.edits import CONSTANT, Edit, Script
from pytest_freezecheck.computation.locally import differ
from pytest_freezecheck.computation.matching import Matcher
from pytest_freezecheck.computation.node import Arena, Node, walk
from pytest_freezecheck.diagnosis.weights import Origins, grouped
from pytest_freezecheck.result.findings import Blamed, Explanation

#: Blocks of changes that are tried for whether they make a difference.
_BLOCKS = 24
#: Causes that one operation among others tells of.
_OF_TRAINING = ("training-batch-norm", "dropout")
#: How far factors may be apart that are one.
_SAME = 1e-5
#: How far from 1 a factor is that an epsilon may make.
_LITTLE = 0.02
#: Numbers that people multiply inputs by.
_WRITTEN = (255.0, 1 / 255.0, 127.5, 1 / 127.5, 128.0, 1 / 128.0, 256.0, 1 / 256.0)


def attribute(sides: Sides, compared: Compared, *, shown: bool = False) -> Explanation | None:
    """Return the mistakes with which the live model computes what the file computes.

    Args:
        sides: live and frozen.
        compared: what the comparison of both computations came to.
        shown: whether answers are apart, too.

    Returns:
        None where no such mistakes are found.
    """
    if compared.theirs is None or compared.proof.holds:
        return None
    return _Attribution(sides, compared, shown=shown).explanation()


@dataclasses.dataclass(frozen=True)
class _State:
    """What is left to change where the live model holds certain values.

    Attributes:
        choice: the values.
        rewritten: what it computes then.
        script: what has to be changed to make that the artifact's computation.
        blocks: changes of operations that make a difference, and whether that is certain.
        weights: constants with weights in them that differ.
    """

    choice: Choice
    rewritten: Rewritten
    script: Script
    blocks: tuple[tuple[Block, bool | None], ...]
    weights: tuple[Edit, ...]


class _Attribution:
    def __init__(self, sides: Sides, compared: Compared, *, shown: bool) -> None:
        self.sides, self.compared, self.shown = sides, compared, shown
        self.theirs: Mapping[str, Node] = compared.theirs or {}
        self.held = sides.live.weights()
        self.rewriter = Rewriter(compared)

    def explanation(self) -> Explanation | None:
        """Return the mistakes."""
        state = self._state(Choice())
        if state is None:
            return None
        origins = origins_of(self.sides)
        if state.weights:
            restored = Restored(self.rewriter, self.held, state.weights, origins)
            state = self._better(state, restored.found())
        before = state
        state = self._better(state, self._inferred(state))
        causes = self._causes(state, before, origins)
        if not causes:
            return None
        causes.sort(key=lambda cause: not cause.proven)
        whole = all(cause.proven for cause in causes)
        return Explanation(tuple(causes), computed=True, simulated=whole)

    def _state(self, choice: Choice) -> _State | None:
        rewritten = self.rewriter(choice.values, choice.epsilon)
        script = align(rewritten.normal, self.theirs)
        if script is None:
            return None
        mine = [e for e in script.edits if e.kind == CONSTANT and names_in([e.live], self.held)]
        rest = [edit for edit in script.edits if edit not in mine]
        silent: set[Edit] = set()
        kept: list[tuple[Block, bool | None]] = []
        for block in blocks(script, rest)[:_BLOCKS]:
            needed = self._matters(script, block.edits)
            beside = _beside(script, block, mine)
            if needed and beside and self._matters(script, (*block.edits, *beside)) is False:
                silent |= beside  # it is the same, written otherwise
            elif needed is not False:
                kept.append((block, needed))
        left = tuple(edit for edit in mine if edit not in silent)
        return _State(choice, rewritten, script, tuple(kept), left)

    def _matters(self, script: Script, edits: Iterable[Edit]) -> bool | None:
        """Return whether it makes a difference to leave out changes; None if nobody can tell."""
        arena, without = Arena(self.compared.arena), set(edits)
        rest = script.applied(arena, [edit for edit in script.edits if edit not in without])
        pairs = [(rest[name], node) for name, node in self.theirs.items()]
        return differ(Matcher(), pairs)

    def _better(self, state: _State, more: Choice) -> _State:
        """Return what is left with other values, if that is less."""
        if not more.values and more.epsilon is None:
            return state
        found = self._state(state.choice.adding(more))
        return found if found is not None and found.script.cost < state.script.cost else state

    def _inferred(self, state: _State) -> Choice:
        """Return the values of weights that constants point to which no checkpoint explains."""
        held = {**self.held, **state.choice.values}
        found: dict[str, Any] = {}
        for edit in state.weights:
            told = inferred(edit, held)
            if told is None or told.value.tobytes() == held[told.name].tobytes():
                continue
            others = [name for name in names_in([edit.live], held) if name != told.name]
            if told.sure or (others and all(is_initial(n, state.choice.values) for n in others)):
                found.setdefault(told.name, told.value)
        return Choice(found)

    def _causes(self, state: _State, before: _State, origins: Origins) -> list[Blamed]:
        """Return the causes of what differs.

        Args:
            state: what is left with all values that were found.
            before: with those of checkpoints alone.
            origins: what weights can come from.
        """
        causes = []
        values = dict(state.choice.values)
        factors = {n: f for n, v in values.items() if (f := _factor(self.held[n], v)) is not None}
        for edit in before.weights:
            left_out = self._without_norm(edit, values, factors)
            if left_out:
                said = f"as if BatchNorm were left out: {', '.join(left_out)}"
                causes.append(Blamed("changed-operation", tuple(left_out), said, proven=True))
                values = {n: v for n, v in values.items() if n not in left_out}
                factors = {n: f for n, f in factors.items() if n not in left_out}
        scaled = self._scaled(before, factors)
        either = factors.keys() & self._first(before) - scaled.keys()
        values = {n: v for n, v in values.items() if n not in scaled and n not in either}
        causes += self._of_values(state, values, origins)
        if state.choice.epsilon is not None:
            said = f"as if BatchNorm's epsilon were {state.choice.epsilon:g}"
            causes.append(Blamed("batch-norm-epsilon", (), said, proven=True))
        alone = self.shown and not causes and len(state.blocks) == 1 and not state.weights
        told = [self._of_block(state, *one, alone=alone) for one in state.blocks]
        if not all(cause.proven for cause in told):
            # What nobody can be sure of may be why another change is there.
            told = [dataclasses.replace(cause, proven=False) for cause in told]
        causes += told
        for name in sorted(either):  # the same function: nobody can tell them apart
            said = f"as if its input, or {name}, were multiplied by {factors[name]:.6g}"
            causes.append(Blamed("input-transform", (name,), said, proven=False))
        for name, factor in scaled.items():
            if not state.blocks:
                said = f"as if its input were multiplied by {factor:.6g} before {name}"
                causes.append(Blamed("input-transform", (name,), said, proven=True))
        for edit in state.weights:
            names = tuple(names_in([edit.live], self.held))
            said = "what is made of it has other values"
            causes.append(Blamed("other-weights", names, said, proven=False))
        return causes

    def _of_block(self, state: _State, block: Block, needed: bool | None, *, alone: bool) -> Blamed:
        """Return what changes of operations come to; they are proven if that is certain."""
        readable = block.readable(state.script)
        sure = (bool(needed) or (needed is None and alone and readable)) and block.plain
        told = blamed(block, state.script, self.held, proven=sure)
        if told.id in _OF_TRAINING and not readable:
            return dataclasses.replace(told, proven=False)  # there is more in it than that
        return told

    def _of_values(
        self, state: _State, values: Mapping[str, Any], origins: Origins
    ) -> list[Blamed]:
        """Return the causes of weights that have other values."""
        ordered = [name for name in self.held if name in values]
        frozen = {**self.held, **values}
        causes = []
        for ids, found in grouped(ordered, self.held, frozen, origins).items():
            for cause in ids.split(" "):
                told = self._told(cause, state, {name: values[name] for name in found}, origins)
                causes.append(Blamed(told, tuple(found), evidence_of(found), proven=True))
        return causes

    def _told(self, cause: str, state: _State, values: Mapping[str, Any], origins: Origins) -> str:
        """Return a cause, or a more careful one where only a file with variables could tell."""
        if cause == "class-order" and not self._last(state, values):
            return "other-weights"
        unseen = cause == "partial-restore" and bool(state.weights)  # or all, maybe
        if unseen or (cause in OF_NO_KEY and origins.checkpoint is None):
            return "other-weights"
        empty = all(not np.any(value) for value in values.values())
        if cause in ("partial-restore", "initial-values") and empty and len(values) < 2:
            return "other-weights"  # it may have been left out
        return cause

    def _last(self, state: _State, names: Iterable[str]) -> bool:
        """Return whether weights are those that answers end with: their order is the classes'."""
        below: list[Node] = []
        for node in state.rewritten.normal.values():
            while node.op in ("softmax", "log_softmax", "sigmoid", "reshape", "affine"):
                node = node.inputs[0]
            below.append(node)
        last = {
            name
            for node in below
            for read in node.inputs
            if read.value is not None
            for name in read.value.origin
        }
        return set(names) <= last

    def _without_norm(
        self, edit: Edit, values: Mapping[str, Any], factors: Mapping[str, float]
    ) -> list[str]:
        """Return the weights of a BatchNorm that nothing is left of, and of the layer before it.

        Initialised, it divides by a little more than 1; left out, it does not.
        """
        names = names_in([edit.live], self.held)
        norm = [name for name in names if is_initial(name, values)]
        rest = [name for name in names if name not in norm]
        if not norm or len(rest) != 1 or abs(factors.get(rest[0], 0.0) - 1.0) > _LITTLE:
            return []
        layer = {name.rsplit("/", 1)[0] for name in norm}
        every = [n for n in values if n.rsplit("/", 1)[0] in layer and is_initial(n, values)]
        return [*every, *rest]

    def _scaled(self, before: _State, factors: Mapping[str, float]) -> dict[str, float]:
        """Return {weight: factor} of weights that took up what something before them multiplies by.

        A layer takes up a factor of what it reads. Where something else was changed there, or the
        input is read and the number is one that people use, that is what it was.
        """
        near: set[str] = set()
        for block, _ in before.blocks:
            beside = _beside(before.script, block, before.weights)
            near.update(names_in((edit.live for edit in beside), self.held))
        first = self._first(before)
        return {
            name: factor
            for name, factor in factors.items()
            if name in near
            or (name in first and any(abs(factor / f - 1.0) <= _SAME for f in _WRITTEN))
        }

    def _first(self, state: _State) -> set[str]:
        """Return the weights of layers that read inputs, and nothing that weights were used for."""
        found: set[str] = set()
        for node in walk(state.rewritten.normal.values()):
            if node.op in ("conv", "matmul") and not _has_weights(node.inputs[0], self.held):
                found.update(names_in(node.inputs[1:2], self.held))
        return found


def _factor(live: Any, value: Any) -> float | None:
    """Return the number that a weight was multiplied by, or None."""
    if live.dtype.kind != "f" or live.size < 2:
        return None
    one, other = live.astype(np.float64), value.astype(np.float64)
    size = float(np.vdot(one, one))
    factor = float(np.vdot(one, other)) / size if size else 0.0
    apart = float(np.abs(other - one * factor).max())
    return factor if factor and apart <= _SAME * abs(factor) * np.abs(one).max() else None


def _has_weights(node: Node, held: Mapping[str, Any]) -> bool:
    below = walk([node])
    return any(n.value is not None and set(n.value.origin) & held.keys() for n in below)


def _beside(script: Script, block: Block, edits: Sequence[Edit]) -> set[Edit]:
    """Return the constants that differ right beside changed operations."""
    tops = {id(edit.live) for edit in block.edits}
    reads = [(pair[0], {id(read) for read in pair[0].inputs}) for pair, _ in script.ways.values()]
    constants = {id(edit.live) for edit in block.edits if edit.live.is_constant}
    tops |= {id(node) for node, below in reads if below & constants}
    near: set[int] = set()
    for pair, _ in script.ways.values():
        node = pair[0]
        if id(node) in tops or any(id(read) in tops for read in node.inputs):
            near.update(id(read) for read in node.inputs)
    return {edit for edit in edits if id(edit.live) in near}
