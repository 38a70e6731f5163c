"""SavedModel as `saved_model_cli run` runs it: in a session that optimises the graph."""

from __future__ import annotations

import contextlib
import io
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_freezecheck.formats.saved_model.session import SessionSavedModel

if TYPE_CHECKING:
    from pytest_freezecheck.models.answer import Answer, Arrays


class CommandLineSavedModel(SessionSavedModel):
    """A SavedModel in a session as the command makes it, held against the command itself.

    The command loads the model anew for each batch. So it answers the first batch, called in this
    process; if the session gave the same answer, bit for bit, the session answers the others.

    Raises:
        ArtifactError: the folder is no SavedModel, or has no signature to serve.
    """

    bit_exact = False
    _alike: bool | None = None

    def _config(self) -> Any:
        """Return none, as the command does: the graph is optimised."""
        return None

    def answer(self, feeds: Mapping[str, Any], outputs: Sequence[str]) -> Answer:
        """Return outputs and logits for one batch."""
        from pytest_freezecheck.models.answer import Answer

        if self._alike:
            return super().answer(feeds, outputs)
        own = super().answer(feeds, outputs).outputs
        commanded = self._command(feeds, outputs)
        for name, array in own.items():
            if array.dtype.kind == "V":  # a file has no name for bfloat16, only its bytes
                commanded[name] = commanded[name].view(array.dtype)
        if self._alike is None:
            self._alike = all(_identical(own[n], commanded[n]) for n in outputs)
        return Answer(commanded, {})

    def _command(self, feeds: Mapping[str, Any], outputs: Sequence[str]) -> Arrays:
        """Return what the command answers, which writes a file for each output."""
        import numpy as np
        from tensorflow.python.tools import saved_model_cli

        with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
            for name in outputs:  # a scope in a name is a folder, which the command does not make
                (Path(folder) / name).parent.mkdir(parents=True, exist_ok=True)
            saved_model_cli.run_saved_model_with_feed_dict(
                str(self.path), ",".join(self._tags), self._key, dict(feeds), folder, True
            )
            files = {name: Path(folder) / f"{name}.npy" for name in outputs}
            # Strings are pickled, and these were by the command, just now.
            return {name: np.load(file, allow_pickle=True) for name, file in files.items()}


def _identical(one: Any, other: Any) -> bool:
    """Return whether two arrays are the same, bit for bit; of strings the bytes lie elsewhere."""
    if one.dtype != other.dtype or one.shape != other.shape:
        return False
    if one.dtype == object:
        return bool((one == other).all())
    return bool(one.tobytes() == other.tobytes())
