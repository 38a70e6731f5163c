"""Whether an artifact takes and answers what the live model does: names, and shapes of inputs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pytest_freezecheck.errors import InputTypeError, MatchError
from pytest_freezecheck.messages.wording import listed, nearest

#: Dimensions of a tensor, the batch first; None for one of any length.
Shape = tuple[int | None, ...]


def match(
    kind: str, wanted: Mapping[str, str], available: Sequence[str], where: Path
) -> dict[str, str]:
    """Match names by whole name; never by position, never by part of a name.

    Args:
        kind: "input" or "output", for the message.
        wanted: {live name: name to look for}.
        available: the names that the artifact has.
        where: the artifact.

    Raises:
        MatchError: a name is not there.
    """
    for live, name in wanted.items():
        if name not in available:
            raise MatchError(
                f"{where}: no {kind} {name!r} for the live model's {kind} {live!r}"
                f"{nearest(name, available)}; it has {listed(sorted(available), 8) or 'none'}"
            )
    return dict(wanted)


def names_of_outputs(
    outputs: Iterable[str],
    given: Mapping[str, str],
    aliases: Mapping[str, str],
    there: Sequence[str],
) -> dict[str, str]:
    """Return {live output name: name to look for}: the table's, another name, or its own.

    Args:
        outputs: the live model's.
        given: {live output name: name in the artifact}, of its table.
        aliases: {live output name: another name of it}: the key of a dictionary that a Keras model
            answers, where its own name is the layer's.
        there: the names of the artifact's outputs.
    """
    names = list(outputs)
    others = {name: aliases.get(name, name) for name in names}
    # All or none: a name may be one output's key and another one's layer.
    if not set(others.values()) <= set(there):
        others = {}
    return {name: given.get(name, others.get(name, name)) for name in names}


def nothing_left(
    given: Mapping[str, str], constants: Mapping[str, Any], needed: Sequence[str], where: Path
) -> None:
    """Make sure that every input that must be fed is fed.

    Raises:
        MatchError: the artifact needs inputs that the live model has not.
    """
    rest = sorted(set(needed) - set(given.values()) - set(constants))
    if rest:
        raise MatchError(
            f"{where}: needs {listed(rest, 8)} fed, which the live model has no input for; was it "
            f"frozen from a training graph? To feed a constant: inputs = {{ {rest[0]} = "
            "{ value = ... } } in the artifact's table"
        )


def matched_inputs(
    wanted: Mapping[str, str],
    inputs: Mapping[str, Any],
    constants: Mapping[str, Any],
    there: Mapping[str, str],
    where: Path,
) -> dict[str, str]:
    """Return {live input name: the artifact's}, of an artifact that names all of its inputs.

    Args:
        wanted: {live input name: name to look for}.
        inputs: {live input name: tensor}.
        constants: what is always fed, by the artifact's names.
        there: {the artifact's input name: name of its dtype}.
        where: the artifact.

    Raises:
        MatchError: a name is not there, or is left.
        InputTypeError: one has another dtype.
    """
    matched = match("input", wanted, list(there), where)
    match("input", {name: name for name in constants}, list(there), where)
    nothing_left(matched, constants, list(there), where)
    same_types(matched, inputs, there)
    return matched


def only_output(
    outputs: Mapping[str, Any], given: Mapping[str, str], there: Sequence[str], where: Path
) -> dict[str, str] | None:
    """Return {live output name: the artifact's} where each has one, which may be called anything.

    Args:
        outputs: {live output name: tensor}.
        given: {live output name: name in the artifact}, of its table.
        there: the artifact's.
        where: the artifact.

    Raises:
        MatchError: the table names an output that the live model does not have.
    """
    match("output", {name: name for name in given}, list(outputs), where)
    if len(outputs) == len(there) == 1 and not given:
        return {next(iter(outputs)): there[0]}
    return None


def same_shapes(
    matched: Mapping[str, str],
    live: Mapping[str, Shape | None],
    there: Mapping[str, Shape | None],
    where: Path,
) -> None:
    """Make sure that inputs have the same shape, but for the batch, as far as it is known.

    Args:
        matched: {live input name: the artifact's}.
        live: {live input name: shape}, None where not even the rank is known.
        there: {the artifact's input name: shape}.
        where: the artifact.

    Raises:
        MatchError: one has another shape.
    """
    for name, other in matched.items():
        ours, theirs = live.get(name), there.get(other)
        if ours is None or theirs is None or _same(ours, theirs):
            continue
        raise MatchError(
            f"{where}: input {other!r} takes {_words(theirs)}, the live model's {name!r} takes "
            f"{_words(ours)}{_layout(ours, theirs)}"
        )


def same_types(
    matched: Mapping[str, str],
    inputs: Mapping[str, Any],
    there: Mapping[str, str],
) -> None:
    """Make sure that inputs have the same dtype: whoever sends what was evaluated is refused else.

    TensorFlow's own Python interface casts what it is fed, without a word, and a server does not.

    Args:
        matched: {live input name: the artifact's}.
        inputs: {live input name: tensor}.
        there: {the artifact's input name: name of its dtype}.

    Raises:
        InputTypeError: one has another dtype.
    """
    for name, other in matched.items():
        ours, theirs = inputs[name].dtype.base_dtype.name, there.get(other)
        if theirs is not None and ours != theirs:
            raise InputTypeError(
                f"input {other!r} takes {theirs}, the live model's {name!r} takes {ours}\n"
                f"  a client that sends {ours} is refused: export it with an input of {ours}"
            )


def dtype_of(number: int) -> str:
    """Return the name of a dtype from its number in TensorFlow's protocol buffers."""
    import tensorflow as tf

    return str(tf.dtypes.as_dtype(number).base_dtype.name)


def known(sizes: Iterable[Any]) -> Shape | None:
    """Return a shape from what a format has for sizes: a positive number, or anything if any fits.

    None where there are no sizes, which stands for a scalar and for an unknown rank alike.
    """
    return tuple(n if isinstance(n, int) and n > 0 else None for n in sizes) or None


def shape_of(proto: Any) -> Shape | None:
    """Return the shape in a TensorShapeProto, or None if its rank is unknown.

    A placeholder of any shape has 0 dimensions in GraphDefs up to version 21: the shape function of
    `Placeholder`, tensorflow/core/ops/array_ops.cc.
    """
    if proto.unknown_rank:
        return None
    return known(dim.size for dim in proto.dim)


def _same(ours: Shape, theirs: Shape) -> bool:
    pairs = zip(ours[1:], theirs[1:], strict=False)
    return len(ours) == len(theirs) and all(
        one == other or None in (one, other) for one, other in pairs
    )


def _words(shape: Shape) -> str:
    batch = ["batch" if size is None else str(size) for size in shape[:1]]
    return f"({', '.join([*batch, *('any' if s is None else str(s) for s in shape[1:])])})"


def _layout(ours: Shape, theirs: Shape) -> str:
    """Return what to do about channels that were moved to the other end, if that is it."""
    if len(ours) < 3 or len(ours) != len(theirs):
        return ""
    channels_last, channels_first = ours[1:], theirs[1:]
    if channels_first == (channels_last[-1], *channels_last[:-1]):
        said = "its channels come first: convert it without that (tf2onnx: inputs_as_nchw)"
    elif channels_first == (*channels_last[1:], channels_last[0]):
        said = "its channels come last: convert it without that"
    else:
        return ""
    return (
        f"\n  {said}, or, if it is wanted, declare that shape for the input and a build that "
        "transposes it"
    )
