"""A copy of the live model in which every operation rounds at random: Monte Carlo arithmetic.

Weights and inputs that are moved do not show what arises inside of a network: where a mean is
subtracted from values that hardly differ from it, all that is left is how the mean was rounded. So
in this copy the result of each operation that rounds is multiplied, value by value, by 1 + e with a
random e of a few units in the last place (Parker, Monte Carlo Arithmetic, 1997; Verrou does so to
the instructions of a program). What has no result of its own to round is left as it is: constants,
inputs, what moves, chooses or compares values, and sums of whole numbers, which no executor rounds:
else a length that was counted would be another one. So is what runs in loops and in functions.

A sum of n terms is at most n roundings off; where they are independent, about the root of n
(Higham, Accuracy and Stability of Numerical Algorithms, 2nd edition, sections 2.8 and 4.2; Higham
and Mary, A New Approach to Probabilistic Rounding Error Analysis, 2019). So of an operation that
adds up, e is larger by this root.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from pytest_freezecheck.errors import ModelError
from pytest_freezecheck.messages.wording import reason
from pytest_freezecheck.models.answer import Answer, Arrays
from pytest_freezecheck.models.frames import inside
from pytest_freezecheck.models.graphdef import only
from pytest_freezecheck.models.outputs import find_logits
from pytest_freezecheck.models.session import Runner, plain_config
from pytest_freezecheck.models.tables import initializers
from pytest_freezecheck.models.terms import terms

if TYPE_CHECKING:
    from pytest_freezecheck.models.clone import Clone

#: Operations whose results are rounded. What is not here counts as exact: that excuses too little.
_ROUNDS = """
    Add AddV2 AddN AccumulateNV2 Sub Mul Div RealDiv DivNoNan MulNoNan Xdivy Xlogy Xlog1py Pow
    Square SquaredDifference Sqrt Rsqrt Inv Reciprocal Exp Expm1 Log Log1p Hypot
    Sin Cos Tan Asin Acos Atan Atan2 Sinh Cosh Asinh Acosh Atanh Tanh Sigmoid
    Erf Erfc Erfinv Ndtri Lgamma Digamma Igamma Igammac Betainc Zeta Polygamma
    Softplus Softsign Elu Selu LeakyRelu Softmax LogSoftmax
    BiasAdd BiasAddV1 MatMul BatchMatMul BatchMatMulV2 BatchMatMulV3 Einsum SparseMatMul
    SparseTensorDenseMatMul
    Conv2D Conv3D DepthwiseConv2dNative Conv2DBackpropInput Conv3DBackpropInput
    Conv3DBackpropInputV2 DepthwiseConv2dNativeBackpropInput Dilation2D
    FusedBatchNorm FusedBatchNormV2 FusedBatchNormV3 BatchNormWithGlobalNormalization LRN L2Loss
    AvgPool AvgPool3D FractionalAvgPool Mean Sum Prod EuclideanNorm
    Cumsum Cumprod CumulativeLogsumexp SegmentSum SegmentMean SegmentProd UnsortedSegmentSum
    UnsortedSegmentProd SparseSegmentSum SparseSegmentMean SparseSegmentSqrtN
    ResizeBilinear ResizeBicubic ResizeArea ScaleAndTranslate CropAndResize
    ImageProjectiveTransformV2 ImageProjectiveTransformV3
    AdjustContrastv2 AdjustHue AdjustSaturation RGBToHSV HSVToRGB
    MatrixInverse MatrixSolve MatrixSolveLs MatrixTriangularSolve Cholesky Qr Svd SelfAdjointEigV2
    MatrixDeterminant LogMatrixDeterminant Cross
    FFT FFT2D FFT3D IFFT IFFT2D IFFT3D RFFT RFFT2D RFFT3D IRFFT IRFFT2D IRFFT3D ComplexAbs Angle
    AudioSpectrogram Mfcc LSTMBlockCell BlockLSTM BlockLSTMV2 GRUBlockCell
"""
ROUNDS = frozenset(_ROUNDS.split())
#: Those whose result is exact where it is a whole number, and no large one.
_EXACT_ON_WHOLE = """
    Add AddV2 AddN AccumulateNV2 Sub Mul MulNoNan Square SquaredDifference BiasAdd BiasAddV1
    MatMul BatchMatMul BatchMatMulV2 BatchMatMulV3 Einsum Conv2D Conv3D DepthwiseConv2dNative
    Sum Prod Cumsum Cumprod SegmentSum SegmentProd UnsortedSegmentSum UnsortedSegmentProd
