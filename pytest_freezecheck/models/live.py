"""The live model: the inference graph, its variables as the team's evaluation restores them."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Mapping
from typing import Any

from pytest_freezecheck.errors import ModelError
from pytest_freezecheck.models import constants as fed
from pytest_freezecheck.models.adoption import REFERENCES, adopt
from pytest_freezecheck.models.answer import Answer, Arrays
from pytest_freezecheck.models.batching import fixed_rows, static_shape
from pytest_freezecheck.models.checkpoint import find_checkpoint, find_keys, keys_to_restore
from pytest_freezecheck.models.checkpoint_files import reading
from pytest_freezecheck.models.constant_graph import ConstantGraph, constant_graph
from pytest_freezecheck.models.graphdef import operation_of
from pytest_freezecheck.models.held import held_by
from pytest_freezecheck.models.partitions import Slice, slices
from pytest_freezecheck.models.placeholders import check_arguments, make_placeholders, named
from pytest_freezecheck.models.session import Runner, plain_config
from pytest_freezecheck.models.tables import initializers
from pytest_freezecheck.spec.inputs import Constant, InputSpec, divided
from pytest_freezecheck.spec.outputs import OutputSpec

#: Operations that hold a variable of TensorFlow 1's kind.
REFERENCE_VARIABLES = REFERENCES
Inputs = Mapping[str, InputSpec | Constant | Mapping[str, object]]


class LiveModel:
    """A model in a session of its own, with the values it was evaluated with.

    Attributes:
        name: what messages and reports call it.
        session: a `tf.compat.v1.Session` without graph optimisation.
        inputs: {input name: placeholder}.
        outputs: {output name: tensor}.
        specs: {input name: InputSpec}.
        constants: {name: placeholder and value} that it is fed with every question.
        aliases: {output name: another name of it}, of a Keras model that answers a dictionary.
        saver: the Saver that restored it, shadows included, or None.
        checkpoint: prefix of the checkpoint that it was restored from, or None.
        build: what builds the graph, or None where the session was given.
        keras: the Keras model that it was taken from, or None.
        batch_size: the only number of rows that its placeholders take, or None if they take any.
        ema: which variables are read from shadows, as `from_checkpoint` was told, or None.
        output_specs: {output name: what is declared of it}.
    """

    def __init__(
        self,
        session: Any,
        inputs: Mapping[str, Any],
        outputs: Mapping[str, Any],
        specs: Inputs,
        *,
        name: str = "live",
        saver: Any = None,
        checkpoint: str | None = None,
    ) -> None:
        self.name = name
        self.session = session
        self.specs, constants = divided(specs)
        self.inputs = {key: tensor for key, tensor in inputs.items() if key not in constants}
        self.outputs = dict(outputs)
        self.constants = fed.find(session.graph, inputs, constants, name)
        self.aliases: dict[str, str] = {}
        if set(self.specs) != set(self.inputs):
            raise ModelError(
                f"{name}: inputs {sorted(self.inputs)}, but specs for {sorted(self.specs)}"
            )
        if not self.outputs:
            raise ModelError(f"{name}: has no output")
        self.saver = saver
        self.checkpoint = checkpoint
        self.build: Callable[..., Any] | None = None
        self.keras: Any = None
        self.ema: str | None = None
        self.output_specs: dict[str, OutputSpec] = {}
        self.batch_size = fixed_rows(map(static_shape, self.inputs.values()))
        held = self.constants.values()
        self._runner = Runner(session, self.inputs, self.outputs, self.batch_size, held)

    @classmethod
    def from_checkpoint(
        cls,
        build: Callable[..., Any],
        checkpoint: str | os.PathLike[str],
        inputs: Inputs,
        ema: str = "trainable",
        *,
        name: str = "live",
    ) -> LiveModel:
        """Build the inference graph and restore it.

        Args:
            build: builds the graph for inference: `build(**placeholders)` returns the output
                tensor, or {output name: tensor}. A single tensor is named after its operation.
            checkpoint: a checkpoint's prefix, or a directory, whose latest checkpoint is taken.
            inputs: {input name: InputSpec, or a mapping with its fields}. The placeholders are
                made here, under these names, with a batch dimension before the shape.
                `{"value": ...}` is no input: a placeholder of that name, of the function or of the
                graph that it builds, is fed the value with every question.
            ema: which variables are read from EMA shadows: "trainable", "all" or "none".
            name: what messages and reports call the model.

        Raises:
            ModelError: no such checkpoint, or it lacks a key; `build` returns no tensor.
            SettingError: an input is declared wrongly.
        """
        import tensorflow as tf

        from pytest_freezecheck.models import slim

        v1 = tf.compat.v1
        slim.prepare()
        specs, constants = divided(inputs)
        prefix = find_checkpoint(checkpoint)
        graph = tf.Graph()
        with graph.as_default():
            placeholders = {**make_placeholders(specs), **fed.make(constants, build)}
            check_arguments(build, placeholders, name)
            outputs = named(build(**placeholders), name)
            keys = find_keys(keys_to_restore(ema), prefix)
            session = v1.Session(graph=graph, config=plain_config())
            # Inside as_default(): outside it eager execution is on, and so is Saver's eager branch.
            saver = v1.train.Saver(keys)
            with reading(prefix):
                saver.restore(session, prefix)
            session.run(initializers(graph))
        live = cls(
            session,
            placeholders,
            outputs,
            {**specs, **constants},
            name=name,
            saver=saver,
            checkpoint=prefix,
        )
        live.build, live.ema = build, ema
        return live

    @classmethod
    def from_session(
        cls,
        session: Any,
        inputs: Mapping[str, Any],
        outputs: Mapping[str, Any],
        specs: Inputs,
        *,
        name: str = "live",
        saver: Any = None,
        checkpoint: str | None = None,
    ) -> LiveModel:
        """Take a session as the team's own evaluation set it up.

        The values of its variables are copied into a second session without graph optimisation,
        mostly on the same graph; the team's session is only read.

        Args:
            session: a `tf.compat.v1.Session` whose variables are restored.
            inputs: {input name: placeholder}.
            outputs: {output name: tensor}.
            specs: {input name: InputSpec, or a mapping with its fields}. `{"value": ...}` is fed to
                the placeholder of that name, which need not be among `inputs`.
            name: what messages and reports call the model.
            saver: the Saver that restored it, for the ways that freeze from a checkpoint.
            checkpoint: the checkpoint's prefix, likewise.

        Raises:
            ModelError: a variable of the graph was never initialised, a table cannot be filled, or
                there is no such placeholder.
        """
        _, constants = divided(specs)
        taken = adopt(session, inputs, outputs, [operation_of(key) for key in constants], name)
        return cls(
            taken.session,
            taken.inputs,
            taken.outputs,
            specs,
            name=name,
            saver=None if taken.copied else saver,  # its operations are of the other graph
            checkpoint=checkpoint,
        )

    @classmethod
    def from_keras(cls, model: Any, inputs: Inputs, *, name: str = "live") -> LiveModel:
        """Take a Keras 3 model, on TensorFlow, with the values that it holds now.

        With an optimizer that has `use_ema`, those are the raw weights until the optimizer
        finalises them, which `fit` does at its end and `train_on_batch` does not.

        Args:
            model: a functional or sequential `keras.Model`.
            inputs: {input name: InputSpec, or a mapping with its fields, or `{"value": ...}`}.
            name: what messages and reports call the model.

        Raises:
            ModelError: its inputs are others, or its graph cannot be taken over.
        """
        from pytest_freezecheck.models.keras import keys_of, session_of

        live = cls(*session_of(model, inputs, name=name), inputs, name=name)
        live.keras = model
        live.aliases = keys_of(model)
        return live

    @property
    def graph(self) -> Any:
        """The session's graph."""
        return self.session.graph

    @property
    def table_initializers(self) -> list[Any]:
        """The operations that fill the graph's lookup tables."""
        return initializers(self.graph)

    def constant_graph(self) -> ConstantGraph:
        """Return what it runs as a GraphDef of constants, what it is always fed among them.

        Raises:
            ModelError: TensorFlow cannot convert the graph.
        """
        made = constant_graph(
            self.session,
            {name: tensor.name for name, tensor in self.inputs.items()},
            {name: tensor.name for name, tensor in self.outputs.items()},
        )
        pinned = fed.pinned(made.definition, self.constants)
        return dataclasses.replace(made, definition=pinned)

    def readable_graph(self) -> ConstantGraph:
        """Return its graph to be read and not run, with its variables' values beside it."""
        held = {there.tensor.name: there.value for there in self.constants.values()}
        return ConstantGraph(
            self.graph.as_graph_def(),
            {name: tensor.name for name, tensor in self.inputs.items()},
            {name: tensor.name for name, tensor in self.outputs.items()},
            held,
            values=held_by(self.session),
        )

    @property
    def has_reference_variables(self) -> bool:
        """Whether variables are of TensorFlow 1's kind, as after `tf.disable_v2_behavior()`."""
        return any(op.type in REFERENCE_VARIABLES for op in self.graph.get_operations())

    def answer(self, feeds: Mapping[str, Any]) -> Answer:
        """Return outputs and logits for one batch, {input name: array (rows, *shape)}.

        One of another size than the placeholders take is fed in pieces.
        """
        return self._runner.run(feeds)

    def predict(self, feeds: Mapping[str, Any]) -> Arrays:
        """Return {output name: array} for one batch, {input name: array (rows, *shape)}.

        Raises:
            ModelError: an input is missing or not known.
        """
        return self.answer(feeds).outputs

    def weights(self) -> Arrays:
        """Return {variable name: value} of the global variables, in the order they were made.

        For a network that is the order from its input to its output.
        """
        import tensorflow as tf

        with self.graph.as_default():
            variables = tf.compat.v1.global_variables()
        values = self.session.run(variables)
        return {v.op.name: value for v, value in zip(variables, values, strict=True)}

    @property
    def parts(self) -> dict[str, Slice]:
        """{variable name: where it lies} of the parts of partitioned variables."""
        return slices(self.graph)

    def close(self) -> None:
        """Free the session; the model cannot be run afterwards."""
        self.session.close()
