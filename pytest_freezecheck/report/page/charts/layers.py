"""The difference along the layers: where it begins, and how it grows or dies out."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from pytest_freezecheck.messages.wording import counted, shown
from pytest_freezecheck.report.page.charts import canvas
from pytest_freezecheck.report.page.charts.canvas import Drawing
from pytest_freezecheck.report.page.charts.decades import Decades
from pytest_freezecheck.report.page.plain import middle

_WIDTH, _HEIGHT = 340.0, 230.0


def layers(tensors: Sequence[Mapping[str, Any]], first: str | None, name: str) -> Drawing | None:
    """Return the difference of each tensor from input to output; None if there is no tensor.

    Args:
        tensors: `exhibit.layers`.
        first: name of the first tensor that differs.
        name: begins its ids.
    """
    if not tensors:
        return None
    apart = [tensor["difference"] for tensor in tensors]
    sizes = [tensor["size"] for tensor in tensors]
    figure = canvas.figure(_WIDTH, _HEIGHT)
    axes = canvas.panel(figure, 44.0, 44.0, 10.0, 36.0)
    scale = Decades([*apart, *(size for size in sizes if size)])
    places = list(range(1, len(tensors) + 1))
    heights = [scale.at(value) for value in apart]
    big = [scale.at(size) if size else math.nan for size in sizes]
    (usual,) = axes.plot(
        places, big, color=canvas.MUTED, lw=1, ls=(0, (2, 2)), label="size of values"
    )
    (line,) = axes.plot(places, heights, color=canvas.FROZEN, lw=1.6, label="difference")
    small = 5.0 if len(tensors) <= 40 else 2.5
    axes.plot(places, heights, "o", ms=small, color=canvas.FROZEN, mew=0)
    marked = next((n for n, tensor in enumerate(tensors) if tensor["tensor"] == first), None)
    if marked is not None:
        axes.axvline(places[marked], color=canvas.FAILED, lw=1.2)
        axes.plot(
            places[marked], heights[marked], "X", ms=9, color=canvas.FAILED, mec=canvas.SURFACE
        )
        share = (places[marked] - 0.5) / len(places)
        right = share > 0.5
        figure.text(
            min(max((44 + share * (_WIDTH - 54)) / _WIDTH, 0.0), 1.0),
            1 - 26 / _HEIGHT,
            f"first to differ: {middle(tensors[marked]['tensor'], 26)}",
            ha="right" if right else "left",
            va="top",
            color=canvas.FAILED,
        )
    axes.set_xlim(0.5, len(places) + 0.5)
    axes.set_ylim(*scale.limits)
    axes.set_yticks(*scale.ticks())
    step = max(1, math.ceil(len(places) / 10))
    axes.set_xticks(places[::step])
    axes.set_xlabel("tensors from input to output")
    axes.grid(axis="y")
    axes.tick_params(length=0, pad=4)
    figure.legend(
        handles=[line, usual], loc="upper left", bbox_to_anchor=(0.0, 1.0), ncols=2,
        columnspacing=1.2, handlelength=1.4, handletextpad=0.4, borderpad=0.2,
    )  # fmt: skip
    title = "Difference along the layers"
    return canvas.drawn(figure, name, title, _words(tensors, marked))


def _words(tensors: Sequence[Mapping[str, Any]], marked: int | None) -> str:
    beginning = "None of them is the first that differs under one name on both sides"
    if marked is not None:
        said = _apart(tensors[marked])
        beginning = (
            f"The first to differ is number {marked + 1}, {tensors[marked]['tensor']}, {said}"
        )
    finite = [t for t in tensors if t["difference"] is not None]
    most = max(finite, key=lambda t: t["difference"], default=None)
    largest = "" if most is None else f" Furthest apart: {most['tensor']}, {_apart(most)}."
    last = f" The last: {tensors[-1]['tensor']}, {_apart(tensors[-1])}."
    return f"{counted(len(tensors), 'tensor')} from input to output. {beginning}.{largest}{last}"


def _apart(tensor: Mapping[str, Any]) -> str:
    difference = tensor["difference"]
    said = "not a finite number" if difference is None else shown(difference)
    size = "not finite" if tensor["size"] is None else f"up to {tensor['size']:.3g}"
    return f"{said} apart, its values {size}"
