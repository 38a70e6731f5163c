"""ONNX (`.onnx`): converted by tf2onnx, run by onnxruntime or by onnx's reference evaluator."""

from __future__ import annotations

import contextlib
import importlib.util
import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_freezecheck.errors import ArtifactError
from pytest_freezecheck.formats.executor import NamedModel, counted_kinds, loading_failed
from pytest_freezecheck.formats.extras import ONNX, ONNXRUNTIME
from pytest_freezecheck.formats.graph_def.convert import constant_definition
from pytest_freezecheck.formats.kinds import Format, Way
from pytest_freezecheck.formats.matching import Shape, known
from pytest_freezecheck.formats.onnx.contents import refuse_onnx
from pytest_freezecheck.formats.refusal.converted_chance import drawn_in_onnx, refuse_drawn

if TYPE_CHECKING:
    from pytest_freezecheck.computation.builder import Builder
    from pytest_freezecheck.computation.node import Node
    from pytest_freezecheck.models.live import LiveModel

#: What tf2onnx 1.16 and later write, and onnxruntime reads since 1.12.
_OPSET = 17
_TYPES = {
    "float": "float32",
    "double": "float64",
    "float16": "float16",
    "bool": "bool",
    **{name: name for name in ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32")},
    "uint64": "uint64",
    "string": "object",
}


class OnnxModel(NamedModel):
    """An ONNX file in an onnxruntime session of its own, on the CPU.

    Raises:
        ArtifactError: it names weights or operations that it does not hold, or onnxruntime does
            not take the file.
    """

    format = "onnx"
    executor = "onnxruntime"

    def __init__(self, path: Path, way: str | None = None) -> None:
        super().__init__(path, way)
        refuse_onnx(path, self.allowed)
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3  # errors: the rest goes past pytest's capture
        try:
            # By its path, not by its bytes: weights may lie in a file beside it.
            self._session: Any = onnxruntime.InferenceSession(
                str(path), options, providers=["CPUExecutionProvider"]
            )
            # Read once, and here: a name that was damaged is no text.
            inputs = self._session.get_inputs()
            self._types: dict[str, str] = {i.name: i.type for i in inputs}
            self._shapes = {i.name: known(i.shape) for i in inputs}
            self._outputs = [output.name for output in self._session.get_outputs()]
        except Exception as error:
            raise loading_failed(path, self.executor, error) from error

    @property
    def input_types(self) -> Mapping[str, Any]:
        """{input name: NumPy dtype}."""
        import numpy as np

        kinds = {n: kind.removeprefix("tensor(").rstrip(")") for n, kind in self._types.items()}
        return {name: np.dtype(_TYPES.get(kind, "object")) for name, kind in kinds.items()}

    @property
    def output_names(self) -> list[str]:
        """Names of the graph's outputs."""
        return self._outputs

    @property
    def input_shapes(self) -> Mapping[str, Shape | None]:
        """{input name: shape}; onnxruntime tells no rank from a scalar's."""
        return self._shapes

    def run(self, feeds: Mapping[str, Any], outputs: Sequence[str]) -> list[Any]:
        """Return the outputs for one batch."""
        return list(self._session.run(list(outputs), dict(feeds)))

    def refuse_chance(self, inputs: Sequence[str], outputs: Sequence[str]) -> None:
        """Look for what draws on the way to any output."""
        del inputs, outputs
        refuse_drawn(drawn_in_onnx(self.path), self.path, self.allowed)

    def reduced(self) -> Mapping[str, int]:
        """Count the initializers of float16, bfloat16 and int8, if onnx is installed."""
        if importlib.util.find_spec("onnx") is None:
            return {}
        import onnx

        weights = onnx.load(str(self.path), load_external_data=False).graph.initializer
        kinds = [onnx.TensorProto.DataType.Name(weight.data_type).lower() for weight in weights]
        return counted_kinds(kinds, ("float16", "bfloat16", "int8", "uint8"))

    def expressions(
        self, builder: Builder, leaves: Mapping[str, Node], outputs: Mapping[str, str]
    ) -> dict[str, Node]:
        """Return what the file computes, if onnx is installed."""
        if importlib.util.find_spec("onnx") is None:
            raise ArtifactError(f"{self.path}: without onnx, what it computes cannot be read")
        from pytest_freezecheck.formats.onnx.reader import read_onnx

        return read_onnx(builder, self.path, leaves, outputs)

    def close(self) -> None:
        """Let go of the session."""
        self._session = None


class OnnxReference(OnnxModel):
    """The same file, evaluated by onnx's reference implementation, operator by operator in NumPy.

    It shares no code with onnxruntime: where the two disagree, the executor is at fault.
    """

    executor = "onnx.reference"

    def __init__(self, path: Path, way: str | None = None) -> None:
        super().__init__(path, way)
        from onnx.reference import ReferenceEvaluator

        try:
            self._evaluator: Any = ReferenceEvaluator(str(path))
        except Exception as error:
            raise loading_failed(path, self.executor, error) from error

    def run(self, feeds: Mapping[str, Any], outputs: Sequence[str]) -> list[Any]:
        """Return the outputs for one batch."""
        return list(self._evaluator.run(list(outputs), dict(feeds)))


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep tracebacks of tf2onnx out of the log, which it writes of what it cannot convert.

    It goes on, and what it writes then does not load, which is told in one line.
    """
    logger = logging.getLogger("tf2onnx")
    before = logger.propagate
    handler = logging.NullHandler()
    logger.addHandler(handler)
    logger.propagate = False
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.propagate = before


def _converter(name: str) -> Any:
    def convert(live: LiveModel, directory: Path) -> Path:
        """Convert a frozen GraphDef with tf2onnx."""
        import tf2onnx

        path = directory / f"{name}.onnx"
        with _quiet():
            tf2onnx.convert.from_graph_def(
                constant_definition(live),
                input_names=[tensor.name for tensor in live.inputs.values()],
                output_names=[tensor.name for tensor in live.outputs.values()],
                opset=_OPSET,
                output_path=str(path),
            )
        return path

    return convert


def _recognises(path: Path) -> bool:
    """Return whether a file begins as an ONNX model does, or is called one.

    A ModelProto begins with its version (field 1, a number) and its producer (field 2, a string).
    """
    if not path.is_file():
        return False
    with path.open("rb") as file:
        start = file.read(3)
    return path.suffix == ".onnx" or (len(start) == 3 and start[0] == 8 and start[2] == 18)


FORMAT = Format(
    name="onnx",
    recognises=_recognises,
    load=OnnxModel,
    ways=(
        Way(
            "onnx",
            _converter("onnx"),
            OnnxModel,
            "`tf2onnx.convert.from_graph_def`, run by onnxruntime",
            "needs much memory for large networks: a VGG of 553 MB did not finish within 16 GB",
            extra=ONNX,
            bit_exact=False,
        ),
        Way(
            "onnx_reference",
            _converter("onnx_reference"),
            OnnxReference,
            "the same file, evaluated by onnx's reference implementation: a second opinion",
            "slow: for small networks",
            extra=ONNX,
            bit_exact=False,
        ),
    ),
    extra=ONNXRUNTIME,
    companions=(".onnx.data",),
)
