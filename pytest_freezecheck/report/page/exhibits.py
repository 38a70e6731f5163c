"""What shows a failure, as plain data: charts with their tables, of `exhibit` in the JSON."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pytest_freezecheck.messages.wording import shown
from pytest_freezecheck.report.page.charts import pictures
from pytest_freezecheck.report.page.charts.answers import answers, differences
from pytest_freezecheck.report.page.charts.canvas import Drawing
from pytest_freezecheck.report.page.charts.histogram import histogram
from pytest_freezecheck.report.page.charts.layers import layers
from pytest_freezecheck.report.page.plain import written
from pytest_freezecheck.report.page.tables import Table

#: Rows of a table beside a chart.
_MOST = 64
_CELLS = 12
_ALL = "All values that were compared in this check, of every input."
#: Numbers that a table alone shows well.
_FEW = 8


@dataclasses.dataclass(frozen=True)
class Part:
    """A thing to look at.

    Attributes:
        title: its heading.
        note: what to know beside it.
        chart: None where a table says all.
        table: its numbers, which are folded away where there is a chart.
    """

    title: str
    note: str
    chart: Drawing | None
    table: Table | None


def exhibit(check: Mapping[str, Any], name: str) -> list[Part]:
    """Return what shows a failure; nothing of a check that has no exhibit.

    Args:
        check: as the JSON has it.
        name: begins the ids of the charts.
    """
    found = check.get("exhibit")
    if not found:
        return []
    parts: list[Part] = []
    for place, answer in enumerate(found.get("answers") or ()):
        parts += _answer(answer, _allowed(check, answer["output"]), f"{name}-answer-{place}")
    for place, given in enumerate(found.get("inputs") or ()):
        parts += _input(given, f"{name}-input-{place}")
    parts += _layers(found.get("layers") or (), check["first_difference"], f"{name}-layers")
    counts = found.get("histogram")
    chart = histogram(counts, f"{name}-histogram") if counts else None
    if chart is not None:
        parts.append(Part("How far apart the values are", _ALL, chart, None))
    return parts


def _allowed(check: Mapping[str, Any], output: str) -> float | None:
    """Return what is allowed of an output."""
    found = (one["allowed"] for one in check["compared"] if one["output"] == output)
    allowed: float | None = next(found, None)
    return allowed


def _answer(answer: Mapping[str, Any], allowed: float | None, name: str) -> Iterator[Part]:
    live, frozen = answer["live"], answer["frozen"]
    if not live or not frozen:
        return
    apart = differences(live, frozen)
    first = answer["first"]
    rows = [
        (
            str(first + place),
            written(one),
            written(other),
            _apart(apart[place]) if apart is not None else "-" if one == other else "differs",
        )
        for place, (one, other) in enumerate(zip(live[:_MOST], frozen[:_MOST], strict=False))
    ]
    marked = frozenset({answer["worst"] - first}) & frozenset(range(len(rows)))
    head = ("place", "live", "frozen", "difference")
    table = Table(f"Values of {answer['output']}", head, rows, marked=marked)
    of = answer["of"]
    shown_of = f"{len(rows)} of its {of} values, from place {first}" if len(rows) < of else ""
    title = f"Live and frozen: {answer['output']}"
    note = "The row of the failing input that is furthest apart."
    if shown_of:
        note = f"{note[:-1]}: {shown_of}."
    yield Part(title, note, answers(answer, allowed, name), table)


def _apart(value: float | None) -> str:
    return "not finite" if value is None else shown(value)


def _input(given: Mapping[str, Any], name: str) -> Iterator[Part]:
    title, values = f"Failing input: {given['name']}", given["values"]
    if not any(True for _ in _flat(values)):
        return
    shape = " x ".join(map(str, given["shape"])) or "a single value"
    about = f"One row: {shape}, {given['dtype']}."
    chart = None
    if given["form"] == "image":
        chart = pictures.image(given, name)
    elif given["form"] == "series":
        chart = pictures.series(given, name)
    elif given["form"] == "values" and len(values) > _FEW:
        chart = pictures.series({**given, "values": [values]}, name)
    if chart is not None:
        note = f"{chart.words[0].upper()}{chart.words[1:]}"
        table = _changed(given) if given["form"] != "values" else _values(given, title)
        yield Part(title, note, chart, table)
        return
    if given["background"] is not None:
        level = written(given["background"])
        about = f"{about[:-1]}; {given['away']} away from an even background of {level}."
    yield Part(title, about, None, _values(given, title))


def _values(given: Mapping[str, Any], title: str) -> Table:
    """Return the first values of an input, with those marked that are away from its background."""
    flat = list(_flat(given["values"]))
    level = given["background"]
    marked = frozenset(
        place for place, (_, value) in enumerate(flat[:_MOST]) if pictures.is_changed(value, level)
    )
    every = math.prod(given["shape"])
    note = f"The first {_MOST} of {every}." if every > _MOST else ""
    rows = [(_place(place, given), written(value)) for place, value in flat[:_MOST]]
    return Table(title, ("place", "value"), rows, note, marked)


def _changed(given: Mapping[str, Any]) -> Table | None:
    """Return the cells of a picture that are away from its background; None if none are shown."""
    level = given["background"]
    if level is None:
        return None
    found = [cell for cell in _flat(given["values"]) if pictures.is_changed(cell[1], level)]
    rows = [(_place(place, given), written(value)) for place, value in found[:_CELLS]]
    more = f"{len(found) - _CELLS} more are marked." if len(found) > _CELLS else ""
    if any(step > 1 for step in given["step"]):
        more = f"Places are those where a block of cells begins. {more}".strip()
    head = ("channel, place" if given["form"] == "series" else "channel, row, column", "value")
    return (
        Table(f"Away from the background of {written(level)}", head, rows, more) if rows else None
    )


def _flat(values: Any, place: tuple[int, ...] = ()) -> Iterator[tuple[tuple[int, ...], Any]]:
    """Yield every value of nested lists with its place."""
    if not isinstance(values, list):
        yield place, values
        return
    for number_, value in enumerate(values):
        yield from _flat(value, (*place, number_))


def _place(place: Sequence[int], given: Mapping[str, Any]) -> str:
    """Return a place in the whole input, of which one cell in so many is shown."""
    drawn = given["form"] in ("image", "series")
    steps = pictures.nested_steps(given)[0] if drawn else [1] * len(place)
    return ", ".join(str(p * s) for p, s in zip(place, steps, strict=True))


def _layers(
    tensors: Sequence[Mapping[str, Any]], first: Mapping[str, Any] | None, name: str
) -> Iterator[Part]:
    begins = None if first is None else first["tensor"]
    chart = layers(tensors, begins, name)
    if chart is None:
        return
    rows = [
        (t["tensor"], _apart(t["difference"]), written(t["size"]), _relative(t)) for t in tensors
    ]
    marked = frozenset(n for n, t in enumerate(tensors) if t["tensor"] == begins)
    head = ("tensor", "difference", "size of values", "relative")
    table = Table("Tensors from input to output", head, rows, marked=marked)
    note = "Largest difference in each tensor that both sides have, from input to output."
    yield Part("Along the layers", note, chart, table)


def _relative(tensor: Mapping[str, Any]) -> str:
    size, difference = tensor["size"], tensor["difference"]
    if not size or difference is None:
        return "-"
    return shown(difference / size)
