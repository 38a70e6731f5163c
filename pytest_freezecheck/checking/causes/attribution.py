"""Why a file computes otherwise: the live computation makes the mistakes, and is compared again.

A converted file keeps neither names nor weights. But both computations are there, in one normal
form: the fewest changes that make the live one the file's are found, weights among them are held
against the checkpoints and against what people do to weights, and operations are named with what
stands there on both sides. What makes no difference is left out again.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pytest_freezecheck.checking.causes.blocks import Block, blocks
from pytest_freezecheck.checking.causes.hints import Hints
from pytest_freezecheck.checking.causes.inferring import inferred
from pytest_freezecheck.checking.causes.naming import OF_TRAINING, Naming
from pytest_freezecheck.checking.causes.origins import origins_of
from pytest_freezecheck.checking.causes.restored import Choice, Restored, is_initial, names_in
from pytest_freezecheck.checking.causes.rewriting import Rewriter
from pytest_freezecheck.checking.causes.state import State, near_to
from pytest_freezecheck.checking.causes.undone import switched_off, with_its_weights
from pytest_freezecheck.checking.proving import Compared, read_again
from pytest_freezecheck.checking.sides import Sides
from pytest_freezecheck.computation.alignment import align
from pytest_freezecheck.computation.edits import CONSTANT, Edit, Script
from pytest_freezecheck.computation.locally import differ
from pytest_freezecheck.computation.matching import Matcher
from pytest_freezecheck.computation.node import Arena, Node, walk
from pytest_freezecheck.result.findings import Blamed, Explanation

#: Blocks of changes, and changed operations, that are tried for whether they make a difference.
_BLOCKS, _CHANGES = 24, 24


def attribute(sides: Sides, compared: Compared, *, shown: bool = False) -> Explanation | None:
    """Return the mistakes with which the live model computes what the file computes.

    Args:
        sides: live and frozen.
        compared: what the comparison of both computations came to.
        shown: whether answers are apart, too.

    Returns:
        None where no such mistakes are found.
    """
    if compared.live.error is not None or compared.proof.holds:
        return None
    read = compared if compared.theirs is not None else read_again(sides, compared.live)
    if read is None:
        return None
    found = _Attribution(sides, read, shown=shown)
    causes: list[Blamed] = []
    for undo in (switched_off, with_its_weights):
        undone = undo(sides, found.compared)
        again = None if undone is None else _Attribution(sides, undone.compared, shown=shown)
        if undone is not None and again is not None and again.cost < found.cost:
            found = again
            causes += undone.causes
    return found.explanation(causes)


class _Attribution:
    def __init__(self, sides: Sides, compared: Compared, *, shown: bool) -> None:
        self.sides, self.compared = sides, compared
        self.theirs: Mapping[str, Node] = compared.theirs or {}
        self.held = sides.live.weights()
        self.rewriter = Rewriter(compared)
        self.hints = Hints(compared, self.held, sides.frozen.weights())
        weights = names_in(walk(compared.live.raw.values()), self.held)
        self.naming = Naming(self.held, self.hints, weights, shown=shown)
        self._start = self._state(Choice())

    @property
    def cost(self) -> float:
        """How much has to be changed; infinite where that is too much to find out."""
        return math.inf if self._start is None else self._start.cost

    def explanation(self, undone: Sequence[Blamed] = ()) -> Explanation | None:
        """Return the mistakes.

        Args:
            undone: those that were undone in the artifact before.
        """
        state = self._start
        if state is None:
            return None
        origins = origins_of(self.sides)
        state = self._hinted(state)
        if state.weights:
            start = state.choice
            restored = Restored(self.rewriter, self.held, state.weights, origins, start)
            state = self._better(state, restored.found())
            for whole in restored.wholes(state.choice):
                state = self._better(state, whole)
        before = state
        state = self._better(state, self._inferred(state))
        causes = self.naming.causes(state, before, origins)
        causes = _joined([*undone, *sorted(causes, key=lambda cause: not cause.proven)])
        if not causes:
            return None
        proven = all(cause.proven for cause in causes)
        simulated = proven and state.complete and not self._another(state)
        return Explanation(tuple(causes), computed=True, simulated=simulated)

    def _another(self, state: State) -> bool:
        """Return whether most weights are used nowhere in the artifact: it is another network."""
        every = names_in(walk(state.rewritten.normal.values()), self.held)
        same = [pair[0] for pair, way in state.script.ways.values() if way.edit is None]
        same = [node for node in same if node.is_constant]
        kept = names_in(walk([*same, *state.script.common.values()]), self.held)
        taken = names_in((edit.live for edit in state.script.edits), self.held)
        return 2 * len({*every} - {*kept} - {*taken}) > len(every)

    def _hinted(self, state: State) -> State:
        """Return what is left with what stands in the same places of the artifact's graph."""
        ends = [end for edit in state.script.edits for end in (edit.live, edit.frozen)]
        nodes = [node.value for node in walk(ends) if node.value is not None]
        near = self.hints.live_names(name for value in nodes for name in value.origin)
        values = {name: value for name, value in self.hints.values.items() if name in near}
        changes = self.hints.changes
        same = {name: change for name, change in changes.items() if not change.replaces}
        for given in (changes, same, {}):
            found = self._supported(Choice(values, changes=given))
            if found is not None and found.cost < state.cost:
                if found.weights and any(c.replaces for c in found.choice.changes.values()):
                    continue  # weights make up for an operation that is yet another
                self.naming.exact = frozenset(found.choice.values)
                return found
        return state

    def _supported(self, told: Choice) -> State | None:
        """Return what is left with values and changes, without those that explain nothing."""
        found = self._state(told) if told else None
        while found is not None:
            left = [e.live for e in found.script.edits if e.kind == CONSTANT]
            wrong = {n for node in left if node.value is not None for n in node.value.origin}
            wrong &= found.choice.values.keys()
            if not wrong:
                break
            found = self._state(found.choice.without(*wrong))
        if found is None:
            return None
        for name in list(told.changes)[:_CHANGES]:
            without = self._state(found.choice.without(name))
            if without is not None and not found.cost < without.cost:
                found = without
        return found

    def _state(self, choice: Choice) -> State | None:
        try:
            rewritten = self.rewriter(choice.values, choice.epsilon, choice.changes)
        except (ValueError, IndexError, KeyError, TypeError):
            if not choice.changes:
                raise
            return None  # what the artifact's operation is fits its own operands, and not these
        script = align(rewritten.normal, self.theirs)
        if script is None:
            return None
        mine = [e for e in script.edits if e.kind == CONSTANT and names_in([e.live], self.held)]
        rest = [edit for edit in script.edits if edit not in mine]
        silent: set[Edit] = set()
        kept: list[tuple[Block, bool | None]] = []
        every = blocks(script, rest)
        for block in every[:_BLOCKS]:
            needed = self._matters(script, block.edits)
            beside = near_to(script, block, mine)
            if needed and beside and self._matters(script, (*block.edits, *beside)) is False:
                silent |= beside  # it is the same, written otherwise
            elif needed is not False:
                kept.append((block, needed))
        left = tuple(edit for edit in mine if edit not in silent)
        complete = len(every) <= _BLOCKS
        return State(choice, rewritten, script, tuple(kept), left, complete)

    def _matters(self, script: Script, edits: Iterable[Edit]) -> bool | None:
        """Return whether it makes a difference to leave out changes; None if nobody can tell."""
        arena, without = Arena(self.compared.arena), set(edits)
        rest = script.applied(arena, [edit for edit in script.edits if edit not in without])
        pairs = [(rest[name], node) for name, node in self.theirs.items()]
        return differ(Matcher(), pairs)

    def _better(self, state: State, more: Choice) -> State:
        """Return what is left with other values, if that is less."""
        if not more:
            return state
        found = self._state(state.choice.adding(more))
        return found if found is not None and found.cost < state.cost else state

    def _inferred(self, state: State) -> Choice:
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


def _joined(causes: Iterable[Blamed]) -> list[Blamed]:
    """Return causes, those that are one mistake as one.

    Training mode is switched on once, and values that are no checkpoint's are other values.
    """
    found: dict[object, Blamed] = {}
    for number, cause in enumerate(causes):
        key: object = number
        if cause.id in OF_TRAINING:
            key = cause.id
        elif cause.id == "other-weights":
            key = cause.id, cause.proven
        known = found.setdefault(key, cause)
        if known is not cause:
            found[key] = _both(known, cause)
    return list(found.values())


def _both(one: Blamed, other: Blamed) -> Blamed:
    tensors = tuple(dict.fromkeys((*one.tensors, *other.tensors)))
    proven = one.proven and other.proven
    evidence, share = one.evidence, one.share
    if one.id not in OF_TRAINING:
        evidence = f"{one.evidence}; {other.evidence}"
        if one.share is not None and other.share is not None:
            share = one.share[0] + other.share[0], one.share[1]
    return Blamed(one.id, tensors, evidence, proven, share)
