"""Planted mistakes: how many were noticed, and in which layers those are that were not."""

from __future__ import annotations

import collections
import re
from collections.abc import Mapping
from typing import Any

from pytest_freezecheck.messages.wording import counted
from pytest_freezecheck.report.page.charts import canvas
from pytest_freezecheck.report.page.charts.canvas import Drawing
from pytest_freezecheck.report.page.plain import middle

_WIDTH, _PITCH, _TOP = 340.0, 32.0, 54.0
#: Layers that have a bar.
_MOST = 8
#: `conv1/weights[0, 1] negated`, `conv1/weights: rounded to float16`: the weight, and what is done.
_WEIGHT = re.compile(r"(?P<weight>.+)(?:\[[\d, ]*\] |: )(?P<mistake>.+)", re.DOTALL)
_SEVERAL = "several at once"


def layer(mistake: str) -> str:
    """Return the layer that a planted mistake is in, by the name of its weight."""
    found = _WEIGHT.fullmatch(mistake)
    if found is None or re.fullmatch(r"all \d+ weights", found["weight"]):
        return _SEVERAL
    return found["weight"].rpartition("/")[0] or found["weight"]


def power(found: Mapping[str, Any], name: str) -> Drawing | None:
    """Return how many planted mistakes were noticed, and where the others are.

    Args:
        found: `power` of a check.
        name: begins its ids.
    """
    planted, caught, in_all = found["planted"], found["caught"], found["in_all"]
    if not planted:
        return None
    by_layer = collections.Counter(layer(s["mistake"]) for s in found["survivors"])
    largest = by_layer.most_common(_MOST)
    rest = sum(by_layer.values()) - sum(count for _, count in largest)
    rows = [*largest, *([("other layers", rest)] if rest else [])]
    height = _TOP + 6 + (18 if rows else 0) + _PITCH * len(rows)
    figure = canvas.figure(_WIDTH, height)
    axes = canvas.panel(figure, 2.0, 26.0, 2.0, height - _TOP)
    start = 0
    for label, count, colour, hatch in (
        (f"by answers {caught}", caught, canvas.PASSED, None),
        (f"by computation {in_all - caught}", in_all - caught, canvas.LIVE, None),
        (f"not noticed {planted - in_all}", planted - in_all, canvas.FAILED, None),
    ):
        if count > 0:
            axes.barh(0, count, left=start, color=colour, hatch=hatch, lw=0, label=label)
            start += count
    axes.set_xlim(0, planted)
    _bare(axes)
    figure.legend(
        loc="upper left", bbox_to_anchor=(0.0, 1.0), ncols=3, columnspacing=1.0,
        handlelength=0.9, handletextpad=0.4, borderpad=0.2,
    )  # fmt: skip
    if rows:
        _by_layer(figure, rows, height)
    return canvas.drawn(figure, name, "Planted mistakes that were noticed", _words(found, rows))


def _by_layer(figure: Any, rows: list[tuple[str, int]], height: float) -> None:
    told = "not shown by answers, by layer"
    figure.text(0.006, 1 - (_TOP + 6) / height, told, va="top", color=canvas.MUTED)
    axes = canvas.panel(figure, 2.0, _TOP + 22.0, 36.0, 2.0)
    for row, (text, count) in enumerate(rows):
        axes.barh(row + 0.22, count, height=8 / _PITCH, color=canvas.MUTED, lw=0)
        axes.text(0, row - 0.02, middle(text, 50), va="bottom", color=canvas.INK)
        axes.text(count, row + 0.22, f" {count}", va="center", color=canvas.INK)
    axes.set_xlim(0, max(count for _, count in rows))
    axes.set_ylim(len(rows) - 0.5, -0.5)
    _bare(axes)


def _bare(axes: Any) -> None:
    axes.spines[:].set_visible(False)
    axes.set_xticks([])
    axes.set_yticks([])


def _words(found: Mapping[str, Any], rows: list[tuple[str, int]]) -> str:
    by_proof = found["in_all"] - found["caught"]
    left = found["planted"] - found["in_all"]
    where = "; ".join(f"{count} in {text}" for text, count in rows)
    told = f" Not shown by answers, by layer: {where}." if rows else ""
    return (
        f"Of {counted(found['planted'], 'planted mistake')}, {found['caught']} noticed by answers, "
        f"{by_proof} by the comparison of computations alone, {left} not noticed.{told}"
    )
