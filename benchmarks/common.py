"""What the scripts share: the three trained networks."""

from __future__ import annotations

import contextlib
import tempfile
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path

import tensorflow as tf

from pytest_freezecheck import LiveModel
from tests.kit.subjects import SUBJECTS, Subject
from tests.kit.wrong_freezes import CorrectFreeze, WrongFreeze


class Bench:
    """The subjects, their live models and the artifacts that were written, each made once.

    Attributes:
        subjects: {name: the trained network}.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lives: dict[tuple[str, str], LiveModel] = {}
        self.subjects: dict[str, Subject] = {}
        for name, make in SUBJECTS.items():
            own = folder / name
            own.mkdir()
            self.subjects[name] = make(own)

    def live(self, subject: str, ema: str = "trainable") -> LiveModel:
        """Return a subject's live model, which reads these variables from shadows."""
        if (subject, ema) not in self._lives:
            self._lives[subject, ema] = self.subjects[subject].live(ema)
        return self._lives[subject, ema]

    def shipped(self, subject: str, freeze: WrongFreeze | CorrectFreeze) -> Path:
        """Return the artifact of a freeze, as it ships."""
        path = self._folder / subject / f"{freeze.name}.pb"
        if not path.exists():
            freeze.ship(self.subjects[subject], path)
        return path

    def close(self) -> None:
        """Free the live models."""
        for live in self._lives.values():
            live.close()


@contextlib.contextmanager
def bench() -> Iterator[Bench]:
    """Train the subjects in a folder that is removed afterwards."""
    tf.get_logger().setLevel("ERROR")
    warnings.filterwarnings("ignore", "`(layer.apply|tf.layers.*)` is deprecated", UserWarning)
    with tempfile.TemporaryDirectory() as folder:
        made = Bench(Path(folder))
        try:
            yield made
        finally:
            made.close()


def possible(
    freezes: Iterable[WrongFreeze | CorrectFreeze], subject: str
) -> Iterator[WrongFreeze | CorrectFreeze]:
    """Yield the freezes that can be made with a subject."""
    return (freeze for freeze in freezes if subject not in freeze.skip)
