"""Mistakes of every kind, each in one of four networks, and the causes that they have.

A mistake changes what is built, the weights, or both; then the wrong model is exported rightly, so
that each is there in any format. A cause counts as right where its id is the expected one and, if
the fault says so, what it says names what was done.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from benchmarks.fault_networks import Trained, Values, is_statistic

Alter = Callable[[Values, Trained], Values]


@dataclasses.dataclass(frozen=True)
class Fault:
    """One mistake, or several at once.

    Attributes:
        name: what is wrong, in a few words.
        network: the one that it is made in.
        causes: for each mistake, the ids of causes that are right.
        alter: changes the weights.
        changed: what is built otherwise.
        says: patterns that are found in what the causes say.
    """

    name: str
    network: str
    causes: tuple[frozenset[str], ...]
    alter: Alter | None = None
    changed: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    says: tuple[str, ...] = ()


def _ids(causes: str) -> tuple[frozenset[str], ...]:
    """Return ids for each mistake; those of one are joined by "|"."""
    return tuple(frozenset(cause.split("|")) for cause in causes.split())


def weights(name: str, network: str, causes: str, alter: Alter, *says: str) -> Fault:
    """Return a mistake in the weights alone."""
    return Fault(name, network, _ids(causes), alter, says=says)


def built(name: str, network: str, causes: str, *says: str, **changed: Any) -> Fault:
    """Return a mistake in what is built alone."""
    return Fault(name, network, _ids(causes), changed=changed, says=says)


def both(name: str, *faults: Fault) -> Fault:
    """Return several mistakes at once, in one network."""

    def alter(values: Values, trained: Trained) -> Values:
        for fault in faults:
            values = fault.alter(values, trained) if fault.alter else values
        return values

    changed = {key: value for fault in faults for key, value in fault.changed.items()}
    causes = tuple(cause for fault in faults for cause in fault.causes)
    says = tuple(said for fault in faults for said in fault.says)
    return Fault(name, faults[0].network, causes, alter, changed, says)


def taken(source: str, *only: str) -> Alter:
    """Take weights, or those of which the name has one of these parts, from another place."""

    def alter(values: Values, trained: Trained) -> Values:
        other = getattr(trained, source)
        return {n: other[n] if _named(n, only) else v for n, v in values.items()}

    return alter


def mapped(name: str, change: Callable[[Any], Any]) -> Alter:
    """Change the weights that have this in their name."""

    def alter(values: Values, _: Trained) -> Values:
        return {
            n: np.asarray(change(v), np.float32).reshape(v.shape) if name in n else v
            for n, v in values.items()
        }

    return alter


def exchanged(one: str, other: str) -> Alter:
    """Exchange two weights."""
    return lambda values, _: {**values, one: values[other], other: values[one]}


def initial(*only: str) -> Alter:
    """Initialise weights again, as an initialiser of TensorFlow's does."""

    def alter(values: Values, _: Trained) -> Values:
        made = {}
        for name, value in values.items():
            rng = np.random.default_rng(9)
            field = float(np.prod(value.shape[:-2]))
            limit = np.sqrt(6.0 / (field * max(1, sum(value.shape[-2:]))))
            made[name] = rng.uniform(-limit, limit, value.shape).astype(np.float32)
            if value.ndim == 1:
                ones = name.endswith(("gamma", "moving_variance"))
                made[name] = np.full_like(value, float(ones))
        return {n: made[n] if _named(n, only) else v for n, v in values.items()}

    return alter


def _named(name: str, only: tuple[str, ...]) -> bool:
    return not only or any(part in name for part in only)


def statistics(values: Values, _: Trained) -> Values:
    """Leave BatchNorm's statistics at 0 and 1."""
    start = {n: np.full_like(v, float(n.endswith("variance"))) for n, v in values.items()}
    return {n: start[n] if is_statistic(n) else v for n, v in values.items()}


def _one(value: Any, factor: float = 1.5) -> Any:
    moved = value.copy()
    moved.flat[7 % value.size] *= factor
    return moved


def _pruned(value: Any) -> Any:
    return np.where(np.abs(value) < np.quantile(np.abs(value), 0.5), 0.0, value)


def _int8(value: Any) -> Any:
    step = np.abs(value).max() / 127.0
    return np.round(value / step) * step


def _bfloat16(value: Any) -> Any:
    return value.astype(tf.bfloat16.as_numpy_dtype).astype(np.float32)


def _gates(order: str) -> Alter:
    def change(value: Any) -> Any:
        parts = dict(zip("ifoc", np.split(value, 4, -1), strict=True))
        return np.concatenate([parts[name] for name in order], -1)

    return mapped("lstm", change)


def _classes(order: list[int]) -> Alter:
    return mapped("logits", lambda value: value[..., order])


