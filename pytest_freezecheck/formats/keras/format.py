"""Keras 3: `.keras` archives, loaded in safe mode, and what `model.export` writes."""

from __future__ import annotations

import contextlib
import dataclasses
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_freezecheck.errors import ArtifactError, InapplicableError, ModelError
from pytest_freezecheck.formats.executor import NamedModel, counted_kinds, loading_failed
from pytest_freezecheck.formats.extras import KERAS
from pytest_freezecheck.formats.keras.contents import (
    MEMBERS,
    compiled_with_code,
    members,
    refuse_borrowed,
    refuse_code,
    refuse_large,
)
from pytest_freezecheck.formats.kinds import Format, Way
from pytest_freezecheck.formats.matching import Shape
from pytest_freezecheck.formats.saved_model.eager import EagerSavedModel
from pytest_freezecheck.spec.inputs import Constant, InputSpec

if TYPE_CHECKING:
    from pytest_freezecheck.models.answer import Arrays
    from pytest_freezecheck.models.constant_graph import ConstantGraph
    from pytest_freezecheck.models.live import LiveModel


class KerasArchive(NamedModel):
    """A `.keras` archive, loaded in safe mode and run by TensorFlow without graph optimisation.

    What asks for code that is not Keras' own is refused before, by name, and what would unpack to
    many times its size.

    Raises:
        ArtifactError: it is refused, Keras does not take it, or does not run on TensorFlow here.
    """

    format = "keras"
    executor = "Keras"
    bit_exact = True

    def __init__(self, path: Path, way: str | None = None) -> None:
        super().__init__(path, way)
        if not members(path):
            raise ArtifactError(
                f"{path}: Keras cannot load it: no zip archive, or one that is truncated or "
                "damaged; save it again, or copy it again"
            )
        refuse_large(path)
        refuse_borrowed(path)
        if way is None:  # what we saved asks for the live model's own code, which is here
            refuse_code(path, self.allowed)
        import keras

        from pytest_freezecheck.models.keras import names_of, traced
        from pytest_freezecheck.models.session import plain_eager

        if keras.backend.backend() != "tensorflow":
            raise ArtifactError(
                f"{path}: Keras runs on {keras.backend.backend()} here; the check needs it to run "
                "on TensorFlow (KERAS_BACKEND=tensorflow)"
            )
        try:
            with plain_eager():
                self._model: Any = keras.saving.load_model(path, compile=False, safe_mode=True)
        except Exception as error:
            raise loading_failed(path, self.executor, error) from error
        self._inputs, self._outputs = names_of(self._model)
        self._function: Any = traced(self._model)
        self._declared: Mapping[str, InputSpec] = {}

    @property
    def model(self) -> Any:
        """The `keras.Model`."""
        return self._model

    def meet(self, live: LiveModel) -> None:
        """Take over what is always fed; outputs have the names of layers on both sides."""
        super().meet(live)
        self.aliases = {}
        self._declared = live.specs

    @property
    def input_types(self) -> Mapping[str, Any]:
        """{input name: NumPy dtype}."""
        import numpy as np

        kinds = {n: "O" if t.dtype == "string" else t.dtype for n, t in self._inputs.items()}
        return {name: np.dtype(kind) for name, kind in kinds.items()}

    @property
    def input_shapes(self) -> Mapping[str, Shape | None]:
        """{input name: shape}."""
        return {name: tuple(tensor.shape) for name, tensor in self._inputs.items()}

    @property
    def output_names(self) -> list[str]:
        """Names of the outputs."""
        return list(self._outputs)

    def run(self, feeds: Mapping[str, Any], outputs: Sequence[str]) -> list[Any]:
        """Return the outputs for one batch."""
        import tensorflow as tf

        from pytest_freezecheck.models.session import plain_eager

        with tf.init_scope(), plain_eager():
            answer = self._function({name: tf.constant(value) for name, value in feeds.items()})
            return [answer[name].numpy() for name in outputs]

    def weights(self) -> Arrays:
        """Return {path of a variable: value}."""
        from pytest_freezecheck.models.session import plain_eager

        with plain_eager():
            return {variable.path: variable.numpy() for variable in self._model.variables}

    def reduced(self) -> Mapping[str, int]:
        """Count the variables of float16, bfloat16 and int8, as `model.quantize` makes them."""
        kinds = [str(variable.dtype) for variable in self._model.variables]
        return counted_kinds(kinds, ("float16", "bfloat16", "int8"))

    def averages(self) -> Arrays:
        """Return {path of a variable: average} that the optimizer in the archive keeps."""
        import keras

        from pytest_freezecheck.models.session import plain_eager

        if compiled_with_code(self.path):
            return {}
        try:
            with plain_eager():
                whole = keras.saving.load_model(self.path, compile=True, safe_mode=True)
        except (ValueError, TypeError):  # a loss or metric of the team's own
            return {}
        optimizer = getattr(whole, "optimizer", None)  # of a model that was never compiled: none
        kept = getattr(optimizer, "_model_variables_moving_average", None) or []
        with plain_eager():
            pairs = zip(whole.trainable_variables, kept, strict=False)
            return {variable.path: average.numpy() for variable, average in pairs}

    def constant_graph(
        self, inputs: Mapping[str, str], outputs: Mapping[str, str]
    ) -> ConstantGraph:
        """Return the inference graph, taken over as the live model's was.

        Raises:
            ArtifactError: its graph cannot be taken over.
        """
        from pytest_freezecheck.models.live import LiveModel

        specs: dict[str, InputSpec | Constant] = {
            there: self._declared[name] for name, there in inputs.items()
        }
        specs |= {name: Constant(value) for name, value in self.constants.items()}
        try:
            model = LiveModel.from_keras(self._model, specs, name=str(self.path))
        except ModelError as error:
            raise ArtifactError(str(error)) from None
        with contextlib.closing(model):
            graph = model.constant_graph()
        return dataclasses.replace(
            graph,
            inputs={name: graph.inputs[there] for name, there in inputs.items()},
            outputs={name: graph.outputs[there] for name, there in outputs.items()},
        )

    def close(self) -> None:
        """Let go of the model."""
        self._model = self._function = None