"""
_WHOLE = frozenset(_EXACT_ON_WHOLE.split())
#: Bits of the mantissa of each type, and units in the last place, as many as weights and inputs are
#: moved by. Of the 16-bit types one is 0.1 % or 1 %, and executors add those up in 32 bits.
_UNITS = {
    "float32": (23, 8.0),
    "float64": (52, 8.0),
    "complex64": (23, 8.0),
    "complex128": (52, 8.0),
    "float16": (10, 1.0),
    "bfloat16": (7, 1.0),
}
_WIDE, _SHORT = ("float64", "complex128"), ("float16", "bfloat16")
#: Whole numbers are no large ones while a number of the type has so many bits left for fractions.
_FRACTION = 7


class Roundings:
    """The live model, rounding at random.

    Args:
        clone: a copy of the live model, whose values are taken.

    Raises:
        ModelError: its graph cannot be rewritten.
    """

    def __init__(self, clone: Clone) -> None:
        import tensorflow as tf

        self._values = {name: clone.weights[name] for name in clone.assign}
        self._constants = set(clone.weights) - set(clone.assign)
        outputs = {name: tensor.name for name, tensor in clone.outputs.items()}
        self._graph = graph = tf.Graph()
        try:
            whole = clone.session.graph.as_graph_def()
            tables = [operation.name for operation in initializers(clone.session.graph)]
            assign = [operation.name for operation in clone.assign.values()]
            names = [tensor.op.name for tensor in clone.outputs.values()]
            definition, moved, logits = _rewritten(only(whole, names + assign + tables), outputs)
            with graph.as_default():
                tf.import_graph_def(definition, name="")
            self._session = tf.compat.v1.Session(graph=graph, config=plain_config())
            self._session.run([graph.get_operation_by_name(name) for name in tables])
            tensor = graph.get_tensor_by_name
            self._assign = [graph.get_operation_by_name(name) for name in assign]
            self._fed = {name: tensor(there.name) for name, there in clone.fed.items()}
            self._seed, self._strength = tensor(f"{_SEED}:0"), tensor(f"{_STRENGTH}:0")
            self._runner = Runner(
                self._session,
                {name: tensor(there.name) for name, there in clone.inputs.items()},
                {name: tensor(moved.get(there, there)) for name, there in outputs.items()},
                logits={name: tensor(moved.get(there, there)) for name, there in logits.items()},
            )
        except (ValueError, KeyError, TypeError, tf.errors.OpError) as error:
            raise ModelError(f"its roundings cannot be moved: {reason(error)}") from None

    def answer(
        self, feeds: Mapping[str, Any], weights: Arrays, seed: tuple[int, int] | None
    ) -> Answer:
        """Return outputs and logits for one batch.

        Args:
            feeds: {input name: array (rows, *shape)}.
            weights: {variable or constant: other value}.
            seed: chooses the roundings, or None for those of TensorFlow.

        Raises:
            ModelError: it cannot be run.
        """
        import tensorflow as tf

        held = {**self._values, **weights}
        fed = {
            self._graph.get_tensor_by_name(f"{name}:0"): value
            for name, value in weights.items()
            if name in self._constants
        }
        fed[self._seed] = np.asarray(seed or (0, 0), np.int64)
        fed[self._strength] = np.asarray(0.0 if seed is None else 1.0, np.float64)
        try:
            self._session.run(self._assign, {there: held[n] for n, there in self._fed.items()})
            return self._runner.run(feeds, fed)
        except (ValueError, TypeError, tf.errors.OpError) as error:
            raise ModelError(f"its roundings cannot be moved: {reason(error)}") from None


_SEED, _STRENGTH = "freezecheck_roundings/seed", "freezecheck_roundings/strength"
_made: weakref.WeakKeyDictionary[Clone, Roundings] = weakref.WeakKeyDictionary()


def roundings_of(clone: Clone) -> Roundings:
    """Return the copy of a copy that rounds at random, made on first use.

    Args:
        clone: a copy of the live model.

    Raises:
        ModelError: it cannot be made.
    """
    if clone not in _made:
        _made[clone] = Roundings(clone)
    return _made[clone]


def _rewritten(
    definition: Any, outputs: Mapping[str, str]
) -> tuple[Any, dict[str, str], dict[str, str]]:
    """Return a GraphDef that rounds at random, what its tensors became, and where logits are.

    Args:
        definition: a `GraphDef`.
        outputs: {output name: tensor name}.
    """
    import tensorflow as tf

    left, graph = inside(definition), tf.Graph()
    moved: dict[str, str] = {}
    with graph.as_default():
        tf.import_graph_def(definition, name="")
        rounding = [
            tensor
            for operation in graph.get_operations()
            if operation.type in ROUNDS and operation.name not in left
            for tensor in operation.outputs
            if tensor.dtype.name in _UNITS
        ]
        move = _mover()
        for number, tensor in enumerate(rounding):
            moved[tensor.name] = move(tensor, number).name
        found = {name: find_logits(graph.get_tensor_by_name(t)) for name, t in outputs.items()}
    rewritten = graph.as_graph_def()
    ours = {node.name for node in definition.node}
    for node in rewritten.node:
        if node.name not in ours:
            continue
        for place, read in enumerate(node.input):
            full = read if ":" in read else f"{read}:0"
            if full in moved:
                node.input[place] = moved[full]
    return rewritten, moved, {name: t.name for name, t in found.items() if t is not None}


def _mover() -> Callable[[Any, int], Any]:
    """Add what is fed to the default graph; return what multiplies a tensor by 1 + e."""
    import tensorflow as tf

    v1 = tf.compat.v1
    seed = v1.placeholder(tf.int64, [2], name=_SEED)
    strength = v1.placeholder(tf.float64, [], name=_STRENGTH)

    def move(tensor: Any, number: int) -> Any:
        dtype = tensor.dtype
        bits, units = _UNITS[dtype.name]
        kind = tf.float64 if dtype.name in _WIDE else tf.float32
        reach = strength * units * 2.0**-bits
        count = None if dtype.name in _SHORT else terms(tensor.op)
        if count is not None:
            reach *= tf.sqrt(tf.maximum(tf.cast(count, tf.float64), 1.0))
        own = seed + tf.constant([number << 32, 0], tf.int64)  # each tensor has its directions
        draw = tf.raw_ops.StatelessRandomUniform(shape=tf.shape(tensor), seed=own, dtype=kind)
        factor = 1.0 + (2.0 * draw - 1.0) * tf.cast(reach, kind)
        if dtype.is_complex:
            return tensor * tf.cast(factor, dtype)
        moved = tf.cast(tf.cast(tensor, kind) * factor, dtype)
        if tensor.op.type not in _WHOLE:
            return moved
        small = tf.abs(tensor) <= tf.constant(2.0 ** (bits - _FRACTION), dtype)
        return tf.where(small & tf.equal(tensor, tf.round(tensor)), tensor, moved)

    return move
