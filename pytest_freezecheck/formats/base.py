"""What a frozen model is, of whatever format. Light to import."""

from __future__ import annotations

import abc
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_freezecheck.errors import ArtifactError, MatchError
from pytest_freezecheck.formats.matching import Shape
from pytest_freezecheck.formats.refusal.operations import allowed_now

if TYPE_CHECKING:
    from pytest_freezecheck.computation.builder import Builder
    from pytest_freezecheck.computation.node import Node
    from pytest_freezecheck.models.answer import Answer, Arrays
    from pytest_freezecheck.models.constant_graph import ConstantGraph
    from pytest_freezecheck.models.live import LiveModel


#: Gives other values for those of a weight, of the same shape and dtype.
Change = Callable[[Any], Any]
#: Seconds that an answer with other weights may take: a loop over them may never end.
PATIENCE = 20.0


class FrozenModel(abc.ABC):
    """A shipped model, loaded into a graph of its own.

    Attributes:
        path: the file or folder.
        format: name of its format.
        way: the way it was frozen by this run, if it was.
        label: what messages and reports call it, if not its path.
        written_by: the team's function that exported it in this run, or None.
        bit_exact: whether TensorFlow itself runs it as it was written, so that a correct freeze is
            bit-identical.
        tolerances: {setting: default in place of the run's}, of a way that is declared lossy.
        inputs: {live input name: name here} where they differ.
        outputs: {live output name: name here} where they differ.
        constants: {name here: value to feed} of inputs that the live model has not.
        ignored: patterns of names of outputs that need not be compared.
        ignored_weights: patterns of names of live weights that are meant to be others.
        aliases: {live output name: another name of it}, which comes before its own.
        signature: the key of the signature that it serves, or None for the usual one.
        features: {input here: {live input name: feature}} of inputs that take tf.Examples.
        allowed: patterns of types of operations for which it was not refused.
    """

    format: str
    bit_exact: bool = True

    def __init__(self, path: Path, way: str | None = None) -> None:
        self.path = path
        self.way = way
        self.label: str | None = way
        self.written_by: Callable[..., Any] | None = None
        self.tolerances: Mapping[str, float] = {}
        self.inputs: dict[str, str] = {}
        self.outputs: dict[str, str] = {}
        self.constants: dict[str, Any] = {}
        self.ignored: Sequence[str] = ()
        self.ignored_weights: Sequence[str] = ()
        self.aliases: dict[str, str] = {}
        self.signature: str | None = None
        self.features: Mapping[str, Mapping[str, str]] = {}
        self.allowed: Sequence[str] = allowed_now()

    def meet(self, live: LiveModel) -> None:
        """Take over what the live model knows beside its inputs and outputs.

        What it is always fed is fed here too, if there is an input of that name that has to be
        fed: one with a default is asked as it ships. What the artifact's table says comes first.
        """
        self.aliases = dict(live.aliases)
        held = {name: there.value for name, there in live.constants.items()}
        held |= {there.tensor.op.name: there.value for there in live.constants.values()}
        needed = self.input_names
        self.constants = {
            **{name: value for name, value in held.items() if name in needed},
            **self.constants,
        }

    @property
    @abc.abstractmethod
    def session(self) -> Any:
        """The `tf.compat.v1.Session` it runs in, or None if it runs in none."""

    @property
    def graph(self) -> Any:
        """The `tf.Graph` that its operations are in, or None if there is none."""
        return None if self.session is None else self.session.graph

    @property
    @abc.abstractmethod
    def input_names(self) -> list[str]:
        """Names under which inputs can be fed."""

    def type_of(self, name: str) -> str | None:  # noqa: ARG002
        """Return the name of the dtype that an input takes, or None where that is not known."""
        return None

    @property
    @abc.abstractmethod
    def output_names(self) -> list[str]:
        """Names of what the model answers when nothing in particular is asked for."""

    @property
    def ends(self) -> list[str]:
        """Names of all outputs that somebody may read, and that have to be compared for that."""
        return self.output_names

    @abc.abstractmethod
    def match_outputs(self, outputs: Mapping[str, Any]) -> dict[str, str]:
        """Return {live output name: name here}, by whole name; see `match`.

        Args:
            outputs: {live output name: live tensor}.

        Raises:
            MatchError: one has no counterpart.
        """

    @abc.abstractmethod
    def match_inputs(self, inputs: Mapping[str, Any], outputs: Sequence[str]) -> dict[str, str]:
        """Return {live input name: name here}, likewise, with nothing left to feed.

        Args:
            inputs: {live input name: live tensor}.
            outputs: names here of what will be asked for.
        """

    @abc.abstractmethod
    def answer(self, feeds: Mapping[str, Any], outputs: Sequence[str]) -> Answer:
        """Return outputs and logits for one batch, under the names used here."""

    @abc.abstractmethod
    def answer_disturbed(
        self, feeds: Mapping[str, Any], outputs: Sequence[str], change: Change
    ) -> Answer | None:
        """Return what this model would answer if its weights were others.

        Args:
            feeds: one batch.
            outputs: what to ask for.
            change: gives another value for the value of a floating-point constant or variable, or
                the same object for one that is to stay: a threshold is no weight.

        Returns:
            The answer; the weights are as before when this returns. None where no weight can be
            reached, as when they are constants inside of functions, or none is to be changed.
        """

    @abc.abstractmethod
    def weights(self) -> Arrays:
        """Return {name: value} of constants or variables."""

    def state(self) -> Arrays:
        """Return {name: value} of what could change while it is asked: its variables."""
        return {}

    def refuse_chance(self, inputs: Sequence[str], outputs: Sequence[str]) -> None:
        """Make sure that outputs depend on neither chance nor the calls before, if that is seen.

        Asked when nothing that was answered is amiss: it is no harm to load such a file, and what
        is wrong with its answers tells more.

        Args:
            inputs: names here of what is fed anything.
            outputs: names here.

        Raises:
            ArtifactError: they do; the message names what draws or keeps.
        """
        del inputs, outputs  # of a format that tells nothing of it

    def reduced(self) -> Mapping[str, int]:
        """Return {dtype: how many tensors} of less precision than float32 that it holds."""
        return {}

    def averages(self) -> Arrays:
        """Return {name of a weight: its moving average}, where the artifact keeps both."""
        return {}

    def constant_graph(
        self, inputs: Mapping[str, str], outputs: Mapping[str, str]
    ) -> ConstantGraph:
        """Return this model as a GraphDef of constants, to look into it.

        Args:
            inputs: {live input name: name here}.
            outputs: {live output name: name here}.

        Raises:
            ArtifactError: this format cannot be looked into, or this model cannot.
        """
        del inputs, outputs
        raise ArtifactError(f"{self.path}: a file of {self.format} cannot be looked into")

    def readable_graph(
        self, inputs: Mapping[str, str], outputs: Mapping[str, str]
    ) -> ConstantGraph:
        """Return this model as a GraphDef to be read and not run, as fast as that can be had.

        Args:
            inputs: {live input name: name here}.
            outputs: {live output name: name here}.

        Raises:
            ArtifactError: this format cannot be looked into, or this model cannot.
        """
        return self.constant_graph(inputs, outputs)

    def expressions(
        self, builder: Builder, leaves: Mapping[str, Node], outputs: Mapping[str, str]
    ) -> dict[str, Node]:
        """Return what this model computes, in normal form.

        Only asked where it is no GraphDef: see `constant_graph`.

        Args:
            builder: makes the nodes; its operations are those of `computation.vocabulary`, and what
                has no entry there is `opaque`. Pictures have their channels last in it: one that
                has them second is transposed before and after.
            leaves: {input name here: the node that stands for it}.
            outputs: {live output name: name here}.

        Returns:
            {live output name: its node}.

        Raises:
            ArtifactError: this format cannot be read, or this model cannot.
        """
        del builder, leaves, outputs
        raise ArtifactError(f"{self.path}: what a file of {self.format} computes cannot be read")

    def predict(self, feeds: Mapping[str, Any]) -> Arrays:
        """Return {output name: array} for one batch, {input name: array (rows, *shape)}.

        One of another size than `batch_size` is fed in pieces.

        Raises:
            MatchError: an input is missing or not known.
        """
        from pytest_freezecheck.models.batching import in_pieces

        names = set(self.input_names) - set(self.constants)
        if set(feeds) != names:
            raise MatchError(
                f"{self.path}: fed {sorted(feeds)}, but its inputs are {sorted(names)}"
            )
        outputs, constants = self.output_names, self.constants
        answer = in_pieces(
            feeds, self.batch_size(), lambda piece: self.answer({**piece, **constants}, outputs)
        )
        return answer.outputs

    def cautions(self, feeds: Mapping[str, Any], outputs: Sequence[str]) -> list[str]:
        """Return what the one who serves this artifact should know, although it is no failure.

        Args:
            feeds: one batch, under the names used here.
            outputs: what would be asked for.
        """
        del feeds, outputs
        return []

    def check_served(self, feeds: Mapping[str, Any], outputs: Sequence[str]) -> None:
        """Make sure that what serves this artifact otherwise than it was asked answers the same.

        Asked of what passes, and last.

        Args:
            feeds: one batch, under the names used here.
            outputs: what to ask for.

        Raises:
            ArtifactError: it cannot be loaded so, or answers otherwise.
        """
        del feeds, outputs

    @property
    def input_shapes(self) -> Mapping[str, Shape | None]:
        """{input name: its shape with the batch, or None}, as far as this format tells."""
        return {}

    def batch_size(self) -> int | None:
        """Return the only number of rows that it takes at a time, or None if it takes any."""
        from pytest_freezecheck.models.batching import fixed_rows

        return fixed_rows(s for name, s in self.input_shapes.items() if name not in self.constants)

    @abc.abstractmethod
    def close(self) -> None:
        """Free what it holds; the model cannot be run afterwards."""
