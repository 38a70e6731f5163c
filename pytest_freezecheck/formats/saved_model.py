"""SavedModel: written from a session in two ways, loaded eagerly or into a TF1 session."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_freezecheck.errors import ArtifactError, FreezeError, listed
from pytest_freezecheck.formats.base import Format, FrozenModel, Way, match, nothing_left

if TYPE_CHECKING:
    from pytest_freezecheck.models.live import LiveModel
    from pytest_freezecheck.models.session import Answer, Arrays

_SIGNATURE = "serving_default"
_HIDDEN = "__saved_model_init_op"


class _SavedModel(FrozenModel):
    """What both loaders share: the signature, and names by its keys."""

    format = "saved_model"

    def __init__(self, path: Path, way: str | None = None) -> None:
        super().__init__(path, way)
        self._tags, self._key, self._signature = _choose_signature(path)

    @property
    def input_names(self) -> list[str]:
        """Keys of the signature's inputs."""
        return list(self._signature.inputs)

    @property
    def output_names(self) -> list[str]:
        """Keys of the signature's outputs."""
        return list(self._signature.outputs)

    def match_inputs(self, inputs: Mapping[str, Any]) -> dict[str, str]:
        """Match by the signature's keys."""
        matched = match("input", {name: name for name in inputs}, self.input_names, self.path)
        nothing_left(matched, self.input_names, self.path)
        return matched

    def match_outputs(self, outputs: Mapping[str, Any]) -> dict[str, str]:
        """Match by the signature's keys; a single output may be called anything."""
        if len(outputs) == len(self.output_names) == 1:
            return {next(iter(outputs)): self.output_names[0]}
        return match("output", {name: name for name in outputs}, self.output_names, self.path)


class EagerSavedModel(_SavedModel):
    """A SavedModel loaded by `tf.saved_model.load`, its signature called without optimisation.

    Raises:
        ArtifactError: the folder is no SavedModel, or has no signature to serve.
    """

    def __init__(self, path: Path, way: str | None = None) -> None:
        import tensorflow as tf

        super().__init__(path, way)
        with _plain_eager(), _load_errors(path):
            self._loaded = tf.saved_model.load(str(path), tags=list(self._tags))
            self._function = self._loaded.signatures[self._key]
        self._logits = self._logits_function()

    @property
    def session(self) -> Any:
        """None: functions run in no session."""
        return None

    def _logits_function(self) -> Any:
        """Return a function of the same inputs that answers outputs and logits, or None.

        Only the signatures of a TF1 SavedModel are pruned from a whole graph and can be again.
        """
        from pytest_freezecheck.models.session import find_logits

        if not hasattr(self._function, "prune"):
            return None
        structured = self._function.structured_outputs
        found = {key: find_logits(tensor) for key, tensor in structured.items()}
        logits = {key: tensor for key, tensor in found.items() if tensor is not None}
        if not logits:
            return None
        captured = {id(internal) for _, internal in self._function.graph.captures}
        inputs = [t for t in self._function.inputs if id(t) not in captured]
        self._input_order = [_argument(t, self._signature) for t in inputs]
        with _plain_eager():
            return self._function.prune(inputs, {"outputs": dict(structured), "logits": logits})

    def answer(self, feeds: Mapping[str, Any], outputs: Sequence[str]) -> Answer:
        """Return outputs and logits for one batch."""
        import tensorflow as tf

        from pytest_freezecheck.models.session import Answer

        with _plain_eager():
            tensors = {name: tf.constant(value) for name, value in feeds.items()}
            if self._logits is None:
                result: dict[str, Any] = {"outputs": self._function(**tensors), "logits": {}}
            else:
                result = self._logits(*(tensors[name] for name in self._input_order))
            return Answer(
                outputs={name: result["outputs"][name].numpy() for name in outputs},
                logits={k: v.numpy() for k, v in result["logits"].items() if k in outputs},
            )

    def answer_disturbed(self, feeds: Mapping[str, Any], outputs: Sequence[str]) -> Answer:
        """Answer with every floating-point variable scaled and shifted, then put them back."""
        with _plain_eager():
            kept = [(v, v.numpy()) for v in self._variables() if v.dtype.is_floating]
            try:
                for variable, value in kept:
                    variable.assign(_others(value))
                return self.answer(feeds, outputs)
            finally:
                for variable, value in kept:
                    variable.assign(value)

    def weights(self) -> Arrays:
        """Return {name: value} of the variables."""
        with _plain_eager():
            return {v.name.split(":")[0]: v.numpy() for v in self._variables()}

    def _variables(self) -> list[Any]:
        return list(self._function.graph.variables)

    def close(self) -> None:
        """Let go of the loaded objects."""
        self._loaded = self._function = self._logits = None


