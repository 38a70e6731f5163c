"""How many numbers an operation adds up for one of its results."""

from __future__ import annotations

from typing import Any

_REDUCES = frozenset({"Mean", "Sum", "Prod", "EuclideanNorm", "L2Loss"})
_POOLS = frozenset({"AvgPool", "AvgPool3D"})
_BATCHED = frozenset({"BatchMatMul", "BatchMatMulV2", "BatchMatMulV3"})
_CUMULATIVE = frozenset({"Cumsum", "Cumprod", "CumulativeLogsumexp"})
#: Convolutions: where their kernel is, and which of its axes no sum runs over.
_KERNELS = {
    "Conv2D": (1, (-1,)),
    "Conv3D": (1, (-1,)),
    "DepthwiseConv2dNative": (1, (-1, -2)),
    "Conv2DBackpropInput": (1, (-2,)),
    "Conv3DBackpropInput": (1, (-2,)),
    "Conv3DBackpropInputV2": (1, (-2,)),
}


def terms(operation: Any) -> Any:
    """Return a scalar tensor of the default graph, or None for an operation that adds nothing up.

    Args:
        operation: of the default graph.
    """
    import tensorflow as tf

    kind, inputs = operation.type, operation.inputs
    if kind in _REDUCES:
        whole = tf.size(inputs[0], tf.int64)
        return whole // tf.maximum(tf.size(operation.outputs[0], tf.int64), 1)
    if kind in _POOLS:
        return _product(operation.get_attr("ksize"))
    if kind == "MatMul":
        return tf.shape(inputs[0])[0 if operation.get_attr("transpose_a") else 1]
    if kind in _BATCHED:
        return tf.shape(inputs[0])[-2 if operation.get_attr("adj_x") else -1]
    if kind in _CUMULATIVE:
        return tf.gather(tf.shape(inputs[0]), tf.cast(inputs[1], tf.int32) % tf.rank(inputs[0]))
    if kind == "Einsum":
        return _contracted(operation)
    if kind in _KERNELS and inputs[_KERNELS[kind][0]].shape.rank is not None:
        place, apart = _KERNELS[kind]
        shape = tf.shape(inputs[place])
        rank = inputs[place].shape.rank
        return tf.reduce_prod([shape[axis] for axis in range(rank) if axis - rank not in apart])
    return None


def _product(sizes: Any) -> Any:
    import tensorflow as tf

    return tf.reduce_prod(tf.constant(list(sizes), tf.int64))


def _contracted(operation: Any) -> Any:
    """Return the product of the axes that an einsum sums over."""
    import tensorflow as tf

    read, _, written = operation.get_attr("equation").decode().partition("->")
    sizes = {}
    for letters, tensor in zip(read.split(","), operation.inputs, strict=True):
        before, _, after = letters.partition("...")
        shape = tf.shape(tensor)
        for place, letter in enumerate(before):
            sizes[letter] = shape[place]
        for place, letter in enumerate(after):
            sizes[letter] = shape[place - len(after)]
    summed = [size for letter, size in sizes.items() if letter not in written]
    return tf.reduce_prod(summed) if summed else None
