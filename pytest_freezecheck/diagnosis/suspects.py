"""What may be wrong with a frozen graph: its weights, its operations, its ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from pytest_freezecheck.diagnosis.folding import folded
from pytest_freezecheck.diagnosis.graph_diff import (
    RANDOM,
    NodeDifference,
    node_differences,
    reads_input_names,
    source,
)
from pytest_freezecheck.diagnosis.likeness import differ_by_rows
from pytest_freezecheck.diagnosis.passages import (
    INPUTS,
    all_passes,
    before_weights,
    computed_from_input,
    reads,
)
from pytest_freezecheck.diagnosis.repair import Suspicion
from pytest_freezecheck.diagnosis.rounded import rounded_to
from pytest_freezecheck.diagnosis.weights import Origins, grouped
from pytest_freezecheck.messages.wording import listed
from pytest_freezecheck.models.graphdef import operation_of
from pytest_freezecheck.models.operations.attributes import decoded

if TYPE_CHECKING:
    from pytest_freezecheck.models.constant_graph import EditableGraph

#: What preprocessing is made of; another operation before the first weight is just another one.
_ARITHMETIC = frozenset({"Add", "AddV2", "Sub", "Mul", "RealDiv", "Div", "Maximum", "Minimum"})
_ARITHMETIC |= {"Cast", "Reshape", "Transpose", "ReverseV2", "StridedSlice", "GatherV2", "ConcatV2"}
#: How evidence ends that says that something is another, and not what.
VAGUE = "as the live one does"
_MOMENTS = ("moments", "SquaredDifference")


def weights(
    live: EditableGraph, frozen: EditableGraph, variables: set[str], origins: Origins
) -> Iterator[Suspicion]:
    """Yield a suspicion for each cause that differing constants point to.

    Args:
        live: the live side.
        frozen: the frozen side.
        variables: names of the live model's variables; other constants belong to operations.
        origins: what weights can come from.
    """
    common = [name for name in live.weights if name in frozen.weights]
    differing = [
        name
        for name in common
        if live.weights[name].dtype == frozen.weights[name].dtype
        and live.weights[name].shape == frozen.weights[name].shape
        and live.weights[name].tobytes() != frozen.weights[name].tobytes()
        and not differ_by_rows(live, frozen, name)
    ]
    of_variables = [name for name in differing if name in variables]
    known = {name: live.weights[name] for name in common if name in variables}
    for causes, found in grouped(of_variables, known, frozen.weights, origins).items():
        cause, *also = causes.split(" ")
        names = list(found)
        if "reduced-precision" in (cause, *also):
            # Constants of operations are rounded with the weights.
            names += [n for n in differing if n not in variables and _is_rounded(live, frozen, n)]
        first, evidence = next(iter(found.items()))
        yield Suspicion(
            cause,
            tuple(names),
            f"{len(found)} of {len(known)} weights; {first} {evidence}",
            weights={name: live.weights[name] for name in names},
            also=tuple(also),
            share=(len(found), len(known)),
        )
        differing = [name for name in differing if name not in names]
    preprocessing = before_weights(live, variables)
    for name in differing:
        if name not in variables:
            cause = "changed-operation"
            readers = [n for n, node in live.nodes.items() if name in reads(node)]
            if name.endswith("batchnorm/add/y") and not computed_from_input(live, readers):
                cause = "batch-norm-epsilon"
            elif any(n in preprocessing and all_passes(live, n) for n in readers):
                cause = "input-transform"
            one, other = (np.ravel(side.weights[name]) for side in (live, frozen))
            shown = f"is {other[:3].tolist()}, in the live graph {one[:3].tolist()}"
            yield Suspicion(cause, (name,), f"{name} {shown}", weights={name: live.weights[name]})
    yield from folded(live, frozen, origins)


def _is_rounded(live: EditableGraph, frozen: EditableGraph, name: str) -> bool:
    return rounded_to(live.weights[name], frozen.weights[name]) is not None


def operations(
    live: EditableGraph, frozen: EditableGraph, variables: set[str]
) -> Iterator[Suspicion]:
    """Yield a suspicion for each cause that differing operations point to."""
    found: dict[str, list[tuple[NodeDifference, str]]] = {}
    preprocessing = before_weights(live, variables)
    folds = {name for s in folded(live, frozen, None) for name in s.nodes}
    for difference in node_differences(live.definition, frozen.definition):
        if difference.name in folds or differ_by_rows(live, frozen, difference.name):
            continue
        cause, evidence = _classified(difference, live, frozen, preprocessing)
        found.setdefault(cause, []).append((difference, evidence))
    for cause, differences in found.items():
        names = tuple(difference.name for difference, _ in differences)
        yield Suspicion(cause, names, f"{names[0]} {differences[0][1]}", nodes=names)


def _classified(
    difference: NodeDifference, live: EditableGraph, frozen: EditableGraph, preprocessing: set[str]
) -> tuple[str, str]:
    """Return the cause that one differing node points to, and what speaks for it."""
    inserted = [frozen.nodes[name] for name in difference.inserted]
    kinds = {node.op for node in inserted}
    if difference.live.op.startswith("FusedBatchNorm"):
        if "is_training" in difference.attributes and difference.frozen.attr["is_training"].b:
            return "training-batch-norm", "has is_training = true"
        if difference.attributes == ("epsilon",):
            mine, theirs = (n.attr["epsilon"].f for n in (difference.live, difference.frozen))
            return "batch-norm-epsilon", f"has epsilon {theirs:.3g}, the live one {mine:.3g}"
    if kinds & RANDOM:
        drawn = next(node.name for node in inserted if node.op in RANDOM)
        return "dropout", f"is computed from the random {drawn}"
    moments = any(part in node.name for node in inserted for part in _MOMENTS)
    if moments and any(_of_batch(node, frozen) for node in inserted):
        return "training-batch-norm", "is computed from the moments of the batch"
    if inserted and _at_the_input(difference, live, frozen, preprocessing):
        names = listed(sorted(f"{node.name} ({node.op})" for node in inserted))
        return "input-transform", f"reads the input through {names}"
    changed = "changed-operation"
    kinds = {difference.live.op, difference.frozen.op}
    before = difference.name in preprocessing and kinds <= _ARITHMETIC
    if before and all_passes(live, difference.name):
        changed = "input-transform"
    if difference.operation:
        return (
            changed,
            f"is {difference.frozen.op}, in the live graph {difference.live.op}",
        )
    if difference.attributes:
        return changed, f"has {listed(map(_both_values(difference), difference.attributes))}"
    if inserted:
        names = listed(sorted(f"{node.name} ({node.op})" for node in inserted))
        return changed, f"reads {names}, which the live graph does not have"
    missing = listed(sorted(difference.missing))
    return changed, f"does not read {missing or 'the same'} {VAGUE}"


def _both_values(difference: NodeDifference) -> Callable[[str], str]:
    """Return what tells of an attribute what it is on both sides."""

    def told(name: str) -> str:
        there, here = (
            _in_words(node.attr[name].SerializeToString()) if name in node.attr else "its default"
            for node in (difference.frozen, difference.live)
        )
        return f"{name} = {there}, in the live graph {here}"

    return told


def _in_words(content: bytes) -> str:
    value = decoded(content)
    return f"{value:g}" if isinstance(value, float) else str(value)


def _of_batch(node: Any, side: EditableGraph) -> bool:
    """Return whether a node takes a mean over the rows of a batch.

    Over other axes LayerNorm does, and over the first one of a kernel, weight standardisation.
    """
    import tensorflow as tf

    if node.op != "Mean" or not computed_from_input(side, [node.name]):
        return False
    axes = side.nodes.get(operation_of(node.input[1]))
    if axes is None or axes.op != "Const":
        return False
    found = tf.make_ndarray(axes.attr["value"].tensor).ravel().tolist()
    # Of a negative axis nobody knows where the batch is; those of a batch are counted from 0.
    return 0 in found


def _at_the_input(
    difference: NodeDifference, live: EditableGraph, frozen: EditableGraph, preprocessing: set[str]
) -> bool:
    """Return whether what was inserted stands between an input and all that reads it."""
    mine, theirs = (
        [source(read, side.nodes) for read in node.input if not read.startswith("^")]
        for node, side in ((difference.live, live), (difference.frozen, frozen))
    )
    if len(mine) != len(theirs):
        return False
    for here, there in zip(mine, theirs, strict=True):
        if here == there:
            continue
        name, other = operation_of(here), operation_of(there)
        if name not in preprocessing and live.nodes[name].op not in INPUTS:
            return False
        if other not in difference.inserted or name not in frozen.before(other):
            return False
        if not all_passes(frozen, other):
            return False
    return True


def flags(frozen: EditableGraph) -> Iterator[Suspicion]:
    """Suspect placeholders that are fed true, or have a default of true and are fed nothing."""
    import tensorflow as tf

    given = {operation_of(name): value for name, value in frozen.graph.constants.items()}
    for node in frozen.definition.node:
        if node.op in INPUTS and given.get(node.name) is True:
            yield Suspicion(
                "training-flag",
                (node.name,),
                f"{node.name} is declared to be fed true",
                fed={f"{node.name}:0": np.zeros((), bool)},
            )
        if node.op != "PlaceholderWithDefault" or node.name in given:
            continue
        default = frozen.nodes.get(operation_of(node.input[0]))
        if default is None or default.op != "Const":
            continue
        value = tf.make_ndarray(default.attr["value"].tensor)
        if value.dtype == bool and value.all():
            yield Suspicion(
                "training-flag",
                (node.name,),
                f"{node.name} is true unless it is fed",
                fed={f"{node.name}:0": np.zeros_like(value)},
            )


def census(frozen: EditableGraph) -> Iterator[Suspicion]:
    """Suspect what does not belong into a frozen graph, whatever its names; nothing repairs it."""
    training = tuple(
        node.name
        for node in frozen.definition.node
        if node.op.startswith("FusedBatchNorm") and node.attr["is_training"].b
    )
    if training:
        yield Suspicion("training-batch-norm", training, f"{training[0]} has is_training = true")
    drawn = tuple(node.name for node in frozen.definition.node if node.op in RANDOM)
    if drawn:
        yield Suspicion("dropout", drawn, f"its answer is computed from the random {drawn[0]}")


def ends(live: EditableGraph, frozen: EditableGraph) -> Iterator[Suspicion]:
    """Suspect outputs that are another tensor than the live one."""
    for name, tensor in live.graph.outputs.items():
        mine, theirs = operation_of(tensor), operation_of(frozen.graph.outputs[name])
        if mine == theirs:
            continue
        if theirs in live.nodes and mine not in frozen.before(theirs):
            yield Suspicion(
                "output-tensor",
                (theirs,),
                f"{theirs} is inside of the live graph, whose output is {mine}",
                nodes=(mine,),
                output={name: tensor},
            )
        elif mine in frozen.before(theirs):
            after = frozen.before(theirs) - frozen.before(mine)
            names = [n for n in reads_input_names(frozen.definition) if n in after]
            kinds = listed(f"{n} ({frozen.nodes[n].op})" for n in names)
            yield Suspicion(
                "changed-operation",
                tuple(names),
                f"{mine}, where the live graph ends, is followed by {kinds}",
                output={name: tensor},
            )
