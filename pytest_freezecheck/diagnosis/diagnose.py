"""Why a frozen graph differs from the live one: suspects, proof by repairing, and location."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pytest_freezecheck.diagnosis import suspects, transforms
from pytest_freezecheck.diagnosis.distance import NOISE, distance_to, fell
from pytest_freezecheck.diagnosis.first_difference import layers
from pytest_freezecheck.diagnosis.likeness import same_names
from pytest_freezecheck.diagnosis.repair import Repairer, Suspicion
from pytest_freezecheck.diagnosis.weights import Origins
from pytest_freezecheck.errors import ModelError
from pytest_freezecheck.numeric.rows import largest_difference
from pytest_freezecheck.result.exhibit import Layer

if TYPE_CHECKING:
    from pytest_freezecheck.models.answer import Answer, Arrays
    from pytest_freezecheck.models.constant_graph import EditableGraph

#: Below this share of names in common, the graphs are not compared by name.
_ALIKE = 0.3


@dataclasses.dataclass(frozen=True)
class Finding:
    """A cause, and whether repairing it and nothing else it shares the blame with is the repair.

    Attributes:
        suspicion: what was suspected.
        proven: whether the difference falls to the noise floor with it repaired, and not without.
    """

    suspicion: Suspicion
    proven: bool


@dataclasses.dataclass(frozen=True)
class Diagnosis:
    """What was found.

    Attributes:
        findings: the causes, the one with the largest effect first; empty if none is suspected.
        layers: how far tensors of both sides are apart, from the input to the output.
        ruled_out: what was looked at in vain, in words.
        simulated: whether the live model made the mistake, instead of the artifact being repaired.
    """

    findings: list[Finding]
    layers: tuple[Layer, ...]
    ruled_out: list[str]
    simulated: bool = False


def diagnose(
    live: EditableGraph,
    frozen: EditableGraph,
    feeds: Arrays,
    *,
    variables: set[str],
    origins: Origins,
) -> Diagnosis:
    """Find out why two graphs differ.

    Args:
        live: the live side.
        frozen: the frozen side.
        feeds: inputs that show the difference, {input name: array (rows, *shape)}.
        variables: names of the live model's variables.
        origins: what weights can come from.

    Raises:
        ModelError: a side cannot be run.
    """
    right = live.answer(feeds)
    distance = distance_to(right)
    before = distance(frozen.answer(feeds))
    repairer = Repairer(live, frozen, distance, feeds)
    try:
        found = _suspects(live, frozen, variables, origins)
        findings = _proven(found, repairer, before)
        if not any(finding.proven for finding in findings):
            findings = _functions(live, frozen.answer(feeds), feeds, right) or findings
        findings = findings or [Finding(s, proven=False) for s in suspects.census(frozen)]
        proven = [finding.suspicion for finding in findings if finding.proven]
        findings = [_refined(finding, proven, live, repairer, right) for finding in findings]
    finally:
        repairer.close()
    row = {name: array[:1] for name, array in feeds.items()}
    return Diagnosis(findings, layers(live, frozen, row), _ruled_out(live, frozen, found))


def _suspects(
    live: EditableGraph, frozen: EditableGraph, variables: set[str], origins: Origins
) -> list[Suspicion]:
    found = [*suspects.weights(live, frozen, variables, origins)]
    if same_names(live, frozen) >= _ALIKE:
        found += [*suspects.operations(live, frozen, variables), *suspects.ends(live, frozen)]
    # Whatever its names; after the operations, whose repair it may make needless.
    found += suspects.flags(frozen)
    merged: dict[str, Suspicion] = {}
    for suspicion in found:
        known = merged.get(suspicion.cause)
        merged[suspicion.cause] = suspicion if known is None else known.with_more(suspicion)
    return list(merged.values())


def _proven(found: Sequence[Suspicion], repairer: Repairer, before: float) -> list[Finding]:
    """Repair everything, then leave out whatever is not needed for the difference to fall."""
    if not found:
        return []
    whole = _tried(repairer, found)
    if whole is None or not fell(whole, before):
        alone = [(s, _tried(repairer, [s])) for s in found]
        usable = [(s, after) for s, after in alone if after is not None]
        return [
            Finding(s, proven=fell(after, before))
            for s, after in sorted(usable, key=lambda pair: pair[1])
            if after < before
        ]
    needed = list(found)
    for suspicion in found:
        rest = [s for s in needed if s is not suspicion]
        after = _tried(repairer, rest) if rest else before
        if after is not None and fell(after, before):
            needed = rest
    # The one without which most is left did most.
    left = {
        id(s): _tried(repairer, [o for o in needed if o is not s]) if len(needed) > 1 else before
        for s in needed
    }
    needed.sort(key=lambda s: -(left[id(s)] or 0.0))
    return [finding for suspicion in needed for finding in _with_others(suspicion)]


def _with_others(suspicion: Suspicion) -> list[Finding]:
    """Return a proven finding, and one for each cause that it cannot be repaired without."""
    others = [dataclasses.replace(suspicion, cause=cause, also=()) for cause in suspicion.also]
    return [Finding(s, proven=True) for s in (suspicion, *others)]


def _tried(repairer: Repairer, repaired: Sequence[Suspicion]) -> float | None:
    """Return what is left with these repaired, or None if the repaired graph cannot be run."""
    try:
        return repairer.apart(repaired)
    except ModelError:
        return None


def _functions(live: EditableGraph, wrong: Answer, feeds: Arrays, right: Answer) -> list[Finding]:
    """Try what could stand before or behind the artifact, whatever its graph looks like."""
    fitting = [
        Suspicion("input-transform", tuple(moved), f"it {words}")
        for words, moved in transforms.feeds_to_try(feeds)
        if _same(live.answer({**feeds, **moved}), wrong)
    ]
    if len(fitting) == 1:  # where several fit, they saturate the same class, and none explains it
        return [Finding(fitting[0], proven=True)]
    for name, one in right.outputs.items():
        found = _output(name, one, wrong.outputs[name])
        if found is not None:
            return [Finding(found, proven=True)]
    return []


def _same(one: Answer, other: Answer) -> bool:
    return all(largest_difference(a, other.outputs[n]) <= NOISE for n, a in one.outputs.items())


def _output(name: str, one: Any, other: Any) -> Suspicion | None:
    order = transforms.class_order(one, other)
    if order is not None:
        shown = ", ".join(map(str, order[:8])) + (", ..." if len(order) > 8 else "")
        return Suspicion("class-order", (name,), f"its classes are the live ones {shown}")
    function = transforms.output_function(one, other)
    if function is not None:
        return Suspicion("output-tensor", (name,), f"it answers with {function}")
    return None


def _refined(
    finding: Finding,
    proven: Sequence[Suspicion],
    live: EditableGraph,
    repairer: Repairer,
    right: Answer,
) -> Finding:
    """Say what changed operations at an end amount to, where that can be told.

    What else is wrong is repaired first: behind raw weights, shifted classes look like nothing.
    """
    suspicion = finding.suspicion
    if suspicion.cause == "class-order" and suspicion.weights:
        return _really_classes(finding, proven, repairer, right)
    if suspicion.cause not in ("changed-operation", "input-transform", "output-tensor"):
        return finding
    try:
        wrong = repairer.answer([other for other in proven if other is not suspicion])
    except ModelError:
        return finding
    found: Suspicion | None = None
    for name in suspicion.output:
        found = found or _output(name, right.outputs[name], wrong.outputs[name])
    if not suspicion.output:
        named = [f.suspicion for f in _functions(live, wrong, repairer.feeds, right)]
        found = next((s for s in named if s.cause == "input-transform"), None)
    if found is None:
        return finding
    both = f"{found.evidence}: {suspicion.evidence}"
    changed = dataclasses.replace(suspicion, cause=found.cause, evidence=both)
    return Finding(changed, finding.proven)


def _really_classes(
    finding: Finding, proven: Sequence[Suspicion], repairer: Repairer, right: Answer
) -> Finding:
    """Keep that weights put classes in another order only if the answer is the live one so moved.

    Those of hidden channels or of the gates of an LSTM are in another order too, and classes not.
    """
    try:
        wrong = repairer.answer([other for other in proven if other is not finding.suspicion])
    except ModelError:
        wrong = None
    if wrong is not None and any(
        transforms.class_order(one, wrong.outputs[name], NOISE)
        for name, one in right.outputs.items()
    ):
        return finding
    changed = dataclasses.replace(finding.suspicion, cause="other-weights")
    return Finding(changed, finding.proven)


def _ruled_out(live: EditableGraph, frozen: EditableGraph, found: Sequence[Suspicion]) -> list[str]:
    share = same_names(live, frozen)
    common = sum(name in frozen.weights for name in live.weights)
    ruled = []
    if share < _ALIKE:
        ruled.append(
            f"only {share:.0%} of the live operations' names are in it, too few to compare"
        )
    elif not any(suspicion.nodes for suspicion in found):
        ruled.append("operations of one name are the same")
    if not common:
        ruled.append("no constant has the name of a live one")
    elif not any(suspicion.weights for suspicion in found):
        ruled.append(f"{common} constants that both sides have are equal")
    if not [*suspects.census(frozen)]:
        ruled.append("it holds no random operation and no BatchNorm in training mode")
    return ruled
