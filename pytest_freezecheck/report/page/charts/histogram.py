"""How many values are how far apart, with what is allowed and the noise floor."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from pytest_freezecheck.messages.wording import counted, shown
from pytest_freezecheck.report.page.charts import canvas
from pytest_freezecheck.report.page.charts.canvas import Drawing
from pytest_freezecheck.report.page.charts.decades import Decades
from pytest_freezecheck.report.page.plain import spaced

_WIDTH, _HEIGHT = 340.0, 230.0
#: Counts further apart than this are shown by their logarithm.
_WIDE = 50


def histogram(found: Mapping[str, Any], name: str) -> Drawing | None:
    """Return the histogram of differences; None if it counts nothing.

    Args:
        found: `exhibit.histogram`.
        name: begins its ids.
    """
    edges, counts = found["edges"], found["counts"]
    zeros, none = found["zeros"], found["non_finite"]
    if not any((*counts, zeros, none)):
        return None
    allowed, floor = found["allowed"], found["floor"]
    ends = [_power(edge) for edge in (edges[:1] + edges[-1:])]
    lines = [value for value in (allowed, floor) if value]
    scale = Decades([*ends, *lines, *([0.0] if zeros else []), *([None] if none else [])])
    figure = canvas.figure(_WIDTH, _HEIGHT)
    axes = canvas.panel(figure, 44.0, 26.0, 10.0, 36.0)
    limit = -math.inf if allowed is None else math.log10(allowed) if allowed > 0 else -math.inf
    for start, end, count in zip(edges, edges[1:], counts, strict=False):
        if count:
            too_far = allowed is not None and (start + end) / 2 > limit
            _bar(axes, start, end, count, canvas.FAILED if too_far else canvas.PASSED)
    for value, count, colour in ((0.0, zeros, canvas.PASSED), (None, none, canvas.FAILED)):
        if count:
            place = scale.at(value)
            _bar(axes, place - scale.gap / 4, place + scale.gap / 4, count, colour)
    every = [count for count in (*counts, zeros, none) if count]
    if max(every) > _WIDE * min(every):
        axes.set_yscale("log")
        axes.set_ylim(bottom=0.7)
        axes.minorticks_off()
    else:
        axes.locator_params(axis="y", nbins=4, integer=True)
    handles = []
    for value, text, style, colour in (
        (allowed, "allowed", "-", canvas.INK),
        (floor, "noise floor", (0, (3, 2)), canvas.MUTED),
    ):
        if value:
            label = f"{text} {value:.2g}"
            handles.append(
                axes.axvline(scale.at(value), color=colour, lw=1.4, ls=style, label=label)
            )
    axes.set_xlim(*scale.limits)
    axes.set_xticks(*scale.ticks())
    axes.set_xlabel("difference of a value")
    axes.grid(axis="y")
    axes.tick_params(length=0, pad=4)
    axes.yaxis.set_major_formatter(lambda value, _: _count(value))
    if handles:
        figure.legend(
            handles=handles, loc="upper left", bbox_to_anchor=(0.0, 1.0), ncols=2,
            columnspacing=1.2, handlelength=1.4, handletextpad=0.4, borderpad=0.2,
        )  # fmt: skip
    return canvas.drawn(figure, name, "How many values are how far apart", _words(found))


def _bar(axes: Any, start: float, end: float, count: int, colour: str) -> None:
    width = end - start
    axes.bar(start + width / 2, count, width=width * 0.92, color=colour, lw=0)


def _count(value: float) -> str:
    return spaced(round(value)) if value == round(value) else ""


def _power(edge: float) -> float:
    """Return ten to the power of an edge, as far as floats reach."""
    return float(10.0 ** min(max(edge, -300.0), 300.0))


def _words(found: Mapping[str, Any]) -> str:
    edges, counts, allowed = found["edges"], found["counts"], found["allowed"]
    every = sum(counts) + found["zeros"] + found["non_finite"]
    said = [f"{counted(every, 'value')} compared", f"{found['zeros']} of them equal"]
    if found["non_finite"]:
        said.append(f"{found['non_finite']} no finite number on one side")
    if any(counts):
        most = max(range(len(counts)), key=counts.__getitem__)
        said.append(
            f"the most, {counts[most]}, between {_power(edges[most]):.1e} and "
            f"{_power(edges[most + 1]):.1e} apart"
        )
    if allowed is not None:
        said.append(f"allowed {allowed:.3g}")
    if found["floor"] is not None:
        said.append(f"noise floor {shown(found['floor'])}")
    return f"{'; '.join(said)}."
