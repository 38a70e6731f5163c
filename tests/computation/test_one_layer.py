"""Weight and bias of one layer that are others make another layer; two layers may cancel."""

from __future__ import annotations

import numpy as np
import pytest

from pytest_freezecheck.computation.builder import Builder
from pytest_freezecheck.computation.node import Arena, Node
from pytest_freezecheck.computation.proof import DIFFERS, EQUAL, NOT_MATCHED, Proof, compare
from pytest_freezecheck.computation.rules import RULES

_RNG = np.random.default_rng(0)
_WEIGHT = _RNG.normal(size=(3, 3, 4, 6)).astype(np.float32)
_NEXT = _RNG.normal(size=(6, 5)).astype(np.float32)
_NORM = [_RNG.uniform(0.5, 2.0, 6).astype(np.float32) for _ in range(4)]
#: Far off the mean, so that what the weight adds is nearly what the bias takes away.
_NORM[2] = _NORM[2] * 30


def _network(builder: Builder, norm: list[np.ndarray], factor: float, size: int) -> Node:
    """Convolution, BatchNorm, relu, a product; one channel times a factor and back again."""
    x = builder.input("x", (None, size, size, 4), "float32")
    weight, following = _WEIGHT.copy(), _NEXT.copy()
    scale, offset, mean, variance = (n.copy() for n in norm)
    scale[2] *= factor
    offset[2] *= factor
    following[2] /= factor
    y = builder.convolution(x, builder.constant(weight, "w"), strides=(1, 1), pads="VALID")
    names = ("gamma", "beta", "mean", "variance")
    values = zip((scale, offset, mean, variance), names, strict=True)
    y = builder.normalised(y, [builder.constant(n, name) for n, name in values], 1e-3)
    y = builder.reduced(
        "reduce_mean", builder.op("clip", y, low=0.0, high=np.inf), (1, 2), keep=False
    )
    return builder.op("dot", y, builder.constant(following, "next"))


def _compared(norm: list[np.ndarray], factor: float = 1.0, size: int = 8) -> Proof:
    arena = Arena()
    live = _network(Builder(arena, RULES), _NORM, 1.0, size)
    there = _network(Builder(Arena(arena), RULES), norm, factor, size)
    return compare({"y": live}, {"y": there}, frozenset({"w", "gamma", "beta", "next"}))


@pytest.mark.parametrize("size", [8, 800])  # the larger one is too much work to be tried
@pytest.mark.parametrize("place", range(4))
def test_one_number_of_a_batch_norm_is_found(place: int, size: int) -> None:
    """It is in the weight and in the bias of the layer before it, and cannot cancel there."""
    norm = [n.copy() for n in _NORM]
    norm[place][3] *= np.float32(1.0001)
    found = _compared(norm, size=size)
    assert found.result == DIFFERS
    assert {c.reader.op for c in found.constants} == {"conv"}
    assert all("gamma" in c.live.value.origin for c in found.constants if c.live.value)


def test_the_same_numbers_are_equal() -> None:
    """The correct twin of the above."""
    assert _compared([n.copy() for n in _NORM]).result == EQUAL


def test_a_factor_that_the_next_layer_takes_back_does_not_differ() -> None:
    """Three constants of two layers are others, and the function is the same."""
    found = _compared(_NORM, 1.5)
    assert len(found.constants) == 3
    assert found.result == NOT_MATCHED
    assert found.why == "what differs in one place is made up for in another"