class ExportedModel(EagerSavedModel):
    """What `model.export` writes, whose outputs have numbers for names, in the model's order."""

    def match_outputs(self, outputs: Mapping[str, Any]) -> dict[str, str]:
        """Match by the numbers that the export gave them, where nothing else was said."""
        numbered = {name: f"output_{number}" for number, name in enumerate(outputs)}
        if self.outputs or not set(numbered.values()) <= set(self.output_names):
            return super().match_outputs(outputs)
        return numbered


def _source(live: LiveModel, way: str) -> Any:
    if live.keras is None:
        raise InapplicableError(f"{way} saves a Keras model, and {live.name} is none")
    return live.keras


def _archive(live: LiveModel, directory: Path) -> Path:
    """Save the archive."""
    path = directory / "keras.keras"
    _source(live, "keras").save(path)
    return path


def _export(live: LiveModel, directory: Path) -> Path:
    """Export a SavedModel."""
    from pytest_freezecheck.models.session import plain_eager

    path = directory / "keras_export"
    model = _source(live, "keras_export")
    with plain_eager(), contextlib.redirect_stdout(io.StringIO()):  # it prints what it exports
        model.export(str(path))
    return path


def _recognises(path: Path) -> bool:
    return path.is_file() and (path.suffix == ".keras" or members(path) >= MEMBERS)


def _ours(path: Path) -> KerasArchive:
    """Load what we saved: it may need the live model's own classes."""
    return KerasArchive(path, "keras")


_FINALIZED = (
    "with `use_ema`, the model holds raw weights until the optimizer finalises them: after `fit`, "
    "not in a callback and not after `train_on_batch`"
)

FORMAT = Format(
    name="keras",
    recognises=_recognises,
    load=KerasArchive,
    ways=(
        Way("keras", _archive, _ours, "`model.save` of a `.keras` archive", _FINALIZED),
        Way(
            "keras_export",
            _export,
            ExportedModel,
            "`model.export` of a SavedModel",
            _FINALIZED,
        ),
    ),
    extra=KERAS,
)
