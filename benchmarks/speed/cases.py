"""What is run: networks, and the commands that take turns on each."""

from __future__ import annotations

import dataclasses
import importlib.util
from collections.abc import Iterator
from typing import Any, Literal

ONNX = ("onnx", "onnxruntime", "tf2onnx")
Kind = Literal["gate", "limit", "hypothesis", "polygraphy", "idle"]


@dataclasses.dataclass(frozen=True)
class Network:
    """A network, as its repository declares it.

    Attributes:
        title: what it is called in the table.
        shape, dtype, low, high: of its input, `images`.
        files: besides `right.pb`, those that are made of it.
        seconds: that making its repository takes.
    """

    title: str
    shape: tuple[int, ...]
    files: tuple[str, ...] = ()
    seconds: float = 20.0
    dtype: str = "float32"
    low: float = -1.0
    high: float = 1.0


@dataclasses.dataclass(frozen=True)
class Command:
    """A command that is run.

    Attributes:
        name: what it is called in the table.
        kind: what is run.
        seconds: that it takes.
        files: that it compares; `copy_<number>.pb` is one of `right.pb`.
        models: of as many models, each of which has these files.
        arguments: of pytest.
        says: what a check has to say of each file: its proof, or its cause, if that is proven.
        status: the exit status that is right.
        inputs_of: the command before it that was fed the inputs which this one asks.
        limit: the command that it is held against.
        needs: packages without which it is left out.
        rounds: the most times that it runs, where others of its network run more often.
    """

    name: str
    kind: Kind
    seconds: float
    files: tuple[str, ...] = ("right.pb",)
    models: int = 1
    arguments: tuple[str, ...] = ()
    says: str = "identical"
    status: int = 0
    inputs_of: str = "sampled"
    limit: str = "limit"
    needs: tuple[str, ...] = ()
    rounds: int = 100

    @property
    def missing(self) -> list[str]:
        """The packages that it needs and that are not installed."""
        return [name for name in self.needs if importlib.util.find_spec(name) is None]


@dataclasses.dataclass(frozen=True)
class Case:
    """A network, and the commands that take turns on it, `rounds` times."""

    network: str
    rounds: int
    commands: tuple[Command, ...]

    def turns(self, command: Command, repeat: int | None) -> int:
        """Return how often a command runs; `repeat`, if any, takes the place of the plan's."""
        return repeat or min(self.rounds, command.rounds)


NETWORKS = {
    "reference": Network("reference", (24, 24, 3), ("behind.pb", "wrong.pb", "right.onnx"), 12),
    "slim_classifier": Network(
        "slim_classifier", (16, 16, 3), ("behind.pb", "wrong.pb", "right.onnx"), 12
    ),
    "inception_v3": Network(
        "Inception v3, 100 x 221 x 6", (100, 221, 6), ("behind.pb", "wrong.pb", "right.onnx"), 75
    ),
    "inception_v3_299": Network("Inception v3, 299 x 299", (299, 299, 3), (), 30),
    "resnet_v2_50": Network("ResNet v2 50, 224 x 224", (224, 224, 3), (), 20),
    "vgg_16": Network("VGG 16, 224 x 224", (224, 224, 3), (), 50),
    "segmentation": Network("segmentation, 192 x 192 x 21", (192, 192, 3), ("behind.pb",), 15),
    "tokens": Network("tokens, 64 of 8,000", (64,), ("behind.pb",), 10, "int32", 0, 7999),
    "idle": Network("nothing", (), (), 0),
}
_TEN, _HUNDRED = (tuple(f"copy_{n}.pb" for n in range(count)) for count in (10, 100))


def _sampled(seconds: float) -> Command:
    return Command("sampled", "gate", seconds, ("behind.pb",), says="not-matched")


