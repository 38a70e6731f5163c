"""What is left to change in the live computation to make it the artifact's."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from pytest_freezecheck.checking.causes.blocks import Block
from pytest_freezecheck.checking.causes.restored import Choice
from pytest_freezecheck.checking.causes.rewriting import Rewritten
from pytest_freezecheck.computation.edits import Edit, Script


@dataclasses.dataclass(frozen=True)
class State:
    """What is left to change where the live model holds certain values.

    Attributes:
        choice: the values.
        rewritten: what it computes then.
        script: what has to be changed to make that the artifact's computation.
        blocks: changes of operations that make a difference, and whether that is certain.
        weights: constants with weights in them that differ.
        complete: whether all changes of operations were looked at.
    """

    choice: Choice
    rewritten: Rewritten
    script: Script
    blocks: tuple[tuple[Block, bool | None], ...]
    weights: tuple[Edit, ...]
    complete: bool = True

    @property
    def cost(self) -> float:
        """What the changes count that make a difference."""
        every = [edit for block, _ in self.blocks for edit in block.edits]
        return sum(edit.cost for edit in (*every, *self.weights))


def near_to(script: Script, block: Block, edits: Sequence[Edit]) -> set[Edit]:
    """Return the constants that differ right beside changed operations.

    Args:
        script: all changes.
        block: those of operations.
        edits: those of constants.
    """
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
