"""All checks of a model: how far apart each is, against what it is allowed to be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from pytest_freezecheck.messages.wording import counted, shown
from pytest_freezecheck.report.page.charts import canvas
from pytest_freezecheck.report.page.charts.canvas import Drawing
from pytest_freezecheck.report.page.charts.decades import Decades
from pytest_freezecheck.report.page.plain import middle

WIDE, NARROW = 1100.0, 340.0
#: Checks on one chart; those furthest apart for what they are allowed.
MOST = 60
_NAMED = 12
_TOP, _BOTTOM = 30.0, 24.0


def overview(model: str, checks: Sequence[Mapping[str, Any]], name: str) -> list[Drawing]:
    """Return the chart twice, for wide pages and for narrow ones; nothing if nothing was compared.

    Args:
        model: its name.
        checks: of this model, as the JSON has them.
        name: begins the ids of the charts.
    """
    compared = [check for check in checks if check["outcome"] in ("passed", "failed")]
    if not compared:
        return []
    shown_here = compared
    if len(compared) > MOST:
        kept = {id(check) for check in sorted(compared, key=_excess, reverse=True)[:MOST]}
        shown_here = [check for check in compared if id(check) in kept]
    title = f"Differences from the live model {model}, and what is allowed"
    words = _words(shown_here, len(compared))
    return [
        canvas.drawn(_figure(shown_here, width), f"{name}-{size}", title, words)
        for size, width in (("wide", WIDE), ("narrow", NARROW))
    ]


def _difference(check: Mapping[str, Any]) -> float | None:
    difference: float | None = check["max_abs_diff"]
    return None if check["non_finite"] else difference


def _excess(check: Mapping[str, Any]) -> float:
    difference = _difference(check)
    if difference is None:
        return float("inf")
    return float(difference / check["atol"]) if check["atol"] else difference


def _words(checks: Sequence[Mapping[str, Any]], of: int) -> str:
    said = [
        f"{check['artifact']}: {check['outcome']}, difference {_number(check)}, "
        f"allowed {check['atol']:.3g}, noise floor {shown(check['noise_floor'])}"
        for check in checks[:_NAMED]
    ]
    more = len(checks) - len(said)
    told = [*said, f"and {counted(more, 'check')} more, in the table"] if more > 0 else said
    left = f"Of {of} checks the {len(checks)} furthest apart. " if of > len(checks) else ""
    return f"{left}{'; '.join(told)}."


def _number(check: Mapping[str, Any]) -> str:
    difference = _difference(check)
    return "not finite, or not to be measured" if difference is None else shown(difference)


def _figure(checks: Sequence[Mapping[str, Any]], width: float) -> Any:
    wide = width >= WIDE
    pitch = 20.0 if wide else 32.0
    left = 230.0 if wide else 8.0
    figure = canvas.figure(width, _TOP + _BOTTOM + pitch * len(checks))
    axes = canvas.panel(figure, left, _TOP, 12.0, _BOTTOM)
    scale = Decades(
        value for check in checks for value in (_difference(check), check["atol"], *_floor(check))
    )
    low, high = scale.limits
    for row, check in enumerate(checks):
        passed = check["outcome"] == "passed"
        colour = canvas.PASSED if passed else canvas.FAILED
        allowed = scale.at(check["atol"])
        axes.barh(row, allowed - low, left=low, height=11 / pitch, color=canvas.LINE, alpha=0.55)
        axes.plot([allowed] * 2, [row - 6 / pitch, row + 6 / pitch], color=canvas.INK, lw=1.4)
        for floor in _floor(check):
            place = scale.at(floor)
            axes.plot(place, row, "|", color=canvas.MUTED, ms=9, mew=1.4)
        marker: dict[str, Any] = {"marker": "o", "ms": 7} if passed else {"marker": "X", "ms": 8.5}
        axes.plot(
            scale.at(_difference(check)), row, color=colour, mec=canvas.SURFACE, mew=0.8, **marker
        )
    axes.set_xlim(low, high)
    axes.set_ylim(len(checks) - 0.5, -0.5 if wide else -0.75)
    places, labels = scale.ticks()
    axes.set_xticks(places, labels)
    axes.grid(axis="x")
    axes.spines[["left", "bottom"]].set_visible(False)
    axes.tick_params(length=0, pad=5)
    if wide:
        names = [middle(check["artifact"], 36) for check in checks]
        axes.set_yticks(range(len(checks)), names)
        for label in axes.get_yticklabels():
            label.set_color(canvas.INK)
    else:
        axes.set_yticks([])
        for row, check in enumerate(checks):
            text = middle(check["artifact"], 48)
            axes.text(low, row - 9 / pitch, text, va="bottom", color=canvas.INK)
    _legend(figure, checks, wide)
    return figure


def _floor(check: Mapping[str, Any]) -> list[float]:
    """Return the noise floor, if there is one: 0 says no more than that both sides are steady."""
    return [check["noise_floor"]] if check["noise_floor"] else []


def _legend(figure: Any, checks: Sequence[Mapping[str, Any]], wide: bool) -> None:
    outcomes = {check["outcome"] for check in checks}
    handles: list[Any] = []
    for outcome, marker, colour in (
        ("passed", "o", canvas.PASSED),
        ("failed", "X", canvas.FAILED),
    ):
        if outcome in outcomes:
            handles.append(Line2D([], [], ls="", marker=marker, ms=7, color=colour, label=outcome))
    handles.append(Patch(color=canvas.LINE, alpha=0.55, label="allowed"))
    if any(_floor(check) for check in checks):
        noise = "noise floor" if wide else "noise"
        handles.append(
            Line2D([], [], ls="", marker="|", ms=9, mew=1.4, color=canvas.MUTED, label=noise)
        )
    figure.legend(
        handles=handles,
        loc="upper left",
        bbox_to_anchor=(0.0, 1.0),
        ncols=len(handles),
        columnspacing=1.2,
        handletextpad=0.4,
        borderpad=0.2,
        handlelength=1.2,
    )
