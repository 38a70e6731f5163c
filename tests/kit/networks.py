"""Sixty and more small networks of as many kinds, any task and dtype, for false alarms.

Each is a function of its inputs that returns {output name: tensor}; `tests/kit/made.py` makes a
live model of it, of deterministic values. Those that the tests have are taken from there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from tests.checking.test_outputs import KINDS, hidden
from tests.kit.made import weight

Inputs = Mapping[str, Mapping[str, object]]
VECTOR: Inputs = {"x": {"shape": [8]}}
IMAGE: Inputs = {"x": {"shape": [16, 16, 3]}}
WAVE: Inputs = {"x": {"shape": [256]}}
SERIES: Inputs = {"x": {"shape": [10, 6]}}
BYTES: Inputs = {"x": {"shape": [16, 16, 3], "dtype": "uint8", "low": 0, "high": 255}}
IDS: Inputs = {"ids": {"shape": [12], "dtype": "int32", "low": 0, "high": 99}}


class Network(NamedTuple):
    """A network: its kind, what builds it, and what it takes."""

    kind: str
    build: Callable[..., Any]
    inputs: Inputs


def dense(name: str, x: Any, width: int) -> Any:
    """Return a layer without an activation."""
    return tf.matmul(x, weight(f"{name}/w", x.shape[-1], width)) + weight(f"{name}/b", width)


def conv(name: str, x: Any, width: int, size: int = 3, stride: int = 1, dilation: int = 1) -> Any:
    """Return a convolution with a bias."""
    kernel = weight(f"{name}/k", size, size, x.shape[-1], width)
    maps = tf.nn.conv2d(x, kernel, stride, "SAME", dilations=dilation)
    return maps + weight(f"{name}/b", width)


def classes(x: Any, count: int = 5) -> Any:
    """Return probabilities."""
    return {"probs": tf.nn.softmax(dense("logits", x, count), name="probs")}


def normed(name: str, x: Any, axes: list[int]) -> Any:
    """Return a normalisation over these axes, with a scale and a shift of the last one."""
    mean, variance = tf.nn.moments(x, axes, keepdims=True)
    scaled = (x - mean) * tf.math.rsqrt(variance + 1e-3)
    return scaled * weight(f"{name}/gamma", x.shape[-1]) + weight(f"{name}/beta", x.shape[-1])


def simple_rnn(x: Any) -> Any:
    """An unrolled recurrence."""
    state = tf.zeros([tf.shape(x)[0], 12])
    for step in range(10):
        state = tf.tanh(
            tf.matmul(x[:, step], weight_once("w", 6, 12))
            + tf.matmul(state, weight_once("u", 12, 12))
        )
    return classes(state)


def weight_once(name: str, *shape: int) -> Any:
    """Return a variable that is read again and again."""
    with tf.compat.v1.variable_scope("shared", reuse=tf.compat.v1.AUTO_REUSE):
        return weight(name, *shape)


def gru(x: Any) -> Any:
    """An unrolled GRU."""
    state = tf.zeros([tf.shape(x)[0], 12])
    for step in range(10):
        both = tf.concat([x[:, step], state], -1)
        gates = tf.sigmoid(tf.matmul(both, weight_once("gates", 18, 24)))
        reset, update = tf.split(gates, 2, -1)
        rest = tf.concat([x[:, step], reset * state], -1)
        state = update * state + (1 - update) * tf.tanh(tf.matmul(rest, weight_once("c", 18, 12)))
    return classes(state)


def lstm_both_ways(x: Any) -> Any:
    """An LSTM forwards and backwards."""

    def run(name: str, order: list[int]) -> Any:
        cell = state = tf.zeros([tf.shape(x)[0], 8])
        for step in order:
            both = tf.concat([x[:, step], state], -1)
            i, f, o, c = tf.split(tf.matmul(both, weight_once(name, 14, 32)), 4, -1)
            cell = tf.sigmoid(f + 1.0) * cell + tf.sigmoid(i) * tf.tanh(c)
            state = tf.sigmoid(o) * tf.tanh(cell)
        return state

    steps = list(range(10))
    return classes(tf.concat([run("forwards", steps), run("backwards", steps[::-1])], -1))


class Cell:
    """An Elman cell, as `dynamic_rnn` takes one: those of TensorFlow 1 went with Keras 2."""

    state_size = output_size = 12

    def __call__(self, x: Any, state: Any, scope: Any = None) -> Any:
        """Return the output and the state."""
        del scope
        weights = weight_once("cell", 18, 12)
        new = tf.tanh(tf.matmul(tf.concat([x, state], -1), weights))
        return new, new

    def zero_state(self, rows: Any, dtype: Any) -> Any:
        """Return the state before the first step."""
        return tf.zeros([rows, 12], dtype)


def dynamic_rnn(x: Any, length: Any) -> Any:
    """A loop over as many steps as each sequence has."""
    weight_once("cell", 18, 12)  # outside of the loop, where variables live
    state = tf.compat.v1.nn.dynamic_rnn(Cell(), x, length, dtype=tf.float32)[1]
    return classes(state)


def iterated(x: Any) -> Any:
    """A loop that runs until nothing moves any more, or twenty times."""
    turn, start = weight("turn", 8, 8) * 0.3, tf.tanh(x)

    def step(number: Any, state: Any, _: Any) -> Any:
        new = tf.tanh(tf.matmul(state, turn) + start)
        return number + 1, new, tf.reduce_max(tf.abs(new - state))

    def goes_on(number: Any, _: Any, moved: Any) -> Any:
        return (number < 20) & (moved > 1e-3)

    shapes = [tf.TensorShape([]), tf.TensorShape([None, 8]), tf.TensorShape([])]
    loop = tf.compat.v1.while_loop(goes_on, step, [0, start, 1.0], shapes)
    return classes(loop[1])


def ctc(x: Any) -> Any:
    """Letters of each step, decoded greedily: as many as the longest answer has."""
    steps = tf.tensordot(x, weight("letters", 6, 5), 1) * 2.0
    lengths = tf.fill([tf.shape(x)[0]], 10)
    found, score = tf.nn.ctc_greedy_decoder(tf.transpose(steps, [1, 0, 2]), lengths)
    return {
        "letters": tf.sparse.to_dense(found[0], default_value=-1, name="letters"),
        "score": tf.identity(score, name="score"),
    }


def attention(x: Any) -> Any:
    """One head of self-attention, and a mean over time."""
    q, k, v = (tf.tensordot(x, weight(name, 6, 8), 1) for name in ("q", "k", "v"))
    mix = tf.nn.softmax(tf.matmul(q, k, transpose_b=True) / np.sqrt(8.0))
    return classes(tf.reduce_mean(tf.matmul(mix, v), 1))


def transformer(ids: Any) -> Any:
    """A block: embedding, positions, attention, LayerNorm, GELU."""
    x = tf.gather(weight("table", 100, 16), ids) + weight("positions", 12, 16)
    q, k, v = (tf.tensordot(x, weight(name, 16, 16), 1) for name in ("q", "k", "v"))
    mix = tf.nn.softmax(tf.matmul(q, k, transpose_b=True) / 4.0)
    x = normed("one", x + tf.matmul(mix, v), [-1])
    wide = tf.tensordot(x, weight("up", 16, 32), 1)
    gelu = 0.5 * wide * (1.0 + tf.tanh(0.79788456 * (wide + 0.044715 * wide**3)))
    x = normed("two", x + tf.tensordot(gelu, weight("down", 32, 16), 1), [-1])
    return classes(tf.reduce_mean(x, 1))


def bag_of_words(ids: Any) -> Any:
    """A mean of embeddings, id 0 masked."""
    mask = tf.cast(ids > 0, tf.float32)
    words = tf.gather(weight("table", 100, 8), ids) * tf.expand_dims(mask, -1)
    mean = tf.reduce_sum(words, 1) / (tf.reduce_sum(mask, 1, keepdims=True) + 1.0)
    return classes(mean)


def two_towers(user: Any, item: Any) -> Any:
    """Embeddings of two ids, their cosine similarity."""
    one, other = (
        tf.nn.l2_normalize(tf.gather(weight(name, 50, 8), ids), -1)
        for name, ids in (("users", user), ("items", item))
    )
    return {"similarity": tf.reduce_sum(one * other, -1, name="similarity")}


def segmentation(x: Any) -> Any:
    """Down, up by a transposed convolution, classes of each pixel."""
    down = tf.nn.relu(conv("down", x, 8, stride=2))
    kernel = weight("up", 3, 3, 8, 8)
    up = tf.nn.conv2d_transpose(down, kernel, [tf.shape(x)[0], 16, 16, 8], 2, "SAME")
    return {"probs": tf.nn.softmax(conv("classes", up, 4, 1), name="probs")}


def super_resolution(x: Any) -> Any:
    """A bilinear resize and a correction, in 0 to 255."""
    large = tf.compat.v1.image.resize_bilinear(x, [32, 32])
    return {"picture": tf.clip_by_value(conv("repair", large, 3) * 40 + 128, 0, 255)}


def generator(x: Any) -> Any:
    """Noise to a picture, by tanh."""
    maps = tf.reshape(tf.nn.leaky_relu(dense("seed", x, 64)), [-1, 4, 4, 4])
    large = tf.compat.v1.image.resize_nearest_neighbor(maps, [8, 8])
    return {"picture": tf.tanh(conv("paint", large, 3), name="picture")}


def autoencoder(x: Any) -> Any:
    """The code and what is made of it."""
    code = tf.nn.elu(dense("code", x, 3))
    return {"code": tf.identity(code, name="code"), "again": dense("again", code, 8)}


def anchors(x: Any) -> Any:
    """Boxes of every place, and the anchors, which belong to no input."""
    maps = conv("boxes", tf.nn.relu(conv("stem", x, 8, stride=4)), 8)
    prior = tf.constant(np.linspace(0.0, 1.0, 32).reshape(8, 4).astype(np.float32))
    boxes = tf.reshape(maps, [-1, 32, 4]) * 20.0
    return {"boxes": tf.identity(boxes, name="boxes"), "anchors": tf.identity(prior, name="prior")}


def nms(x: Any) -> Any:
    """The best boxes of each picture; the suppression is padded to a number of them."""
    raw = dense("boxes", tf.nn.relu(dense("h", x, 16)), 24)
    corners = tf.reshape(tf.sigmoid(raw), [-1, 6, 4])
    scores = tf.sigmoid(dense("scores", x, 6))
    best = tf.argsort(scores, direction="DESCENDING")[:, :3]
    return {"best": tf.gather(corners, best, batch_dims=1, name="best")}


def _boxes(x: Any) -> tuple[Any, Any]:
    """Return corners and scores of 12 boxes for each row."""
    h = tf.nn.relu(dense("h", x, 16))
    middle, size = (tf.reshape(dense(name, h, 24), [-1, 12, 2]) for name in ("middle", "size"))
    half = tf.sigmoid(size) * 0.3 + 0.2
    corners = tf.concat([tf.sigmoid(middle) - half, tf.sigmoid(middle) + half], -1)
    return corners, tf.sigmoid(dense("scores", h, 12))


def suppressed(x: Any) -> Any:
    """`tf.image.non_max_suppression` of each picture, -1 where fewer boxes are left."""

    def one(parts: Any) -> Any:
        boxes, scores = parts
        kept = tf.image.non_max_suppression(boxes, scores, 4, iou_threshold=0.4)
        missing = 4 - tf.shape(kept)[0]
        return tf.pad(tf.gather(boxes, kept), [[0, missing], [0, 0]], constant_values=-1.0)

    best = tf.map_fn(one, _boxes(x), fn_output_signature=tf.float32)
    return {"best": tf.identity(tf.ensure_shape(best, [None, 4, 4]), name="best")}


def combined(x: Any) -> Any:
    """The suppression of all pictures and classes in one operation, as detectors ship it."""
    corners, scores = _boxes(x)
    both = tf.stack([scores, 1.0 - scores], -1)
    found = tf.image.combined_non_max_suppression(corners[:, :, None], both, 4, 4, 0.4, 0.3)
    return {
        "boxes": tf.identity(found.nmsed_boxes, name="boxes"),
        "scores": tf.identity(found.nmsed_scores, name="scores"),
        "count": tf.identity(found.valid_detections, name="count"),
    }


def bytes_in(x: Any) -> Any:
    """A picture as it is decoded, in bytes."""
    maps = conv("c", tf.cast(x, tf.float32) / 127.5 - 1.0, 8, stride=2)
    return classes(tf.reduce_mean(tf.nn.relu(maps), [1, 2]) * 4)


def bytes_resized(x: Any) -> Any:
    """Bytes that the graph resizes and standardises, as `per_image_standardization` does."""
    small = tf.compat.v1.image.resize_bilinear(tf.cast(x, tf.float32), [8, 8])
    mean, variance = tf.nn.moments(small, [1, 2, 3], keepdims=True)
    even = (small - mean) / tf.maximum(tf.sqrt(variance), 1.0 / np.sqrt(192.0))
    return classes(tf.reduce_mean(tf.nn.relu(conv("c", even, 8)), [1, 2]))


def depthwise(x: Any) -> Any:
    """A depthwise and a pointwise convolution, ReLU6."""
    maps = tf.nn.depthwise_conv2d(x, weight("d", 3, 3, 3, 2), [1, 1, 1, 1], "SAME")
    return classes(tf.reduce_mean(tf.nn.relu6(conv("p", maps, 8, 1)), [1, 2]))


def dilated(x: Any) -> Any:
    """Dilated convolutions, max-pooled."""
    maps = tf.nn.relu(conv("a", x, 6, dilation=2))
    return classes(tf.reduce_max(conv("b", maps, 6, dilation=4), [1, 2]))


def grouped(x: Any) -> Any:
    """Channels in two groups."""
    one, other = tf.split(tf.nn.relu(conv("stem", x, 8)), 2, -1)
    return classes(tf.reduce_mean(tf.concat([conv("l", one, 4), conv("r", other, 4)], -1), [1, 2]))


def inception(x: Any) -> Any:
    """Branches of several sizes."""
    pool = tf.nn.max_pool2d(x, 3, 1, "SAME")
    every = [conv("one", x, 4, 1), conv("three", x, 4, 3), conv("five", x, 4, 5), pool]
    return classes(tf.reduce_mean(tf.nn.relu(tf.concat(every, -1)), [1, 2]))


def batch_norm(x: Any) -> Any:
    """BatchNorm by statistics of its own, after a convolution."""
    maps = conv("c", x, 8, stride=2)
    spread = tf.abs(weight("variance", 8)) + 0.5
    scaled = (maps - weight("mean", 8)) * tf.math.rsqrt(spread + 1e-3)
    return classes(tf.reduce_mean(tf.nn.relu(scaled * weight("gamma", 8)), [1, 2]))


def instance_norm(x: Any) -> Any:
    """InstanceNorm over a picture."""
    return classes(tf.reduce_mean(tf.nn.swish(normed("n", conv("c", x, 8), [1, 2])), [1, 2]))


def group_norm(x: Any) -> Any:
    """GroupNorm of two groups."""
    maps = tf.reshape(conv("c", x, 8), [-1, 16, 16, 2, 4])
    scaled = tf.reshape(normed("n", maps, [1, 2, 4]), [-1, 16, 16, 8])
    return classes(tf.reduce_mean(tf.nn.selu(scaled), [1, 2]))


def local_response(x: Any) -> Any:
    """LRN."""
    return classes(tf.reduce_mean(tf.nn.local_response_normalization(conv("c", x, 8)), [1, 2]))


def hard_swish(x: Any) -> Any:
    """PReLU and hard swish."""
    h = dense("a", x, 16)
    h = tf.maximum(h, 0.0) + weight("slope", 16) * tf.minimum(h, 0.0)
    h = dense("b", h, 16)
    return classes(h * tf.nn.relu6(h + 3.0) / 6.0)


def spectrogram(x: Any) -> Any:
    """Frames, an FFT by a matrix, the logarithm of its size."""
    frames = tf.reshape(x, [-1, 8, 32])
    angles = 2 * np.pi * np.outer(np.arange(32), np.arange(17)) / 32
    real, imaginary = (
        tf.tensordot(frames, tf.constant(part.astype(np.float32)), 1)
        for part in (np.cos(angles), np.sin(angles))
    )
    return classes(tf.reduce_mean(tf.math.log(real**2 + imaginary**2 + 1e-3), 1))


def raw_audio(x: Any) -> Any:
    """Samples of 16 bits, one-dimensional convolutions."""
    wave = tf.cast(x, tf.float32)[:, :, None] / 32768.0
    maps = tf.nn.relu(tf.nn.conv1d(wave, weight("k", 9, 1, 8), 4, "SAME"))
    return classes(tf.reduce_mean(maps, 1) * 10)


def rates(x: Any) -> Any:
    """Rates of a Poisson regression, over orders of magnitude."""
    return {"rate": tf.exp(dense("log", hidden(x), 2) * 3, name="rate")}


def quantiles(x: Any) -> Any:
    """Sorted quantiles."""
    return {"quantiles": tf.sort(dense("q", hidden(x), 5) * 100 + 1000, axis=-1)}


def cumulative(x: Any) -> Any:
    """An ordinal regression: cumulative sums."""
    steps = tf.nn.softplus(dense("s", hidden(x), 6))
    return {"levels": tf.cumsum(steps, -1), "last": tf.reduce_sum(steps, -1)}


def multi_label(x: Any) -> Any:
    """Independent probabilities."""
    return {"labels": tf.sigmoid(dense("l", hidden(x), 12) * 4, name="labels")}


def mixture(x: Any) -> Any:
    """A mixture of softmaxes."""
    share = tf.nn.softmax(dense("gate", x, 3))
    experts = tf.nn.softmax(tf.reshape(dense("experts", hidden(x), 15), [-1, 3, 5]))
    return {"probs": tf.reduce_sum(share[:, :, None] * experts, 1, name="probs")}


def trees(x: Any) -> Any:
    """A cascade of thresholds, as of a tree."""
    leaf = tf.where(x[:, 0] > 0.1, tf.where(x[:, 1] > -0.3, 1.0, 2.0), 3.0)
    return {"value": tf.identity(leaf * weight("leaves", 1) + x[:, 2], name="value")}


def fake_quantised(x: Any) -> Any:
    """Activations and weights on a grid of 8 bits."""
    h = tf.quantization.fake_quant_with_min_max_args(hidden(x), 0.0, 6.0)
    return classes(h)


def several_heads(x: Any, site: Any) -> Any:
    """Two inputs, four outputs of four kinds."""
    h = hidden(x) + tf.gather(weight("sites", 7, 16), site)
    z = dense("z", h, 4)
    return {
        "probs": tf.nn.softmax(z, name="probs"),
        "class": tf.argmax(z, -1, name="class"),
        "price": tf.identity(dense("price", h, 1) * 1e5, name="price"),
        "alarm": tf.identity(dense("alarm", h, 1)[:, 0] > 0.2, name="alarm"),
    }


def inverse(x: Any) -> Any:
    """A small linear system."""
    matrix = tf.reshape(x, [-1, 2, 4])
    gram = tf.matmul(matrix, matrix, transpose_b=True) + 2.0 * tf.eye(2)
    return {"solution": tf.matmul(gram, tf.reshape(dense("r", x, 2), [-1, 2, 1]))}


def differences(x: Any) -> Any:
    """A time series: what changes from step to step."""
    change = x[:, 1:] - x[:, :-1]
    return {"forecast": dense("f", tf.reshape(change, [-1, 54]), 3)}


def pixel_shuffle(x: Any) -> Any:
    """Depth to space."""
    return {"picture": tf.nn.sigmoid(tf.nn.depth_to_space(conv("c", x, 12), 2), name="picture")}


NETWORKS: dict[str, Network] = {
    **{name: Network("outputs", kind.build, kind.inputs) for name, kind in KINDS.items()},
    "simple RNN": Network("recurrent", simple_rnn, SERIES),
    "GRU": Network("recurrent", gru, SERIES),
    "LSTM both ways": Network("recurrent", lstm_both_ways, SERIES),
    "dynamic_rnn": Network(
        "recurrent",
        dynamic_rnn,
        {**SERIES, "length": {"shape": [], "dtype": "int32", "low": 1, "high": 10}},
    ),
    "a loop until it settles": Network("recurrent", iterated, VECTOR),
    "CTC, decoded greedily": Network("recurrent", ctc, SERIES),
    "differences of a series": Network("recurrent", differences, SERIES),
    "self-attention": Network("attention", attention, SERIES),
    "transformer block": Network("attention", transformer, IDS),
    "masked bag of words": Network("text", bag_of_words, IDS),
    "two towers": Network(
        "ranking",
        two_towers,
        {n: {"shape": [], "dtype": "int32", "low": 0, "high": 49} for n in ("user", "item")},
    ),
    "segmentation": Network("pictures", segmentation, IMAGE),
    "super-resolution": Network("pictures", super_resolution, IMAGE),
    "generator": Network("pictures", generator, VECTOR),
    "depth to space": Network("pictures", pixel_shuffle, IMAGE),
    "autoencoder": Network("pictures", autoencoder, VECTOR),
    "boxes and anchors": Network("detection", anchors, IMAGE),
    "best boxes": Network("detection", nms, VECTOR),
    "non-maximum suppression": Network("detection", suppressed, VECTOR),
    "combined suppression": Network("detection", combined, VECTOR),
    "bytes": Network("pictures", bytes_in, BYTES),
    "bytes, resized and standardised": Network("pictures", bytes_resized, BYTES),
    "depthwise": Network("convolutions", depthwise, IMAGE),
    "dilated": Network("convolutions", dilated, IMAGE),
    "grouped": Network("convolutions", grouped, IMAGE),
    "inception": Network("convolutions", inception, IMAGE),
    "BatchNorm": Network("normalisation", batch_norm, IMAGE),
    "InstanceNorm": Network("normalisation", instance_norm, IMAGE),
    "GroupNorm": Network("normalisation", group_norm, IMAGE),
    "LRN": Network("normalisation", local_response, IMAGE),
    "PReLU and hard swish": Network("activations", hard_swish, VECTOR),
    "spectrogram": Network("audio", spectrogram, WAVE),
    "raw audio of 16 bits": Network(
        "audio", raw_audio, {"x": {"shape": [256], "dtype": "int16", "low": -32768, "high": 32767}}
    ),
    "Poisson rates": Network("regression", rates, VECTOR),
    "quantiles": Network("regression", quantiles, VECTOR),
    "cumulative levels": Network("regression", cumulative, VECTOR),
    "a small linear system": Network("regression", inverse, VECTOR),
    "thresholds of a tree": Network("regression", trees, VECTOR),
    "multi-label": Network("classification", multi_label, VECTOR),
    "mixture of softmaxes": Network("classification", mixture, VECTOR),
    "fake quantisation": Network("classification", fake_quantised, VECTOR),
    "several heads": Network(
        "classification",
        several_heads,
        {**VECTOR, "site": {"shape": [], "dtype": "int32", "low": 0, "high": 6}},
    ),
}
#: Exports that are wrong indeed, by network and way, and what the exporter or the executor does to
#: them. They have to fail.
WRONG: dict[tuple[str, str], str] = {
    **{
        (name, way): "the functions of the loop are left behind"
        for name in ("dynamic_rnn", "a loop until it settles", "non-maximum suppression")
        for way in (
            "strip_unused",
            "remove_training_nodes",
            "optimize_for_inference",
            "fold_batch_norms",
        )
    },
    ("CTC, decoded greedily", "onnx"): "ends with an error where no letter is found",
    ("CTC, decoded greedily", "onnx_reference"): "ends with an error where no letter is found",
    ("CTC, decoded greedily", "openvino"): "an axis of the score is gone",
    ("CTC, decoded greedily", "openvino_saved_model"): "an axis of the score is gone",
    ("log-probabilities", "onnx_reference"): "minus infinity where the softmax underflows",
    ("combined suppression", "onnx_reference"): "cannot run what nothing is found by",
    ("bytes, resized and standardised", "onnx_reference"): "cannot run a Resize by scales",
    ("super-resolution", "optimize_for_inference"): "the fused resize is right for the first row",
    ("super-resolution", "onnx_reference"): "cannot run a Resize by scales",
    ("generator", "onnx_reference"): "cannot run a Resize by scales",
    ("LRN", "onnx_reference"): "ends with an error where the window is wider than the channels",
    ("LRN", "openvino"): "up to 0.4 off what NumPy makes of the definition",
    ("LRN", "openvino_saved_model"): "up to 0.4 off what NumPy makes of the definition",
    ("as many as are found", "onnx_reference"): "an empty answer has lost an axis",
    ("boxes and anchors", "openvino_saved_model"): "the output that belongs to no input is gone",
    (
        "scalars and answers without rows",
        "openvino_saved_model",
    ): "the output that belongs to no input is gone",
}
