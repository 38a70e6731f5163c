"""Where operations differ: changes that belong together, what they amount to, and their words."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from pytest_freezecheck.checking.causes.places import MOVES, before_weights, prepares
from pytest_freezecheck.checking.causes.wording import is_constant, told
from pytest_freezecheck.computation.edits import (
    CHANGED,
    EXTRA,
    MISSING,
    ORDERED,
    REPLACED,
    Edit,
    Script,
    Way,
)
from pytest_freezecheck.computation.matching import Pair
from pytest_freezecheck.computation.node import Node, walk
from pytest_freezecheck.computation.vocabulary import evaluate
from pytest_freezecheck.result.findings import Blamed

#: What stands last and makes probabilities of what it is applied to.
_ANSWERS = frozenset({"softmax", "sigmoid", "log_softmax"})
_RANDOM = ("random", "multinomial", "dropout", "bernoulli", "truncatednormal")
_REDUCTIONS = frozenset({"reduce_mean", "reduce_sum"})
_TF_REDUCTIONS = frozenset({"tf:Mean", "tf:Sum"})
#: What a dropout is made of besides, in whichever version of TensorFlow.
_DROPS = frozenset({"affine", "add", "sub", "mul", "div", "floor", "cast", "select", "maximum"})
_DROPS |= {"greater_equal", "greater", "less", "less_equal", "logical_not", "tf:chance", "tf:Shape"}
#: Tensors that are named, and sorts of changes that can be taken in.
_NUMBERS, _NAMED = 6, 4
#: Changes of different sorts that one mistake makes, at most.
_MOST = 8


@dataclasses.dataclass(frozen=True)
class Block:
    """Changes of operations that are one mistake.

    Attributes:
        edits: the changes, those nearest to the inputs first.
    """

    edits: tuple[Edit, ...]

    @property
    def plain(self) -> bool:
        """Whether it is few enough changes to be one mistake: many are two graphs side by side."""
        return len({edit.sort for edit in self.edits}) <= _MOST

    def readable(self, script: Script) -> bool:
        """Return whether it can be told what each operation in it is on the other side.

        Where sizes are not known, what is in the vocabulary stays an operation of its format.

        Args:
            script: all changes.
        """
        whole = walk(edit.frozen for edit in self.edits if edit.kind == REPLACED)
        if any(node.opaque and id(node) not in script.common for node in whole):
            return False
        pairs = (edit for edit in self.edits if edit.kind in (CHANGED, REPLACED))
        sorts = {edit.sort for edit in self.edits}
        return len(sorts) <= _NAMED and all(e.live.opaque == e.frozen.opaque for e in pairs)

    @property
    def live(self) -> list[Node]:
        """The operations that only the live side has."""
        return [e.live for e in self.edits if e.kind in (CHANGED, MISSING, REPLACED, ORDERED)]

    @property
    def frozen(self) -> list[Node]:
        """The operations that only the artifact has."""
        return [e.frozen for e in self.edits if e.kind in (CHANGED, EXTRA, REPLACED, ORDERED)]


def blocks(script: Script, edits: Sequence[Edit]) -> list[Block]:
    """Return the changes that belong together: one after the other, or the same in many places."""
    group = {edit: {edit} for edit in edits}
    by_pair = {(id(p[0]), id(p[1])): way.edit for p, way in script.ways.values()}

    def join(one: Edit, other: Edit) -> None:
        if group[one] is not group[other]:
            group[one] |= group[other]
            for edit in group[other]:
                group[edit] = group[one]

    for (live, frozen), way in script.ways.values():
        edit = by_pair[id(live), id(frozen)]
        under = (by_pair.get((id(b[0]), id(b[1]))) for b in way.below)
        constants = [e for e in under if e is not None and e in group and is_constant(e)]
        for other in constants[1:]:  # the factor and the term of one map
            join(constants[0], other)
        if edit is None or edit not in group:
            continue
        for below in way.below:
            beneath = by_pair.get(_past_moves(below, script))
            if beneath is not None and beneath in group:
                join(edit, beneath)
    sorts: dict[Hashable, Edit] = {}
    for edit in edits:
        join(edit, sorts.setdefault(edit.sort, edit))
    found: dict[int, list[Edit]] = {}
    for edit in edits:
        found.setdefault(id(group[edit]), []).append(edit)
    return [Block(tuple(made)) for made in found.values()]


def _past_moves(pair: Pair, script: Script) -> tuple[int, int]:
    """Return the ids of a pair, or of what lies beneath it where both only move values."""
    while True:
        key = id(pair[0]), id(pair[1])
        _, way = script.ways.get(key, (pair, Way()))
        if way.edit is not None or pair[0].op not in MOVES or len(way.below) != 1:
            return key
        pair = way.below[0]


def blamed(
    block: Block,
    script: Script,
    weights: Mapping[str, Any],
    *,
    proven: bool,
    taken: Collection[str] = (),
) -> Blamed:
    """Return what changes amount to.

    Args:
        block: the changes.
        script: all of them.
        weights: the live model's.
        proven: whether they are needed.
        taken: weights that have taken up what something before them multiplies by.
    """
    names = tuple(dict.fromkeys(e.frozen.origin for e in block.edits if e.frozen.origin))
    said = told(block.edits)
    answers = _answers(block, script)
    if answers is not None:
        output, cause, words_ = answers
        return Blamed(cause, (output,), f"{words_}: {said}", proven)
    return Blamed(_cause(block, script, weights, taken), names[:_NUMBERS], said, proven)


def _cause(block: Block, script: Script, weights: Mapping[str, Any], taken: Collection[str]) -> str:
    own = list(_only_there(block, script))
    if any(map(is_random, own)):
        return "dropout"
    if any(node.op.startswith("tf:FusedBatchNorm") for node in own):
        return "training-batch-norm"  # in inference it is an affine map
    own_scale = any(node.op in ("rsqrt", "sqrt") for node in own)
    if own_scale and of_batch(own) and not of_batch(list(walk(block.live))):
        return "training-batch-norm"
    before = all(node.is_constant or prepares(node) for node in own) and before_weights(
        block.edits, script, weights, taken
    )
    return "input-transform" if before else _OTHER


_OTHER = "changed-operation"


def drops(block: Block, script: Script) -> bool:
    """Return whether changes are a dropout and nothing else: what is read, times random numbers.

    Args:
        block: the changes.
        script: all of them.
    """
    own = list(_only_there(block, script))
    known = _DROPS | {"constant", "input"}
    return all(node.op in known or is_random(node) for node in own)


def drawn(block: Block, script: Script) -> str:
    """Return the name of what draws numbers among changes.

    Args:
        block: the changes.
        script: all of them.
    """
    return next(node.origin for node in _only_there(block, script) if is_random(node))


def is_random(node: Node) -> bool:
    """Return whether an operation draws numbers."""
    return node.opaque and any(kind in node.op.lower() for kind in _RANDOM)


def _only_there(block: Block, script: Script) -> Iterator[Node]:
    """Yield the operations that only the artifact has, of these changes and of no others."""
    for edit in block.edits:
        tops = [edit.frozen]
        if edit.kind in (EXTRA, CHANGED):
            yield edit.frozen
            tops = []
        if edit.kind == EXTRA:
            tops = [r for n, r in enumerate(edit.frozen.inputs) if n != edit.place]
        if edit.kind in (EXTRA, REPLACED):
            yield from (n for n in walk(tops) if id(n) not in script.common)


def of_batch(nodes: Iterable[Node]) -> bool:
    """Return whether a mean or a sum is taken over the rows of a batch, of either vocabulary."""
    over = [
        node
        for node in nodes
        if (node.op in _REDUCTIONS and 0 in node["axes"])
        or (node.op in _TF_REDUCTIONS and _axes(node) & {0})
    ]
    return any(part.op == "input" for part in walk(over))  # that of a kernel is none of a batch


def _axes(node: Node) -> set[int]:
    """Return the axes that an operation of TensorFlow reduces, as far as they are constant."""
    value = node.inputs[1].value
    return set() if value is None else set(np.ravel(value.array).tolist())


def _answers(block: Block, script: Script) -> tuple[str, str, str] | None:
    """Return the output, the cause and words, where an answer ends otherwise and that is all."""
    for name, (live, frozen) in script.outputs.items():
        first = block.edits[-1]
        if first.live is not live or first.frozen is not frozen:
            continue
        kinds = {edit.kind for edit in block.edits}
        if kinds == {MISSING} and all(node.op in _ANSWERS for node in block.live):
            return name, "output-tensor", "it answers with logits"
        if kinds == {CHANGED} and (live.op, frozen.op) == ("softmax", "log_softmax"):
            return name, "output-tensor", "it answers with log-probabilities"
        order = _order(live, frozen) if kinds == {EXTRA} else None
        if order is not None:
            shown = ", ".join(map(str, order[:8])) + (", ..." if len(order) > 8 else "")
            return name, "class-order", f"its classes are the live ones {shown}"
    return None


def _order(live: Node, frozen: Node) -> list[int] | None:
    """Return in which order an answer has the live one's classes, if it only moves them."""
    width = (live.shape or (None,))[-1]
    if width is None or len(live.shape or ()) != 2 or live.shape != frozen.shape:
        return None
    own, waiting = [], [frozen]
    base: Node | None = None
    while waiting:
        node = waiting.pop()
        if node.op in MOVES:
            own.append(node)
            waiting.extend(read for read in node.inputs if not read.is_constant)
        elif base is None or node is base:
            base = node
        else:
            return None
    if base is None or not own:
        return None
    row = np.arange(width, dtype=np.float64)[None]
    try:
        moved = np.asarray(evaluate([frozen], {}, given={id(base): row})[0])
    except (ValueError, IndexError, KeyError, TypeError):
        return None
    order = [int(n) for n in moved.ravel()]
    return order if sorted(order) == list(range(width)) and order != sorted(order) else None
