"""Parts of the text of a result: smallest input, noise floor, power, how to repeat it."""

from __future__ import annotations

import math

from pytest_freezecheck.messages.wording import listed, shown
from pytest_freezecheck.result.agreement import Agreement
from pytest_freezecheck.result.findings import Power

_MOST_SURVIVORS, _MOST_TENSORS = 3, 4
#: A difference of so many floors is still of the size of noise: another executor rounds in other
#: places than the live model does.
_OF_THAT_SIZE = 8.0


def replay(path: str, command: str | None = None) -> str:
    """Return the command that repeats a saved failing input.

    Args:
        path: of its file.
        command: what made the check without pytest, or None.
    """
    quoted = f'"{path}"' if " " in path else path
    if command is not None:
        return f"{command} --replay={quoted}"
    return f"pytest --freezecheck --freezecheck-replay={quoted}"


def noticed(power: Power) -> str:
    """Return a power in words."""
    said = f"notices {power.in_all} of {power.planted} mistakes planted in the live model"
    if power.altered != power.weights:
        said = f"{said}, in {power.altered} of its {power.weights} weights"
    return said if power.in_all == power.caught else f"{said} ({power.caught} by answers alone)"


def survivors(power: Power) -> str:
    """Return which planted mistakes were not noticed, and why; a few of them, and how many."""
    named = [f"{name} ({why})" for name, why in power.survivors[:_MOST_SURVIVORS]]
    more = len(power.survivors) - len(named)
    return "; ".join(named) + (f"; and {more} more" if more else "")


def smallest(agreement: Agreement) -> list[str]:
    """Return the line on the smallest input that shows the difference, if one was found."""
    found = agreement.counterexample
    if found is None:
        return []
    levels = {f"{level:g}" for level in found.background.values()}
    even = f"an even background{f' of {levels.pop()}' if len(levels) == 1 else ''}"
    cells = f"{found.away} of {found.size} cells away from {even}"
    if math.isfinite(found.max_abs_diff):
        apart = f"{shown(found.max_abs_diff)} apart"
    elif agreement.non_finite:
        apart = "NaN or infinite on one side"
    else:
        apart = "answered in another shape or dtype"
    saved = f", saved as {found.path}" if found.path else ""
    return [f"  smallest input that shows it: batch of {found.batch}, {cells}, {apart}{saved}"]


def noise(agreement: Agreement) -> list[str]:
    """Return the line on how far a side is from itself, if it is.

    No tolerance is recommended where a side is not steady, or where rows see each other: that is no
    float noise.
    """
    floor, apart, worst = agreement.noise_floor, agreement.max_abs_diff, agreement.worst
    if agreement.unsteady is not None:
        by = f", by {shown(floor)}" if floor else ""
        return [
            f"  {agreement.unsteady} answers differently when asked the same twice{by}: a random "
            "operation, or variables that change while they are read"
        ]
    if not floor or apart is None or worst is None or worst.kind != "probabilities":
        return []
    if agreement.row_dependence is None and worst.allowed < apart <= _OF_THAT_SIZE * floor:
        return [
            f"  noise floor {shown(floor)}: that far a side is from itself when only batch size, "
            f"threads or graph optimisation change; atol = {passing(apart)} would pass"
        ]
    explained = apart <= _OF_THAT_SIZE * floor
    unexplained = "" if explained else ", which does not explain the difference"
    return [f"  noise floor {shown(floor)}{unexplained}"]


def reached(agreement: Agreement) -> list[str]:
    """Return the lines on ranges and tables that the inputs did not reach in full."""
    return [
        f"  {part.reached} of {part.values} "
        f"{'values of the input' if part.kind == 'input' else 'rows of the table'} {part.name!r} "
        "were reached: the others were not compared"
        for part in agreement.reached
        if part.reached < part.values
    ]


def repeat(agreement: Agreement) -> list[str]:
    """Return the lines on how to repeat a check: of the input that shows most, and of all."""
    lines = []
    if agreement.replay is not None:
        lines.append(f"  that input alone: {agreement.replay}")
    seed = agreement.seed
    if agreement.command is not None:
        lines.append(f"  repeat: {agreement.command} --seed={seed}")
    elif agreement.nodeid:
        lines.append(
            f'  repeat: pytest "{agreement.nodeid}" --freezecheck --freezecheck-seed={seed}'
        )
    return lines


def passing(apart: float) -> str:
    """Return a round tolerance under which a difference passes: 1, 2 or 5 times a power of 10."""
    exponent = math.floor(math.log10(apart))
    for factor in (1, 2, 5, 10):
        tolerance = float(f"{factor}e{exponent}")
        if tolerance >= apart:
            return f"{tolerance:g}"
    return f"{apart:g}"


def too_weak(agreement: Agreement) -> list[str]:
    """Return the lines of a check that is weaker than was asked for, the first without a title."""
    power, least = agreement.power, agreement.min_power
    if power is None:
        return [f"the check is too weak: its power could not be measured (asked for {least:g})"]
    if power.telling is None:
        return [
            f"the check is too weak: of mistakes planted in the live model it notices the order of "
            f"classes alone (asked for {least:g})"
        ]
    if power.telling == 0.0 and not least:
        return [
            f"nothing could have failed: none of {power.planted} mistakes planted in the live "
            "model shows on any input",
            f"  {survivors(power)}",
        ]
    return [
        f"the check is too weak: it {noticed(power)}, {power.telling:.3f} of them (asked for "
        f"{least:g})",
        f"  not noticed: {survivors(power)}",
        "  a smaller atol makes a check stronger, as do real samples and more examples",
    ]


def replayed(agreement: Agreement) -> list[str]:
    """Return the line of a replay: how the input does now, and what has changed since."""
    found = agreement.replayed
    if found is None:
        return []
    then = f"TensorFlow {found.versions.get('tensorflow', '?')}"
    if found.changed:
        sides = " and ".join(found.changed)
        several = "" if len(found.changed) > 1 else "s"
        was = f"{sides} answer{several} otherwise than when it was saved"
    else:
        was = "both sides answer bit for bit as when it was saved"
    return [f"  replayed a saved input: {was} ({then})"]


def weights(agreement: Agreement) -> list[str]:
    """Return the lines on which weights differ, where both sides have them by name."""
    found, lines = agreement.weights, []
    if found.differing:
        named = [
            f"{name} ({'another shape or dtype' if math.isnan(size) else f'by {shown(size)}'})"
            for name, size in found.differing
        ]
        lines.append(
            f"  weights: {len(named)} of {found.compared} differ from the live model's, "
            f"from the input on: {listed(named, _MOST_TENSORS)}"
        )
    elif found.compared:
        lines.append(
            f"  weights: all {found.compared} that have the live model's names equal it bit for "
            "bit; what differs is the graph"
        )
    if found.absent:
        lines.append(
            f"  weights: the artifact lacks {len(found.absent)} of the live model's under their "
            f"names: {listed(found.absent, _MOST_TENSORS)}"
        )
    return lines
