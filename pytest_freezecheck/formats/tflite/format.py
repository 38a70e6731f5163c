"""TFLite (`.tflite`): run by LiteRT's interpreter where it is installed, else by `tf.lite`."""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_freezecheck.errors import ArtifactError
from pytest_freezecheck.formats.executor import NamedModel, counted_kinds, loading_failed
from pytest_freezecheck.formats.kinds import Format, Way
from pytest_freezecheck.formats.matching import Shape, known
from pytest_freezecheck.formats.refusal.converted_chance import drawn_in_tflite, refuse_drawn
from pytest_freezecheck.formats.refusal.operations import refuse_types
from pytest_freezecheck.formats.saved_model.signatures import choose_key
from pytest_freezecheck.formats.tflite import convert as ways
from pytest_freezecheck.formats.tflite import flex
from pytest_freezecheck.formats.tflite.indices import lacking
from pytest_freezecheck.formats.tflite.schema import read_through, schema_of
from pytest_freezecheck.messages.wording import listed, reason

if TYPE_CHECKING:
    from pytest_freezecheck.computation.builder import Builder
    from pytest_freezecheck.computation.node import Node
    from pytest_freezecheck.models.answer import Answer

#: What an interpreter says that has no Flex delegate (tensorflow/lite/core/subgraph.cc).
_NO_FLEX = "Select TensorFlow op"


class TfliteModel(NamedModel):
    """A TFLite file in an interpreter of its own.

    Raises:
        ArtifactError: the interpreter does not take the file, or it is not clear which of several
            signatures to serve.
    """

    format = "tflite"

    def __init__(self, path: Path, way: str | None = None, signature: str | None = None) -> None:
        super().__init__(path, way)
        self.signature = signature
        self._kind, self.executor = _interpreter()
        try:
            content = path.read_bytes()
            model = read_through(content, self.executor)
            custom = flex.custom(model)
            refuse_types(custom, path, self.allowed, flex.nodes(model, content))
            if (lack := lacking(model)) is not None:
                raise ValueError(f"{lack}: it is damaged")
            self._drawn = list(drawn_in_tflite(model, content))
            del content
            tensors = [tensor for graph in model.subgraphs or () for tensor in graph.tensors]
            self._of_tensorflow = sorted({name for name in custom if name.startswith(flex.FLEX)})
            self._keeps_state = any(tensor.isVariable for tensor in tensors)
            self._key: str | None = None
            self._open()
        except ArtifactError:
            raise
        except Exception as error:
            raise loading_failed(path, self.executor, error) from error
        self._shapes: dict[str, tuple[int, ...]] = {}

    def _open(self) -> None:
        with warnings.catch_warnings():
            # tf.lite.Interpreter says at each use that LiteRT will replace it.
            warnings.filterwarnings("ignore", r"(?s).*LiteRT", UserWarning)
            self._interpreter = self._kind(model_path=str(self.path))
        signatures = self._interpreter.get_signature_list()
        self._runner = None
        if signatures or self.signature is not None:
            chosen = choose_key(self.path, list(signatures), self.signature)
            self._key = chosen
            self._runner = self._interpreter.get_signature_runner(chosen)
            self._inputs = dict(self._runner.get_input_details())
            self._outputs = dict(self._runner.get_output_details())
        else:
            self._inputs = {d["name"]: d for d in self._interpreter.get_input_details()}
            self._outputs = {d["name"]: d for d in self._interpreter.get_output_details()}

    @property
    def input_types(self) -> Mapping[str, Any]:
        """{key of the signature, or tensor name where there is none: NumPy dtype}."""
        import numpy as np

        return {name: np.dtype(detail["dtype"]) for name, detail in self._inputs.items()}

    @property
    def output_names(self) -> list[str]:
        """Keys of the signature, or tensor names where there is none."""
        return list(self._outputs)

    @property
    def input_shapes(self) -> Mapping[str, Shape | None]:
        """{input name: shape}: that of the signature, or else the one that it was converted for."""
        shapes = {}
        for name, detail in self._inputs.items():
            shape = detail.get("shape_signature", ())
            shape = shape if len(shape) else detail["shape"]
            shapes[name] = known(map(int, shape))
        return shapes

    def refuse_chance(self, inputs: Sequence[str], outputs: Sequence[str]) -> None:
        """Look for what draws on the way to any output."""
        del inputs, outputs
        refuse_drawn(self._drawn, self.path, self.allowed)

    def run(self, feeds: Mapping[str, Any], outputs: Sequence[str]) -> list[Any]:
        """Return the outputs for one batch, from the state in which the file begins."""
        import numpy as np

        shapes = {name: np.shape(value) for name, value in feeds.items()}
        resized = shapes != self._shapes
        if resized and self._shapes and self.executor == "tf.lite":
            # From TensorFlow 2.17 to 2.19, one that is resized after it ran ends the process where
            # weights are int8 and activations are not.
            self._open()
        elif self._keeps_state and not resized:
            self._interpreter.reset_all_variables()
        if self._runner is not None:
            answer = self._runner(**feeds)
            self._shapes = shapes
            return [answer[name] for name in outputs]
        if resized:
            for name, shape in shapes.items():
                self._interpreter.resize_tensor_input(self._inputs[name]["index"], shape)
            self._interpreter.allocate_tensors()
            self._shapes = shapes
        for name, value in feeds.items():
            self._interpreter.set_tensor(self._inputs[name]["index"], value)
        self._interpreter.invoke()
        return [self._interpreter.get_tensor(self._outputs[name]["index"]) for name in outputs]

    def answer(self, feeds: Mapping[str, Any], outputs: Sequence[str]) -> Answer:
        """Return the outputs for one batch; see `ExecutedModel.answer`."""
        try:
            return super().answer(feeds, outputs)
        except ArtifactError as error:
            if not self._of_tensorflow or _NO_FLEX not in str(error):
                raise
            raise ArtifactError(
                f"{self.path}: {self.executor} has none of TensorFlow's operations here, and the "
                f"file needs {listed(self._of_tensorflow)}\n"
                "convert it without tf.lite.OpsSet.SELECT_TF_OPS, or check it where the "
                "interpreter has the Flex delegate"
            ) from error

    def cautions(self, feeds: Mapping[str, Any], outputs: Sequence[str]) -> list[str]:
        """Say that a caller has to reset it between two questions, as this does."""
        del feeds, outputs
        if not self._keeps_state:
            return []
        return [
            "it keeps state from one call to the next (variable tensors, as of a fused LSTM); it "
            "was asked as it begins, which a caller has after reset_all_variables() alone"
        ]

    def reduced(self) -> Mapping[str, int]:
        """Count the tensors of float16 and of small integers, apart from inputs and outputs."""
        import numpy as np

        ends = {d["index"] for d in (*self._inputs.values(), *self._outputs.values())}
        details = [d for d in self._interpreter.get_tensor_details() if d["index"] not in ends]
        kinds = [np.dtype(detail["dtype"]).name for detail in details]
        return counted_kinds(kinds, ("float16", "int8", "uint8", "int16"))

    def expressions(
        self, builder: Builder, leaves: Mapping[str, Node], outputs: Mapping[str, str]
    ) -> dict[str, Node]:
        """Return what the file computes, in normal form; see `FrozenModel.expressions`."""
        from pytest_freezecheck.computation.pages import mapped
        from pytest_freezecheck.formats.tflite.reader import read_expressions

        schema = schema_of(self.executor)
        model = read_through(mapped(self.path), self.executor)
        try:
            ends = self._ends(model)
            return read_expressions(model, schema, builder, ends, leaves, outputs)
        except ArtifactError as error:
            raise ArtifactError(f"{self.path}: {error}") from None
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            raise ArtifactError(f"{self.path}: cannot be read: {reason(error)}") from error

    def _ends(self, model: Any) -> tuple[int, dict[str, int], dict[str, int]]:
        """Return which graph is served, {input: its tensor} and {output: its tensor}."""
        if self._key is None:
            inputs, outputs = (
                {name: int(detail["index"]) for name, detail in details.items()}
                for details in (self._inputs, self._outputs)
            )
            return 0, inputs, outputs
        for given in model.signatureDefs or ():
            if _text(given.signatureKey) == self._key:
                inputs, outputs = (
                    {_text(part.name): int(part.tensorIndex) for part in parts or ()}
                    for parts in (given.inputs, given.outputs)
                )
                return int(given.subgraphIndex), inputs, outputs
        raise ArtifactError(f"the signature {self._key} is not in the file")

    def close(self) -> None:
        """Let go of the interpreter."""
        self._interpreter = self._runner = None


