"""What a model answers, and arrays by name."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy.typing as npt

Arrays = dict[str, npt.NDArray[Any]]


@dataclasses.dataclass(frozen=True)
class Answer:
    """What a model answers to one batch.

    Attributes:
        outputs: {output name: array}.
        logits: {output name: what went into the output's softmax}, for the outputs whose graph
            ends in one.
    """

    outputs: Arrays
    logits: Arrays
