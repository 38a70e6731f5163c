"""SavedModel: two ways to write one from a session, and the loader into a TF1 session."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_freezecheck.errors import FreezeError
from pytest_freezecheck.formats.base import Change, Format, Way
from pytest_freezecheck.formats.saved_model_eager import EagerSavedModel
from pytest_freezecheck.formats.signatures import (
    SIGNATURE,
    SignedModel,
    has_reference_variables,
    load_errors,
)

if TYPE_CHECKING:
    from pytest_freezecheck.models.live import LiveModel
    from pytest_freezecheck.models.session import Answer, Arrays
    from pytest_freezecheck.models.workbench import ConstantGraph


class SessionSavedModel(SignedModel):
    """A SavedModel loaded by `tf.compat.v1.saved_model.load` into a graph and session of its own.

    Raises:
        ArtifactError: the folder is no SavedModel, or has no signature to serve.
    """

    def __init__(self, path: Path, way: str | None = None) -> None:
        import tensorflow as tf

        from pytest_freezecheck.models.session import Runner, plain_config

        super().__init__(path, way)
        v1 = tf.compat.v1
        graph = tf.Graph()
        self._session = v1.Session(graph=graph, config=plain_config())
        with graph.as_default(), load_errors(path):
            v1.saved_model.load(self._session, self._tags, str(path))
        self._runner = Runner(
            self._session,
            {k: graph.get_tensor_by_name(info.name) for k, info in self._signature.inputs.items()},
            {k: graph.get_tensor_by_name(info.name) for k, info in self._signature.outputs.items()},
        )

    @property
    def session(self) -> Any:
        """The session it runs in."""
        return self._session

    def answer(self, feeds: Mapping[str, Any], outputs: Sequence[str]) -> Answer:
        """Return outputs and logits for one batch."""
        from pytest_freezecheck.models.session import Answer

        answer = self._runner.run(feeds)
        return Answer(
            outputs={name: answer.outputs[name] for name in outputs},
            logits={k: v for k, v in answer.logits.items() if k in outputs},
        )

    def answer_disturbed(
        self, feeds: Mapping[str, Any], outputs: Sequence[str], change: Change
    ) -> Answer | None:
        """Answer with every floating-point variable changed, then put them back."""
        values = [(v, value) for v, value in self._values() if v.dtype.base_dtype.is_floating]
        try:
            self._assign([(v, change(value)) for v, value in values])
            return self.answer(feeds, outputs) if values else None
        finally:
            self._assign(values)

    def constant_graph(
        self, inputs: Mapping[str, str], outputs: Mapping[str, str]
    ) -> ConstantGraph:
        """Return the signature's graph, its variables as constants.

        Raises:
            ModelError: TensorFlow cannot convert it.
        """
        from pytest_freezecheck.models.workbench import constant_graph

        fed, asked = self._signature.inputs, self._signature.outputs
        graph = constant_graph(
            self._session,
            {name: fed[there].name for name, there in inputs.items()},
            {name: asked[there].name for name, there in outputs.items()},
        )
        constants = {fed[name].name: value for name, value in self.constants.items()}
        return dataclasses.replace(graph, constants=constants)

    def weights(self) -> Arrays:
        """Return {name: value} of the variables."""
        return {v.op.name: value for v, value in self._values()}

    def _values(self) -> list[tuple[Any, Any]]:
        import tensorflow as tf

        with self._session.graph.as_default():
            variables = tf.compat.v1.global_variables()
        return list(zip(variables, self._session.run(variables), strict=True))

    def _assign(self, values: Sequence[tuple[Any, Any]]) -> None:
        initializers = [variable.initializer for variable, _ in values]
        self._session.run(initializers, {v.initializer.inputs[1]: value for v, value in values})

    def close(self) -> None:
        """Free the session."""
        self._session.close()


def _load(path: Path, way: str | None = None) -> SignedModel:
    """Load eagerly, or into a session where the model has variables of TensorFlow 1's kind.

    Loaded eagerly, those live in the process under their names alone: loading a second model with
    the same names would give the first one its values.
    """
    if has_reference_variables(path):
        return SessionSavedModel(path, way)
    return EagerSavedModel(path, way)


def _recognises(path: Path) -> bool:
    return (path / "saved_model.pb").is_file() or (path / "saved_model.pbtxt").is_file()


def _empty(directory: Path, name: str) -> str:
    target = directory / name
    if target.exists():
        raise FreezeError(f"{target} exists already, and TensorFlow adds to no SavedModel")
    return str(target)


def _builder(live: LiveModel, directory: Path) -> Path:
    """Save with the TF1 Builder and a serving signature."""
    import tensorflow as tf

    saved_model = tf.compat.v1.saved_model
    target = _empty(directory, "saved_model")
    with live.graph.as_default():
        signature = saved_model.predict_signature_def(live.inputs, live.outputs)
        builder = saved_model.Builder(target)
        builder.add_meta_graph_and_variables(live.session, ["serve"], {SIGNATURE: signature})
        builder.save()
    return Path(target)


def _simple_save(live: LiveModel, directory: Path) -> Path:
    """Save with `tf.compat.v1.saved_model.simple_save`."""
    import tensorflow as tf

    target = _empty(directory, "saved_model_session")
    with live.graph.as_default():
        tf.compat.v1.saved_model.simple_save(live.session, target, live.inputs, live.outputs)
    return Path(target)


FORMAT = Format(
    name="saved_model",
    recognises=_recognises,
    load=_load,
    ways=(
        Way("saved_model", _builder, _load),
        Way("saved_model_session", _simple_save, SessionSavedModel),
    ),
)
