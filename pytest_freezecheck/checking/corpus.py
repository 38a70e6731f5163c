"""The inputs of a check and the live model's answers to them, made once for all artifacts."""

from __future__ import annotations

import math
import weakref
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from pytest_freezecheck.checking.baseline import (
    Floor,
    Output,
    is_row_by_row,
    outputs_of,
    row_dependence,
)
from pytest_freezecheck.checking.batches import Batches
from pytest_freezecheck.checking.kept import Kept, Sequenced
from pytest_freezecheck.checking.steering import Drawn, Steered, Steering
from pytest_freezecheck.errors import ModelError
from pytest_freezecheck.inputs.search import drawn_once
from pytest_freezecheck.inputs.sizes import alike
from pytest_freezecheck.models.answer import Answer, Arrays
from pytest_freezecheck.models.clone import Clone
from pytest_freezecheck.models.live import LiveModel
from pytest_freezecheck.numeric.batches import rows_of
from pytest_freezecheck.power.vacuity import content
from pytest_freezecheck.result import progress
from pytest_freezecheck.result.findings import Power, Reached

if TYPE_CHECKING:
    from pytest_freezecheck.checking.remembered import Memory

Ask = Callable[[Arrays], Answer]
#: Number of a batch, and by how many rows it was asked.
Numbered = tuple[int, int]
#: A batch in words, its arrays, and the live model's answer.
Answered = tuple[str, Arrays, Answer]
#: Of 100 examples, 4 hold inputs that were steered to the decision boundary, 10 are left for the
#: search around what showed most; steered batches have 8 rows, so that is 32 inputs.
_STEERED, _SEARCHED, STEERED_ROWS = 0.04, 0.1, 8
#: With so few examples there is hardly anything to steer.
_FEW = 5
#: Rows that tell whether rows see each other.
_ROWS = 4


class Pieces(NamedTuple):
    """How the live model is asked for an artifact that takes only so many rows at a time."""

    rows: int
    ask: Ask


