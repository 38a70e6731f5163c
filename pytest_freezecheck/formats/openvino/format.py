"""OpenVINO's IR (`.xml` with a `.bin` beside it), run on the CPU in float32."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_freezecheck.errors import ArtifactError
from pytest_freezecheck.formats.executor import NamedModel, counted_kinds, loading_failed
from pytest_freezecheck.formats.extras import OPENVINO
from pytest_freezecheck.formats.graph_def.convert import constant_definition
from pytest_freezecheck.formats.kinds import Format, Way
from pytest_freezecheck.formats.matching import Shape
from pytest_freezecheck.formats.openvino.importing import import_openvino
from pytest_freezecheck.formats.refusal.converted_chance import drawn_in_openvino, refuse_drawn

if TYPE_CHECKING:
    from pytest_freezecheck.computation.builder import Builder
    from pytest_freezecheck.computation.node import Node
    from pytest_freezecheck.models.live import LiveModel

_HINT = "INFERENCE_PRECISION_HINT"
#: {OpenVINO's name: NumPy's}
_REDUCED = {"f16": "float16", "bf16": "bfloat16", "i8": "int8", "u8": "uint8"}


class OpenvinoModel(NamedModel):
    """A model compiled for the CPU, with the precision hint float32.

    Without the hint OpenVINO computes in bfloat16 on CPUs that have it, which moves probabilities
    by 5e-3 and more.

    Raises:
        ArtifactError: OpenVINO does not take the file.
    """

    format = "openvino"
    executor = "OpenVINO"

    def __init__(self, path: Path, way: str | None = None) -> None:
        super().__init__(path, way)
        self._core = import_openvino().Core()
        try:
            self._compiled: Any = self._core.compile_model(str(path), "CPU", {_HINT: "f32"})
        except Exception as error:
            weights = path.with_suffix(".bin")
            if path.suffix == ".xml" and not weights.exists():
                raise ArtifactError(
                    f"{path}: OpenVINO cannot load it: {weights.name}, which holds the weights, "
                    "does not lie beside it"
                ) from error
            raise loading_failed(path, self.executor, error) from error
        self._inputs = {_name(port): port for port in self._compiled.inputs}
        self._outputs = {_name(port): port for port in self._compiled.outputs}

    @property
    def input_types(self) -> Mapping[str, Any]:
        """{tensor name: NumPy dtype}."""
        import numpy as np

        return {n: np.dtype(port.get_element_type().to_dtype()) for n, port in self._inputs.items()}

    @property
    def output_names(self) -> list[str]:
        """Tensor names of the outputs."""
        return list(self._outputs)

    @property
    def input_shapes(self) -> Mapping[str, Shape | None]:
        """{tensor name: shape}; a dimension within bounds counts as one of any length."""
        shapes = {name: port.get_partial_shape() for name, port in self._inputs.items()}
        return {
            name: tuple(size.get_length() if size.is_static else None for size in shape)
            if shape.rank.is_static
            else None
            for name, shape in shapes.items()
        }

    def run(self, feeds: Mapping[str, Any], outputs: Sequence[str]) -> list[Any]:
        """Return the outputs for one batch."""
        return self._run(self._compiled, feeds, outputs)

    def _run(self, compiled: Any, feeds: Mapping[str, Any], outputs: Sequence[str]) -> list[Any]:
        import numpy as np

        places = {name: number for number, name in enumerate(self._inputs)}
        # Into memory of OpenVINO's own: an array that is not aligned is not always taken as it is.
        answer = compiled({places[name]: value for name, value in feeds.items()})
        numbers = {name: number for number, name in enumerate(self._outputs)}
        return [_typed(np.array(answer[numbers[n]]), self._outputs[n]) for n in outputs]

    def refuse_chance(self, inputs: Sequence[str], outputs: Sequence[str]) -> None:
        """Look for what draws on the way to any output."""
        del inputs, outputs
        model = self._core.read_model(str(self.path))
        refuse_drawn(drawn_in_openvino(model), self.path, self.allowed)

    def reduced(self) -> Mapping[str, int]:
        """Count the constants of float16, bfloat16 and int8."""
        operations = self._core.read_model(str(self.path)).get_ops()
        constants = [o for o in operations if o.get_type_name() == "Constant"]
        kinds = [_REDUCED.get(o.get_output_element_type(0).to_string(), "") for o in constants]
        return counted_kinds(kinds, tuple(_REDUCED.values()))

    def expressions(
        self, builder: Builder, leaves: Mapping[str, Node], outputs: Mapping[str, str]
    ) -> dict[str, Node]:
        """Return what the file computes."""
        from pytest_freezecheck.formats.openvino.reader import read_openvino

        return read_openvino(builder, self.path, leaves, outputs, _name)

    def cautions(self, feeds: Mapping[str, Any], outputs: Sequence[str]) -> list[str]:
        """Say how far the answers of the default precision of this CPU are from those checked."""
        import numpy as np

        precision = self._core.get_property("CPU", _HINT).to_string()
        if precision in ("f32", "dynamic", "undefined"):
            return []
        default = self._core.compile_model(str(self.path), "CPU")
        pairs = zip(self.run(feeds, outputs), self._run(default, feeds, outputs), strict=True)
        floats = [float(np.abs(a - b).max()) for a, b in pairs if a.dtype.kind == "f"]
        if not floats:
            return []
        apart = max(floats)
        return [
            f"checked with {_HINT} = f32; served without that setting, OpenVINO computes in "
            f"{precision} on this CPU, and the answers move by {apart:.1e}"
        ]

    def close(self) -> None:
        """Let go of the compiled model."""
        self._compiled = None


def _typed(array: Any, port: Any) -> Any:
    """Return an answer in its own type: OpenVINO hands out the bytes of bfloat16 as float16."""
    if port.get_element_type().to_string() != "bf16":
        return array
    import tensorflow as tf

    return array.view(tf.bfloat16.as_numpy_dtype)


def _name(port: Any) -> str:
    """Return one of a port's names: the one without the number of the output, if there is one."""
    names = sorted(port.get_names(), key=lambda name: (":" in name, len(name), name))
    return str(names[0]) if names else str(port.get_node().get_friendly_name())


