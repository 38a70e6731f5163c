"""The failing input: channels of an image side by side, series as lines."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.collections import PatchCollection
from matplotlib.patches import Rectangle

from pytest_freezecheck.messages.wording import counted
from pytest_freezecheck.report.page.charts import canvas
from pytest_freezecheck.report.page.charts.canvas import Drawing
from pytest_freezecheck.report.page.plain import number, written

_WIDTH = 340.0
#: Channels that are shown.
MOST = 8
#: Cells that get a frame: more hide the picture.
_FRAMES = 250
_CAPTION, _GAP = 16.0, 8.0
#: Of numbers of an exhibit, which have six digits.
_DIGITS = 1e-5
#: Of what is no number, in both themes.
_NOT_FINITE = "#d1242f"


def is_changed(value: object, background: object) -> bool:
    """Return whether a value is away from an even background, as far as its digits tell."""
    found, level = number(value), number(background)
    if level is None or found is None:
        return False
    both_nan = math.isnan(found) and math.isnan(level)
    return not both_nan and not math.isclose(found, level, rel_tol=_DIGITS, abs_tol=0.0)


def nested_steps(shown: Mapping[str, Any]) -> tuple[list[int], int]:
    """Return of how many cells one is shown along each axis of `values`, and all its channels.

    `step` and `shape` are in the order of the row, where channels stand last or first, or are none.

    Args:
        shown: one of `exhibit.inputs`, but of text.
    """
    shape, step, values = shown["shape"], shown["step"], shown["values"]
    if shown["form"] == "values":
        return [1, 1], 1
    if len(shape) < 2 + (shown["form"] == "image"):
        return [1, *step], 1
    sizes = _sizes(values[0])
    for axis in (len(shape) - 1, 0):
        others = [n for n in range(len(shape)) if n != axis]
        if [math.ceil(shape[n] / step[n]) for n in others] == sizes:
            break
    else:
        axis, others = len(shape) - 1, list(range(len(shape) - 1))
    return [step[axis], *(step[n] for n in others)], shape[axis]


def _sizes(nested: Any) -> list[int]:
    return [len(nested), *_sizes(nested[0])] if isinstance(nested, list) else []


def image(shown: Mapping[str, Any], name: str) -> Drawing | None:
    """Return the channels of an image side by side; None if there is no cell.

    Args:
        shown: one of `exhibit.inputs` of the form `image`.
        name: begins its ids.
    """
    channels = [_numbers(channel) for channel in shown["values"][:MOST]]
    if not channels or not channels[0] or not channels[0][0]:
        return None
    height, width = len(channels[0]), len(channels[0][0])
    columns = min(len(channels), 4 if width <= 2 * height else 2)
    rows = math.ceil(len(channels) / columns)
    across = min((_WIDTH - _GAP * (columns - 1)) / columns, 160.0)
    down = min(max(across * height / width, 6.0), 260.0)
    whole = (down + _CAPTION) * rows + _GAP * (rows - 1)
    figure = canvas.figure(_WIDTH, whole)
    finite = [v for channel in channels for line in channel for v in line if math.isfinite(v)]
    low, high = min(finite, default=0.0), max(finite, default=1.0)
    frames = []
    for place, channel in enumerate(channels):
        row, column = divmod(place, columns)
        left, top = column * (across + _GAP), row * (down + _CAPTION + _GAP) + _CAPTION
        axes = canvas.panel(figure, left, top, _WIDTH - left - across, whole - top - down)
        axes.set_axis_off()
        pixels = [[_grey(value, low, high) for value in line] for line in channel]
        axes.imshow(pixels, interpolation="none", aspect="auto")
        axes.add_patch(
            Rectangle((-0.5, -0.5), width, height, fill=False, ec=canvas.LINE, lw=1, clip_on=False)
        )
        figure.text(
            left / _WIDTH, 1 - (top - 4) / whole, _channel(place, len(channels)), color=canvas.MUTED
        )
        cells = [
            (axes, x, y)
            for y, line in enumerate(channel)
            for x, value in enumerate(line)
            if is_changed(value, shown["background"])
        ]
        frames += cells
    if len(frames) <= _FRAMES:
        for axes in dict.fromkeys(axes for axes, _, _ in frames):
            boxes = [Rectangle((x - 0.5, y - 0.5), 1, 1) for on, x, y in frames if on is axes]
            axes.add_collection(
                PatchCollection(
                    boxes, facecolor="none", edgecolor=canvas.MARK, lw=1.5, clip_on=False
                )
            )
    title = f"The failing input {shown['name']}"
    return canvas.drawn(figure, name, title, _words(shown, low, high, len(frames) <= _FRAMES))


def series(shown: Mapping[str, Any], name: str) -> Drawing | None:
    """Return a line for each channel of a series; None if there is no value.

    Args:
        shown: one of `exhibit.inputs` of the form `series`.
        name: begins its ids.
    """
    channels = [[_drawable(number(v)) for v in channel] for channel in shown["values"][:MOST]]
    if not channels or not channels[0]:
        return None
    each = 110.0 if len(channels) == 1 else 64.0
    whole = (each + _CAPTION) * len(channels) + 34.0
    figure = canvas.figure(_WIDTH, whole)
    step = nested_steps(shown)[0][-1]
    places = [step * n for n in range(len(channels[0]))]
    for row, channel in enumerate(channels):
        top = row * (each + _CAPTION) + _CAPTION
        axes = canvas.panel(figure, 44.0, top, 8.0, whole - top - each)
        axes.plot(places, channel, color=canvas.LIVE, lw=1.4)
        away = [
            (p, v)
            for p, v in zip(places, channel, strict=False)
            if is_changed(v, shown["background"])
        ]
        if len(away) <= _FRAMES:
            axes.plot(*zip(*away, strict=True) if away else ([], []), "o", ms=5, color=canvas.MARK)
        figure.text(
            44.0 / _WIDTH, 1 - (top - 3) / whole, _channel(row, len(channels)), color=canvas.MUTED
        )
        axes.grid(axis="y")
        axes.locator_params(axis="y", nbins=3)
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:.4g}")
        axes.locator_params(axis="x", nbins=6)
        axes.tick_params(length=0, pad=4, labelbottom=row == len(channels) - 1)
    finite = [v for channel in channels for v in channel if math.isfinite(v)]
    low, high = min(finite, default=0.0), max(finite, default=0.0)
    return canvas.drawn(
        figure, name, f"The failing input {shown['name']}", _words(shown, low, high, framed=True)
    )


def _numbers(channel: Sequence[Sequence[object]]) -> list[list[float]]:
    return [[_or_nan(number(value)) for value in line] for line in channel]


def _or_nan(value: float | None) -> float:
    return math.nan if value is None else value


def _drawable(value: float | None) -> float:
    """Return a value that a line can go through, or a gap."""
    return value if value is not None and abs(value) < 1e150 else math.nan


def _grey(value: float, low: float, high: float) -> tuple[float, float, float]:
    """Return a grey from the lowest value, nearly black, to the highest, white."""
    if not math.isfinite(value):
        red, green, blue = (int(_NOT_FINITE[n : n + 2], 16) / 255 for n in (1, 3, 5))
        return red, green, blue
    # Halves, since the difference of two floats can be infinite.
    spread = high / 2 - low / 2
    share = (value / 2 - low / 2) / spread if spread > 0 else 0.5
    level = 0.08 + 0.92 * share
    return level, level, level


def _channel(place: int, of: int) -> str:
    return "" if of == 1 else f"channel {place}"


def _words(shown: Mapping[str, Any], low: float, high: float, framed: bool) -> str:
    said = [f"shape {' x '.join(map(str, shown['shape']))}, {shown['dtype']}"]
    among, here = nested_steps(shown)[1], min(MOST, len(shown["values"]))
    if among > here:
        said.append(f"the first {here} of {among} channels")
    every = math.prod(shown["shape"])
    if shown["form"] == "values" and every > len(shown["values"][0]):
        said.append(f"the first {len(shown['values'][0])} of {every} values")
    if any(step != 1 for step in shown["step"]):
        steps = " x ".join(map(str, shown["step"]))
        said.append(f"of each block of {steps} cells the one that stands out most")
    span = f"values from {written(low)} to {written(high)}"
    said.append(f"every value {written(low)}" if low == high else span)
    if shown["background"] is not None:
        away = counted(shown["away"], "cell")
        marked = ", marked" if framed and shown["away"] else ""
        level = written(shown["background"])
        said.append(f"{away} away from an even background of {level}{marked}")
    return f"{'; '.join(said)}."