def _row(value: Any) -> Any:
    moved = value.copy()
    moved[[3, 4]] = moved[[4, 3]]
    return moved


RAW = weights("raw weights", "picture", "raw-weights", taken("raw"))
EPSILON = built("another epsilon", "picture", "batch-norm-epsilon", epsilon=1e-5)
RELU6 = built(
    "relu6 for relu", "picture", "changed-operation", second=lambda x: tf.minimum(tf.nn.relu(x), 1)
)
BGR = built(
    "channels reversed", "picture", "input-transform", "revers", before=lambda x: x[..., ::-1]
)
SHIFTED = built(
    "classes shifted",
    "picture",
    "class-order",
    after=lambda y: tf.concat([y[:, -1:], y[:, :-1]], 1),
)
OLDER = weights("another step", "picture", "other-checkpoint", taken("other"))
ALTERED = weights(
    "one weight altered", "picture", "altered-weights", mapped("conv3/weights", _one), "conv3"
)
AVERAGED = weights(
    "averaged statistics", "picture", "averaged-statistics", taken("averaged", "moving")
)
NO_BIAS = built("bias dropped", "picture", "changed-operation|other-weights", bias=False)
PERMUTED = weights(
    "output channels permuted",
    "picture",
    "other-weights|class-order",
    mapped("conv3/weights", lambda v: v[..., ::-1]),
    "order|permut",
)
LEAKY = built(
    "another slope",
    "picture",
    "changed-operation",
    "0.3|0.2",
    third=lambda x: tf.nn.leaky_relu(x, 0.3),
)
TRANSPOSED = weights(
    "kernel transposed",
    "picture",
    "other-weights",
    mapped("hidden/weights", np.transpose),
    "exchanged|transpos",
)

