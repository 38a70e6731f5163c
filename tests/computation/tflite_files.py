"""Changes TFLite files as a wrong export would have them: options, constants, operations."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pytest_freezecheck.formats.tflite.format import _interpreter
from pytest_freezecheck.formats.tflite.schema import schema_of

Change = Callable[["File"], None]
#: Kinds of operations that take the same options, and compute something else.
OTHERS = {
    "RELU": "RELU6", "MAXIMUM": "MINIMUM", "MINIMUM": "MAXIMUM", "SUB": "ADD", "LESS": "GREATER",
    "GREATER": "LESS", "LOGISTIC": "TANH", "TANH": "LOGISTIC", "MEAN": "SUM", "SUM": "MEAN",
    "MAX_POOL_2D": "AVERAGE_POOL_2D", "SQUARE": "ABS", "RSQRT": "SQRT", "EXP": "ABS",
    "REDUCE_MAX": "REDUCE_MIN", "NEG": "ABS", "ROUND": "FLOOR", "ELU": "RELU",
}  # fmt: skip


class File:
    """A TFLite file that can be changed.

    Attributes:
        model: the `ModelT`.
        graph: its first subgraph.
    """

    def __init__(self, path: Path) -> None:
        self._schema = schema_of(_interpreter()[1])
        whole = self._schema.Model.GetRootAsModel(path.read_bytes(), 0)
        self.model: Any = self._schema.ModelT.InitFromObj(whole)
        self.graph: Any = self.model.subgraphs[0]

    def save(self, path: Path) -> Path:
        """Write the file."""
        import flatbuffers  # type: ignore[import-untyped,unused-ignore]

        builder = flatbuffers.Builder(1 << 16)
        builder.Finish(self.model.Pack(builder), b"TFL3")
        path.write_bytes(bytes(builder.Output()))
        return path

    def constants(self, *kinds: int) -> list[Any]:
        """Return the tensors of these types, of any if none is given, that have a value."""
        return [
            tensor
            for tensor in self.graph.tensors
            if self.model.buffers[tensor.buffer].data is not None
            and len(self.model.buffers[tensor.buffer].data)
            and (not kinds or tensor.type in kinds)
        ]

    def array(self, tensor: Any, dtype: Any = np.float32) -> npt.NDArray[Any]:
        """Return the value of a constant, to be changed in place."""
        data = np.array(self.model.buffers[tensor.buffer].data, np.uint8)
        self.model.buffers[tensor.buffer].data = data
        return data.view(dtype)

    def code(self, name: str) -> Any:
        """Return the code of a kind of operations."""
        number = getattr(self._schema.BuiltinOperator, name)
        return next(code for code in self.model.operatorCodes if _number(code) == number)

    def operations(self, name: str) -> list[Any]:
        """Return the operations of a kind."""
        place = self.model.operatorCodes.index(self.code(name))
        return [found for found in self.graph.operators if found.opcodeIndex == place]

    def rename(self, code: Any, name: str) -> None:
        """Make all operations of one kind those of another."""
        number = getattr(self._schema.BuiltinOperator, name)
        code.builtinCode, code.deprecatedBuiltinCode = number, min(number, 127)

    def name_of(self, code: Any) -> str:
        """Return the name of a kind."""
        names = vars(self._schema.BuiltinOperator)
        return str(next(name for name, number in names.items() if number == _number(code)))


def _number(code: Any) -> int:
    return max(int(code.builtinCode), int(code.deprecatedBuiltinCode))


def changed(path: Path, folder: Path, change: Change) -> Path:
    """Return another file: this one, changed."""
    file = File(path)
    change(file)
    return file.save(folder / "changed.tflite")


def option(kind: str, name: str, value: Any, place: int = 0) -> Change:
    """Return what sets an option of one operation of a kind."""

    def change(file: File) -> None:
        options = file.operations(kind)[place].builtinOptions
        assert getattr(options, name) != value
        setattr(options, name, value)

    return change


def other_kind(kind: str, name: str) -> Change:
    """Return what makes all operations of a kind those of another."""
    return lambda file: file.rename(file.code(kind), name)


def integers(kind: str, place: int, value: list[int]) -> Change:
    """Return what sets a constant of whole numbers that an operation of a kind reads."""

    def change(file: File) -> None:
        tensor = file.graph.tensors[int(file.operations(kind)[0].inputs[place])]
        array = file.array(tensor, np.int32)
        assert array.tolist() != value
        array[:] = value

    return change


def at_random(rng: random.Random) -> Change:
    """Return what changes anything: a bit, a number, an option, the order of operands, a kind."""
    return rng.choice([_bit, _number_of, _option, _option, _option, _order, _kind, _scale])(rng)


def _bit(rng: random.Random) -> Change:
    def change(file: File) -> None:
        array = file.array(rng.choice(file.constants()), np.uint8)
        array[rng.randrange(array.size)] ^= 1 << rng.randrange(8)

    return change


def _number_of(rng: random.Random) -> Change:
    def change(file: File) -> None:
        array = file.array(rng.choice(file.constants(0)))
        array[rng.randrange(array.size)] *= np.float32(1.0 + 10 ** rng.uniform(-4, -1))

    return change


def _option(rng: random.Random) -> Change:
    def change(file: File) -> None:
        given = [
            (found.builtinOptions, name, value)
            for found in file.graph.operators
            if found.builtinOptions is not None
            for name, value in vars(found.builtinOptions).items()
            if isinstance(value, (bool, int, float))
        ]
        options, name, value = rng.choice(given)
        if isinstance(value, bool):
            other: Any = not value
        elif isinstance(value, float):
            other = value * rng.choice([0.5, 2.0]) + rng.choice([0.0, 0.1])
        elif name == "fusedActivationFunction":
            other = rng.choice([n for n in range(5) if n != value])
        else:
            other = value + rng.choice([-1, 1])
        setattr(options, name, other)

    return change


def _order(rng: random.Random) -> Change:
    def change(file: File) -> None:
        found = rng.choice([one for one in file.graph.operators if len(one.inputs) > 1])
        reads = [int(n) for n in found.inputs]
        one, other = rng.sample(range(len(reads)), 2)
        reads[one], reads[other] = reads[other], reads[one]
        found.inputs = reads

    return change


def _kind(rng: random.Random) -> Change:
    def change(file: File) -> None:
        code = rng.choice([c for c in file.model.operatorCodes if file.name_of(c) in OTHERS])
        file.rename(code, OTHERS[file.name_of(code)])

    return change


def _scale(rng: random.Random) -> Change:
    def change(file: File) -> None:
        given = [t.quantization for t in file.graph.tensors if t.quantization is not None]
        found = rng.choice([q for q in given if q.scale is not None and len(q.scale)])
        scales = np.array(found.scale)
        scales[rng.randrange(scales.size)] *= rng.choice([0.5, 1.05, 2.0])
        found.scale = scales

    return change
