"""A signature that takes serialised tf.Examples, asked with the features that they are made of.

The `serving_default` of every Estimator is one: its single input is a string for each row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pytest_freezecheck.errors import ArtifactError, MatchError
from pytest_freezecheck.formats.base import Change, FrozenModel
from pytest_freezecheck.formats.matching import Shape
from pytest_freezecheck.messages.wording import nearest
from pytest_freezecheck.numeric.batches import rows_of

if TYPE_CHECKING:
    from pytest_freezecheck.models.answer import Answer, Arrays
    from pytest_freezecheck.models.constant_graph import ConstantGraph
    from pytest_freezecheck.models.live import LiveModel

#: {input of the artifact: {live input name: name of the feature}}.
Features = Mapping[str, Mapping[str, str]]


def serialised(arrays: Mapping[str, Any]) -> Any:
    """Return a serialised tf.Example for each row, an array of `bytes` of shape (rows,).

    Args:
        arrays: {feature: array (rows, *shape)}. Floats become a float_list, whole numbers and truth
            values an int64_list, strings a bytes_list, each of all cells of a row in their order.
    """
    import numpy as np
    import tensorflow as tf

    def feature(row: Any) -> Any:
        cells = np.asarray(row).reshape(-1)
        if cells.dtype.kind == "f":
            return tf.train.Feature(float_list=tf.train.FloatList(value=cells.tolist()))
        if cells.dtype.kind in "iub":
            return tf.train.Feature(int64_list=tf.train.Int64List(value=cells.astype(np.int64)))
        texts = [c if isinstance(c, bytes) else str(c).encode() for c in cells.tolist()]
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=texts))

    rows = rows_of(arrays)
    made = np.empty(rows, object)
    for row in range(rows):
        features = {name: feature(array[row]) for name, array in arrays.items()}
        example = tf.train.Example(features=tf.train.Features(feature=features))
        made[row] = example.SerializeToString()
    return made


class FedExamples(FrozenModel):
    """A model that takes serialised tf.Examples, as one that takes their features.

    Args:
        model: the model itself.
        features: what its inputs are made of.
    """

    def __init__(self, model: FrozenModel, features: Features) -> None:
        super().__init__(model.path, model.way)
        self.model = model
        self.features = {there: dict(parts) for there, parts in features.items()}
        self.format, self.bit_exact = model.format, model.bit_exact
        self.tolerances, self.label = model.tolerances, model.label
        self.inputs, self.outputs = model.inputs, model.outputs
        self.constants, self.signature = model.constants, model.signature

    @property
    def session(self) -> Any:
        """The session of the model itself."""
        return self.model.session

    @property
    def input_names(self) -> list[str]:
        """Names of its inputs, and of features in the place of the inputs that they make up."""
        others = [name for name in self.model.input_names if name not in self.features]
        return [*others, *self._places()]

    @property
    def output_names(self) -> list[str]:
        """Names of its outputs."""
        return self.model.output_names

    def _places(self) -> dict[str, tuple[str, str]]:
        """Return {name of a feature as an input: the input that it is part of, its own name}."""
        return {
            f"{there}[{feature}]": (there, feature)
            for there, parts in self.features.items()
            for feature in parts.values()
        }

    def meet(self, live: LiveModel) -> None:
        """Take over what the live model is always fed."""
        self.model.meet(live)
        self.aliases, self.constants = self.model.aliases, self.model.constants

    def match_outputs(self, outputs: Mapping[str, Any]) -> dict[str, str]:
        """Match as the model itself does."""
        return self.model.match_outputs(outputs)

    def match_inputs(self, inputs: Mapping[str, Any], outputs: Sequence[str]) -> dict[str, str]:
        """Match features with the live inputs that the table names, and the rest as always.

        Raises:
            MatchError: there is no such input, or it takes no strings.
        """
        for there in self.features:
            if there not in self.model.input_names:
                names = self.model.input_names
                raise MatchError(
                    f"{self.path}: no input {there!r} for tf.Examples{nearest(there, names)}; it "
                    f"has {', '.join(sorted(names))}"
                )
            kind = self.model.type_of(there)
            if kind not in (None, "string"):
                raise MatchError(
                    f"{self.path}: input {there!r} takes {kind}; serialised tf.Examples are strings"
                )
        made = {
            live: f"{there}[{feature}]"
            for there, parts in self.features.items()
            for live, feature in parts.items()
        }
        rest = {name: tensor for name, tensor in inputs.items() if name not in made}
        constants = self.model.constants
        self.model.constants = {**constants, **dict.fromkeys(self.features)}
        try:
            return {**self.model.match_inputs(rest, outputs), **made}
        finally:
            self.model.constants = constants

    def _packed(self, feeds: Mapping[str, Any]) -> dict[str, Any]:
        places = self._places()
        packed = {name: value for name, value in feeds.items() if name not in places}
        for there, parts in self.features.items():
            names = {feature: f"{there}[{feature}]" for feature in parts.values()}
            packed[there] = serialised({feature: feeds[n] for feature, n in names.items()})
        return packed

    def answer(self, feeds: Mapping[str, Any], outputs: Sequence[str]) -> Answer:
        """Return outputs and logits for one batch."""
        return self.model.answer(self._packed(feeds), outputs)

    def answer_disturbed(
        self, feeds: Mapping[str, Any], outputs: Sequence[str], change: Change
    ) -> Answer | None:
        """Return what it would answer with other weights."""
        return self.model.answer_disturbed(self._packed(feeds), outputs, change)

    def weights(self) -> Arrays:
        """Return {name: value} of constants or variables."""
        return self.model.weights()

    def reduced(self) -> Mapping[str, int]:
        """Return {dtype: how many tensors} of less precision than float32."""
        return self.model.reduced()

    def averages(self) -> Arrays:
        """Return {name of a weight: its moving average}."""
        return self.model.averages()

    def refuse_chance(self, inputs: Sequence[str], outputs: Sequence[str]) -> None:
        """Look through the model itself; what is parsed may be anything."""
        del inputs
        fed = [name for name in self.model.input_names if name not in self.model.constants]
        self.model.refuse_chance(fed, outputs)

    def cautions(self, feeds: Mapping[str, Any], outputs: Sequence[str]) -> list[str]:
        """Return what the one who serves it should know."""
        return self.model.cautions(self._packed(feeds), outputs)

    def check_served(self, feeds: Mapping[str, Any], outputs: Sequence[str]) -> None:
        """Make sure that a server's answers are the same."""
        self.model.check_served(self._packed(feeds), outputs)

    def constant_graph(
        self, inputs: Mapping[str, str], outputs: Mapping[str, str]
    ) -> ConstantGraph:
        """Refuse: a string that is parsed is no input that can be repaired or transformed.

        Raises:
            ArtifactError: always.
        """
        del inputs, outputs
        raise ArtifactError(f"{self.path}: a graph that parses tf.Examples cannot be looked into")

    @property
    def input_shapes(self) -> Mapping[str, Shape | None]:
        """{input name: shape}; of features none is known."""
        shapes = dict(self.model.input_shapes)
        return {name: shape for name, shape in shapes.items() if name not in self.features}

    def batch_size(self) -> int | None:
        """Return the only number of rows that it takes, or None if it takes any."""
        return self.model.batch_size()

    def close(self) -> None:
        """Free the model itself."""
        self.model.close()