def _interpreter() -> tuple[Any, str]:
    """Return the class of the interpreter, and its name for messages.

    Raises:
        ArtifactError: there is none.
    """
    if importlib.util.find_spec("ai_edge_litert") is not None:
        from ai_edge_litert.interpreter import Interpreter

        return Interpreter, "LiteRT"
    import tensorflow as tf

    if not hasattr(tf, "lite"):
        raise ArtifactError(
            f"this TensorFlow ({tf.__version__}) has no tf.lite: "
            'pip install "pytest-freezecheck[tflite]"'
        )
    return tf.lite.Interpreter, "tf.lite"


def _text(name: Any) -> str:
    return name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name)


def _recognises(path: Path) -> bool:
    """Return whether a file bears the identifier of the format, at its fifth byte."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        start = file.read(8)
    return start[4:] == b"TFL3" or path.suffix == ".tflite"


_FROM_A_PB = "raw weights in the .pb are raw weights in the .tflite: check the file that ships"

FORMAT = Format(
    name="tflite",
    recognises=_recognises,
    load=TfliteModel,
    serve=lambda path, signature: TfliteModel(path, None, signature),
    ways=(
        Way(
            "tflite",
            ways.from_graph_def,
            TfliteModel,
            "`tf.compat.v1.lite.TFLiteConverter.from_frozen_graph`",
            _FROM_A_PB,
            bit_exact=False,
        ),
        Way(
            "tflite_session",
            ways.from_session,
            TfliteModel,
            "`tf.compat.v1.lite.TFLiteConverter.from_session`",
            "takes what the session holds: restore the shadows first",
            bit_exact=False,
        ),
        Way(
            "tflite_saved_model",
            ways.from_saved_model,
            TfliteModel,
            "`tf.lite.TFLiteConverter.from_saved_model`",
            "its inputs and outputs are named by the keys of the signature",
            bit_exact=False,
        ),
        Way(
            "tflite_concrete",
            ways.from_concrete_function,
            TfliteModel,
            "`tf.lite.TFLiteConverter.from_concrete_functions` of a pruned wrapped function",
            "needs eager execution",
            bit_exact=False,
        ),
        Way(
            "tflite_float16",
            ways.half,
            TfliteModel,
            "weights as float16",
            "a network with BatchNorm multiplies what rounding does: 2e-2 was seen on Inception v3",
            bit_exact=False,
            tolerances={"atol": 1e-2, "logit_rtol": 1e-2},
        ),
        Way(
            "tflite_dynamic_int8",
            ways.dynamic_int8,
            TfliteModel,
            "weights as int8, activations rounded while it runs",
            "answers depend on the range of each batch; accuracy has to be measured as well",
            bit_exact=False,
            tolerances={"atol": 1e-1, "logit_rtol": 1e-1},
        ),
    ),
)
