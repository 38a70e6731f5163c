"""The plot: time and memory of every command, as multiples of its limit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from benchmarks.speed.cases import NETWORKS
from benchmarks.speed.results import COMMANDS, Found, ratios
from benchmarks.speed.runs import Runs

#: Two tones that those tell apart, too, who see no red or green.
_COLOURS = {"gate": "#0b6e99", "other": "#b8860b"}
_FIELDS = {"seconds": "time, x the script", "memory": "memory, x the script"}


def draw(runs: Runs, path: Path) -> None:
    """Write the plot as SVG; nothing of the day or the machine is in it."""
    settings: Any = {"svg.hashsalt": "speed", "svg.fonttype": "path", "font.size": 9}
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(settings)
        figure = _figure(runs)
        canvas: Any = FigureCanvasSVG(figure)
        canvas.print_svg(
            str(path), metadata={"Date": None, "Title": "Time and memory, beside the least script"}
        )


def _figure(runs: Runs) -> Figure:
    bars = _bars(runs)
    figure = Figure(figsize=(9.0, 0.9 + 0.24 * len(bars)), layout="constrained")
    axes: Any = figure.subplots(1, 2, sharey=True)
    for axis, (field, title) in zip(axes, _FIELDS.items(), strict=True):
        for place, (_, kind, found) in enumerate(bars):
            value = found[field]
            axis.barh(place, value.median, height=0.7, color=_COLOURS[kind])
            spread = [[value.median - value.least], [value.most - value.median]]
            axis.errorbar(value.median, place, xerr=spread, color="#222222", capsize=2, lw=1)
            axis.annotate(
                f"{value.median:.2f}",
                (value.most, place),
                (3, 0),
                "data",
                "offset points",
                va="center",
            )
        axis.axvline(1.0, color="#222222", lw=1, ls=":")
        axis.set_title(title, loc="left", fontsize=9)
        axis.set_xlim(0, 1.15 * max(found[field].most for _, _, found in bars))
        axis.spines[["top", "right"]].set_visible(False)
    axes[0].set_yticks(range(len(bars)), [label for label, _, _ in bars])
    axes[0].set_ylim(len(bars) - 0.4, -0.6)
    return figure


def _bars(runs: Runs) -> list[tuple[str, str, dict[str, Found]]]:
    """Return label, kind and {field: ratio} of all commands that have a limit."""
    bars = []
    for network, commands in runs.items():
        for name in commands:
            command = COMMANDS[network][name]
            found = {field: ratios(runs, network, command, field) for field in _FIELDS}
            known = {field: value for field, value in found.items() if value is not None}
            if len(known) == len(_FIELDS):
                kind = "gate" if command.kind == "gate" else "other"
                bars.append((f"{NETWORKS[network].title}: {name}", kind, known))
    return bars
