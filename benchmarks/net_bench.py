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
from pytest_freezecheck.agreement import Agreement
from pytest_freezecheck.comparing.allowance import allowed_for, floor_of, raised
from pytest_freezecheck.comparing.comparison import Comparison
from pytest_freezecheck.comparing.corpus import Corpus
from pytest_freezecheck.comparing.evidence import Evidence
from pytest_freezecheck.comparing.sides import Sides
from pytest_freezecheck.comparing.tally import Tally
from pytest_freezecheck.formats import find_way
from pytest_freezecheck.models.restore import values_of
from pytest_freezecheck.models.session import Answer, Arrays
from pytest_freezecheck.settings import Settings
from tests.models import nets
from tests.models.freezing import SHADOW

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
            allowed = self.allowed(way)
            fed = Comparison(self.live, frozen, allowed).fed
            fed.everything(self.corpus)
            found |= _numbers(fed.tally)
            evidence = Evidence(fed.sides, allowed, fed.tally, steady=True)
            agreement = Agreement(self.net.name, way, frozen.format, way, "", atol=allowed.atol)
            evidence.noise_floor(agreement, self.corpus, 0.0)
            found |= {"noise": agreement.noise_floor, "atol": allowed.atol}
        rtol = found["rtol"] = allowed.logit_rtol or np.inf
        found["alarm"] = bool(
            (found["bit_exact"] and not found["exact"])
            or not found["difference"] <= allowed.atol
            or not found["logits"] <= rtol
        )
        return {**found, "seconds": time.perf_counter() - started}

    def allowed(self, way: str) -> Settings:
        """Return what a check of this way works with, where nobody chose anything."""
        allowed = DEFAULT.with_defaults(find_way(way).tolerances)
        if find_way(way).bit_exact:
            return allowed
        floor = floor_of(self.live, self.corpus, self.live.answer)
        return raised(allowed, allowed_for(floor))

    def caught(self, raw: LiveModel, way: str) -> bool:
        """Return whether a freeze of the raw weights shows on the inputs, as far as needed."""
        atol = self.allowed(way).atol
        with self.export(raw, way) as frozen:
            sides = Sides(self.live, frozen)
            ((live_name, name),) = sides.outputs.items()
            return any(
                not np.abs(answer.outputs[live_name] - sides.ask_frozen(feeds).outputs[name]).max()
                <= atol
                for feeds, answer in self.batches
            )

    def fault(self, ask: Callable[[Arrays], Answer]) -> Found:
        """Return how far another model is from the live one."""
        tally = Tally(DEFAULT.atol)
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
    sizes = [size for _, size in tally.centred.values()]
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
