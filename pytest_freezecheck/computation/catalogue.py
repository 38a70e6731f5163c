"""The page that lists what computations are written in, and the rules that they are compared by."""

from __future__ import annotations

from pytest_freezecheck.computation.rules import RULES
from pytest_freezecheck.computation.values import ADDING, FOLDING, UNIT
from pytest_freezecheck.computation.vocabulary import VOCABULARY

_HEAD = f"""# Rules of a proof

Generated from the code: `pytest_freezecheck/computation`. What a proof is, and is not, is on the
page [Proofs](../proofs.md).

## Bounds

| constant | how far it may be from the live model's |
|---|---|
| that nothing was folded into | not at all: bit for bit |
| that something was multiplied into, such as BatchNorm's factor | {FOLDING:g} units in the last place of float32 ({FOLDING * UNIT:.1e}) of the largest value in its output channel |
| that was summed up, such as a bias of BatchNorm's mean and offset | {ADDING:g} units ({ADDING * UNIT:.1e}) of the sum of the absolute values of the terms |
| that the file rounds, to float16 or int8 | half a step of the grid that the file declares: of int8 one for each channel, of float16 and bfloat16 one for each element; the verdict names it |
| whole numbers, truth values, text | not at all |

Of float64, float16 and bfloat16 a unit is theirs.

## Operations

Both sides are written in these. What a format has beside them matches only its like, with all of
its attributes.

"""  # noqa: E501


def as_markdown() -> str:
    """Return the page, with a line for each operation and each rule."""
    names = ", ".join(f"`{name}`" for name in VOCABULARY)
    rows = [
        f"| {rule.name} | {', '.join(f'`{op}`' for op in rule.ops)} | {rule.source} |"
        for rule in RULES
    ]
    head = "| rule | operations | why it holds |\n|---|---|---|\n"
    told = "Each has a property test: expressions are worked out with and without it."
    intro = f"\n\n## Rules\n\n{told}\n\n"
    return f"{_HEAD}{names}{intro}{head}" + "\n".join(rows) + "\n"
