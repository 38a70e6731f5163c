"""Tables of one check, as plain data: outputs, weights, operations, planted mistakes."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from pytest_freezecheck.messages.wording import counted, listed, shown
from pytest_freezecheck.report.page.plain import QUOTE, spaced, written

#: Rows of a table of things that can be thousands.
_MOST = 50
_NUMBERS = frozenset(
    {"difference", "allowed", "too far", "live", "frozen", "value", "size of values", "relative",
     "elements"}
)  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Table:
    """A table: its first column names its rows.

    Attributes:
        title: what it is; its caption.
        marked: numbers of the rows that matter most.
    """

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""
    marked: frozenset[int] = frozenset()

    @property
    def numbers(self) -> frozenset[str]:
        """Heads of the columns that hold numbers, which stand below each other."""
        texts = {
            head for row in self.rows for head, cell in zip(self.head, row, strict=True)
            if cell.startswith(QUOTE)
        }  # fmt: skip
        return _NUMBERS - texts


def tables(check: Mapping[str, Any]) -> list[Table]:
    """Return the tables of a check that have a row: outputs, and what differs or was missed.

    Args:
        check: as the JSON has it.
    """
    made = (_outputs, _weights, _constants, _operations, _missed)
    return [table for table in (make(check) for make in made) if table.rows]


def _outputs(check: Mapping[str, Any]) -> Table:
    rows = []
    for one in check["compared"]:
        same = one["artifact_output"].removesuffix(":0") == one["output"]
        name = one["output"] if same else f"{one['output']} ← {one['artifact_output']}"
        difference = "NaN or inf" if one["non_finite"] else shown(one["max_abs_diff"])
        # Where nothing is apart, one place is as good as another.
        place = f"({', '.join(map(str, one['index']))})" if one["apart"] else "-"
        values = (written(one["live"]), written(one["frozen"])) if place != "-" else ("-", "-")
        rows.append(
            (
                name,
                f"{one['kind']} {one['dtype']} ({', '.join(map(str, one['shape']))})",
                difference,
                "-" if one["allowed"] is None else f"{one['allowed']:.3g}",
                f"{spaced(one['too_far'])}/{spaced(one['values'])}",
                place,
                *values,
            )
        )
    head = (
        "output",
        "what it holds",
        "difference",
        "allowed",
        "too far",
        "worst at",
        "live",
        "frozen",
    )
    others = [
        f"{said}: {listed(check[key], 8)}."
        for key, said in (
            ("not_compared", "Compared with none"),
            ("ignored", "Ignored, as was asked for"),
            ("allow_ops", "Operations that were allowed"),
        )
        if check[key]
    ]
    problems = [f"{one['output']} {one['problem']}." for one in check["compared"] if one["problem"]]
    return Table("Outputs that were compared", head, rows, " ".join([*problems, *others]))


def _weights(check: Mapping[str, Any]) -> Table:
    found, absent = check["weights"]["differing"], check["weights"]["absent"]
    rows = [(one["name"], shown(one["max_abs_diff"])) for one in found[:_MOST]]
    compared = counted(check["weights"]["compared"], "weight")
    note = f"{len(found)} of {compared} that both sides have under one name."
    if absent:
        note += f" Not in the artifact under that name: {listed(absent, 8)}."
    return Table("Weights that differ", ("weight", "difference"), rows, _more(note, found))


def _constants(check: Mapping[str, Any]) -> Table:
    """Return constants that differ, of a check whose weights do not tell it by their names."""
    proof = check["proof"]
    if proof is None or proof["result"] != "differs" or check["weights"]["differing"]:
        return Table("", (), [], "")
    found = proof["constants"]
    rows = [
        (
            listed(one["names"]) or "a constant",
            f"[{', '.join(map(str, one['index']))}]",
            written(one["live"]),
            written(one["frozen"]),
            f"{one['differing']}/{one['size']}",
        )
        for one in found[:_MOST]
    ]
    head = ("made of", "furthest at", "live", "frozen", "elements")
    return Table("Constants that differ", head, rows, _more("", found))


def _operations(check: Mapping[str, Any]) -> Table:
    proof = check["proof"]
    found = proof["operations"] if proof is not None else []
    rows = [
        (one["live"], one["frozen"], "proven" if one["proven"] else "not proven")
        for one in found[:_MOST]
    ]
    head = ("the live model has", "the artifact has", "other function")
    return Table("Operations that differ", head, rows, _more("", found))


def _missed(check: Mapping[str, Any]) -> Table:
    found = check["power"]["survivors"] if check["power"] is not None else []
    rows = [(one["mistake"], one["reason"]) for one in found[:_MOST]]
    head = ("planted mistake", "why no input showed it")
    return Table("Planted mistakes that answers did not show", head, rows, _more("", found))


def _more(note: str, found: Sequence[Any]) -> str:
    left = len(found) - _MOST
    return f"{note} {left} more are in the JSON report.".strip() if left > 0 else note
