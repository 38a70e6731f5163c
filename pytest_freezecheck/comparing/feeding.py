"""Feed both sides the inputs of a check, and search around those that showed most."""

from __future__ import annotations

import numpy as np

from pytest_freezecheck.comparing.corpus import Corpus
from pytest_freezecheck.comparing.sides import Sides
from pytest_freezecheck.comparing.suspects import Suspects
from pytest_freezecheck.comparing.tally import Tally, alike
from pytest_freezecheck.inputs.mutation import mutate
from pytest_freezecheck.inputs.saved import Saved
from pytest_freezecheck.models.session import Answer, Arrays
from pytest_freezecheck.settings import Settings
from pytest_freezecheck.severity import Yardstick

_CHILDREN = 8


class Feeding:
    """What was fed to both sides, and what it showed.

    Args:
        sides: live and frozen.
        settings: what the check works with.

    Attributes:
        tally: what was added up.
        suspects: the inputs that showed most, by outputs and logits together.
        visible: the same by outputs alone: where those differ too much, a row whose logits alone
            are far apart is no example of it.
        first: what live and frozen answered to a failing input that was saved.
        unrepeated: batches whose answers were not bit-identical, and were when asked again.
    """

    def __init__(self, sides: Sides, settings: Settings) -> None:
        self.sides, self.settings = sides, settings
        self.tally = Tally(settings.atol)
        self.suspects, self.visible = Suspects(), Suspects()
        self.first: tuple[Arrays, Arrays] = ({}, {})
        self.unrepeated = 0
        self._differ = False
        self._aside: tuple[Suspects, Suspects] | None = None

    @property
    def ranked(self) -> tuple[Suspects, Suspects]:
        """The inputs that showed most, by outputs alone, and by outputs and logits."""
        return self.visible, self.suspects

    def allow(self, settings: Settings) -> None:
        """Work with other settings from now on."""
        self.settings, self.tally.atol = settings, settings.atol

    def alone(self, saved: Saved) -> None:
        """Feed a failing input that was saved."""
        feeds = {name: saved.feeds[name] for name in self.sides.live.specs}
        live = self.sides.ask_live(feeds)
        frozen = self._feed("a failing input that was saved", feeds, live)
        outputs = {name: frozen.outputs[there] for name, there in self.sides.outputs.items()}
        self.first = live.outputs, outputs

    def aside(self, saved: Saved) -> None:
        """Try what failed the last time before anything else.

        It is not counted, and remembered only after the search, so that a run that finds a failure
        and the next one report the same.
        """
        self.alone(saved)
        self._aside = (self.suspects, self.visible)
        self.suspects, self.visible = Suspects(), Suspects()
        self.tally.inputs = self.tally.examples = 0

    def everything(self, corpus: Corpus) -> None:
        """Feed all inputs to both sides, and search around those that showed most."""
        sides = self.sides
        for words, feeds, live in corpus.main(sides.live, sides.ask_whole, sides.pieces):
            self._feed(words, feeds, live)
        self._search(corpus)
        if self._aside is not None:
            for ours, saved in zip((self.suspects, self.visible), self._aside, strict=True):
                if saved:
                    ours.include(saved)

    def _feed(self, words: str, feeds: Arrays, live: Answer) -> Answer:
        """Ask the artifact about a batch that the live model has answered, and add it up."""
        tally, rows = self.tally, len(next(iter(feeds.values())))
        live, frozen = self._repeated(feeds, live, self.sides.ask_frozen(feeds))
        tally.count(rows)
        identical = True
        for name, there in self.sides.outputs.items():
            pair = np.asarray(live.outputs[name]), np.asarray(frozen.outputs[there])
            logits = live.logits.get(name), frozen.logits.get(there)
            identical &= tally.output(name, *pair, where=words)
            identical &= tally.logits(name, pair, logits)
        if not identical:
            names, rtol = self.sides.outputs, self.settings.logit_rtol
            ratios = tally.yardstick(rtol).rows(live, frozen, names, rows)
            self.suspects.add(feeds, ratios)
            self.visible.add(feeds, tally.yardstick(None).rows(live, frozen, names, rows))
        return frozen

    def _repeated(self, feeds: Arrays, live: Answer, frozen: Answer) -> tuple[Answer, Answer]:
        """Ask again where two sides that run alike differ for the first time, and hardly.

        Once in thousands of runs, on a machine that is busy, a kernel of TensorFlow's sums in
        another order. A difference between two models is there the next time, too.
        """
        names = self.sides.outputs
        if self._differ or not self.sides.bit_exact or alike(live, frozen, names):
            return live, frozen
        apart = Yardstick(self.settings.atol, None, {}).rows(live, frozen, names, 1)
        again = self.sides.ask_live(feeds), self.sides.ask_frozen(feeds)
        self._differ = bool(apart.max() > 1.0) or not alike(*again, names)
        if self._differ:
            return live, frozen
        self.unrepeated += 1
        return again

    def _search(self, corpus: Corpus) -> None:
        """Search around the inputs that showed most; where none showed anything, draw on."""
        rng = np.random.default_rng(self.settings.seed)
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