SINGLE: tuple[Fault, ...] = (
    RAW,
    OLDER,
    AVERAGED,
    EPSILON,
    RELU6,
    BGR,
    SHIFTED,
    ALTERED,
    NO_BIAS,
    PERMUTED,
    LEAKY,
    TRANSPOSED,
    weights("all initialised", "picture", "initial-values", initial()),
    weights("partial restore", "picture", "partial-restore", initial("logits", "hidden")),
    weights("initial statistics", "picture", "initial-statistics", statistics),
    weights("one raw beta", "picture", "raw-weights", taken("raw", "conv2/BatchNorm/beta")),
    weights("one raw gamma", "picture", "raw-weights", taken("raw", "conv1/BatchNorm/gamma")),
    weights("raw last bias", "picture", "raw-weights", taken("raw", "logits/biases")),
    weights(
        "averaged statistics of one layer",
        "picture",
        "averaged-statistics",
        taken("averaged", "conv1/BatchNorm/moving"),
    ),
    built(
        "BatchNorm in training mode",
        "picture",
        "training-batch-norm|batch-dependence",
        training=True,
    ),
    built("BatchNorm dropped", "picture", "changed-operation|other-weights", normed=False),
    built("dropout left on", "picture", "dropout", dropout=0.4),
    built("selu for elu", "picture", "changed-operation", "selu", fourth=tf.nn.selu),
    built("swish for elu", "picture", "changed-operation", fourth=tf.nn.silu),
    built("tanh for relu", "picture", "changed-operation", "tanh", first=tf.tanh),
    built("activation dropped", "picture", "changed-operation", second=lambda x: x),
    built("another padding", "picture", "changed-operation", "pads|padding", padding="SAME"),
    built("another stride", "picture", "changed-operation", "strides", stride=2),
    built("another dilation", "picture", "changed-operation", "dilations", dilation=2),
    built(
        "average for largest",
        "picture",
        "changed-operation",
        "avg_pool|AvgPool",
        pool=tf.nn.avg_pool2d,
    ),
    built("another window", "picture", "changed-operation", "kernel|ksize", window=3),
    built(
        "largest for mean",
        "picture",
        "changed-operation",
        summary=lambda x: tf.reduce_max(x, [1, 2]),
    ),
    built("residual dropped", "picture", "changed-operation", residual=False),
    built("layer dropped", "picture", "changed-operation", layer=False),
    built(
        "map transposed",
        "picture",
        "changed-operation",
        inside=lambda x: tf.transpose(x, [0, 2, 1, 3]) * tf.reshape(tf.range(1.0, 5.0), [4, 1, 1]),
    ),
    weights(
        "kernel's rows and columns",
        "picture",
        "other-weights",
        mapped("conv3/weights", lambda v: v.transpose(1, 0, 2, 3)),
        "exchanged|transpos",
    ),
    weights(
        "kernel flipped",
        "picture",
        "other-weights",
        mapped("conv3/weights", lambda v: v[::-1, ::-1]),
        "order|flip|revers",
    ),
    weights(
        "input channels permuted",
        "picture",
        "other-weights",
        mapped("conv3/weights", lambda v: v[:, :, ::-1]),
        "order|permut",
    ),
    weights("classes permuted", "picture", "class-order", _classes([2, 0, 1, 4, 3])),
    weights("negated", "picture", "other-weights", mapped("conv3/weights", np.negative), "negat"),
    weights(
        "scaled",
        "picture",
        "other-weights",
        mapped("conv3/weights", lambda v: v * 1.25),
        "times|scal|multipl",
    ),
    weights("pruned", "picture", "other-weights", mapped("conv3/weights", _pruned), "set to 0"),
    weights(
        "folded weight negated",
        "picture",
        "other-weights",
        mapped("conv2/weights", np.negative),
        "negat",
    ),
    weights(
        "folded weight altered",
        "picture",
        "altered-weights",
        mapped("conv2/weights", _one),
        "conv2/weights",
    ),
    weights(
        "float16",
        "picture",
        "reduced-precision",
        mapped("", lambda v: v.astype(np.float16)),
        "float16",
    ),
    weights("bfloat16", "picture", "reduced-precision", mapped("", _bfloat16), "bfloat16"),
    weights(
        "int8",
        "picture",
        "reduced-precision|other-weights",
        mapped("weights", _int8),
        "int8|steps|grid",
    ),
    weights(
        "two weights exchanged",
        "picture",
        "other-weights",
        exchanged("conv2/weights", "conv3/weights"),
        "conv2/weights|conv3/weights",
    ),
    built("normalised twice", "picture", "input-transform", prepared=lambda x: (x * 2 - 1) * 2 - 1),
    built("not normalised", "picture", "input-transform", prepared=lambda x: x),
    built("another mean", "picture", "input-transform", prepared=lambda x: (x - 0.45) * 2),
    built("another scale", "picture", "input-transform", prepared=lambda x: x * 1.8 - 1),
    built(
        "a mean for each channel",
        "picture",
        "input-transform",
        prepared=lambda x: (x - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225],
    ),
    built("divided by 255", "picture", "input-transform", before=lambda x: x / 255.0),
    built(
        "flipped left and right",
        "picture",
        "input-transform",
        "flip|revers",
        before=lambda x: x[:, :, ::-1],
    ),
    built(
        "flipped top and bottom",
        "picture",
        "input-transform",
        "flip|revers",
        before=lambda x: x[:, ::-1],
    ),
    built(
        "rows and columns",
        "picture",
        "input-transform",
        "swap|transpos|perm",
        before=lambda x: tf.transpose(x, [0, 2, 1, 3]),
    ),
    built(
        "cropped",
        "picture",
        "input-transform",
        before=lambda x: tf.image.resize(x[:, 1:-1, 1:-1], [12, 12]),
    ),
    built(
        "resized otherwise",
        "picture",
        "input-transform",
        before=lambda x: tf.compat.v1.image.resize_nearest_neighbor(
            tf.image.resize(x, [6, 6]), [12, 12]
        ),
    ),
    built(
        "input clipped",
        "picture",
        "input-transform",
        before=lambda x: tf.clip_by_value(x, 0.1, 0.9),
    ),
    built("softmax left out", "picture", "output-tensor", answer=lambda x: x),
    built(
        "log of the softmax", "picture", "output-tensor|changed-operation", answer=tf.nn.log_softmax
    ),
    built("sigmoid for softmax", "picture", "changed-operation|output-tensor", answer=tf.sigmoid),
    built("a temperature", "picture", "changed-operation|other-weights", temperature=2.0),
    weights("gates permuted", "series", "other-weights", _gates("ifco"), "order|permut"),
    weights("gates in another order", "series", "other-weights", _gates("cofi"), "order|permut"),
    built(
        "gates read otherwise",
        "series",
        "changed-operation|other-weights",
        "order|slice|split",
        order="icfo",
    ),
    built(
        "another forget bias",
        "series",
        "changed-operation|other-weights|altered-weights",
        forget=0.0,
    ),
    built(
        "hard sigmoid",
        "series",
        "changed-operation",
        gate=lambda x: tf.clip_by_value(0.2 * x + 0.5, 0, 1),
    ),
    built("relu for tanh in a cell", "series", "changed-operation", state=tf.nn.relu),
    built("read backwards", "series", "changed-operation|input-transform", backwards=True),
    built("mean of states for the last", "series", "changed-operation", last=False),
    weights("raw LSTM", "series", "raw-weights", taken("raw", "lstm")),
    weights(
        "LSTM kernel negated",
        "series",
        "other-weights",
        mapped("lstm/weights", np.negative),
        "negat",
    ),
    built("input scaled", "series", "input-transform", before=lambda x: x * 0.5),
    built(
        "heads exchanged", "tabular", "output-tensor|other-weights", "open|click", exchanged=True
    ),
    built(
        "threshold moved",
        "tabular",
        "changed-operation|other-weights|altered-weights",
        "0.6",
        threshold=0.6,
    ),
    built("not above, but at or above", "tabular", "changed-operation", above=tf.greater_equal),
    built("below for above", "tabular", "changed-operation", "less", above=tf.less),
    built("clipped otherwise", "tabular", "changed-operation", "-0.5", clip=(-0.5, 1.0)),
    weights(
        "rows of a table exchanged",
        "tabular",
        "other-weights|altered-weights",
        mapped("embedding", _row),
        "embedding",
    ),
    weights(
        "one row of a table",
        "tabular",
        "altered-weights|other-weights",
        mapped("embedding", lambda v: np.where(np.arange(20)[:, None] == 7, 0.0, v)),
        "embedding",
    ),
    weights("raw table", "tabular", "raw-weights", taken("raw", "embedding")),
    built(
        "ids shifted",
        "tabular",
        "input-transform|changed-operation",
        moved=lambda n: tf.maximum(n - 1, 0),
    ),
    built("concat in another order", "tabular", "changed-operation|other-weights", swapped=True),
    built("sigmoid left out", "tabular", "output-tensor", answer=lambda x: x),
    built("elu for relu", "tabular", "changed-operation", "elu", activation=tf.nn.elu),
    built(
        "input squashed",
        "tabular",
        "input-transform",
        before=lambda x: x * [1, 1, 2, 1, 1, 1] + 0.25,
    ),
    built("a layer more", "tabular", "changed-operation", joined=tf.tanh),
    built("axis of softmax", "tokens", "changed-operation", "ax", axis=-2),
    built("attention not scaled", "tokens", "changed-operation|other-weights", scale=1.0),
    built("no positions", "tokens", "changed-operation|other-weights", positions=False),
    built("epsilon of LayerNorm", "tokens", "changed-operation|batch-norm-epsilon", epsilon=0.1),
    built("gelu for swish", "tokens", "changed-operation", activation=tf.nn.gelu),
    built("no residual", "tokens", "changed-operation", residual=False),
    built(
        "largest of tokens", "tokens", "changed-operation", summary=lambda x: tf.reduce_max(x, 1)
    ),
    built("tokens reversed", "tokens", "input-transform", moved=lambda x: x[:, ::-1]),
    weights("raw tokens", "tokens", "raw-weights", taken("raw", "tokens")),
    weights(
        "queries for keys",
        "tokens",
        "other-weights",
        exchanged("q/weights", "k/weights"),
        "k/weights|q/weights",
    ),
    weights(
        "attention transposed",
        "tokens",
        "other-weights",
        mapped("q/weights", np.transpose),
        "exchanged|transpos",
    ),
    weights("another step of tokens", "tokens", "other-checkpoint", taken("other")),
)

