"""Changes between two computations in words."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np

from pytest_freezecheck.checking.described import words
from pytest_freezecheck.computation.edits import EXTRA, MISSING, ORDERED, WIRED, Edit
from pytest_freezecheck.computation.node import Node
from pytest_freezecheck.messages.wording import listed

#: Changes, and numbers, that are named.
_NAMED, _NUMBERS = 4, 6


def is_constant(edit: Edit) -> bool:
    """Return whether a change is one of constants."""
    return edit.live.is_constant and edit.frozen.is_constant


def told(edits: Sequence[Edit]) -> str:
    """Return changes in words, those of one kind once."""
    said: dict[Hashable, str] = {}
    count: dict[Hashable, int] = {}
    for edit in edits:
        said.setdefault(edit.sort, _words(edit))
        count[edit.sort] = count.get(edit.sort, 0) + 1
    parts = [
        words_ if count[sort] == 1 else f"{words_} (so in {count[sort]} places)"
        for sort, words_ in said.items()
    ]
    return "; ".join(parts[:_NAMED]) + (f"; and {len(parts) - _NAMED} more" * (len(parts) > _NAMED))


def _words(edit: Edit) -> str:
    live, frozen = edit.live, edit.frozen
    if edit.kind == MISSING:
        return f"it leaves out {words(live, frozen)}"
    if edit.kind == EXTRA:
        return f"it has {words(frozen, live)}, which the live model does not have"
    if edit.kind == ORDERED:
        one, other = (listed(map(_short, node.inputs), _NAMED) for node in (frozen, live))
        return f"{words(frozen, live)} reads {one} in this order, in the live model {other}"
    if edit.kind == WIRED:
        return f"{_short(frozen)} is read where the live model reads {words(live, frozen)}"
    if is_constant(edit):
        return f"{_name(edit)} is {_value(frozen)}, in the live model {_value(live)}"
    return f"{words(frozen, live)}, in the live model {words(live, frozen)}"


def _name(edit: Edit) -> str:
    return edit.live.origin or edit.frozen.origin or "a constant"


def _short(node: Node) -> str:
    if node.value is not None and node.value.array.size <= _NUMBERS:
        return _value(node)
    return node.origin or node.op


def _value(node: Node) -> str:
    """Return a constant in words."""
    value = node.value
    if value is None:
        return node.op
    flat = np.ravel(value.wide())
    shown = [f"{float(n):.6g}" if value.is_real else str(n) for n in flat[:_NUMBERS]]
    if not value.array.ndim or value.array.size == 1:
        return shown[0] if shown else "nothing"
    return f"[{', '.join(shown)}{', ...' if flat.size > _NUMBERS else ''}]"
