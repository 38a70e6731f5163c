"""The answer that is furthest apart: live beside frozen, and how far each value is apart."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from pytest_freezecheck.messages.wording import shown
from pytest_freezecheck.report.page.charts import canvas
from pytest_freezecheck.report.page.charts.canvas import Drawing
from pytest_freezecheck.report.page.charts.decades import Decades
from pytest_freezecheck.report.page.plain import number, written

_WIDTH, _HEIGHT = 340.0, 276.0
#: What is drawn of a number at most, so that an axis can be made for it.
_FURTHEST = 1e150
#: Values that are named in words.
_NAMED = 8


def differences(live: Sequence[Any], frozen: Sequence[Any]) -> list[float | None] | None:
    """Return how far values are apart, None where that is no number.

    Returns:
        None if any of them is no number to begin with: text, for instance.
    """
    found: list[float | None] = []
    for one, other in zip(live, frozen, strict=False):
        a, b = number(one), number(other)
        if a is None or b is None:
            return None
        same = a == b or (math.isnan(a) and math.isnan(b))
        apart = 0.0 if same else abs(a - b)
        found.append(apart if math.isfinite(apart) else None)
    return found


def answers(answer: Mapping[str, Any], allowed: float | None, name: str) -> Drawing | None:
    """Return bars of both answers over their differences; None where they are no numbers.

    Args:
        answer: one of `exhibit.answers`.
        allowed: largest difference allowed, if one number says it.
        name: begins its ids.
    """
    live, frozen = answer["live"], answer["frozen"]
    apart = differences(live, frozen)
    if not apart:
        return None
    figure = canvas.figure(_WIDTH, _HEIGHT)
    upper = canvas.panel(figure, 52.0, 24.0, 8.0, 148.0)
    lower = canvas.panel(figure, 52.0, 156.0, 8.0, 36.0)
    first, worst = answer["first"], answer["worst"]
    places = [first + place for place in range(len(apart))]
    for side, values, colour, shift in (
        ("live", live, canvas.LIVE, -0.21),
        ("frozen", frozen, canvas.FROZEN, 0.21),
    ):
        heights = [_drawable(value) for value in values[: len(apart)]]
        upper.bar([p + shift for p in places], heights, width=0.4, color=colour, label=side)
    _not_finite(upper, places, live, frozen)
    scale = Decades([*apart, *([] if allowed is None else [allowed])])
    for place, value in zip(places, apart, strict=True):
        too_far = value is None or (allowed is not None and value > allowed)
        lower.plot(
            place,
            scale.at(value),
            marker="X" if too_far else "o",
            ms=6 if too_far else 5,
            color=canvas.FAILED if too_far else canvas.PASSED,
            mew=0,
        )
    if allowed is not None:
        lower.axhline(scale.at(allowed), color=canvas.INK, lw=1.2)
    several = len(apart) > 1 and first <= worst < first + len(apart)
    _axes(upper, lower, places, worst if several else None)
    lower.set_ylim(*scale.limits)
    ticks, labels = scale.ticks()
    step = max(1, math.ceil(len(ticks) / 4))
    lower.set_yticks(ticks[::-1][::step], labels[::-1][::step])
    figure.text(0.0, 1 - 137 / _HEIGHT, "difference", va="top", color=canvas.MUTED)
    if allowed is not None:
        said = f"line: allowed {allowed:.3g}"
        figure.text(1.0, 1 - 137 / _HEIGHT, said, va="top", ha="right", color=canvas.MUTED)
    title = f"Answer {answer['output']}: live against frozen"
    return canvas.drawn(figure, name, title, _words(answer, apart, allowed))


def _drawable(value: object) -> float:
    found = number(value)
    if found is None or not math.isfinite(found):
        return 0.0
    return min(max(found, -_FURTHEST), _FURTHEST)


def _not_finite(
    axes: Any, places: Sequence[int], live: Sequence[Any], frozen: Sequence[Any]
) -> None:
    """Write NaN and infinity where a bar would be."""
    for values, colour, shift in ((live, canvas.LIVE, -0.21), (frozen, canvas.FROZEN, 0.21)):
        for place, value in zip(places, values, strict=False):
            found = number(value)
            if found is not None and not math.isfinite(found):
                axes.text(
                    place + shift, 0.0, written(value), rotation=90, ha="center", va="bottom",
                    color=colour,
                )  # fmt: skip


def _axes(upper: Any, lower: Any, places: Sequence[int], worst: int | None) -> None:
    for axes in (upper, lower):
        axes.set_xlim(places[0] - 0.7, places[-1] + 0.7)
        axes.grid(axis="y")
        axes.tick_params(length=0, pad=4)
        if worst is not None:
            axes.axvspan(worst - 0.5, worst + 0.5, color=canvas.MARK, alpha=0.16, lw=0, zorder=0)
    step = max(1, math.ceil(len(places) / 10))
    upper.set_xticks([])
    upper.locator_params(axis="y", nbins=4)
    upper.yaxis.set_major_formatter(lambda value, _: f"{value:.3g}")
    upper.axhline(0, color=canvas.MUTED, lw=0.8)
    lower.set_xticks(places[::step])
    lower.set_xlabel(
        "place in the row" + (" (shaded: furthest apart)" if worst is not None else "")
    )
    upper.figure.legend(
        handles=upper.containers,
        loc="upper left",
        bbox_to_anchor=(0.0, 1.0),
        ncols=2,
        columnspacing=1.2,
        handlelength=1.0,
        handletextpad=0.4,
        borderpad=0.2,
    )


def _words(answer: Mapping[str, Any], apart: Sequence[float | None], allowed: float | None) -> str:
    first = answer["first"]
    rank = sorted(
        range(len(apart)), key=lambda p: (apart[p] is None, apart[p] or 0.0), reverse=True
    )
    named = [
        f"at {first + p} live {written(answer['live'][p])}, frozen {written(answer['frozen'][p])}, "
        f"{'no number' if apart[p] is None else shown(apart[p])} apart"
        for p in rank[:_NAMED]
    ]
    far = sum(d is None or (allowed is not None and d > allowed) for d in apart)
    limit = (
        "" if allowed is None else f"; {far} of them further apart than the {allowed:.3g} allowed"
    )
    return f"{len(apart)} of {answer['of']} values of a row{limit}. {'; '.join(named)}."
