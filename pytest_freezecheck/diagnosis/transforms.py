"""What people do to an input or an output on the way, as functions to try. NumPy only.

The artifact answers to x what the live model answers to g(x): for each g, that is one forward pass
of the live model. Likewise it may answer h(y) where the live model answers y.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Transform = Callable[[Array], Array]


def _affine(scale: float, shift: float) -> Transform:
    return lambda x: (x * np.asarray(scale, x.dtype) + np.asarray(shift, x.dtype)).astype(x.dtype)


#: {what the artifact does to its input: the same}, for floating-point images (rows, h, w, c).
INPUTS: Mapping[str, Transform] = {
    "maps [-1, 1] to [0, 1]": _affine(0.5, 0.5),
    "maps [0, 1] to [-1, 1]": _affine(2.0, -1.0),
    "maps [0, 255] to [-1, 1]": _affine(1 / 127.5, -1.0),
    "maps [-1, 1] to [0, 255]": _affine(127.5, 127.5),
    "divides by 127.5": _affine(1 / 127.5, 0.0),
    "divides by 255": _affine(1 / 255.0, 0.0),
    "multiplies by 255": _affine(255.0, 0.0),
    "halves": _affine(0.5, 0.0),
    "doubles": _affine(2.0, 0.0),
    "negates": _affine(-1.0, 0.0),
}
#: The same for what keeps the values and moves the cells.
MOVES: Mapping[str, Transform] = {
    "reverses the channels": lambda x: x[..., ::-1],
    "swaps rows and columns": lambda x: np.swapaxes(x, 1, 2),
    "flips left and right": lambda x: x[:, :, ::-1],
    "flips top and bottom": lambda x: x[:, ::-1],
}
#: Answers to different inputs that are no further apart, relative to the largest, are one answer.
_TELLING = 1e-3
#: What it does to two inputs whose names, or places, were mixed up.
TAKEN_FOR_ANOTHER = "takes each of the two for the other"


def inputs_to_try(array: Array) -> Mapping[str, Transform]:
    """Return the transforms that an input of this dtype and rank can have."""
    found: dict[str, Transform] = dict(INPUTS) if array.dtype.kind == "f" else {}
    if array.ndim == 4:
        found |= {name: move for name, move in MOVES.items() if move(array).shape == array.shape}
    return found


def feeds_to_try(feeds: Mapping[str, Array]) -> Iterator[tuple[str, dict[str, Array]]]:
    """Yield what an artifact may do to what it is fed, and {input name: array} in its place.

    Each transform is done to one input, and to all that can have it; two inputs of one shape and
    dtype are also taken for each other.

    Args:
        feeds: {input name: array (rows, *shape)}.
    """
    ways = {name: inputs_to_try(array) for name, array in feeds.items()}
    for name, transforms in ways.items():
        for words, transform in transforms.items():
            yield words, {name: transform(feeds[name])}
    for words in dict.fromkeys(itertools.chain.from_iterable(ways.values())):
        can = [name for name in feeds if words in ways[name]]
        if len(can) > 1:
            yield words, {name: ways[name][words](feeds[name]) for name in can}
    for one, other in itertools.combinations(feeds, 2):
        if feeds[one].shape == feeds[other].shape and feeds[one].dtype == feeds[other].dtype:
            yield TAKEN_FOR_ANOTHER, {one: feeds[other], other: feeds[one]}


def telling(answer: Array) -> bool:
    """Return whether different inputs get different answers; one answer for all proves nothing.

    Args:
        answer: (rows, *shape).
    """
    if not answer.ndim or answer.dtype.kind not in "fiu":
        return False
    wide = np.nan_to_num(answer.astype(np.float64))
    spread = float(np.ptp(wide, axis=0).max(initial=0.0))
    return spread > _TELLING * float(np.abs(wide).max(initial=0.0))


def class_order(live: Array, frozen: Array, atol: float = 0.0) -> list[int] | None:
    """Return where each class of the artifact is in the live answer, if it is just another order.

    Args:
        live: (rows, classes).
        frozen: likewise.
        atol: how far the same class may be apart; 0 where both sides round alike.
    """
    if live.shape != frozen.shape or live.ndim != 2 or live.shape[-1] > 5000:
        return None
    if not telling(live):
        return None  # of two constants, each is the other in some order
    places = range(live.shape[1])
    if atol == 0.0:
        columns = {live[:, place].tobytes(): place for place in places}
        order = [columns.get(frozen[:, place].tobytes(), -1) for place in places]
    else:
        order = [_closest(live, frozen[:, place], atol) for place in places]
    if sorted(order) != list(places) or order == sorted(order):
        return None
    return order


def _of_one_column(live: Array, wide: Array) -> str | None:
    """Return the same for an answer of one number, whose probability is a sigmoid."""
    if np.ptp(live) == 0.0 or np.allclose(wide, live, rtol=1e-4, atol=1e-6):
        return None
    with np.errstate(over="ignore"):
        if np.allclose(1.0 / (1.0 + np.exp(-wide)), live, rtol=1e-4, atol=1e-6):
            return "logits"
    return None


def _closest(live: Array, column: Array, atol: float) -> int:
    """Return the class of the live answer that a column equals, -1 if none or several do."""
    apart = np.abs(live.astype(np.float64) - column[:, None]).max(axis=0)
    equal = np.flatnonzero(apart <= atol)
    return int(equal[0]) if len(equal) == 1 else -1


def output_function(live: Array, frozen: Array) -> str | None:
    """Return what the artifact answers instead of the live probabilities, if it is a function.

    Args:
        live: probabilities, (rows, classes).
        frozen: what the artifact answers, of the same shape.
    """
    if live.shape != frozen.shape or live.ndim != 2 or live.dtype.kind != "f":
        return None
    wide = frozen.astype(np.float64)
    if live.shape[-1] == 1:
        return _of_one_column(live, wide)
    with np.errstate(over="ignore", invalid="ignore"):
        powers = np.exp(wide - wide.max(axis=-1, keepdims=True))
        softmax = powers / powers.sum(axis=-1, keepdims=True)
        if np.allclose(np.exp(wide), live, rtol=1e-5, atol=1e-7):
            return "log-probabilities"
        if np.allclose(softmax, live, rtol=1e-4, atol=1e-6):
            return "logits"
    return None