def _usual(
    sampled: float, limit: float, proved: float, failing: float, rounds: int = 100
) -> Iterator[Command]:
    """Yield the commands of a network with files that are proved, sampled and wrong."""
    yield _sampled(sampled)
    yield Command("limit", "limit", limit)
    yield Command("proved", "gate", proved)
    wrong: dict[str, Any] = {"files": ("wrong.pb",), "says": "averaged-statistics", "status": 1}
    yield Command("failing", "gate", failing, rounds=rounds, **wrong)


def _converted(converted: float, limit: float, rounds: int = 100) -> Iterator[Command]:
    """Yield the commands of an ONNX export."""
    own: dict[str, Any] = {"files": ("right.onnx",), "needs": ONNX, "rounds": rounds}
    yield Command("converted", "gate", converted, says="equal", limit="limit, converted", **own)
    yield Command("limit, converted", "limit", limit, inputs_of="converted", **own)


def _many() -> Iterator[Command]:
    """Yield what is done with the smallest network alone: many files, examples and workers."""
    for name, files, seconds, rounds in (
        ("10 files", _TEN, (6.0, 4.5), 100),
        ("100 files", _HUNDRED, (14.5, 10.0), 1),
    ):
        own: dict[str, Any] = {"files": files, "rounds": rounds}
        yield Command(name, "gate", seconds[0], limit=f"limit, {name}", **own)
        yield Command(f"limit, {name}", "limit", seconds[1], **own)
    for name, seconds in (("10 examples", (6.0, 4.0)), ("1,000 examples", (10.0, 4.5))):
        count = ("--freezecheck-examples", name.split()[0].replace(",", ""))
        sampled: dict[str, Any] = {"files": ("behind.pb",), "says": "not-matched", "rounds": 2}
        limit = f"limit, {name}"
        yield Command(name, "gate", seconds[0], arguments=count, limit=limit, **sampled)
        yield Command(limit, "limit", seconds[1], inputs_of=name, rounds=2)
    five: dict[str, Any] = {"files": _TEN[:5], "models": 2, "limit": "limit, 10 files", "rounds": 2}
    yield Command("2 x 5 files", "gate", 6.5, **five)
    workers = ("-n", "2")
    yield Command("2 x 5 files, -n 2", "gate", 6.5, arguments=workers, needs=("xdist",), **five)


def _plain(hypothesis: float, polygraphy: float, rounds: int = 100) -> Iterator[Command]:
    """Yield what others would run."""
    yield Command("plain Hypothesis", "hypothesis", hypothesis, rounds=rounds)
    needs = ("polygraphy", *ONNX)
    yield Command("Polygraphy, ONNX", "polygraphy", polygraphy, needs=needs, rounds=rounds)


def _large(proved: float, limit: float) -> tuple[Command, ...]:
    """Return the commands of a network that takes too long for inputs without a proof."""
    return (
        Command("proved", "gate", proved),
        Command("limit", "limit", limit, inputs_of="proved"),
    )


PLAN = (
    Case("idle", 5, (Command("idle", "idle", 1),)),
    Case(
        "reference",
        3,
        (*_usual(6, 4, 5.5, 6), *_converted(6, 4, 2), *_plain(6, 4, 2), *_many()),
    ),
    Case("slim_classifier", 2, (*_usual(5.5, 4, 5, 5.5), *_converted(6, 4))),
    Case(
        "inception_v3", 3, (*_usual(37, 19, 15, 47, 2), *_converted(45, 20, 1), *_plain(20, 15, 1))
    ),
    Case("inception_v3_299", 1, _large(30, 15)),
    Case("resnet_v2_50", 1, _large(28, 15)),
    Case("vgg_16", 1, _large(80, 35)),
    Case(
        "segmentation",
        2,
        (
            _sampled(50),
            Command("limit", "limit", 35),
            Command("proved", "gate", 15, rounds=1),
        ),
    ),
    Case("tokens", 2, (_sampled(28), Command("limit", "limit", 7), Command("proved", "gate", 12))),
)
