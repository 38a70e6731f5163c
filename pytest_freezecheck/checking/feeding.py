"""Feed both sides the inputs of a check, and search around those that showed most."""

from __future__ import annotations

import numpy as np

from pytest_freezecheck.checking.corpus import Corpus
from pytest_freezecheck.checking.doubtful import Doubtful
from pytest_freezecheck.checking.sides import Sides
from pytest_freezecheck.checking.tally import Tally, alike
from pytest_freezecheck.checking.worst_inputs import Suspects
from pytest_freezecheck.inputs.mutation import mutate
from pytest_freezecheck.models.answer import Answer, Arrays
from pytest_freezecheck.numeric.batches import rows_of
from pytest_freezecheck.numeric.difference import Floats
from pytest_freezecheck.numeric.tolerance import Tolerances
from pytest_freezecheck.result import progress

_CHILDREN = 8
#: Batches that are asked about again at the end.
_AGAIN = 2


class Feeding:
    """What was fed to both sides, and what it showed.

    Args:
        sides: live and frozen.
        tolerances: what each output may be apart.
        seed: of the search.
        doubtful: tells what float noise does to an input, or None where there is none.

    Attributes:
        tally: what was added up.
        suspects: the inputs that showed most, by outputs and logits together.
        visible: the same by outputs alone: where those differ too much, a row whose logits alone
            are far apart is no example of it.
        first: what live and frozen answered to a failing input that was saved.
        unrepeated: batches whose answers were not bit-identical, and were when asked again.
        excused: inputs that only the noise of that very input allows.
        changed: whether the artifact answered its first batches otherwise when asked again.
    """

    def __init__(
        self,
        sides: Sides,
        tolerances: Tolerances,
        seed: int,
        doubtful: Doubtful | None = None,
    ) -> None:
        self.sides, self.tolerances, self.seed = sides, tolerances, seed
        self.tally = Tally(tolerances, sides.outputs)
        self.suspects, self.visible = Suspects(), Suspects()
        self.first: tuple[Arrays, Arrays] = ({}, {})
        self.unrepeated = self.excused = 0
        self.changed = False
        self._doubtful = doubtful
        self._differ = False
        self._aside: tuple[Suspects, Suspects] | None = None
        self._asked: list[tuple[Arrays, Answer]] = []
        #: Batches that are to be fed, once that is known.
        self._planned = 0

    @property
    def ranked(self) -> tuple[Suspects, Suspects]:
        """The inputs that showed most, by outputs alone, and by outputs and logits."""
        return self.visible, self.suspects

    def alone(self, feeds: Arrays, live: Answer, frozen: Answer) -> None:
        """Add up a failing input that was saved, and what both sides answered to it."""
        frozen = self._add("a failing input that was saved", feeds, live, frozen)
        outputs = {name: frozen.outputs[there] for name, there in self.sides.outputs.items()}
        self.first = live.outputs, outputs

    def aside(self, feeds: Arrays, live: Answer, frozen: Answer) -> None:
        """Add up what failed the last time before anything else.

        It is not counted, and remembered only after the search, so that a run that finds a failure
        and the next one report the same.
        """
        self.alone(feeds, live, frozen)
        self._aside = (self.suspects, self.visible)
        self.suspects, self.visible = Suspects(), Suspects()
        self.tally.forget_count()

    def everything(self, corpus: Corpus) -> None:
        """Feed all inputs to both sides, and search around those that showed most.

        The first batches are asked about once more at the end: a file with a state of its own can
        answer otherwise by then.
        """
        sides, self._planned = self.sides, corpus.planned
        for words, feeds, live in corpus.main(sides.live, sides.ask_whole, sides.pieces):
            self._feed(words, feeds, live)
        self._search(corpus)
        if sides.frozen_rows is None:
            for words, feeds, live in corpus.large(sides.ask_whole):
                self._feed(words, feeds, live)
        self.changed = not all(self._answered_again(*asked) for asked in self._asked)
        if self._aside is not None:
            for ours, saved in zip((self.suspects, self.visible), self._aside, strict=True):
                if saved:
                    ours.include(saved)

    def besides(self, words: str, feeds: Arrays) -> None:
        """Feed one batch more to both sides.

        Args:
            words: what it is.
            feeds: {input name: array (rows, *shape)}.
        """
        self._feed(words, feeds, self.sides.ask_live(feeds))

    def _answered_again(self, feeds: Arrays, before: Answer) -> bool:
        same = {name: name for name in self.sides.outputs.values()}
        again = self.sides.ask_frozen(feeds)
        if alike(before, again, same):
            return True
        if not self.sides.bit_exact:
            # Threads of an executor can sum in another order; state shows as more than that.
            ours = {there: self.tolerances[name] for name, there in self.sides.outputs.items()}
            return bool(Tolerances(ours).rows(before, again, same, rows_of(feeds)).max() <= 1.0)
        return alike(before, self.sides.ask_frozen(feeds), same)

    def _feed(self, words: str, feeds: Arrays, live: Answer) -> None:
        """Ask the artifact about a batch that the live model has answered, and add it up."""
        frozen = self._add(words, feeds, live, self.sides.ask_frozen(feeds))
        if len(self._asked) < _AGAIN:
            self._asked.append((feeds, frozen))

    def _add(self, words: str, feeds: Arrays, live: Answer, frozen: Answer) -> Answer:
        tally, rows, names = self.tally, rows_of(feeds), self.sides.outputs
        live, frozen = self._repeated(feeds, live, frozen)
        tally.count(rows)
        share = tally.examples / self._planned if self._planned else None
        progress.tell("asking both sides", share, tally.largest_difference)
        visible, hidden = self.tolerances.parts(live, frozen, names, rows)
        ratios = np.maximum(visible, hidden)
        allowed: dict[str, Floats] = {}
        allowed_logits: dict[str, Floats] = {}
        if self._doubtful is not None and ratios.max() > 1.0:
            allowed, allowed_logits = self._doubtful.allowed(feeds, live, frozen, ratios)
        identical = True
        for name, there in names.items():
            pair = np.asarray(live.outputs[name]), np.asarray(frozen.outputs[there])
            logits = live.logits.get(name), frozen.logits.get(there)
            identical &= tally.output(name, *pair, where=words, allowed=allowed.get(name))
            identical &= tally.logits(name, pair, logits, allowed_logits.get(name))
        if not identical:
            if self._doubtful is not None and (allowed or allowed_logits):
                excused = self._doubtful.excused
                self.excused += int(excused.sum())
                ratios, visible = (np.where(excused, 1.0, each) for each in (ratios, visible))
            self.suspects.add(feeds, ratios)
            self.visible.add(feeds, visible)
        return frozen

    def _repeated(self, feeds: Arrays, live: Answer, frozen: Answer) -> tuple[Answer, Answer]:
        """Ask again where two sides that run alike differ for the first time, and hardly.

        Once in thousands of runs, on a machine that is busy, a kernel of TensorFlow's sums in
        another order. A difference between two models is there the next time, too.
        """
        names = self.sides.outputs
        if self._differ or not self.sides.bit_exact or alike(live, frozen, names):
            return live, frozen
        apart, _ = self.tolerances.parts(live, frozen, names, 1)
        again = self.sides.ask_live(feeds), self.sides.ask_frozen(feeds)
        self._differ = bool(apart.max() > 1.0) or not alike(*again, names)
        if self._differ:
            return live, frozen
        self.unrepeated += 1
        return again

    def _search(self, corpus: Corpus) -> None:
        """Search around the inputs that showed most; where none showed anything, draw on."""
        rng = np.random.default_rng(self.seed)
        for _ in range(corpus.searched):
            if not self.suspects:
                break
            feeds = mutate(self.suspects.feeds(), self.sides.live.specs, rng, _CHILDREN)
            words = f"{_CHILDREN} rows mutated from those that showed most"
            self._feed(words, feeds, self.sides.ask_live(feeds))
        else:
            return
        sides = self.sides
        for words, feeds, live in corpus.spare(sides.ask_whole, corpus.searched, sides.pieces):
            self._feed(words, feeds, live)
