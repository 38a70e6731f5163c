"""Wrong ways to freeze any subject, and the correct ways that look like them.

Each differs from a correct freeze in the one thing that its name says. Those without a number in
the catalogue of known freezing mistakes are here because they are small, or easy to make.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from pathlib import Path

from pytest_freezecheck import LiveModel
from tests.kit import mistakes
from tests.kit.freezing import (
    Ship,
    but_for,
    differently,
    is_beta,
    is_head,
    is_last_bias,
    is_statistic,
    is_statistic_of_one_layer,
    middle,
    reading,
    trainable_keys,
)


@dataclasses.dataclass(frozen=True)
class WrongFreeze:
    """A freeze that must fail.

    Attributes:
        name: what is wrong, in a few words.
        catalogue: number in the catalogue of known freezing mistakes, if it has one.
        ship: writes the file.
        live_ema: which variables the live model reads from shadows.
        skip: {subject: why this mistake cannot be made with it}.
    """

    name: str
    catalogue: int | None
    ship: Ship
    live_ema: str = "trainable"
    skip: Mapping[str, str] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class CorrectFreeze:
    """A freeze that must pass.

    Attributes:
        name: what it is, in a few words.
        ship: writes the file.
        live_ema: which variables the live model reads from shadows.
        exact: whether it is bit-identical; otherwise within 1e-5, with a warning.
        skip: {subject: why this is not correct for it}.
    """

    name: str
    ship: Ship
    live_ema: str = "trainable"
    exact: bool = True
    skip: Mapping[str, str] = dataclasses.field(default_factory=dict)


_NO_FLATTEN = {"classifier": "it averages its map, so nothing is flattened"}
_NOT_SQUARE = {"stripes": "its input is not square, so TensorFlow refuses the swapped one"}
_READ_ONCE = dict.fromkeys(
    ("reference", "classifier"), "it reads no convolution twice, so folding is right"
)

WRONG: list[WrongFreeze] = [
    WrongFreeze("training_batch_norm", 1, differently(build=mistakes.training_batch_norm)),
    WrongFreeze("raw_weights", 2, differently(keys=mistakes.raw_keys)),
    WrongFreeze("initialised_again", 5, differently(afterwards=mistakes.initialised_again)),
    WrongFreeze("dropout_left_on", 8, differently(build=mistakes.dropout_left_on)),
    WrongFreeze("initial_statistics", 9, differently(keys=but_for(is_statistic))),
    WrongFreeze("averaged_statistics", 10, differently(keys=mistakes.collected_keys)),
    WrongFreeze("raw_statistics", 10, differently(), live_ema="all"),
    WrongFreeze("older_checkpoint", 15, mistakes.older_checkpoint),
    WrongFreeze("head_not_restored", 17, differently(keys=but_for(is_head))),
    WrongFreeze("one_beta_not_restored", 17, differently(keys=but_for(middle(is_beta)))),
    WrongFreeze("logits_shipped", 19, differently(build=mistakes.logits)),
    WrongFreeze("classes_shifted", 20, differently(build=mistakes.classes_shifted)),
    WrongFreeze(
        "phase_defaults_to_training", 25, differently(build=mistakes.phase_defaults_to_training)
    ),
    WrongFreeze("averages_swapped_twice", 29, mistakes.averages_swapped_twice),
    WrongFreeze(
        "channels_first_flatten",
        34,
        differently(build=mistakes.channels_first_flatten),
        skip=_NO_FLATTEN,
    ),
    WrongFreeze(
        "rows_and_columns_swapped",
        34,
        differently(build=mistakes.rows_and_columns_swapped),
        skip=_NOT_SQUARE,
    ),
    WrongFreeze(
        "folded_where_read_twice", 37, differently(edit=mistakes.fold_batch_norms), skip=_READ_ONCE
    ),
    WrongFreeze("half_precision", 42, differently(edit=mistakes.half_precision)),
    WrongFreeze("another_epsilon", 58, differently(edit=mistakes.another_epsilon)),
    WrongFreeze("one_raw_beta", None, differently(keys=reading(middle(is_beta), shadows=False))),
    WrongFreeze("raw_last_bias", None, differently(keys=reading(is_last_bias, shadows=False))),
    WrongFreeze(
        "averaged_statistics_of_one_layer",
        None,
        differently(keys=reading(is_statistic_of_one_layer, shadows=True)),
    ),
    WrongFreeze(
        "one_weight_1_percent", None, differently(afterwards=mistakes.one_weight_times(1.01))
    ),
    WrongFreeze(
        "one_weight_10_percent", None, differently(afterwards=mistakes.one_weight_times(1.1))
    ),
    WrongFreeze("channels_reversed", None, differently(build=mistakes.channels_reversed)),
    WrongFreeze("input_scaled", None, differently(build=mistakes.input_scaled)),
    WrongFreeze("input_clipped", None, differently(build=mistakes.input_clipped)),
]

CORRECT: list[CorrectFreeze] = [
    CorrectFreeze("trainable_averaged", differently(keys=trainable_keys)),
    CorrectFreeze("all_averaged", differently(keys=mistakes.collected_keys), live_ema="all"),
    CorrectFreeze("none_averaged", differently(keys=mistakes.raw_keys), live_ema="none"),
    CorrectFreeze(
        "folded",
        differently(edit=mistakes.fold_batch_norms),
        exact=False,
        skip={"stripes": "folding is wrong where a convolution is read twice"},
    ),
]


def stands_alone(line: str, live: LiveModel, path: Path) -> bool:
    """Return whether a line says why it fails, by how much, where, and what is allowed.

    Args:
        line: the first one of a message.
        live: the live model, of one output.
        path: the frozen file.
    """
    (output,) = map(re.escape, live.outputs)
    said = rf"[a-z-]+: (.*; )?answers \d\.\de[+-]\d\d apart in '{output}' \(allowed 1e-05\).*"
    return re.fullmatch(said, line) is not None
