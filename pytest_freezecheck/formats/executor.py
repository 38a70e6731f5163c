"""What executors other than TensorFlow share: inputs and outputs that have names, and no graph."""

from __future__ import annotations

import abc
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_freezecheck.errors import ArtifactError
from pytest_freezecheck.formats.base import Change, FrozenModel
from pytest_freezecheck.formats.matching import match, matched_inputs, names_of_outputs, only_output
from pytest_freezecheck.messages.wording import reason

if TYPE_CHECKING:
    from pytest_freezecheck.models.answer import Answer, Arrays


class NamedModel(FrozenModel):
    """A model that is a file to an executor of its own.

    Nothing of it can be the live model by mistake: it is read from the file, and run outside of
    TensorFlow. What its softmax is fed stays inside, so its logits are told from probabilities.
    """

    bit_exact = False
    executor = ""

    @property
    def session(self) -> Any:
        """None: it runs in no session of TensorFlow's."""
        return None

    @abc.abstractmethod
    def run(self, feeds: Mapping[str, Any], outputs: Sequence[str]) -> list[Any]:
        """Return the outputs for one batch, in that order."""

    @property
    @abc.abstractmethod
    def input_types(self) -> Mapping[str, Any]:
        """{input name: NumPy dtype}."""

    def type_of(self, name: str) -> str:
        """Return the name of the dtype that an input takes."""
        import numpy as np

        kind = np.dtype(self.input_types[name])
        # Executors have strings as arrays of objects or of bytes.
        return "string" if kind.kind in "OSU" else kind.name

    @property
    def input_names(self) -> list[str]:
        """Names under which inputs can be fed."""
        return list(self.input_types)

    def match_inputs(self, inputs: Mapping[str, Any], outputs: Sequence[str]) -> dict[str, str]:  # noqa: ARG002
        """Match by the input's own name, the name of the live operation or of the live tensor."""
        wanted = self._wanted(inputs, self.inputs, self.input_names)
        there = {name: self.type_of(name) for name in self.input_types}
        return matched_inputs(wanted, inputs, self.constants, there, self.path)

    def match_outputs(self, outputs: Mapping[str, Any]) -> dict[str, str]:
        """Match likewise; a single output may be called anything."""
        only = only_output(outputs, self.outputs, self.output_names, self.path)
        if only is not None:
            return only
        other = names_of_outputs(outputs, self.outputs, self.aliases, self.output_names)
        given = {name: there for name, there in other.items() if there != name}
        wanted = self._wanted(outputs, {**given, **self.outputs}, self.output_names)
        return match("output", wanted, self.output_names, self.path)

    def _wanted(
        self, live: Mapping[str, Any], given: Mapping[str, str], there: Sequence[str]
    ) -> dict[str, str]:
        """Return {live name: the name to look for}: the one that was given, or one of its own."""
        wanted = {}
        for name, tensor in live.items():
            own = (name, tensor.op.name, tensor.name)
            found = next((candidate for candidate in own if candidate in there), name)
            wanted[name] = _either(given[name], there) if name in given else found
        return wanted

    def answer(self, feeds: Mapping[str, Any], outputs: Sequence[str]) -> Answer:
        """Return the outputs for one batch; the logits are not to be had.

        Raises:
            ArtifactError: the executor refuses the inputs.
        """
        import numpy as np

        from pytest_freezecheck.models.answer import Answer

        fed = {n: np.asarray(value, self.input_types[n]) for n, value in feeds.items()}
        try:
            arrays = self.run(fed, outputs)
        except Exception as error:
            raise ArtifactError(
                f"{self.path}: {self.executor} cannot run it on the inputs: {reason(error)}"
            ) from error
        return Answer(dict(zip(outputs, map(_as_tensorflow, arrays), strict=True)), {})

    def answer_disturbed(
        self, feeds: Mapping[str, Any], outputs: Sequence[str], change: Change
    ) -> Answer | None:
        """None: its weights are inside of the executor."""

    def weights(self) -> Arrays:
        """Nothing: converters rename, transpose and fold weights."""
        return {}

    def close(self) -> None:
        """Nothing to free but memory."""


def _as_tensorflow(array: Any) -> Any:
    """Return an answer as TensorFlow gives it: text is objects of bytes."""
    import numpy as np

    found = np.array(array)
    if found.dtype.kind not in "OU":
        return found
    flat = [each.encode() if isinstance(each, str) else each for each in found.ravel().tolist()]
    return np.array(flat, object).reshape(found.shape)


def loading_failed(path: Path, executor: str, error: Exception) -> ArtifactError:
    """Return the error of a file that its executor does not take."""
    return ArtifactError(f"{path}: {executor} cannot load it: {reason(error)}")


def counted_kinds(kinds: Sequence[str], reduced: Sequence[str]) -> dict[str, int]:
    """Return {dtype: how many tensors} of those that are there.

    Args:
        kinds: the dtype of each tensor.
        reduced: the dtypes to count.
    """
    return {kind: kinds.count(kind) for kind in reduced if kind in kinds}


def _either(name: str, there: Sequence[str]) -> str:
    """Return a name as the artifact has it: `answers` and `answers:0` are one tensor."""
    other = name.removesuffix(":0") if name.endswith(":0") else f"{name}:0"
    return other if name not in there and other in there else name
