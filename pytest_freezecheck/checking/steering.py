"""Steers drawn inputs to where the live model is most sensitive: its decision boundary.

Decides, for each output, which of the ways of `inputs/` applies, and asks the live model for what
they need. Only the live model is asked, so all artifacts are fed the same inputs.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from pytest_freezecheck.errors import ModelError
from pytest_freezecheck.inputs.boundary import cross, steepest
from pytest_freezecheck.inputs.descent import Floats, descend, wander
from pytest_freezecheck.models.answer import Answer, Arrays
from pytest_freezecheck.models.clone import Clone
from pytest_freezecheck.models.live import LiveModel
from pytest_freezecheck.numeric.batches import rows_of
from pytest_freezecheck.numeric.difference import is_distribution, wide
from pytest_freezecheck.power.vacuity import stackable
from pytest_freezecheck.report import cautions

#: Where nothing but a descent leads to the boundary: rows, steps of the gradient, rounds of trial.
_DESCENDING, _STEPS, _ROUNDS = 8, 40, 12
#: Bytes of inputs that are steered, and of the answers (in float64) that are looked at together.
_MOST_BYTES, _MOST_ANSWERED = 2**28, 2**27

Ask = Callable[[Arrays], Answer]
Integers = npt.NDArray[np.intp]


@dataclasses.dataclass(frozen=True)
class Drawn:
    """What was drawn and answered so far.

    Attributes:
        answers: of the live model, batch by batch.
        sizes: rows of each batch.
        batch: returns the arrays of the batch with this number.
    """

    answers: Sequence[Answer]
    sizes: Sequence[int]
    batch: Callable[[int], Arrays]

    @property
    def count(self) -> int:
        """How many rows there are."""
        return sum(self.sizes)

    def answer(self, name: str, number: int) -> Floats:
        """Return what the input with this number is answered, counted through all batches."""
        starts = np.cumsum([0, *self.sizes])
        place = int(np.searchsorted(starts, number, side="right")) - 1
        return wide(self.answers[place].outputs[name][number - starts[place]])

    def rows(self, numbers: Integers) -> Arrays:
        """Return the inputs with these numbers, counted through all batches."""
        starts = np.cumsum([0, *self.sizes])
        where = np.searchsorted(starts, numbers, side="right") - 1
        built = {int(place): self.batch(int(place)) for place in set(where.tolist())}
        picked = [
            {name: array[n - starts[w]] for name, array in built[int(w)].items()}
            for n, w in zip(numbers, where, strict=True)
        ]
        return {name: np.stack([row[name] for row in picked]) for name in picked[0]}


@dataclasses.dataclass(frozen=True)
class Steered:
    """Inputs where the live model is most sensitive.

    Attributes:
        feeds: {input name: array (rows, *shape)}, of each part; none if there is no such place.
        words: what each part is.
        notes: what a reader should know about how they were found.
    """

    feeds: list[Arrays]
    words: list[str]
    notes: list[str]


class Steering:
    """Finds such inputs for one live model.

    Args:
        live: the model.
        drawn: inputs that it has answered.
        ask: asks it.
        clone: returns its copy, for the gradient.
        seed: of everything drawn.
    """

    def __init__(
        self, live: LiveModel, drawn: Drawn, ask: Ask, clone: Callable[[], Clone], seed: int
    ) -> None:
        self.live, self.drawn, self.ask, self.clone = live, drawn, ask, clone
        self.seed = seed
        self.rng = np.random.default_rng(seed)
        self.found = Steered([], [], [])

    def find(self, rows: int) -> Steered:
        """Find up to so many inputs, shared out among the outputs."""
        size = sum(a.nbytes for a in self.drawn.rows(np.zeros(1, np.intp)).values())
        rows = int(max(1, min(rows, _MOST_BYTES // max(1, size))))
        for name in self.live.outputs:
            self._output(name, max(1, rows // len(self.live.outputs)))
        return self.found

    def _output(self, name: str, rows: int) -> None:
        if not stackable(self._answers(name)):
            return
        if any(len(a) != n for a, n in zip(self._answers(name), self.drawn.sizes, strict=True)):
            return  # an answer to the batch as a whole cannot be steered row by row
        parts = []
        for answer in self._answers(name):
            if not is_distribution(answer):
                self._steepest(name, rows)
                return
            parts.append(answer.argmax(axis=-1).reshape(len(answer), -1))
        classes = np.concatenate(parts)
        if (classes != classes[0]).any():
            self._between_classes(name, classes, rows)
        elif classes.shape[1] == 1:
            self._one_class(name, min(rows, _DESCENDING))
        else:
            self._steepest(name, rows)

    def _answers(self, name: str) -> Iterator[npt.NDArray[Any]]:
        """Yield what the drawn batches are answered, one at a time: all can be gigabytes."""
        return (answer.outputs[name] for answer in self.drawn.answers)

    def _between_classes(self, name: str, classes: Integers, rows: int) -> None:
        """Go between pairs of different classes, each class in turn."""
        positions = np.flatnonzero((classes != classes[0]).any(axis=0))
        ones, others, at = [], [], []
        for number in range(rows):
            position = int(self.rng.choice(positions))
            kinds = classes[:, position]
            present = np.unique(kinds)
            home = present[number % len(present)]
            ones.append(self.rng.choice(np.flatnonzero(kinds == home)))
            others.append(self.rng.choice(np.flatnonzero(kinds != home)))
            at.append(position)
        one, other = np.array(ones), np.array(others)
        places = np.array(at)
        home = classes[one, places]

        def found(part: slice) -> Arrays:
            position, own_class = places[part], home[part]

            def margin(feeds: Mapping[str, Any], numbers: Integers) -> Floats:
                logits = self._logits(name, self.ask(dict(feeds)), len(numbers))
                every = np.arange(len(numbers))
                here = wide(logits[every, position[numbers]])
                own = here[every, own_class[numbers]].copy()
                here[every, own_class[numbers]] = -np.inf
                return np.asarray(own - here.max(axis=1))

            ends = self.drawn.rows(one[part]), self.drawn.rows(other[part])
            return cross(*ends, margin, self.live.specs)

        self._keep(self._in_parts(name, rows, found), "inputs on the decision boundary")

    def _one_class(self, name: str, rows: int) -> None:
        """Descend from the inputs that the model is least sure of."""
        top = [np.sort(a.reshape(len(a), -1), axis=1)[:, -2:] for a in self._answers(name)]
        lead_of = np.diff(np.concatenate(top), axis=1)[:, 0]
        start = self.drawn.rows(np.argsort(lead_of, kind="stable")[:rows])
        specs = self.live.specs

        def lead(feeds: Arrays) -> tuple[Floats, Integers]:
            logits = wide(self._logits(name, self.ask(feeds), rows_of(feeds))[:, 0])
            order = np.sort(logits, axis=1)
            return order[:, -1] - order[:, -2], logits.argmax(axis=1)

        def slope(feeds: Arrays) -> tuple[Floats, Integers, Arrays]:
            return self.clone().slope(name, feeds)

        why = None
        try:
            level = descend(start, slope, lead, specs, steps=_STEPS)
        except ModelError as error:
            level = wander(start, lead, specs, rounds=_ROUNDS, seed=self.seed)
            why = str(error)
        self.found.notes.append(cautions.led(name, rows, float(np.max(lead(level)[0])), why))
        self._keep(level, "inputs led to the decision boundary")

    def _steepest(self, name: str, rows: int) -> None:
        """Go between inputs that are answered very differently, to where the answer changes."""
        pairs = self.rng.integers(0, self.drawn.count, size=(4 * rows, 2))
        apart = np.array([self._between(name, *pair) for pair in pairs.tolist()])
        best = pairs[np.argsort(-apart, kind="stable")[:rows]]
        if not apart.any():
            return  # a constant answer, which is reported by itself

        def answer(feeds: Mapping[str, Any]) -> Floats:
            values = self.ask(dict(feeds)).outputs[name]
            return np.asarray(values.reshape(len(values), -1).astype(np.float64))

        def found(part: slice) -> Arrays:
            one, other = (self.drawn.rows(best[part, end]) for end in (0, 1))
            return steepest(one, other, answer, self.live.specs)

        self._keep(
            self._in_parts(name, len(best), found), "inputs where the answer changes fastest"
        )

    def _in_parts(self, name: str, rows: int, found: Callable[[slice], Arrays]) -> Arrays:
        """Find so many inputs, all together unless the answers to them would fill memory.

        Args:
            name: of the output.
            rows: how many.
            found: finds those with these numbers; no row depends on another.
        """
        size = self.drawn.answer(name, 0).nbytes
        most = max(1, _MOST_ANSWERED // max(1, size))
        parts = [found(slice(start, start + most)) for start in range(0, rows, most)]
        return {n: np.concatenate([part[n] for part in parts]) for n in parts[0]}

    def _between(self, name: str, one: int, other: int) -> float:
        """Return how differently two inputs are answered."""
        with np.errstate(invalid="ignore"):
            apart = self.drawn.answer(name, one) - self.drawn.answer(name, other)
        return float(np.abs(np.nan_to_num(apart)).max(initial=0.0))

    def _keep(self, feeds: Arrays, words: str) -> None:
        self.found.feeds.append(feeds)
        self.found.words.append(words)

    def _logits(self, name: str, answer: Answer, rows: int) -> npt.NDArray[Any]:
        """Return logits, (rows, positions, classes), of the graph's or from the probabilities."""
        probabilities = answer.outputs[name]
        logits = answer.logits.get(name)
        if logits is None or logits.size != probabilities.size:
            tiny = np.finfo(probabilities.dtype).tiny
            logits = np.log(np.maximum(probabilities, tiny))
        return logits.reshape(rows, -1, probabilities.shape[-1])
