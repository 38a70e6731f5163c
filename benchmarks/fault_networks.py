"""Four small networks in which any mistake can be made: each is one keyword of what builds it.

All have the checkpoint of a training run: raw weights, their moving averages, and another step
beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from pytest_freezecheck import InputSpec, LiveModel
from pytest_freezecheck.models.placeholders import make_placeholders

v1 = tf.compat.v1
Values = dict[str, Any]
SHADOW = "/ExponentialMovingAverage"
STATISTICS = ("moving_mean", "moving_variance")


def weight(name: str, *shape: int) -> Any:
    """Return a variable."""
    with v1.variable_scope("", reuse=v1.AUTO_REUSE):
        return v1.get_variable(name, shape, tf.float32)


def same(x: Any) -> Any:
    """Return a tensor as it is."""
    return x


def norm(x: Any, name: str, epsilon: float, *, training: bool = False) -> Any:
    """Return BatchNorm."""
    width = x.shape[-1]
    parts = [weight(f"{name}/BatchNorm/{part}", width) for part in ("gamma", "beta", *STATISTICS)]
    gamma, beta, mean, variance = parts
    with v1.name_scope(f"{name}/BatchNorm"):
        if training:
            return v1.nn.fused_batch_norm(x, gamma, beta, epsilon=epsilon, is_training=True)[0]
        return v1.nn.fused_batch_norm(
            x, gamma, beta, mean, variance, epsilon=epsilon, is_training=False
        )[0]


def dense(x: Any, name: str, width: int, *, bias: bool = True) -> Any:
    """Return a layer without an activation."""
    made = tf.matmul(x, weight(f"{name}/weights", x.shape[-1], width))
    return made + weight(f"{name}/biases", width) if bias else made


def picture(
    images: Any,
    *,
    before: Callable[[Any], Any] = same,
    prepared: Callable[[Any], Any] = lambda x: x * 2.0 - 1.0,
    epsilon: float = 1e-3,
    training: bool = False,
    normed: bool = True,
    first: Callable[[Any], Any] = tf.nn.relu,
    second: Callable[[Any], Any] = tf.nn.relu,
    third: Callable[[Any], Any] = lambda x: tf.nn.leaky_relu(x, 0.1),
    fourth: Callable[[Any], Any] = tf.nn.elu,
    padding: str = "VALID",
    stride: int = 1,
    dilation: int = 1,
    pool: Callable[..., Any] = tf.nn.max_pool2d,
    window: int = 2,
    residual: bool = True,
    layer: bool = True,
    bias: bool = True,
    inside: Callable[[Any], Any] = same,
    summary: Callable[[Any], Any] = lambda x: tf.reduce_mean(x, [1, 2]),
    dropout: float = 0.0,
    temperature: float = 1.0,
    answer: Callable[[Any], Any] = tf.nn.softmax,
    after: Callable[[Any], Any] = same,
) -> Any:
    """Return the answer of a small residual network for pictures."""
    x = prepared(before(images))
    x = tf.nn.conv2d(x, weight("conv1/weights", 3, 3, 3, 8), 1, "SAME", name="conv1/Conv2D")
    x = first(norm(x, "conv1", epsilon, training=training))
    y = tf.nn.conv2d(x, weight("conv2/weights", 3, 3, 8, 8), 1, "SAME", name="conv2/Conv2D")
    y = norm(y, "conv2", epsilon, training=training) if normed else y
    x = second(y + x if residual else y)
    x = pool(x, window, 2, "VALID")
    kernel = weight("conv3/weights", 3, 3, 8, 8)
    x = tf.nn.conv2d(x, kernel, stride, padding, dilations=dilation, name="conv3/Conv2D")
    x = third(x + weight("conv3/biases", 8))
    x = summary(inside(x))
    if layer:
        x = fourth(dense(x, "hidden", 8, bias=bias))
    if dropout:
        x = v1.nn.dropout(x, rate=dropout, seed=3)
    return {"probs": after(answer(dense(x, "logits", 5) / temperature))}


def series(
    steps: Any,
    *,
    before: Callable[[Any], Any] = same,
    order: str = "ifoc",
    forget: float = 1.0,
    gate: Callable[[Any], Any] = tf.sigmoid,
    state: Callable[[Any], Any] = tf.tanh,
    backwards: bool = False,
    last: bool = True,
) -> Any:
    """Return the answer of an LSTM."""
    x = before(steps)
    cell = hidden = tf.zeros([tf.shape(x)[0], 8])
    seen = []
    for step in range(5)[:: -1 if backwards else 1]:
        both = tf.concat([x[:, step], hidden], 1)
        parts = tf.split(dense(both, "lstm", 32), 4, 1)
        i, f, o, c = (parts[order.index(name)] for name in "ifoc")
        cell = gate(f + forget) * cell + gate(i) * state(c)
        hidden = gate(o) * state(cell)
        seen.append(hidden)
    made = hidden if last else tf.add_n(seen) / 5.0
    return {"probs": tf.nn.softmax(dense(made, "logits", 4))}


def tabular(
    numbers: Any,
    country: Any,
    *,
    before: Callable[[Any], Any] = same,
    moved: Callable[[Any], Any] = same,
    clip: tuple[float, float] = (-1.0, 1.0),
    threshold: float = 0.5,
    above: Callable[[Any, Any], Any] = tf.greater,
    swapped: bool = False,
    axis: int = 1,
    activation: Callable[[Any], Any] = tf.nn.relu,
    joined: Callable[[Any], Any] = same,
    exchanged: bool = False,
    answer: Callable[[Any], Any] = tf.sigmoid,
) -> Any:
    """Return two answers from numbers and a category."""
    x = before(numbers)
    rich = tf.cast(above(x[:, :1], threshold), tf.float32)
    table = tf.gather(weight("embedding", 20, 4), moved(country))
    parts = [tf.clip_by_value(x, *clip), rich, table]
    both = tf.concat(parts[::-1] if swapped else parts, axis)
    made = activation(dense(both, "hidden1", 8))
    made = joined(activation(dense(made, "hidden2", 8)))
    names = ("click", "open") if exchanged else ("open", "click")
    heads = [answer(dense(made, name, 1)) for name in names]
    return {"open": heads[0], "click": heads[1]}


def normalised(x: Any, name: str, epsilon: float) -> Any:
    """Return LayerNorm."""
    mean, variance = tf.nn.moments(x, [-1], keepdims=True)
    made = (x - mean) * tf.math.rsqrt(variance + epsilon)
    return made * weight(f"{name}/gamma", x.shape[-1]) + weight(f"{name}/beta", x.shape[-1])


def tokens(
    ids: Any,
    *,
    moved: Callable[[Any], Any] = same,
    positions: bool = True,
    scale: float = 8.0**-0.5,
    axis: int = -1,
    epsilon: float = 1e-5,
    activation: Callable[[Any], Any] = tf.nn.silu,
    residual: bool = True,
    summary: Callable[[Any], Any] = lambda x: tf.reduce_mean(x, 1),
) -> Any:
    """Return the answer of one block of attention over tokens."""
    x = tf.gather(weight("tokens", 30, 8), moved(ids))
    x = x + weight("positions", 6, 8) if positions else x
    q, k, v = (
        tf.einsum("btc,cd->btd", x, weight(f"{name}/weights", 8, 8)) for name in ("q", "k", "v")
    )
    seen = tf.nn.softmax(tf.matmul(q, k, transpose_b=True) * scale, axis=axis)
    y = tf.matmul(seen, v)
    x = normalised(x + y if residual else y, "norm", epsilon)
    wide = tf.einsum("btc,cd->btd", x, weight("wide/weights", 8, 16)) + weight("wide/biases", 16)
    x = x + tf.einsum("btc,cd->btd", activation(wide), weight("narrow/weights", 16, 8))
    return {"probs": tf.nn.softmax(dense(summary(x), "logits", 4))}


#: {network: (what builds it, its inputs)}.
NETWORKS: Mapping[str, tuple[Callable[..., Any], Mapping[str, Mapping[str, object]]]] = {
    "picture": (picture, {"images": {"shape": [12, 12, 3], "low": 0.0, "high": 1.0}}),
    "series": (series, {"steps": {"shape": [5, 4]}}),
    "tabular": (
        tabular,
        {
            "numbers": {"shape": [6], "low": -2.0, "high": 2.0},
            "country": {"shape": [], "dtype": "int32", "low": 0, "high": 19},
        },
    ),
    "tokens": (tokens, {"ids": {"shape": [6], "dtype": "int32", "low": 0, "high": 29}}),
}


def drawn(network: str, seed: int) -> Values:
    """Return {variable: value} of one step of training."""
    found: Values = {}
    with tf.Graph().as_default():
        build, inputs = NETWORKS[network]
        build(**make_placeholders({n: InputSpec.of(f, n) for n, f in inputs.items()}, None))
        shapes = {v.op.name: v.shape.as_list() for v in v1.global_variables()}
    for number, (name, shape) in enumerate(shapes.items()):
        rng = np.random.default_rng([seed, number])
        fan = max(1, int(np.prod(shape[:-1])))
        value = rng.normal(0.0, 1.2 / np.sqrt(fan) if len(shape) > 1 else 0.3, shape)
        if name.endswith(("gamma", "moving_variance")):
            value = rng.uniform(0.6, 1.4, shape)
        found[name] = value.astype(np.float32)
    return found


def is_statistic(name: str) -> bool:
    """Return whether a variable is one of BatchNorm's statistics."""
    return name.endswith(STATISTICS)


