"""One network of real size: its true exports, wrong ones, and faults of its weights."""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

import pytest_freezecheck as freezecheck
from pytest_freezecheck import LiveModel
from pytest_freezecheck.checking.comparison import prepared
from pytest_freezecheck.checking.conclusion import count, evidence
from pytest_freezecheck.checking.corpus import Corpus
from pytest_freezecheck.checking.noise_tolerance import tolerances
from pytest_freezecheck.checking.sides import Sides
from pytest_freezecheck.checking.support import Support
from pytest_freezecheck.checking.tally import Tally
from pytest_freezecheck.formats import find_way
from pytest_freezecheck.models.answer import Answer, Arrays
from pytest_freezecheck.models.checkpoint_files import values_of
from pytest_freezecheck.numeric.batches import rows_of
from pytest_freezecheck.result.agreement import Agreement
from pytest_freezecheck.settings import Settings
from tests.kit import nets
from tests.kit.freezing import SHADOW

v1 = tf.compat.v1
DEFAULT = Settings()
Found = dict[str, Any]


class Bench:
    """One network, its live model and the inputs of a check.

    Args:
        network: its name.
        folder: for the checkpoint and the artifacts.
        examples: batches of a check.
    """

    def __init__(self, network: str, folder: Path, examples: int) -> None:
        self.net, self.folder = nets.NETS[network], folder
        self.subject = nets.subject(self.net, folder)
        self.live = self.subject.live()
        self.corpus = Corpus(self.live, examples, DEFAULT.seed)
        self.batches = [(b, a) for _, b, a in self.corpus.main(self.live, self.live.answer)]

    @contextlib.contextmanager
    def export(self, live: LiveModel, way: str) -> Iterator[freezecheck.FrozenModel]:
        """Freeze a model in some way, and remove it afterwards."""
        with tempfile.TemporaryDirectory(dir=self.folder) as folder:
            frozen = freezecheck.load(freezecheck.freeze(live, way, folder), way=way)
            try:
                yield frozen
            finally:
                frozen.close()

    def true_export(self, way: str) -> Found:
        """Compare a true export as a check does, without looking for causes and power."""
        made = find_way(way)
        found: Found = {"way": way, "bit_exact": made.bit_exact, "lossy": bool(made.tolerances)}
        started = time.perf_counter()
        with self.export(self.live, way) as frozen:
            sides = Sides(self.live, frozen)
            settings = DEFAULT.with_defaults(made.tolerances)
            fed, floor = prepared(sides, self.corpus, settings)
            fed.everything(self.corpus)
            found |= _numbers(fed.tally)
            agreement = Agreement(self.net.name, way, frozen.format, way, "", lossy=found["lossy"])
            count(agreement, fed)
            support = Support(sides, settings, fed.tally, steady=True)
            support.noise_floor(agreement, self.corpus, 0.0, floor)
            found |= {"noise": agreement.noise_floor, "atol": agreement.atol}
            alarm = evidence(agreement, fed).apart
        found["rtol"] = agreement.logit_rtol or np.inf
        found["alarm"] = alarm or (found["bit_exact"] and not found["exact"])
        return {**found, "seconds": time.perf_counter() - started}

    def caught(self, raw: LiveModel, way: str) -> bool:
        """Return whether a freeze of the raw weights shows on the inputs, as far as needed."""
        settings = DEFAULT.with_defaults(find_way(way).tolerances)
        with self.export(raw, way) as frozen:
            sides = Sides(self.live, frozen)
            allowed = prepared(sides, self.corpus, settings)[0].tolerances.without_logits()
            return any(
                allowed.rows(answer, sides.ask_frozen(feeds), sides.outputs, rows_of(feeds)).max()
                > 1.0
                for feeds, answer in self.batches
            )

    def fault(self, ask: Callable[[Arrays], Answer]) -> Found:
        """Return how far another model is from the live one."""
        known = self.corpus.known(self.live, self.live.answer)
        names = {name: name for name in self.live.outputs}
        tally = Tally(tolerances(self.live, known, DEFAULT, None), names)
        for feeds, live in self.batches:
            wrong = ask(feeds)
            tally.count(len(next(iter(feeds.values()))))
            for name, output in live.outputs.items():
                pair = np.asarray(output), np.asarray(wrong.outputs[name])
                tally.output(name, *pair, where="")
                tally.logits(name, pair, (live.logits.get(name), wrong.logits.get(name)))
        return _numbers(tally)

    def training(self) -> LiveModel:
        """Return the network in training mode, which drops the same units in each run."""

        def build(images: Any) -> Any:
            v1.set_random_seed(3)
            return self.net.build(images, is_training=True)

        prefix, inputs = self.subject.checkpoint, {nets.INPUT: self.net.spec}
        return LiveModel.from_checkpoint(build, prefix, inputs, name="training")


def _numbers(tally: Tally) -> Found:
    worst, (_, logits) = tally.worst, tally.logit_worst or ("", 0.0)
    unequal = worst is None or worst.problem or worst.non_finite
    difference = np.inf if worst is None or unequal else worst.max_abs
    sizes = [tally.tolerances[name].logit_size for name in tally.centred]
    return {
        "exact": tally.identical,
        "difference": float(difference),
        "logits": float(logits),
        "size": float(max(sizes, default=0.0)),
        "inputs": tally.inputs,
    }


def faults(weights: Arrays, checkpoint: str) -> Iterator[tuple[str, Callable[[], Arrays]]]:
    """Yield the faults of weights: what each is called, and the values that it puts in place.

    Args:
        weights: {variable: value} that the answer is computed from, from input to output.
        checkpoint: prefix of the checkpoint that they were restored from.
    """
    look_up = values_of(checkpoint)
    statistics = [name for name in weights if "/moving_" in name]
    trained = [name for name in weights if name not in statistics]
    filters = [name for name in trained if weights[name].ndim == 4]
    small = [name for name in trained if weights[name].ndim == 1]

    def read(names: list[str], suffix: str = "") -> Arrays:
        return {name: np.asarray(look_up(name + suffix)) for name in names}

    def scaled(name: str, factor: float) -> Arrays:
        value = weights[name].copy()
        value.flat[np.argsort(np.abs(value), axis=None)[value.size // 2]] *= factor
        return {name: value}

    middle = filters[len(filters) // 2]
    yield "raw for shadow everywhere", lambda: read(trained)
    yield "filters of the middle layer raw", lambda: read([middle])
    yield "one bias or beta in the middle raw", lambda: read([small[len(small) // 2]])
    yield "last weights raw", lambda: read(filters[-1:])
    yield "last biases raw", lambda: read(small[-1:])
    yield "one scalar of the first layer by 10 %", lambda: scaled(filters[0], 1.1)
    yield "one scalar of the middle layer by 1 %", lambda: scaled(middle, 1.01)
    if statistics:
        initial = {n: np.full_like(weights[n], n.endswith("variance")) for n in statistics}
        yield "shadows of the statistics", lambda: read(statistics, SHADOW)
        yield "statistics at 0 and 1", lambda: initial