SEVERAL: tuple[Fault, ...] = (
    both("raw, and classes shifted", RAW, SHIFTED),
    both("raw, and another epsilon", RAW, EPSILON),
    both("raw, and relu6", RAW, RELU6),
    both("raw, and channels reversed", RAW, BGR),
    both("another step, and relu6", OLDER, RELU6),
    both("another step, and another slope", OLDER, LEAKY),
    both("averaged statistics, and another epsilon", AVERAGED, EPSILON),
    both("averaged statistics, and one weight", AVERAGED, ALTERED),
    both("altered, and relu6", ALTERED, RELU6),
    both("transposed, and channels reversed", TRANSPOSED, BGR),
    both("relu6, and another slope", RELU6, LEAKY),
    both("relu6, and classes shifted", RELU6, SHIFTED),
    both("permuted, and another epsilon", PERMUTED, EPSILON),
    both("raw, relu6, and classes shifted", RAW, RELU6, SHIFTED),
    both("raw, another epsilon, and channels reversed", RAW, EPSILON, BGR),
    both("averaged statistics, transposed, and another slope", AVERAGED, TRANSPOSED, LEAKY),
    both("another step, another epsilon, and relu6", OLDER, EPSILON, RELU6),
    both("altered, relu6, and another slope", ALTERED, RELU6, LEAKY),
    both(
        "raw LSTM, and another forget bias",
        weights("", "series", "raw-weights", taken("raw", "lstm/weights")),
        built("", "series", "changed-operation|other-weights|altered-weights", forget=0.0),
    ),
    both(
        "raw table, and clipped otherwise",
        weights("", "tabular", "raw-weights", taken("raw", "embedding")),
        built("", "tabular", "changed-operation", clip=(-0.5, 1.0)),
    ),
    both(
        "raw tokens, and no residual",
        weights("", "tokens", "raw-weights", taken("raw", "tokens")),
        built("", "tokens", "changed-operation", residual=False),
    ),
)
