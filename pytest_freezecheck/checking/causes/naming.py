"""What the changes between two computations amount to: causes, and the words for them."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import numpy as np

from pytest_freezecheck.checking.causes.blame import OF_NO_KEY, evidence_of
from pytest_freezecheck.checking.causes.blocks import Block, blamed, drawn, drops
from pytest_freezecheck.checking.causes.hints import Hints
from pytest_freezecheck.checking.causes.restored import is_initial, names_in
from pytest_freezecheck.checking.causes.rewriting import equal_values
from pytest_freezecheck.checking.causes.state import State, near_to
from pytest_freezecheck.computation.edits import Edit
from pytest_freezecheck.computation.node import Node, walk
from pytest_freezecheck.diagnosis.weights import Origins, grouped
from pytest_freezecheck.result.findings import Blamed

#: Causes that one operation among others tells of.
OF_TRAINING = ("training-batch-norm", "dropout")
#: How far factors may be apart that are one.
_SAME = 1e-5
#: How far from 1 a factor is that an epsilon may make.
_LITTLE = 0.02
#: Numbers that people multiply inputs by.
_WRITTEN = (255.0, 1 / 255.0, 127.5, 1 / 127.5, 128.0, 1 / 128.0, 256.0, 1 / 256.0)


class Naming:
    """Names what was found.

    Args:
        held: {weight: value} of the live model.
        hints: what the artifact's graph has in the same places.
        weights: names of the weights that the live model's answers are computed from.
        shown: whether answers are apart, too.

    Attributes:
        exact: constants whose values were read in the artifact, and not worked out.
    """

    def __init__(
        self, held: Mapping[str, Any], hints: Hints, weights: list[str], *, shown: bool
    ) -> None:
        self.held, self.hints, self.weights, self.shown = held, hints, weights, shown
        self.exact: frozenset[str] = frozenset()

    def causes(self, state: State, before: State, origins: Origins) -> list[Blamed]:
        """Return the causes of what differs.

        Args:
            state: what is left with all values that were found.
            before: with those of checkpoints alone.
            origins: what weights can come from.
        """
        constants = [n for n in state.choice.values if n not in self.held]
        values = state.choice.without(*constants).values
        causes = [*self.hints.of_changes(state.choice.changes)]
        factors = {
            n: f
            for n, v in values.items()
            if n not in self.exact and (f := _factor(self.held[n], v)) is not None
        }
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
        rounded = any(cause.id == "reduced-precision" for cause in causes)
        for name in constants:  # what rounds weights rounds the constants of operations, too
            if not (rounded and self.hints.is_rounded(name)):
                causes.append(self.hints.of_constant(name))
        if state.choice.epsilon is not None:
            said = f"as if BatchNorm's epsilon were {state.choice.epsilon:g}"
            causes.append(Blamed("batch-norm-epsilon", (), said, proven=True))
        alone = self.shown and not causes and len(state.blocks) == 1 and not state.weights
        told = [self._of_block(state, *one, alone=alone, taken=scaled) for one in state.blocks]
        if not all(cause.proven for cause in told):
            # What nobody can be sure of may be why another change, or value, is there.
            told = [dataclasses.replace(cause, proven=False) for cause in told]
            causes = [self._unsure(cause) for cause in causes]
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
            unknown = Blamed("other-weights", names, said, proven=False)
            causes.append(self._folded_for_all(state, edit) or unknown)
        return causes

    def _folded_for_all(self, state: State, edit: Edit) -> Blamed | None:
        """Return the cause of a layer that others read, too, and BatchNorm was folded into.

        The live model has that very layer besides, folded for the BatchNorm that reads it.
        """
        mine = set(edit.live.value.origin) if edit.live.value else set()
        for node in walk(state.rewritten.normal.values()):
            if node.value is None or not mine < set(node.value.origin):
                continue
            norm = [name for name in names_in([node], self.held) if name not in mine]
            if norm and equal_values(node, edit.frozen):
                names = (*names_in([edit.live], self.held), *norm)
                layer = norm[0].rsplit("/", 1)[0]
                said = f"{names[0]} is read by several operations, and {layer} was folded into it"
                return Blamed("batch-norm-folding", names, f"{said} for all of them", proven=True)
        return None

    def _unsure(self, cause: Blamed) -> Blamed:
        """Return a cause as a suspicion, if its values were worked out and are no checkpoint's."""
        of_weights = bool(cause.tensors) and self.held.keys() >= set(cause.tensors)
        told = cause.id not in (*OF_NO_KEY, "other-weights", "changed-operation")
        if told or not of_weights or self.exact.issuperset(cause.tensors):
            return cause
        return dataclasses.replace(cause, proven=False)

    def _of_block(
        self,
        state: State,
        block: Block,
        needed: bool | None,
        *,
        alone: bool,
        taken: Collection[str],
    ) -> Blamed:
        """Return what changes of operations come to; they are proven if that is certain."""
        readable = block.readable(state.script)
        sure = (bool(needed) or (needed is None and alone and readable)) and block.plain
        told = blamed(block, state.script, self.held, proven=sure, taken=taken)
        if told.id == "changed-operation" and self.hints.comes_first(told.tensors):
            told = dataclasses.replace(told, id="input-transform")
        if told.id == "dropout" and block.plain and drops(block, state.script):
            said = f"it is computed from the random {drawn(block, state.script)}"
            return dataclasses.replace(told, evidence=said, proven=True)
        if told.id in OF_TRAINING and not readable:
            return dataclasses.replace(told, proven=False)  # there is more in it than that
        return told

    def _of_values(self, state: State, values: Mapping[str, Any], origins: Origins) -> list[Blamed]:
        """Return the causes of weights that have other values."""
        ordered = [name for name in self.held if name in values]
        frozen = {**self.held, **values}
        causes = []
        for ids, found in grouped(ordered, self.held, frozen, origins).items():
            for cause in ids.split(" "):
                told = self._told(cause, state, {name: values[name] for name in found}, origins)
                share = len(found), len(self.weights)
                said = evidence_of(found, share)
                causes.append(Blamed(told, tuple(found), said, proven=True, share=share))
        return causes

    def _told(self, cause: str, state: State, values: Mapping[str, Any], origins: Origins) -> str:
        """Return a cause, or a more careful one where only a file with variables could tell."""
        if cause == "class-order" and not self._last(state, values):
            return "other-weights"
        exact = self.exact.issuperset(values)
        unseen = cause == "partial-restore" and bool(state.weights)  # or all, maybe
        if unseen or (cause in OF_NO_KEY and origins.checkpoint is None):
            return "other-weights"
        empty = all(not np.any(value) for value in values.values())
        of_no_key = cause in ("partial-restore", "initial-values")
        if of_no_key and empty and len(values) < 2 and not exact:
            return "other-weights"  # it may have been left out
        return cause

    def _last(self, state: State, names: Iterable[str]) -> bool:
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

    def _scaled(self, before: State, factors: Mapping[str, float]) -> dict[str, float]:
        """Return {weight: factor} of weights that took up what something before them multiplies by.

        A layer takes up a factor of what it reads. Where something else was changed there, or the
        input is read and the number is one that people use, that is what it was.
        """
        near: set[str] = set()
        for block, _ in before.blocks:
            beside = near_to(before.script, block, before.weights)
            near.update(names_in((edit.live for edit in beside), self.held))
        first = self._first(before)
        return {
            name: factor
            for name, factor in factors.items()
            if name in near
            or (name in first and any(abs(factor / f - 1.0) <= _SAME for f in _WRITTEN))
        }

    def _first(self, state: State) -> set[str]:
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