def _from_graph_def(live: LiveModel, directory: Path) -> Path:
    """Convert a frozen GraphDef.

    Only what nothing reads becomes an output, so each output gets an identity behind it; and each
    is named as the live model names it.
    """
    definition = constant_definition(live)
    for number, tensor in enumerate(live.outputs.values()):
        leaf = definition.node.add(name=f"freezecheck_output_{number}", op="Identity")
        leaf.input.append(tensor.name)
        leaf.attr["T"].type = tensor.dtype.as_datatype_enum
    with tempfile.TemporaryDirectory() as folder:
        frozen = Path(folder) / "graph_def.pb"
        frozen.write_bytes(definition.SerializeToString())
        model = import_openvino().convert_model(str(frozen))
        found = {name: port for port in model.outputs for name in port.get_names()}
        for number, name in enumerate(live.outputs):
            found[f"freezecheck_output_{number}:0"].get_tensor().set_names({name})
        return _save(model, directory / "openvino.xml")


def _from_saved_model(live: LiveModel, directory: Path) -> Path:
    """Convert a SavedModel, whose signature names inputs and outputs."""
    from pytest_freezecheck.formats.saved_model.save import builder

    with tempfile.TemporaryDirectory() as folder:
        model = import_openvino().convert_model(str(builder(live, Path(folder))))
        return _save(model, directory / "openvino_saved_model.xml")


def _save(model: Any, path: Path) -> Path:
    import_openvino().save_model(model, str(path), compress_to_fp16=False)  # its default is True
    return path


def _recognises(path: Path) -> bool:
    if not path.is_file() or path.suffix != ".xml":
        return False
    with path.open("rb") as file:
        return b"<net " in file.read(512)


_HALF = "save_model compresses weights to float16 unless told not to"

FORMAT = Format(
    name="openvino",
    recognises=_recognises,
    load=OpenvinoModel,
    ways=(
        Way(
            "openvino",
            _from_graph_def,
            OpenvinoModel,
            "`openvino.convert_model` of a frozen GraphDef",
            f"only what nothing reads becomes an output: one inside needs an identity; {_HALF}",
            bit_exact=False,
        ),
        Way(
            "openvino_saved_model",
            _from_saved_model,
            OpenvinoModel,
            "`openvino.convert_model` of a SavedModel",
            f"computes in bfloat16 on some CPUs unless {_HINT} is f32; an output that belongs to "
            f"no input is left out; {_HALF}",
            bit_exact=False,
        ),
    ),
    extra=OPENVINO,
    companions=(".bin",),
)
