"""The two sides of a check: asks live and frozen about one batch, under the names each uses."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from pytest_freezecheck.checking.corpus import Pieces
from pytest_freezecheck.errors import ArtifactError, FreezecheckError, MatchError, ModelError
from pytest_freezecheck.formats.base import Change, FrozenModel
from pytest_freezecheck.formats.matching import same_shapes
from pytest_freezecheck.messages.wording import reason
from pytest_freezecheck.models.answer import Answer, Arrays
from pytest_freezecheck.models.batching import in_pieces, static_shape
from pytest_freezecheck.models.graphdef import ancestors, operation_of
from pytest_freezecheck.models.live import LiveModel
from pytest_freezecheck.numeric.batches import rows_of

T = TypeVar("T")
#: Rows that an artifact may demand at a time. A damaged file asked for 2,147,483,647, which
#: would have taken hours to make.
_MOST_ROWS = 2**16


class Sides:
    """A live model and an artifact, matched.

    Attributes:
        outputs: {live output name: name in the artifact}.
        inputs: {live input name: name in the artifact}.
        bit_exact: whether a correct artifact answers bit for bit as the live model.
        live_rows, frozen_rows: how many rows each is asked about at a time, or None for whole
            batches. A kernel may sum in another order for another number of rows, so what has to
            be bit-identical is asked alike.
        in_company: whether what a row is answered depends on the rows that it is asked with, so
            that both sides have to be asked about the same ones.
        lone: whether the artifact's only output is taken for the live model's, whatever its name.
        not_compared: names of the artifact's outputs that are compared with none, and that nobody
            said to ignore.
        ignored: names of those that are to be ignored.
        dropped: inputs that the artifact has not, and that the live answer does not depend on.

    Raises:
        MatchError: the artifact lacks an input or output of the live model's names, or takes
            inputs of other shapes.
        ArtifactError: it takes more rows at a time than can be made.
    """

    def __init__(self, live: LiveModel, frozen: FrozenModel) -> None:
        self.live = live
        self.frozen = frozen
        frozen.meet(live)
        self.outputs = frozen.match_outputs(live.outputs)
        self.wanted = list(self.outputs.values())
        self.lone = _is_lone(live, frozen, self.outputs)
        self.not_compared, self.ignored = ends_left(frozen, self.wanted)
        self.inputs, self.dropped = self._matched_inputs()
        shapes = {name: static_shape(tensor) for name, tensor in live.inputs.items()}
        same_shapes(self.inputs, shapes, frozen.input_shapes, frozen.path)
        fixed = live.batch_size, frozen.batch_size()
        alike = None in fixed or fixed[0] == fixed[1]
        if not alike or fixed[0] is None:
            _refuse_many(fixed[1], frozen.path)
        self.bit_exact = frozen.bit_exact and alike
        # A live model of a fixed size is asked in pieces anyway, so the artifact is, too.
        self.live_rows, self.frozen_rows = fixed[0], fixed[1] or fixed[0]
        self.in_company = False
        if self.bit_exact:
            self.live_rows = self.frozen_rows

    def keep_company(self) -> None:
        """Ask both sides about the same rows at a time: what a row is answered depends on it."""
        self.in_company = True
        if self.live.batch_size is None:
            self.live_rows = self.frozen_rows

    def _matched_inputs(self) -> tuple[dict[str, str], tuple[str, ...]]:
        """Return {live input: the artifact's}, and the inputs that it can do without."""
        live, frozen = self.live, self.frozen
        try:
            return frozen.match_inputs(live.inputs, self.wanted), ()
        except MatchError:
            idle = idle_inputs(live)
            used = {name: tensor for name, tensor in live.inputs.items() if name not in idle}
            if not idle or not used:
                raise
            return frozen.match_inputs(used, self.wanted), tuple(idle)

    def ask_live(self, feeds: Arrays) -> Answer:
        """Return what the live model answers to one batch, asked as the artifact is.

        Raises:
            ModelError: it cannot be run on it.
        """
        return _ask(
            ModelError, self.live.name, lambda: in_pieces(feeds, self.live_rows, self.live.answer)
        )

    def ask_whole(self, feeds: Arrays) -> Answer:
        """Return what the live model answers to one batch, whatever the artifact takes.

        Raises:
            ModelError: it cannot be run on it.
        """
        return _ask(ModelError, self.live.name, lambda: self.live.answer(feeds))

    @property
    def pieces(self) -> Pieces | None:
        """How the live model is asked, if that is not as for other artifacts."""
        if self.live_rows is None or self.live_rows == self.live.batch_size:
            return None
        return Pieces(self.live_rows, self.ask_live)

    def ask_frozen(self, feeds: Arrays) -> Answer:
        """Return what the artifact answers, under its own names.

        Raises:
            ArtifactError: it cannot be run on it.
        """

        def ask(piece: Mapping[str, Any]) -> Answer:
            return self.frozen.answer({**piece, **self.frozen.constants}, self.wanted)

        return _ask(
            ArtifactError,
            str(self.frozen.path),
            lambda: in_pieces(self._renamed(feeds), self.frozen_rows, ask),
        )

    def ask_disturbed(self, feeds: Arrays, change: Change) -> Answer | None:
        """Return what the artifact would answer if its weights were changed so.

        What has the shape of no weight of the live model's stays: with another threshold, rate or
        bound, a correct graph fails its own assertions, or never ends.

        Returns:
            The answer, or None where no weight can be reached.

        Raises:
            ArtifactError: it cannot be run with such weights, or not in time.
        """
        fed = {**self._renamed(feeds), **self.frozen.constants}
        shapes = _weight_shapes(self.live)

        def change_weights(value: Any) -> Any:
            is_weight = value.shape in shapes if shapes else value.ndim
            return change(value) if is_weight else value

        return _ask(
            ArtifactError,
            str(self.frozen.path),
            lambda: self.frozen.answer_disturbed(fed, self.wanted, change_weights),
        )

    def cautions(self, batches: Iterable[Arrays]) -> list[str]:
        """Return what the one who serves a file that ships should know, although it is no failure.

        Args:
            batches: of which one is used.
        """
        if self.frozen.way is not None:
            return []
        return self.frozen.cautions(self._piece(batches), self.wanted)

    def check_served(self, batches: Iterable[Arrays]) -> None:
        """Make sure that a server that loads the artifact otherwise answers as it did here.

        Args:
            batches: of which one is used.

        Raises:
            ArtifactError: it cannot be loaded so, or answers otherwise.
        """
        self.frozen.check_served(self._piece(batches), self.wanted)

    def _piece(self, batches: Iterable[Arrays]) -> Arrays:
        """Return one batch that the artifact takes as it is, with what it is always fed."""
        feeds = next(iter(batches))
        rows = self.frozen_rows or rows_of(feeds)
        piece = {name: array[:rows] for name, array in self._renamed(feeds).items()}
        return {**piece, **self.frozen.constants}

    def _renamed(self, feeds: Arrays) -> Arrays:
        return {self.inputs[n]: value for n, value in feeds.items() if n not in self.dropped}


def ends_left(
    frozen: FrozenModel, wanted: Iterable[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the artifact's outputs that are compared with none: all others, and the ignored.

    Args:
        frozen: the artifact.
        wanted: names of its outputs that are compared.
    """
    compared = {operation_of(name) for name in wanted} | set(wanted)
    left = [name for name in frozen.ends if name not in compared]
    ignored = [n for n in left if any(fnmatch.fnmatchcase(n, p) for p in frozen.ignored)]
    return tuple(name for name in left if name not in ignored), tuple(ignored)


def _is_lone(live: LiveModel, frozen: FrozenModel, outputs: Mapping[str, str]) -> bool:
    """Return whether the only output was matched for want of another, and not by a name."""
    (name, tensor), *others = live.outputs.items()
    there = outputs[name].removesuffix(":0")
    own = {name, tensor.op.name, tensor.name.removesuffix(":0")}
    return not others and not frozen.outputs and there not in own


def idle_inputs(live: LiveModel) -> list[str]:
    """Return the inputs that the live model's outputs are not computed from."""
    definition = live.graph.as_graph_def()
    before = ancestors(definition, [tensor.name for tensor in live.outputs.values()])
    return [name for name, tensor in live.inputs.items() if tensor.op.name not in before]


def _weight_shapes(live: LiveModel) -> set[tuple[int, ...]]:
    """Return the shapes of the live model's variables, but for scalars; reads no value."""
    import tensorflow as tf

    with live.graph.as_default():
        shapes = [variable.shape for variable in tf.compat.v1.global_variables()]
    return {tuple(shape.as_list()) for shape in shapes if shape.is_fully_defined() and shape.rank}


def _ask(kind: type[FreezecheckError], who: str, answer: Callable[[], T]) -> T:
    """Ask a model, and turn what TensorFlow raises into one line that names the model."""
    import tensorflow as tf

    try:
        return answer()
    except (tf.errors.OpError, ValueError) as error:
        raise kind(f"{who}: cannot be run on the inputs: {reason(error)}") from None


def _refuse_many(rows: int | None, path: Path) -> None:
    if rows is not None and rows > _MOST_ROWS:
        raise ArtifactError(
            f"{path}: it takes {rows:,} rows at a time and no other number, and no more than "
            f"{_MOST_ROWS:,} are made; freeze it with an input of any number of rows"
        )
