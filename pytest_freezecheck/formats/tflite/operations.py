"""Which of TensorFlow's operations each of TFLite's is the same as, and what it says of it.

Attributes and defaults are those of tensorflow/compiler/mlir/lite/schema/schema.fbs; where an
operation of TFLite's takes something as an option that TensorFlow's has as an input, or computes
what TensorFlow has several operations for, it is read in `tflite_layers` and
`tflite_others`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from pytest_freezecheck.computation.node import Node
from pytest_freezecheck.errors import ArtifactError
from pytest_freezecheck.formats.tflite.layers import LAYERS
from pytest_freezecheck.formats.tflite.operation import Operation
from pytest_freezecheck.formats.tflite.others import OTHERS


@dataclasses.dataclass(frozen=True)
class Counterpart:
    """An operation of TensorFlow's that does the same, with the same inputs.

    Attributes:
        name: its type.
        given: {its attribute: the option of TFLite's that says it}.
        fixed: {its attribute: value}, of those that TFLite always has.
    """

    name: str
    given: Mapping[str, str] = dataclasses.field(default_factory=dict)
    fixed: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def __call__(self, operation: Operation) -> Node:
        """Return the normal form of an operation."""
        operation.read_all()
        if self.given and operation.options is None:
            return operation.own()
        given = {there: self._plain(operation.option(here)) for there, here in self.given.items()}
        given.update(self.fixed)
        made = operation.translated(self.name, given)
        if made is None:
            made = operation.as_tensorflow(self.name, given)
        active = operation.activated(made)
        return operation.own() if active is None else active

    @staticmethod
    def _plain(value: Any) -> Any:
        if value is None:
            return []
        if isinstance(value, (bool, int, float)):
            return value
        return [n if isinstance(n, float) else int(n) for n in np.asarray(value).tolist()]


def _unary(*pairs: str) -> dict[str, Counterpart]:
    return {here: Counterpart(there) for here, there in (pair.split(":") for pair in pairs)}


_REDUCED = {"keep_dims": "keepDims"}
_MASKS = {
    f"{there}_mask": f"{here}Mask"
    for there, here in (
        ("begin", "begin"), ("end", "end"), ("ellipsis", "ellipsis"), ("new_axis", "newAxis"),
        ("shrink_axis", "shrinkAxis"),
    )
}  # fmt: skip
_RESIZED = {"align_corners": "alignCorners", "half_pixel_centers": "halfPixelCenters"}

COUNTERPARTS: dict[str, Counterpart] = {
    **_unary(
        "ABS:Abs", "CEIL:Ceil", "COS:Cos", "EXP:Exp", "FLOOR:Floor", "LOG:Log", "NEG:Neg",
        "LOGISTIC:Sigmoid", "ROUND:Round", "RSQRT:Rsqrt", "SIGN:Sign", "SIN:Sin", "SQRT:Sqrt",
        "SQUARE:Square", "TANH:Tanh", "RELU:Relu", "RELU6:Relu6", "ELU:Elu",
        "LOGICAL_NOT:LogicalNot", "ADD:AddV2", "SUB:Sub", "MUL:Mul", "DIV:RealDiv",
        "FLOOR_DIV:FloorDiv", "FLOOR_MOD:FloorMod", "POW:Pow", "MAXIMUM:Maximum",
        "MINIMUM:Minimum", "EQUAL:Equal", "NOT_EQUAL:NotEqual", "LESS:Less",
        "LESS_EQUAL:LessEqual", "GREATER:Greater", "GREATER_EQUAL:GreaterEqual",
        "LOGICAL_AND:LogicalAnd", "LOGICAL_OR:LogicalOr", "SELECT_V2:SelectV2", "ADD_N:AddN",
        "SQUARED_DIFFERENCE:SquaredDifference", "ATAN2:Atan2", "EXPAND_DIMS:ExpandDims",
        "TRANSPOSE:Transpose", "SLICE:Slice", "PAD:Pad", "PADV2:PadV2", "TILE:Tile",
        "REVERSE_V2:ReverseV2", "SPLIT_V:SplitV", "SHAPE:Shape", "RANGE:Range",
        "WHERE:Where", "GATHER_ND:GatherNd", "SCATTER_ND:ScatterNd", "BROADCAST_TO:BroadcastTo",
        "BROADCAST_ARGS:BroadcastArgs", "ZEROS_LIKE:ZerosLike", "LOG_SOFTMAX:LogSoftmax",
        "TOPK_V2:TopKV2", "SEGMENT_SUM:SegmentSum", "UNSORTED_SEGMENT_SUM:UnsortedSegmentSum",
        "UNSORTED_SEGMENT_MAX:UnsortedSegmentMax", "UNSORTED_SEGMENT_MIN:UnsortedSegmentMin",
        "UNSORTED_SEGMENT_PROD:UnsortedSegmentProd", "SPACE_TO_BATCH_ND:SpaceToBatchND",
        "BATCH_TO_SPACE_ND:BatchToSpaceND", "RANK:Rank", "BITWISE_XOR:BitwiseXor",
        "RIGHT_SHIFT:RightShift", "UNIQUE:Unique",
    ),
    **{
        here: Counterpart(there, _REDUCED)
        for here, there in (
            ("MEAN", "Mean"), ("SUM", "Sum"), ("REDUCE_MAX", "Max"), ("REDUCE_MIN", "Min"),
            ("REDUCE_PROD", "Prod"), ("REDUCE_ANY", "Any"), ("REDUCE_ALL", "All"),
        )
    },
    "SQUEEZE": Counterpart("Squeeze", {"squeeze_dims": "squeezeDims"}),
    "PACK": Counterpart("Pack", {"axis": "axis"}),
    "UNPACK": Counterpart("Unpack", {"axis": "axis", "num": "num"}),
    "SPLIT": Counterpart("Split", {"num_split": "numSplits"}),
    "STRIDED_SLICE": Counterpart("StridedSlice", _MASKS),
    "ONE_HOT": Counterpart("OneHot", {"axis": "axis"}),
    "BATCH_MATMUL": Counterpart("BatchMatMulV2", {"adj_x": "adjX", "adj_y": "adjY"}),
    "CUMSUM": Counterpart("Cumsum", {"exclusive": "exclusive", "reverse": "reverse"}),
    "BUCKETIZE": Counterpart("Bucketize", {"boundaries": "boundaries"}),
    "LEAKY_RELU": Counterpart("LeakyRelu", {"alpha": "alpha"}),
    "RESIZE_BILINEAR": Counterpart("ResizeBilinear", _RESIZED),
    "RESIZE_NEAREST_NEIGHBOR": Counterpart("ResizeNearestNeighbor", _RESIZED),
    "DEPTH_TO_SPACE": Counterpart("DepthToSpace", {"block_size": "blockSize"}),
    "SPACE_TO_DEPTH": Counterpart("SpaceToDepth", {"block_size": "blockSize"}),
    "REVERSE_SEQUENCE": Counterpart(
        "ReverseSequence", {"seq_dim": "seqDim", "batch_dim": "batchDim"}
    ),
    "LOCAL_RESPONSE_NORMALIZATION": Counterpart(
        "LRN", {"depth_radius": "radius", "bias": "bias", "alpha": "alpha", "beta": "beta"}
    ),
}  # fmt: skip


def _strided(operation: Operation) -> Node:
    # Of an axis that is dropped, TensorFlow does not heed whether its begin is masked.
    masked = operation.option("beginMask", 0) & operation.option("shrinkAxisMask", 0)
    if operation.option("offset", default=False) or masked:
        operation.read_all()
        return operation.own()
    return COUNTERPARTS["STRIDED_SLICE"](operation)


def _mirrored(operation: Operation) -> Node:
    mode = {0: "REFLECT", 1: "SYMMETRIC"}.get(int(operation.option("mode", -1)))
    if mode is None:
        raise ArtifactError(f"{operation.name} pads in a mode that is not known")
    return Counterpart("MirrorPad", fixed={"mode": mode})(operation)


def _best(there: str) -> Callable[[Operation], Node]:
    def read(operation: Operation) -> Node:
        kind = operation.reader.dtype(operation.outputs[0])
        return Counterpart(there, fixed={"output_type": kind})(operation)

    return read


def _cast(operation: Operation) -> Node:
    # What the options say may be left out; the interpreter goes by the tensor.
    return Counterpart("Cast", fixed={"DstT": operation.reader.dtype(operation.outputs[0])})(
        operation
    )


READ: dict[str, Callable[[Operation], Node]] = {
    **COUNTERPARTS,
    **LAYERS,
    **OTHERS,
    "STRIDED_SLICE": _strided,
    "MIRROR_PAD": _mirrored,
    "ARG_MAX": _best("ArgMax"),
    "ARG_MIN": _best("ArgMin"),
    "CAST": _cast,
}