class SessionSavedModel(_SavedModel):
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
        with graph.as_default(), _load_errors(path):
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

    def answer_disturbed(self, feeds: Mapping[str, Any], outputs: Sequence[str]) -> Answer:
        """Answer with every floating-point variable scaled and shifted, then put them back."""
        values = [(v, value) for v, value in self._values() if v.dtype.base_dtype.is_floating]
        try:
            self._assign([(v, _others(value)) for v, value in values])
            return self.answer(feeds, outputs)
        finally:
            self._assign(values)

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


def _others(value: Any) -> Any:
    return value * value.dtype.type(1.5) + value.dtype.type(0.125)


@contextlib.contextmanager
def _plain_eager() -> Iterator[None]:
    """Execute eagerly and without graph optimisation, in this thread, for a while.

    TensorFlow's public setters of both are for the whole process, and one cannot be undone.
    """
    from tensorflow.python.eager import context

    from pytest_freezecheck.models.session import plain_config

    with context.eager_mode():
        current = context.context()
        before = current.function_call_options
        current.function_call_options = context.FunctionCallOptions(config_proto=plain_config())
        try:
            yield
        finally:
            current.function_call_options = before


@contextlib.contextmanager
def _load_errors(path: Path) -> Iterator[None]:
    """Turn what TensorFlow raises about a broken folder into one line."""
    import tensorflow as tf

    try:
        yield
    except (OSError, KeyError, ValueError, RuntimeError, tf.errors.OpError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise ArtifactError(f"{path}: TensorFlow cannot load this SavedModel: {reason}") from None


def _argument(tensor: Any, signature: Any) -> str:
    """Return the signature's key of a placeholder in the signature's graph."""
    for key, info in signature.inputs.items():
        if info.name == tensor.name:
            return str(key)
    return str(tensor.op.name)


def _choose_signature(path: Path) -> tuple[list[str], str, Any]:
    """Return the tags, the key and the SignatureDef that a server would answer with.

    Raises:
        ArtifactError: the folder is no SavedModel, or it is not clear which signature to take.
    """
    from tensorflow.python.saved_model import loader_impl

    with _load_errors(path):
        saved = loader_impl.parse_saved_model(str(path))
    serving = [m for m in saved.meta_graphs if set(m.meta_info_def.tags) == {"serve"}]
    graphs = serving or list(saved.meta_graphs)
    if len(graphs) != 1:
        tags = ["+".join(sorted(m.meta_info_def.tags)) or "(no tag)" for m in graphs]
        raise ArtifactError(f"{path}: no MetaGraph is tagged 'serve'; it has {listed(tags, 8)}")
    signatures = {k: v for k, v in graphs[0].signature_def.items() if k != _HIDDEN}
    keys = [_SIGNATURE] if _SIGNATURE in signatures else list(signatures)
    if len(keys) != 1:
        raise ArtifactError(
            f"{path}: no signature {_SIGNATURE!r}; it has {listed(sorted(signatures), 8) or 'none'}"
        )
    return list(graphs[0].meta_info_def.tags), keys[0], signatures[keys[0]]


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
        builder.add_meta_graph_and_variables(live.session, ["serve"], {_SIGNATURE: signature})
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
    load=EagerSavedModel,
    ways=(
        Way("saved_model", _builder, EagerSavedModel),
        Way("saved_model_session", _simple_save, SessionSavedModel),
    ),
)
