"""What a live model said is kept from run to run: a run that can prove it is the same reads it.

Kept are steered inputs, answers, power, and what was measured of the live model. Nothing of an
artifact is: both sides are compared on all inputs in every run. Of what is read, two answers are
asked for again, and have to be the same bit for bit; else all of it is worked out anew.
"""

from __future__ import annotations

import dataclasses
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from pytest_freezecheck.checking.baseline import Floor
from pytest_freezecheck.checking.corpus import Ask, Corpus, Numbered
from pytest_freezecheck.checking.entries import DamagedError, Folder
from pytest_freezecheck.checking.identity import UnknownError, content_digest, identity
from pytest_freezecheck.checking.packing import Packed, PackingError, Unpacked
from pytest_freezecheck.checking.steering import Steered
from pytest_freezecheck.models.answer import Answer
from pytest_freezecheck.models.batching import in_pieces
from pytest_freezecheck.models.live import LiveModel
from pytest_freezecheck.report import cautions
from pytest_freezecheck.report.files import why
from pytest_freezecheck.result.findings import Power, Reached

#: Bytes of answers that are kept; of more, only what is asked again is told by.
MOST_ANSWERS = 2**28


class Memory:
    """What is kept of one corpus.

    Args:
        folder: where.
        key: digest of all that it follows from, or None where nothing can be kept.

    Attributes:
        used: whether the corpus has what an earlier run left.
        said: what a reader should know, and was not told yet.
    """

    def __init__(self, folder: Folder, key: str | None) -> None:
        self.folder, self.key = folder, key
        self.used = False
        self.said: list[str] = []
        self._kept: object = None
        #: Of answers that are too many to be kept.
        self._digests: dict[Numbered, str] = {}

    def recall(self, corpus: Corpus, ask: Ask) -> None:
        """Fill a new corpus with what an earlier run left, if the live model still says the same.

        Args:
            corpus: the inputs.
            ask: asks the live model about one batch.

        Raises:
            ModelError: it cannot be run.
        """
        if self.key is None:
            return
        try:
            found = self.folder.read(self.key)
            if found is None:
                return
            entry = _Entry.of(*found)
            checked = self._checked(corpus, entry, ask)
        except (DamagedError, PackingError, LookupError, TypeError, ValueError) as error:
            self.said.append(cautions.DAMAGED.format(self._name, error))
        except OSError as error:
            self.said.append(cautions.UNREADABLE.format(self._name, why(error)))
        else:
            if checked is None:
                self.said.append(cautions.ANSWERS_OTHERWISE.format(self._name))
                return
            for key, answer in (entry.answers or checked).items():
                corpus.answers.keep(key, answer)
            self._digests = entry.digests
            corpus.found, corpus.powers = entry.steered, dict(entry.powers)
            corpus.floor, corpus.dependence = entry.floor, entry.dependence
            corpus.reached, corpus.doubts = entry.reached, entry.doubts
            self.used, self._kept = True, _extent(corpus)

    def keep(self, corpus: Corpus) -> None:
        """Write what the corpus has by now, if that is more than lies there.

        What cannot be written is told once, and not tried again.
        """
        if self.key is None or corpus.found is None or self._kept == _extent(corpus):
            return
        self._kept = _extent(corpus)
        try:
            self.folder.write(self.key, *self._entry(corpus, corpus.found))
        except (OSError, PackingError) as error:
            reason = why(error) if isinstance(error, OSError) else str(error)
            self.said.append(cautions.NOT_KEPT.format(self.folder.path, reason))
            self.key = None

    def told(self) -> list[str]:
        """Return what was not told yet."""
        said, self.said = self.said, []
        return said

    @property
    def _name(self) -> Path:
        return self.folder.place(str(self.key))

    def _checked(self, corpus: Corpus, entry: _Entry, ask: Ask) -> dict[Numbered, Answer] | None:
        """Return the answers to the first batch and another one, None if they are others now."""
        first, *others = entry.digests
        found = {}
        for key in (first, *([secrets.choice(others)] if others else [])):
            number, rows = key
            feeds = corpus.feeds(number, entry.steered)
            answer = in_pieces(feeds, rows, lambda piece: ask(dict(piece))) if rows else ask(feeds)
            there = entry.answers[key] if entry.answers else None
            known = entry.digests[key] if there is None else content_digest(there)
            if content_digest(answer) != known:
                return None
            found[key] = answer
        return found

    def _entry(self, corpus: Corpus, steered: Steered) -> tuple[dict[str, Any], list[Any]]:
        """Return the values and arrays of what a corpus has."""
        packed = Packed()
        answers = None
        if _size(corpus.answers) <= MOST_ANSWERS:
            answers = [
                [*key, packed.all(answer.outputs), packed.all(answer.logits)]
                for key, answer in corpus.answers.items()
            ]
        for key, answer in corpus.answers.items():
            if key not in self._digests:
                self._digests[key] = content_digest(answer)
        values = {
            "steered": [
                [packed.all(feeds) for feeds in steered.feeds],
                steered.words,
                steered.notes,
            ],
            "answers": answers,
            "digests": [[*key, digest] for key, digest in self._digests.items()],
            "powers": [[key, _plain(power)] for key, power in corpus.powers.items()],
            "floor": _plain(corpus.floor),
            "dependence": corpus.dependence,
            "reached": None if corpus.reached is None else [_plain(x) for x in corpus.reached],
            "doubts": corpus.doubts,
        }
        return values, packed.arrays


