"""A small network of many layers, to convert."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import tensorflow as tf

from pytest_freezecheck import LiveModel
from pytest_freezecheck.formats.graph_def.convert import constant_definition
from tests.kit.made import made, weight

PICTURE = {"x": {"shape": [12, 12, 3]}}


def network(x: Any) -> Any:
    """Return probabilities and features: convolutions, BatchNorm, pools, slices and products."""
    maps = tf.nn.conv2d(x, weight("one/k", 3, 3, 3, 8), 2, "SAME")
    maps, *_ = tf.compat.v1.nn.fused_batch_norm(
        maps,
        weight("one/gamma", 8),
        weight("one/beta", 8),
        weight("one/mean", 8),
        tf.square(weight("one/root", 8)) + 0.5,
        epsilon=0.01,
        is_training=False,
    )
    maps = tf.nn.relu6(maps)
    pooled = tf.nn.max_pool2d(maps, 2, 2, "VALID")
    deep = tf.nn.depthwise_conv2d(maps, weight("two/k", 3, 3, 8, 1), [1, 1, 1, 1], "SAME")
    deep = tf.nn.leaky_relu(deep + weight("two/b", 8), 0.3)
    mean = tf.nn.avg_pool2d(deep, 3, 1, "SAME")
    joined = tf.concat([mean, maps], axis=3)
    shares = tf.nn.softmax(tf.transpose(joined[:, :, 1:5], [0, 2, 1, 3]), axis=-1)
    flat = tf.reshape(pooled, [-1, 72])
    hidden = tf.tanh(tf.matmul(flat, weight("three/w", 72, 6)) + weight("three/b", 6))
    summed = tf.reduce_sum(shares, [1, 2]) * tf.constant(0.1)
    both = tf.concat([hidden, tf.maximum(summed, 0.05)], axis=1)
    logits = tf.matmul(both, weight("four/w", 22, 4)) + weight("four/b", 4)
    return {"probs": tf.nn.softmax(logits, name="probs"), "hidden": hidden}


def live_network() -> LiveModel:
    """Return it with values."""
    return made(network, PICTURE)


def to_onnx(live: LiveModel, path: Path, opset: int) -> Path:
    """Convert a live model with tf2onnx, to operations of this version."""
    import tf2onnx

    tf2onnx.convert.from_graph_def(
        constant_definition(live),
        input_names=[tensor.name for tensor in live.inputs.values()],
        output_names=[tensor.name for tensor in live.outputs.values()],
        opset=opset,
        output_path=str(path),
    )
    return path
