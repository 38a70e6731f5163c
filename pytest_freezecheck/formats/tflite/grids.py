"""Integers of a TFLite file that stand for other numbers: where they may, and what comes of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pytest_freezecheck.errors import ArtifactError
from pytest_freezecheck.formats.tflite.constants import TYPES, quantised

#: What hands on the rows of a constant as they are, and which of its inputs that is.
_MOVES = {"GATHER": 0, "EMBEDDING_LOOKUP": 1, "RESHAPE": 0, "SLICE": 0, "STRIDED_SLICE": 0}
#: What copies integers, whatever they stand for.
_KEPT = (
    "GATHER EMBEDDING_LOOKUP RESHAPE SQUEEZE EXPAND_DIMS TRANSPOSE SLICE STRIDED_SLICE SPLIT_V "
    "UNPACK TILE MAX_POOL_2D AVERAGE_POOL_2D PAD MIRROR_PAD SPACE_TO_DEPTH DEPTH_TO_SPACE "
    "RESIZE_NEAREST_NEIGHBOR RESIZE_BILINEAR TOPK_V2 SPACE_TO_BATCH_ND BATCH_TO_SPACE_ND SPLIT "
    "CONCATENATION PACK PADV2 SELECT SELECT_V2 MAXIMUM MINIMUM"
)
#: What computes on integers that stand for reals as on the reals.
_COMPUTED = (
    "CONV_2D DEPTHWISE_CONV_2D TRANSPOSE_CONV FULLY_CONNECTED ADD SUB MUL DIV MEAN SUM SOFTMAX "
    "LOG_SOFTMAX LOGISTIC TANH RELU RELU6 RELU_N1_TO_1 HARD_SWISH LEAKY_RELU PRELU ARG_MAX ARG_MIN "
    "REDUCE_MAX REDUCE_MIN BATCH_MATMUL L2_NORMALIZATION SHAPE SQUARED_DIFFERENCE RSQRT GELU ELU "
    "EXP ABS NEG DEQUANTIZE QUANTIZE"
)
#: `TensorType`s of whole numbers that activations are kept as.
_INTEGERS = (3, 7, 9)
#: Who makes a tensor: the operation, its kind, and which of its outputs it is.
MadeBy = Mapping[int, tuple[Any, str, int]]


class Grids:
    """Which tensors of a graph stand for other numbers.

    Args:
        tensors: of the graph.
        made_by: {number of a tensor: who makes it}.
        stored: numbers of those that are constants.
    """

    def __init__(self, tensors: Sequence[Any], made_by: MadeBy, stored: Mapping[int, int]) -> None:
        self._tensors, self._made_by, self._stored = tensors, made_by, stored

    def activations(self) -> str:
        """Return what activations are kept as, in words; empty if as floats."""
        kinds = {
            TYPES[self._tensors[n].type]
            for n, (raw, kind, _) in self._made_by.items()
            if quantised(self._tensors[n]) is not None
            and not self.rounds(raw, kind)
            and not self._moved(n)
        }
        return f"{', '.join(sorted(kinds))} weights and activations" if kinds else ""

    def _moved(self, tensor: int) -> bool:
        """Return whether a tensor is a constant, or rows of one that a file looks up."""
        while tensor not in self._stored and tensor in self._made_by:
            raw, kind, _ = self._made_by[tensor]
            if kind not in _MOVES:
                return False
            tensor = int(raw.inputs[_MOVES[kind]])
        return tensor in self._stored

    def rounds(self, raw: Any, kind: str) -> bool:
        """Return whether a file rounds floats to floats: what was trained with quantisation."""
        if kind != "QUANTIZE" or quantised(self._tensors[int(raw.inputs[0])]) is not None:
            return False
        made = int(raw.outputs[0])
        readers = {k for r, k, _ in self._made_by.values() if made in [int(n) for n in r.inputs]}
        return readers == {"DEQUANTIZE"}

    def check(self, kind: str, reads: Sequence[int], made: int) -> None:
        """Make sure that what an operation computes on integers is what it would on the reals.

        Args:
            kind: of the operation.
            reads: its inputs, -1 for one that is left out.
            made: its output.

        Raises:
            ArtifactError: it is not, or nobody knows.
        """
        ends = [n for n in (*reads, made) if n >= 0]
        if not any(n not in self._stored and quantised(self._tensors[n]) is not None for n in ends):
            return
        if kind not in _KEPT.split() + _COMPUTED.split():
            raise ArtifactError(f"{kind} of integers that stand for others is not read")
        alike = [n for n in ends if self._tensors[n].type == self._tensors[made].type]
        alike = [n for n in alike if self._tensors[n].type in _INTEGERS]
        if kind in _KEPT.split() and len({_steps(self._tensors[n]) for n in alike}) > 1:
            raise ArtifactError(f"{kind} hands on integers that stand for others after it")


def _steps(tensor: Any) -> tuple[bytes, bytes]:
    scales = quantised(tensor)
    zeros = None if tensor.quantization is None else tensor.quantization.zeroPoint
    return (
        b"" if scales is None else scales.tobytes(),
        b"" if zeros is None else np.asarray(zeros, np.int64).tobytes(),
    )