@dataclasses.dataclass(frozen=True)
class _Entry:
    """What an earlier run left.

    Attributes:
        steered: inputs.
        answers: of the live model; None where they are too many.
        digests: of all answers.
        powers: as the corpus has them, like all that follow.
    """

    steered: Steered
    answers: Mapping[Numbered, Answer] | None
    digests: dict[Numbered, str]
    powers: Mapping[str, Power | None]
    floor: Floor | None
    dependence: float | None
    reached: list[Reached] | None
    doubts: list[str] | None

    @classmethod
    def of(cls, values: Mapping[str, Any], arrays: list[Any]) -> _Entry:
        """Make it of values and arrays.

        Raises:
            LookupError, TypeError, ValueError, PackingError: these are not those of an entry.
        """
        held = Unpacked(arrays)
        feeds, words, notes = values["steered"]
        answers, floor, reached = values["answers"], values["floor"], values["reached"]
        return cls(
            Steered([held.all(each) for each in feeds], list(words), list(notes)),
            None
            if answers is None
            else {(n, rows): Answer(held.all(o), held.all(g)) for n, rows, o, g in answers},
            {(number, rows): digest for number, rows, digest in values["digests"]},
            {key: _power(power) for key, power in values["powers"]},
            None if floor is None else Floor(**floor),
            values["dependence"],
            None if reached is None else [Reached(**each) for each in reached],
            values["doubts"],
        )


def memory_of(
    corpus: Corpus, live: LiveModel, folder: str, examples: int, state: tuple[object, ...], ask: Ask
) -> Memory:
    """Return the memory of a corpus, which has what an earlier run left of it.

    Args:
        corpus: the inputs.
        live: the model.
        folder: where it is kept.
        examples: how many batches there are.
        state: what the live model's state is known by.
        ask: asks it about one batch.

    Raises:
        ModelError: it cannot be run.
    """
    place = Folder(Path(folder))
    if corpus.memory is None or corpus.memory.folder.path != place.path:
        try:
            key = identity(live, corpus.batches, corpus.seed, examples, state)
        except UnknownError as error:
            corpus.memory = Memory(place, None)
            corpus.memory.said.append(cautions.NOT_KEPT.format(folder, error))
        else:
            corpus.memory = Memory(place, key)
            if not corpus.answers:
                corpus.memory.recall(corpus, ask)
    return corpus.memory


def _extent(corpus: Corpus) -> object:
    """Return what tells of how much a corpus has."""
    return (
        frozenset(corpus.answers),
        frozenset(corpus.powers),
        *(x is None for x in (corpus.floor, corpus.dependence, corpus.reached, corpus.doubts)),
    )


def _size(answers: Mapping[Numbered, Answer]) -> int:
    return sum(np.asarray(array).nbytes for answer in answers.values() for array in _each(answer))


def _each(answer: Answer) -> Iterator[Any]:
    yield from answer.outputs.values()
    yield from answer.logits.values()


def _plain(found: Any) -> dict[str, Any] | None:
    return None if found is None else dataclasses.asdict(found)


def _power(values: Mapping[str, Any] | None) -> Power | None:
    if values is None:
        return None
    survivors = tuple((name, reason) for name, reason in values["survivors"])
    return Power(**{**values, "survivors": survivors})
