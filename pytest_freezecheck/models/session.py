"""One graph in one session, run without graph optimisation, with one list of fetches."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pytest_freezecheck.errors import ModelError
from pytest_freezecheck.models.answer import Answer
from pytest_freezecheck.models.batching import in_pieces
from pytest_freezecheck.models.outputs import find_logits


def plain_config() -> Any:
    """Return a ConfigProto that runs the graph as it is written.

    With neither Grappler nor the L1 rewrites, a frozen graph runs the same kernels in the same
    order as the live one and a correct freeze is bit-identical; with them, constants are folded
    that could not be folded while they were variables.
    """
    import tensorflow as tf

    config = tf.compat.v1.ConfigProto()
    config.graph_options.rewrite_options.disable_meta_optimizer = True
    config.graph_options.optimizer_options.opt_level = -1  # OptimizerOptions.L0
    return config


def _at_most(seconds: float) -> Any:
    """Return options for a run that ends with an error when it takes longer."""
    import tensorflow as tf

    return tf.compat.v1.RunOptions(timeout_in_ms=int(1000 * seconds))


@contextlib.contextmanager
def plain_eager() -> Iterator[None]:
    """Execute eagerly and without graph optimisation, in this thread, for a while.

    TensorFlow's public setters of both are for the whole process, and one cannot be undone.
    """
    from tensorflow.python.eager import context

    with context.eager_mode():
        current = context.context()
        before = current.function_call_options
        current.function_call_options = context.FunctionCallOptions(config_proto=plain_config())
        try:
            yield
        finally:
            current.function_call_options = before


class Runner:
    """Runs a graph in a session.

    All outputs and logits come from one `run` with one list of fetches: another list would make
    TensorFlow prepare the whole graph again.

    Args:
        session: what runs it.
        inputs: {input name: placeholder}.
        outputs: {output name: tensor}.
        rows: how many rows it takes at a time, or None for any number.
        constants: pairs of a tensor and the value that it is fed with every question.
        logits: {output name: tensor}, or None to look for them in the graph.
    """

    def __init__(
        self,
        session: Any,
        inputs: Mapping[str, Any],
        outputs: Mapping[str, Any],
        rows: int | None = None,
        constants: Iterable[tuple[Any, Any]] = (),
        logits: Mapping[str, Any] | None = None,
    ) -> None:
        self.session = session
        self.constants = list(constants)
        self.inputs = dict(inputs)
        self.rows = rows
        if logits is None:
            logits = {name: find_logits(tensor) for name, tensor in outputs.items()}
        self.fetches = {
            "outputs": dict(outputs),
            "logits": {name: tensor for name, tensor in logits.items() if tensor is not None},
        }

    def run(
        self,
        feeds: Mapping[str, Any],
        replaced: Mapping[Any, Any] | None = None,
        seconds: float | None = None,
    ) -> Answer:
        """Feed one batch.

        Args:
            feeds: {input name: array with a batch dimension}.
            replaced: tensors to feed besides, to see what depends on them.
            seconds: how long it may take, or None for as long as it takes.

        Raises:
            ModelError: an input is missing or not known.
            DeadlineExceededError: of TensorFlow's: it took longer.
        """
        if set(feeds) != set(self.inputs):
            raise ModelError(
                f"fed {sorted(feeds)}, but the model's inputs are {sorted(self.inputs)}"
            )

        options = None if seconds is None else _at_most(seconds)

        def ask(piece: Mapping[str, Any]) -> Answer:
            fed = {self.inputs[name]: value for name, value in piece.items()}
            given = {**dict(self.constants), **fed, **(replaced or {})}
            return Answer(**self.session.run(self.fetches, given, options=options))

        return in_pieces(feeds, self.rows, ask)
