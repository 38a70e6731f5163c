"""Tables in Markdown, without TensorFlow."""

from __future__ import annotations

from collections.abc import Iterable, Mapping


def table(rows: Iterable[Mapping[str, object]]) -> str:
    """Return rows as a table in Markdown; the keys of the first one are its head."""
    cells = [{key: str(value) for key, value in row.items()} for row in rows]
    head = list(cells[0])
    width = {key: max(len(key), *(len(row.get(key, "")) for row in cells)) for key in head}

    def line(row: Mapping[str, str]) -> str:
        return "| " + " | ".join(row.get(key, "").ljust(width[key]) for key in head) + " |"

    rule = "|" + "|".join("-" * (width[key] + 2) for key in head) + "|"
    return "\n".join([line({key: key for key in head}), rule, *map(line, cells)])


def number(value: float | None) -> str:
    """Return a difference as the tables show it."""
    return "-" if value is None else f"{value:.1e}"
