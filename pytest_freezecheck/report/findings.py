"""What stands behind a verdict, in words: smallest input, noise floor, power, how to repeat it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from pytest_freezecheck.agreement import Agreement, shown
from pytest_freezecheck.findings import Counterexample, Power

_MOST_SURVIVORS = 3
#: A difference of so many floors is still of the size of noise: another executor rounds in other
#: places than the live model does.
_OF_THAT_SIZE = 8.0


def replay(path: str) -> str:
    """Return the command that repeats a saved failing input."""
    quoted = f'"{path}"' if " " in path else path
    return f"pytest --freezecheck --freezecheck-replay={quoted}"


def complete(agreement: Agreement, seed: int) -> str:
    """Return the text of a result with everything that was found besides the difference.

    Args:
        agreement: the result, whose text is that of the comparison.
        seed: seed of everything drawn.
    """
    if agreement.outcome == "passed":
        power = agreement.power
        strength = f"; it {noticed(power)}" if power is not None else ""
        return f"{agreement.text}{strength}"
    lines = [agreement.text]
    if agreement.counterexample is not None:
        smallest = _smallest(agreement.counterexample, non_finite=agreement.non_finite)
        lines.append(f"  {smallest}")
    lines += _noise(agreement)
    if agreement.power is not None and agreement.counterexample is not None:
        lines.append(f"  this check {noticed(agreement.power)}")
    if agreement.nodeid:
        lines.append(
            f'  repeat: pytest "{agreement.nodeid}" --freezecheck --freezecheck-seed={seed}'
        )
    if agreement.replay is not None:
        lines.append(f"  that input alone: {agreement.replay}")
    return "\n".join(lines)


def noticed(power: Power) -> str:
    """Return a power in words."""
    return f"notices {power.caught} of {power.planted} mistakes planted in the live model"


def survivors(power: Power) -> str:
    """Return which planted mistakes were not noticed, and why; a few of them, and how many."""
    named = [f"{name} ({why})" for name, why in power.survivors[:_MOST_SURVIVORS]]
    more = len(power.survivors) - len(named)
    return "; ".join(named) + (f"; and {more} more" if more else "")


def _smallest(found: Counterexample, *, non_finite: bool) -> str:
    levels = {f"{level:g}" for level in found.background.values()}
    even = f"an even background{f' of {levels.pop()}' if len(levels) == 1 else ''}"
    cells = f"{found.away} of {found.size} cells away from {even}"
    if math.isfinite(found.max_abs_diff):
        apart = f"{shown(found.max_abs_diff)} apart"
    elif non_finite:
        apart = "NaN or infinite on one side"
    else:
        apart = "answered in another shape or dtype"
    saved = f", saved as {found.path}" if found.path else ""
    return f"smallest input that shows it: batch of {found.batch}, {cells}, {apart}{saved}"


def _noise(agreement: Agreement) -> list[str]:
    floor, apart = agreement.noise_floor, agreement.max_abs_diff
    if agreement.unsteady is not None:
        return [
            f"  {agreement.unsteady} answers differently when asked the same twice, by "
            f"{shown(floor)}: a random operation, or variables that change while they are read"
        ]
    if not floor or apart is None:
        return []
    if agreement.atol < apart <= _OF_THAT_SIZE * floor:
        return [
            f"  noise floor {shown(floor)}: that far a side is from itself when only batch size, "
            f"threads or graph optimisation change; atol = {passing(apart)} would pass"
        ]
    explained = apart <= _OF_THAT_SIZE * floor
    unexplained = "" if explained else ", which does not explain the difference"
    return [f"  noise floor {shown(floor)}{unexplained}"]


def passing(apart: float) -> str:
    """Return a round tolerance under which a difference passes: 1, 2 or 5 times a power of 10."""
    exponent = math.floor(math.log10(apart))
    for factor in (1, 2, 5, 10):
        tolerance = float(f"{factor}e{exponent}")
        if tolerance >= apart:
            return f"{tolerance:g}"
    return f"{apart:g}"


def below_floor(agreement: Agreement, floor: float) -> str:
    """Return the warning of a tolerance that float noise alone can exceed."""
    return (
        f"atol = {agreement.atol:g} is below the noise floor of this format, {shown(floor)}: a "
        f"correct artifact may fail; atol = {passing(floor)} is above it"
    )


def nothing_could_fail(agreement: Agreement, power: Power) -> str:
    """Return the text of a check that proves nothing."""
    return (
        f"freezecheck: {agreement.model}, {agreement.artifact}: nothing could have failed: none of "
        f"{power.planted} mistakes planted in the live model shows on any input\n"
        f"  {survivors(power)}"
    )


def too_weak(agreement: Agreement, least: float) -> str:
    """Return the text of a check that is weaker than was asked for."""
    power = agreement.power
    if power is None:
        found = "its power could not be measured"
    else:
        found = f"it {noticed(power)}, {power.score:.3f} of them"
    lines = [
        f"freezecheck: {agreement.model}, {agreement.artifact}: the check is too weak: {found} "
        f"(asked for {least:g})"
    ]
    if power is not None:
        lines.append(f"  not noticed: {survivors(power)}")
        lines.append(
            "  a smaller atol makes a check stronger, as do real samples and more examples"
        )
    return "\n".join(lines)


def replayed(agreement: Agreement, changed: Sequence[str], versions: Mapping[str, str]) -> str:
    """Return the text of a replay: how the input does now, and what has changed since.

    Args:
        agreement: the result of the input alone.
        changed: sides that do not answer bit for bit as when it was saved.
        versions: {package: version} of then.
    """
    then = f"TensorFlow {versions.get('tensorflow', '?')}"
    if changed:
        sides = " and ".join(changed)
        was = f"{sides} answer{'' if len(changed) > 1 else 's'} otherwise than when it was saved"
    else:
        was = "both sides answer bit for bit as when it was saved"
    return f"{agreement.text}\n  replayed a saved input: {was} ({then})"
