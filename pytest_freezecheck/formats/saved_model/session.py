"""SavedModel in a session of TensorFlow 1: `tf.compat.v1.saved_model.load`."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_freezecheck.formats.base import PATIENCE, Change
from pytest_freezecheck.formats.saved_model.signatures import SignedModel, load_errors

if TYPE_CHECKING:
    from pytest_freezecheck.models.answer import Answer, Arrays
    from pytest_freezecheck.models.constant_graph import ConstantGraph


class SessionSavedModel(SignedModel):
    """A SavedModel loaded by `tf.compat.v1.saved_model.load` into a graph and session of its own.

    Raises:
        ArtifactError: the folder is no SavedModel, or has no signature to serve.
    """

    def __init__(self, path: Path, way: str | None = None, signature: str | None = None) -> None:
        import tensorflow as tf

        from pytest_freezecheck.models.session import Runner

        super().__init__(path, way, signature)
        v1 = tf.compat.v1
        graph = tf.Graph()
        self._session = v1.Session(graph=graph, config=self._config())
        with graph.as_default(), load_errors(path):
            v1.saved_model.load(self._session, self._tags, str(path))
            tensor, fed, asked = graph.get_tensor_by_name, *_ends(self._signature)
            self._runner = Runner(
                self._session,
                {key: tensor(name) for key, name in fed.items()},
                {key: tensor(name) for key, name in asked.items()},
            )

    def _config(self) -> Any:
        """Return the ConfigProto of the session: one without graph optimisation."""
        from pytest_freezecheck.models.session import plain_config

        return plain_config()

    @property
    def session(self) -> Any:
        """The session it runs in."""
        return self._session

    def taken(self) -> tuple[Any, dict[str, Any], dict[str, Any]]:
        """Return the session, {key: tensor} of the inputs, and {key: tensor} of the outputs."""
        tensor, (fed, asked) = self._session.graph.get_tensor_by_name, _ends(self._signature)
        return (
            self._session,
            {key: tensor(name) for key, name in fed.items()},
            {key: tensor(name) for key, name in asked.items()},
        )

    def answer(self, feeds: Mapping[str, Any], outputs: Sequence[str]) -> Answer:
        """Return outputs and logits for one batch."""
        return self._answer(feeds, outputs)

    def _answer(
        self, feeds: Mapping[str, Any], outputs: Sequence[str], seconds: float | None = None
    ) -> Answer:
        from pytest_freezecheck.models.answer import Answer

        answer = self._runner.run(feeds, seconds=seconds)
        return Answer(
            outputs={name: answer.outputs[name] for name in outputs},
            logits={k: v for k, v in answer.logits.items() if k in outputs},
        )

    def answer_disturbed(
        self, feeds: Mapping[str, Any], outputs: Sequence[str], change: Change
    ) -> Answer | None:
        """Answer with floating-point variables changed, then put them back."""
        floats = [(v, value) for v, value in self._values() if v.dtype.base_dtype.is_floating]
        others = [(v, value, change(value)) for v, value in floats]
        others = [(v, value, other) for v, value, other in others if other is not value]
        if not others:
            return None
        try:
            self._assign([(v, other) for v, _, other in others])
            return self._answer(feeds, outputs, seconds=PATIENCE)
        finally:
            self._assign([(v, value) for v, value, _ in others])

    def constant_graph(
        self, inputs: Mapping[str, str], outputs: Mapping[str, str]
    ) -> ConstantGraph:
        """Return the signature's graph, its variables as constants.

        Raises:
            ModelError: TensorFlow cannot convert it.
        """
        from pytest_freezecheck.models.constant_graph import constant_graph

        fed, asked = self._signature.inputs, self._signature.outputs
        graph = constant_graph(
            self._session,
            {name: fed[there].name for name, there in inputs.items()},
            {name: asked[there].name for name, there in outputs.items()},
        )
        constants = {fed[name].name: value for name, value in self.constants.items()}
        return dataclasses.replace(graph, constants=constants)

    def readable_graph(
        self, inputs: Mapping[str, str], outputs: Mapping[str, str]
    ) -> ConstantGraph:
        """Return the session's graph, and its variables' values beside it."""
        from pytest_freezecheck.models.constant_graph import ConstantGraph
        from pytest_freezecheck.models.held import held_by

        fed, asked = self._signature.inputs, self._signature.outputs
        return ConstantGraph(
            self._session.graph.as_graph_def(),
            {name: fed[there].name for name, there in inputs.items()},
            {name: asked[there].name for name, there in outputs.items()},
            {fed[name].name: value for name, value in self.constants.items()},
            values=held_by(self._session),
        )

    def weights(self) -> Arrays:
        """Return {name: value} of the variables."""
        return {v.op.name: value for v, value in self._values()}

    def state(self) -> Arrays:
        """Return {name: value} of the variables."""
        return self.weights()

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


def _ends(signature: Any) -> tuple[dict[str, str], dict[str, str]]:
    """Return {key: tensor name} of the inputs and of the outputs of a signature."""
    fed, asked = signature.inputs.items(), signature.outputs.items()
    return {k: info.name for k, info in fed}, {k: info.name for k, info in asked}
