"""A frozen GraphDef compiled by XLA."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pytest_freezecheck.formats.base import Change
from pytest_freezecheck.formats.graph_def.loader import FrozenGraphDef
from pytest_freezecheck.models.graphdef import only

if TYPE_CHECKING:
    from pytest_freezecheck.models.answer import Answer

#: XLA compiles anew for each size of batch, so everything is fed in batches of this one.
_ROWS = 8


class XlaGraphDef(FrozenGraphDef):
    """A GraphDef that a function with `jit_compile=True` runs.

    Its names, weights and graph are those of the file; only what it answers comes from XLA.
    """

    _function: tuple[tuple[str, ...], Any] | None = None

    def batch_size(self) -> int:
        """Return its own number of rows, or the one that it is fed where it takes any."""
        return super().batch_size() or _ROWS

    def answer(self, feeds: Mapping[str, Any], outputs: Sequence[str]) -> Answer:
        """Return outputs and logits for one batch."""
        from pytest_freezecheck.models.batching import in_pieces

        scalars = {n: v for n, v in feeds.items() if n in self.constants}
        batched = {n: v for n, v in feeds.items() if n not in scalars}

        def ask(piece: Mapping[str, Any]) -> Answer:
            return self._compiled({**piece, **scalars}, outputs)

        return in_pieces(batched, self.batch_size(), ask)

    def answer_disturbed(
        self, feeds: Mapping[str, Any], outputs: Sequence[str], change: Change
    ) -> Answer | None:
        """None: its weights are compiled in."""

    def uncompilable(self, feeds: Mapping[str, Any], outputs: Sequence[str]) -> str | None:
        """Return why XLA does not take the graph, or None. Nothing is run.

        Args:
            feeds: {input name: array}, one batch of the size that it is fed.
            outputs: names of the outputs.
        """
        import tensorflow as tf

        from pytest_freezecheck.models.session import plain_eager

        runner = self._runner(feeds, outputs)
        places = {name: tensor.name for name, tensor in runner.inputs.items()}
        with tf.init_scope(), plain_eager():
            tensors = {n: tf.constant(v, runner.inputs[n].dtype) for n, v in feeds.items()}
            function = self._build(places, runner.fetches)
            try:
                function.experimental_get_compiler_ir(tensors)(stage="hlo")
            except (ValueError, tf.errors.OpError) as error:
                return _unsupported(str(error))
        return None

    def _compiled(self, feeds: Mapping[str, Any], outputs: Sequence[str]) -> Answer:
        import tensorflow as tf

        from pytest_freezecheck.models.answer import Answer
        from pytest_freezecheck.models.session import plain_eager

        runner = self._runner(feeds, outputs)
        places = {name: tensor.name for name, tensor in runner.inputs.items()}
        key = (*sorted(feeds), "->", *outputs)
        with tf.init_scope(), plain_eager():
            if self._function is None or self._function[0] != key:
                self._function = key, self._build(places, runner.fetches)
            tensors = {n: tf.constant(v, runner.inputs[n].dtype) for n, v in feeds.items()}
            answer = self._function[1](tensors)
            return Answer(*({n: t.numpy() for n, t in part.items()} for part in answer))

    def _build(self, places: Mapping[str, str], fetches: Mapping[str, Mapping[str, Any]]) -> Any:
        """Return the compiled function of {input name: tensor} to outputs and logits."""
        import tensorflow as tf

        wanted = [tensor.name for part in fetches.values() for tensor in part.values()]
        # A placeholder that is left in the graph does not compile.
        definition = only(self.definition, wanted)
        nodes = [n for n in definition.node if f"{n.name}:0" not in places.values()]
        kept = type(definition)(versions=definition.versions, library=definition.library)
        kept.node.extend(nodes)
        read = {name.removesuffix(":0") for node in nodes for name in node.input}
        _define(kept.library.function)

        def compute(tensors: Mapping[str, Any]) -> Any:
            fed = {places[n]: t for n, t in tensors.items() if places[n][:-2] in read}
            found = dict(zip(wanted, tf.import_graph_def(kept, fed, wanted, name=""), strict=True))
            return tuple(
                {name: found[tensor.name] for name, tensor in part.items()}
                for part in (fetches["outputs"], fetches["logits"])
            )

        return tf.function(compute, jit_compile=True)


def _unsupported(said: str) -> str:
    """Return what XLA says it does not support, without all that it says about where."""
    named = re.findall(r"(\w+) \(No registered '", said)
    if named:
        return f"it has no {', '.join(sorted(set(named)))} of this kind"
    first = said.removeprefix("Failed getting HLO text: ").strip("'").partition("\n")[0]
    return first.strip()


def _define(functions: Iterable[Any]) -> None:
    """Let XLA find the functions of a graph, such as the body of a loop.

    Importing them makes them known to the graph that calls them, and to no compiler.
    """
    from tensorflow.python.eager import context

    for function in functions:
        if not context.context().has_function(function.signature.name):
            context.context().add_function_def(function)
