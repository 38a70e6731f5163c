"""The batches of a check and the live model's answers to them, made once for all artifacts."""

from __future__ import annotations

import dataclasses
import weakref
from collections.abc import Callable, Iterator

from pytest_freezecheck.errors import ModelError
from pytest_freezecheck.inputs.render import Batch
from pytest_freezecheck.inputs.samples import sample_batches
from pytest_freezecheck.inputs.search import draw, in_words
from pytest_freezecheck.inputs.strategies import build
from pytest_freezecheck.models.live import LiveModel
from pytest_freezecheck.models.session import Answer, Arrays

Ask = Callable[[Arrays], Answer]


@dataclasses.dataclass
class Corpus:
    """Descriptions and live answers; the arrays are built anew, since they are what is large.

    Real samples, of which there are few, are kept as arrays.
    """

    batches: list[Batch | Arrays]
    answers: list[Answer] = dataclasses.field(default_factory=list)


_corpora: weakref.WeakKeyDictionary[LiveModel, dict[tuple[object, ...], Corpus]] = (
    weakref.WeakKeyDictionary()
)


def fingerprint(answer: Answer) -> tuple[object, ...]:
    """Return what tells one state of a live model from another: its answer, byte by byte."""
    return tuple((name, array.tobytes()) for name, array in sorted(answer.outputs.items()))


def batches(
    live: LiveModel, *, examples: int, seed: int, state: tuple[object, ...], ask: Ask
) -> Iterator[tuple[str, Arrays, Answer]]:
    """Yield batches with the live model's answers.

    Args:
        live: the model.
        examples: how many batches.
        seed: seed of everything drawn.
        state: the live model's fingerprint now: what it answered in another state is not used.
        ask: asks the live model about one batch.

    Yields:
        The batch in words, its arrays, and the live model's answer; real samples first.

    Raises:
        ModelError: fewer batches could be drawn than were asked for.
        SettingError: a sample is not what its input takes.
    """
    corpora = _corpora.setdefault(live, {})
    key = (examples, seed, state)
    if key not in corpora:
        corpora.clear()  # one at a time: another seed or state is asked for rarely
        drawn = draw(examples=examples, seed=seed)
        if len(drawn) < examples:
            raise ModelError(
                f"{live.name}: only {len(drawn)} of {examples} examples could be drawn for its "
                "inputs; a check that compares less than it was asked to proves less"
            )
        corpora[key] = Corpus([*sample_batches(live.specs), *drawn])
    corpus = corpora[key]
    for place, batch in enumerate(corpus.batches):
        if isinstance(batch, Batch):
            feeds, described = build(batch, live.specs), in_words(batch)
        else:
            feeds, described = batch, f"{len(next(iter(batch.values())))} real samples"
        if place == len(corpus.answers):
            corpus.answers.append(ask(feeds))
        yield described, feeds, corpus.answers[place]
