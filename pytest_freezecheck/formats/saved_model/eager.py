"""SavedModel as TensorFlow 2 loads it: `tf.saved_model.load`, and its signature called eagerly."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_freezecheck.errors import ArtifactError
from pytest_freezecheck.formats.base import Change
from pytest_freezecheck.formats.refusal.operations import allowing
from pytest_freezecheck.formats.saved_model.signatures import SignedModel, load_errors
from pytest_freezecheck.messages.wording import listed
from pytest_freezecheck.models.graphdef import operation_of

if TYPE_CHECKING:
    from pytest_freezecheck.models.answer import Answer, Arrays
    from pytest_freezecheck.models.constant_graph import ConstantGraph


#: How far a server may be from the same model in Python, of its largest answer: only what the order
#: of operations can do.
_SERVED = 1e-4


class EagerSavedModel(SignedModel):
    """A SavedModel loaded by `tf.saved_model.load`, its signature called without optimisation.

    Raises:
        ArtifactError: the folder is no SavedModel, or has no signature to serve.
    """

    def __init__(self, path: Path, way: str | None = None, signature: str | None = None) -> None:
        import tensorflow as tf

        from pytest_freezecheck.models.session import plain_eager

        super().__init__(path, way, signature)
        with plain_eager(), load_errors(path):
            self._loaded = tf.saved_model.load(str(path), tags=list(self._tags))
            self._function = self._loaded.signatures[self._key]
            self._pruned = self._pruned_again()
            if self._pruned is None:
                self._check_keys()

    _held_twice = False

    def _look_into(self, served: Any) -> None:
        """Make sure that the graph can be imported, as a server does that has no objects.

        A SavedModel of TensorFlow 2 holds its functions for both, and `tf.saved_model.load` passes
        the graph over.
        """
        import tensorflow as tf

        if served.object_graph_def.nodes:
            known = served.meta_info_def.stripped_op_list
            with tf.Graph().as_default():
                tf.import_graph_def(served.graph_def, name="", producer_op_list=known)
            self._held_twice = True

    def check_served(self, feeds: Mapping[str, Any], outputs: Sequence[str]) -> None:
        """Make sure that the graph answers as the objects do.

        `tf.saved_model.load` fills variables by the paths of objects; a server, and
        `saved_model_cli`, by the graph's own function that restores, and from other names.
        """
        if not self._held_twice:
            return
        import numpy as np

        from pytest_freezecheck.formats.saved_model.session import SessionSavedModel
        from pytest_freezecheck.numeric.difference import compare, is_real, wide

        with allowing(self.allowed):
            served = SessionSavedModel(self.path, self.way, self.signature)
        with contextlib.closing(served), load_errors(self.path):
            theirs = served.answer(feeds, outputs).outputs
        ours = self.answer(feeds, outputs).outputs
        for name in outputs:
            largest = np.abs(wide(ours[name])).max(initial=0.0) if is_real(ours[name]) else 0.0
            found = compare(name, ours[name], theirs[name], _SERVED * float(largest))
            if not found.close:
                far = found.problem or f"by {found.max_abs:.1e}"
                raise ArtifactError(
                    f"{self.path}: a server, which restores the graph's variables itself, answers "
                    f"{name!r} otherwise than the objects that Python loads: {far}\n"
                    "  the two were saved from different values, or the file was edited: save the "
                    "model again with tf.saved_model.save"
                )

    @property
    def session(self) -> Any:
        """None: functions run in no session."""
        return None

    @property
    def graph(self) -> Any:
        """The graph of the signature's function."""
        return self._function.graph

    def _check_keys(self) -> None:
        """Make sure that the signature's function has the keys that the signature names."""
        _, taken = self._function.structured_input_signature
        lost = [key for key in self.input_names if key not in taken]
        lost += [key for key in self.output_names if key not in self._function.structured_outputs]
        if lost:
            raise ArtifactError(
                f"{self.path}: signature {self._key!r} names {listed(lost)}, which the function "
                "behind it does not have: it is damaged or was edited; copy it again, or save it "
                "again"
            )

    def _pruned_again(self) -> Any:
        """Return a function of the same inputs that answers outputs and logits, or None.

        Only the signatures of a TF1 SavedModel are pruned from a whole graph and can be again.
        They are, whether there are logits or not: called by its keys, such a signature first fails
        in TensorFlow, which writes all arrays into the message of an error that nobody sees.
        """
        from pytest_freezecheck.models.outputs import find_logits
        from pytest_freezecheck.models.session import plain_eager

        if not hasattr(self._function, "prune"):
            return None
        structured = self._function.structured_outputs
        found = {key: find_logits(tensor) for key, tensor in structured.items()}
        logits = {key: tensor for key, tensor in found.items() if tensor is not None}
        self._input_order, inputs = self._arguments()
        with plain_eager():
            return self._function.prune(inputs, {"outputs": dict(structured), "logits": logits})

    def _arguments(self) -> tuple[list[str], list[Any]]:
        """Return the names of the function's inputs, and their placeholders in its graph."""
        captured = {id(internal) for _, internal in self._function.graph.captures}
        inputs = [t for t in self._function.inputs if id(t) not in captured]
        # In the order of the keys. Of inputs that are answers of one operation (of ParseExample, as
        # the `predict` of an Estimator has them), the placeholders' names tell nothing.
        keys = list(getattr(self._function, "_arg_keywords", None) or ())
        if len(keys) != len(inputs):
            keys = [_argument(tensor, self._signature) for tensor in inputs]
        return keys, inputs

    def answer(self, feeds: Mapping[str, Any], outputs: Sequence[str]) -> Answer:
        """Return outputs and logits for one batch."""
        import tensorflow as tf

        from pytest_freezecheck.models.answer import Answer
        from pytest_freezecheck.models.session import plain_eager

        with plain_eager():
            kinds = {name: info.dtype for name, info in self._signature.inputs.items()}
            tensors = {name: tf.constant(value, kinds[name]) for name, value in feeds.items()}
            if self._pruned is None:
                result: dict[str, Any] = {"outputs": self._function(**tensors), "logits": {}}
            else:
                result = self._pruned(*(tensors[name] for name in self._input_order))
            return Answer(
                outputs={name: result["outputs"][name].numpy() for name in outputs},
                logits={k: v.numpy() for k, v in result["logits"].items() if k in outputs},
            )

    def answer_disturbed(
        self, feeds: Mapping[str, Any], outputs: Sequence[str], change: Change
    ) -> Answer | None:
        """Answer with floating-point variables changed, then put them back."""
        from pytest_freezecheck.models.session import plain_eager

        with plain_eager():
            floats = [(v, v.numpy()) for v in self._variables() if v.dtype.is_floating]
            others = [(v, value, change(value)) for v, value in floats]
            others = [(v, value, other) for v, value, other in others if other is not value]
            if not others:
                return None
            try:
                for variable, _, other in others:
                    variable.assign(other)
                return self.answer(feeds, outputs)
            finally:
                for variable, value, _ in others:
                    variable.assign(value)

    def constant_graph(
        self, inputs: Mapping[str, str], outputs: Mapping[str, str]
    ) -> ConstantGraph:
        """Return the signature's graph, loaded once more, into a session."""
        from pytest_freezecheck.formats.saved_model.session import SessionSavedModel

        with allowing(self.allowed):
            again = SessionSavedModel(self.path, signature=self.signature)
        again.constants = self.constants
        try:
            return again.constant_graph(inputs, outputs)
        finally:
            again.close()

    def readable_graph(
        self, inputs: Mapping[str, str], outputs: Mapping[str, str]
    ) -> ConstantGraph:
        """Return the function's graph, with what it captures beside it."""
        from pytest_freezecheck.models.constant_graph import ConstantGraph
        from pytest_freezecheck.models.held import Held, bytes_of
        from pytest_freezecheck.models.session import plain_eager

        handles = {id(getattr(v, "handle", None)): v for v in self._variables()}
        captured = {}
        for external, internal in self._function.graph.captures:
            variable = handles.get(id(external))
            if variable is None and external.dtype.name == "resource":
                return self.constant_graph(inputs, outputs)  # a lookup table
            captured[internal.op.name] = external if variable is None else variable

        def read(names: Sequence[str]) -> list[Any]:
            with plain_eager():
                return [captured[name].numpy() for name in names]

        # What was loaded knows its outputs' names, and its graph their tensors, in that order.
        ends = dict(
            zip(sorted(self._function.structured_outputs), self._function.outputs, strict=True)
        )
        keys, tensors = self._arguments()
        fed = {key: tensor.name for key, tensor in zip(keys, tensors, strict=True)}
        return ConstantGraph(
            self._function.graph.as_graph_def(),
            {name: fed[there] for name, there in inputs.items()},
            {name: ends[there].name for name, there in outputs.items()},
            {fed[name]: value for name, value in self.constants.items()},
            values=Held({name: bytes_of(held) for name, held in captured.items()}, read),
        )

    def weights(self) -> Arrays:
        """Return {name: value} of the variables whose name no other one has."""
        from pytest_freezecheck.models.session import plain_eager

        with plain_eager():
            names = [operation_of(v.name) for v in self._variables()]
            pairs = zip(names, self._variables(), strict=True)
            return {name: v.numpy() for name, v in pairs if names.count(name) == 1}

    def state(self) -> Arrays:
        """Return {name: value} of the variables, also of those that share a name."""
        from pytest_freezecheck.models.session import plain_eager

        with plain_eager():
            names = [operation_of(v.name) for v in self._variables()]
            return {
                name if names.count(name) == 1 else f"{name} (number {place})": v.numpy()
                for place, (name, v) in enumerate(zip(names, self._variables(), strict=True))
            }

    def _variables(self) -> list[Any]:
        return list(self._function.graph.variables)

    def close(self) -> None:
        """Let go of the loaded objects."""
        self._loaded = self._function = self._pruned = None


def _argument(tensor: Any, signature: Any) -> str:
    """Return the signature's key of a placeholder in the signature's graph."""
    for key, info in signature.inputs.items():
        if info.name == tensor.name:
            return str(key)
    return str(tensor.op.name)