class Corpus:
    """Inputs of one live model in one state.

    Args:
        live: the model.
        examples: how many batches a check feeds, apart from real samples.
        seed: seed of everything drawn.

    Attributes:
        clone_error: why the live model cannot be copied, once that was tried in vain.
        answers: of the live model, by number of the batch, and by how many rows were asked at a
            time; 0 for all of them. Steered batches have numbers below 0, large ones follow last.
        found: the steered inputs, once they were looked for.
        dependence: how far rows are answered otherwise alone, once that was measured.
        powers: {what is allowed, and whether logits are seen: how many planted mistakes these
            inputs would have caught}.
        doubts: what speaks against the reference itself, once that was looked for.
        floor: how far the live model is from itself, once that was measured.
        reached: how much of small ranges and of tables the inputs reach, once that was counted.
        drift: names of the live model's variables that changed while it answered.
        memory: what is kept of it from run to run, if anything is.

    Raises:
        ModelError: fewer batches could be drawn than were asked for.
        SettingError: a sample is not what its input takes.
    """

    def __init__(self, live: LiveModel, examples: int, seed: int) -> None:
        self.specs, self.seed = live.specs, seed
        drawn = drawn_once(examples, seed)
        if len(drawn) < examples:
            raise ModelError(
                f"{live.name}: only {len(drawn)} of {examples} examples could be drawn for its "
                "inputs; a check that compares less than it was asked to proves less"
            )
        self._steered_batches = _share(examples, _STEERED)
        self.searched = _share(examples, _SEARCHED)
        first = examples - self._steered_batches - self.searched
        self.batches = Batches(live.specs, drawn, first, seed)
        self.answers: Kept[Numbered] = Kept()
        self._asked = 0
        self.found: Steered | None = None
        self._clone: Clone | None = None
        self.clone_error: ModelError | None = None
        self.powers: dict[str, Power | None] = {}
        self.floor: Floor | None = None
        self.drift: list[str] = []
        self.doubts: list[str] | None = None
        self.reached: list[Reached] | None = None
        self.memory: Memory | None = None
        self._known: dict[str, Output] | None = None
        self.dependence: float | None = None

    @property
    def planned(self) -> int:
        """How many batches an artifact is fed, but for a few large ones."""
        return self.batches.main + self._steered_batches + self.searched

    def main(self, live: LiveModel, ask: Ask, pieces: Pieces | None = None) -> Iterator[Answered]:
        """Yield what every artifact is fed: real samples, what was drawn, and steered inputs.

        Args:
            live: the model.
            ask: asks it about one batch.
            pieces: asks it as the artifact is asked, if that is in pieces. The inputs are the same.
        """
        for place in range(self.batches.main):
            yield self._answered(place, ask, pieces)
        yield from self._boundary(live, ask, pieces)

    def large(self, ask: Ask) -> Iterator[Answered]:
        """Yield batches of many rows, as a server that collects requests has them."""
        for number, (words, feeds) in enumerate(self.batches.large(), len(self.batches)):
            yield words, feeds, self._answer(number, feeds, ask, None)

    def known(self, live: LiveModel, ask: Ask) -> dict[str, Output]:
        """Return what is known of the outputs, from the live model's answers to all inputs."""
        if self._known is None:
            self._known = outputs_of(live, (answer for _, _, answer in self.main(live, ask)))
        return self._known

    @property
    def row_by_row(self) -> bool:
        """Whether every output has as many answers for each input, whatever the batch."""
        drawn = self.drawn()
        return is_row_by_row(drawn.sizes, drawn.answers)

    def row_dependence(self, live: LiveModel, ask: Ask) -> float:
        """Return how far rows are answered otherwise alone, relative to the answers' size."""
        if self.dependence is None:
            known = self.known(live, ask)
            self.dependence = row_dependence(ask, self.spread(_ROWS), known)
        return self.dependence

    def spare(self, ask: Ask, count: int, pieces: Pieces | None = None) -> Iterator[Answered]:
        """Yield drawn batches that nothing better was found for."""
        used = max(0, self._steered_batches - self._filled())
        for place in range(used, min(used + count, len(self.batches) - self.batches.main)):
            yield self._answered(self.batches.main + place, ask, pieces)

    def steered(self) -> list[Arrays]:
        """Return the steered inputs, once `main` has run to its end."""
        return [] if self.found is None else self.found.feeds

    @property
    def notes(self) -> list[str]:
        """What a reader should know about how inputs were found."""
        return [] if self.found is None else self.found.notes

    def drawn(self) -> Drawn:
        """Return the drawn and real inputs, with the live model's answers, once `main` has run.

        Of several sizes, those of the most frequent one.
        """
        places = alike([self.batches.size(place) for place in range(self.batches.main)])
        answers = Sequenced(self.answers, [(place, 0) for place in places])
        rows = [self.batches.rows(place) for place in places]
        return Drawn(answers, rows, lambda number: self.batches.arrays(places[number]))

    def spread(self, count: int) -> Arrays:
        """Return so many of the drawn inputs, evenly spread over them, {input name: array}."""
        drawn = self.drawn()
        places = np.linspace(0, drawn.count - 1, min(count, drawn.count)).astype(np.intp)
        return drawn.rows(places)

    def probe(self, rows: int) -> list[Arrays]:
        """Return the most telling inputs, so many to a batch: the steered ones, then drawn ones."""
        steered = [{n: a[:rows] for n, a in feeds.items()} for feeds in self.steered()]
        return [*steered, self.spread(rows)]

    def everything(self, rows: int) -> Iterator[Arrays]:
        """Yield all steered and drawn inputs, so many to a batch."""
        return self.telling(self.drawn().count, rows)

    def telling(self, count: int, rows: int) -> Iterator[Arrays]:
        """Yield all steered inputs, and so many of the drawn ones, so many to a batch."""
        drawn = self.drawn()
        for feeds in self.steered():
            for start in range(0, rows_of(feeds), rows):
                yield {name: array[start : start + rows] for name, array in feeds.items()}
        places = np.linspace(0, drawn.count - 1, min(count, drawn.count)).astype(np.intp)
        for start in range(0, len(places), rows):
            yield drawn.rows(places[start : start + rows])

    def clone(self, live: LiveModel) -> Clone:
        """Return a copy of the live model, made on first use.

        Raises:
            ModelError: it cannot be copied.
        """
        if self.clone_error is not None:
            raise self.clone_error
        if self._clone is None:
            try:
                self._clone = Clone(live)
            except ModelError as error:
                self.clone_error = error
                raise
        return self._clone

    def feeds(self, number: int, steered: Steered) -> Arrays:
        """Return the batch with this number, as answers are numbered.

        Args:
            number: of the batch.
            steered: the steered inputs.

        Raises:
            IndexError: there is none.
        """
        if number < 0:
            return list(_batches_of(steered))[-number - 1][1]
        if number < len(self.batches):
            return self.batches.arrays(number)
        return list(self.batches.large())[number - len(self.batches)][1]

    def _boundary(self, live: LiveModel, ask: Ask, pieces: Pieces | None) -> Iterator[Answered]:
        if self.found is None:
            steering = Steering(live, self.drawn(), ask, lambda: self.clone(live), self.seed)
            rows = self._steered_batches * STEERED_ROWS
            self.found = steering.find(rows) if rows else Steered([], [], [])
        for number, (words, piece) in enumerate(_batches_of(self.found), 1):
            said = f"{rows_of(piece)} {words}"
            yield said, piece, self._answer(-number, piece, ask, pieces)
        for place in range(max(0, self._steered_batches - self._filled())):
            yield self._answered(self.batches.main + place, ask, pieces)

    def _filled(self) -> int:
        """Return how many batches the steered inputs fill."""
        sizes = [rows_of(feeds) for feeds in self.steered()]
        return sum(-(-size // STEERED_ROWS) for size in sizes)

    def _answered(self, place: int, ask: Ask, pieces: Pieces | None) -> Answered:
        feeds = self.batches.arrays(place)
        return self.batches.words(place), feeds, self._answer(place, feeds, ask, pieces)

    def _answer(self, place: int, feeds: Arrays, ask: Ask, pieces: Pieces | None) -> Answer:
        if (place, 0) not in self.answers:
            progress.tell("asking the live model", min(1.0, self._asked / self.planned))
            self.answers.keep((place, 0), ask(feeds))
            self._asked += 1
        if pieces is None:
            return self.answers[place, 0]
        if (place, pieces.rows) not in self.answers:
            self.answers.keep((place, pieces.rows), pieces.ask(feeds))
        return self.answers[place, pieces.rows]


def _batches_of(steered: Steered) -> Iterator[tuple[str, Arrays]]:
    """Yield the batches that steered inputs make, and what they are."""
    for words, feeds in zip(steered.words, steered.feeds, strict=True):
        for start in range(0, rows_of(feeds), STEERED_ROWS):
            yield words, {n: array[start : start + STEERED_ROWS] for n, array in feeds.items()}


_corpora: weakref.WeakKeyDictionary[LiveModel, dict[tuple[object, ...], Corpus]] = (
    weakref.WeakKeyDictionary()
)


def corpus_of(live: LiveModel, *, examples: int, seed: int, state: tuple[object, ...]) -> Corpus:
    """Return the inputs for a live model, kept from the last artifact where nothing has changed.

    Args:
        live: the model.
        examples: how many batches, apart from real samples.
        seed: seed of everything drawn.
        state: what the live model's state is known by now: digests of its weights, and a few
            answers. What it answered in another state is not used.
    """
    corpora = _corpora.setdefault(live, {})
    key = (examples, seed, state)
    if key not in corpora:
        # Of one seed and state at a time; what is proved is fed fewer examples than the rest.
        for other in [other for other in corpora if other[1:] != key[1:]]:
            del corpora[other]
        corpora[key] = Corpus(live, examples, seed)
    return corpora[key]


def fingerprint(answer: Answer) -> tuple[object, ...]:
    """Return what tells one state of a live model from another: its answer, byte by byte."""
    return tuple(
        (name, content(np.asarray(array))) for name, array in sorted(answer.outputs.items())
    )


def _share(examples: int, part: float) -> int:
    return math.ceil(examples * part) if examples >= _FEW else 0