class Trained:
    """What a training run left: raw weights, averages of them, and another step.

    Args:
        network: its name.
        folder: where checkpoints are written.

    Attributes:
        raw, averaged, other: {variable: value}; `other` holds the averages of another step.
        right: what the evaluation reads: averages of what is trained, statistics as they are.
        live: the live model.
    """

    def __init__(self, network: str, folder: Path) -> None:
        self.network = network
        self.raw, old = drawn(network, 1), drawn(network, 2)
        self.averaged = {n: _between(v, old[n], 0.3) for n, v in self.raw.items()}
        self.right = {n: self.raw[n] if is_statistic(n) else v for n, v in self.averaged.items()}
        later = {n: _between(v, old[n], 0.15) for n, v in self.raw.items()}
        averaged = {n: _between(v, old[n], 0.25) for n, v in self.averaged.items()}
        self.other = {n: later[n] if is_statistic(n) else v for n, v in averaged.items()}
        _save(folder / "model.ckpt-900", later, averaged)
        prefix = _save(folder / "model.ckpt-1000", self.raw, self.averaged)
        self.live = self.model(self.right, checkpoint=prefix)

    def model(self, values: Values, checkpoint: str | None = None, **changed: Any) -> LiveModel:
        """Return a model of the network.

        Args:
            values: {variable: value}.
            checkpoint: a prefix to name as its checkpoint, or None.
            **changed: what is built otherwise.
        """
        build, inputs = NETWORKS[self.network]
        specs = {name: InputSpec.of(fields, name) for name, fields in inputs.items()}
        graph = tf.Graph()
        with graph.as_default(), v1.Session(graph=graph) as session:
            placeholders = make_placeholders(specs, None)
            outputs = build(**placeholders, **changed)
            for variable in v1.global_variables():
                variable.load(values[variable.op.name], session)
            return LiveModel.from_session(
                session, placeholders, outputs, specs, name=self.network, checkpoint=checkpoint
            )


def _between(one: Any, other: Any, share: float) -> Any:
    return (one * np.float32(1.0 - share) + other * np.float32(share)).astype(np.float32)


def _save(prefix: Path, raw: Values, averaged: Values) -> str:
    """Write a checkpoint as a Saver does that averages were collected for."""
    keys = {**raw, **{f"{name}{SHADOW}": value for name, value in averaged.items()}}
    with tf.Graph().as_default(), v1.Session() as session:
        names = sorted(keys)
        tensors = [tf.constant(keys[name]) for name in names]
        session.run(
            tf.raw_ops.SaveV2(
                prefix=str(prefix),
                tensor_names=names,
                shape_and_slices=[""] * len(names),
                tensors=tensors,
            )
        )
    return str(prefix)
