"""The larger and the smaller of two: clipping, slopes, and what is never beyond a bound."""

from __future__ import annotations

import math

import numpy as np

from pytest_freezecheck.computation.builder import Builder, Draft, Rule, real
from pytest_freezecheck.computation.kernels import lone_padding
from pytest_freezecheck.computation.node import Node
from pytest_freezecheck.computation.rules.arithmetic import is_number


def _bounded_below(b: Builder, draft: Draft) -> Node | None:
    return _bounded(b, draft, "low")


def _bounded_above(b: Builder, draft: Draft) -> Node | None:
    return _bounded(b, draft, "high")


def _bounded(b: Builder, draft: Draft, side: str) -> Node | None:
    x, y = draft.inputs
    if not y.is_constant or x.is_constant or y.value is None or not real(x, y):
        return None
    bound = y.value.number()
    if bound is None or y.value.array.size != 1 or len(y.shape or ()) > len(x.shape or ()):
        return None
    given = {"low": -math.inf, "high": math.inf, side: bound}
    return b.op("clip", x, origin=draft.origin, **given)


def _clip_of_clip(b: Builder, draft: Draft) -> Node | None:
    if draft.x.op != "clip":
        return None
    low = max(draft.x["low"], draft.given["low"])
    high = min(draft.x["high"], draft.given["high"])
    if low > high:
        return None
    return b.op("clip", draft.x.inputs[0], low=low, high=high, origin=draft.origin)


def _clip_of_everything(_: Builder, draft: Draft) -> Node | None:
    free = draft.given["low"] == -math.inf and draft.given["high"] == math.inf
    return draft.x if free else None


def _clipped_within(_: Builder, draft: Draft) -> Node | None:
    low, high = span(draft.x)
    return draft.x if draft.given["low"] <= low and high <= draft.given["high"] else None


def span(x: Node) -> tuple[float, float]:
    """Return bounds of what a node computes, as far as its operation tells."""
    if x.op in ("reshape", "transpose", "slice", "reverse", "reduce_max"):
        return span(x.inputs[0])
    if x.op == "max_pool" and not lone_padding(x["pads"], x["kernel"]):
        return span(x.inputs[0])
    if x.op == "clip":
        return x["low"], x["high"]
    return _SPANS.get(x.op, (-math.inf, math.inf))


_SPANS = {
    **dict.fromkeys(("sigmoid", "softmax"), (0.0, 1.0)),
    **dict.fromkeys(("tanh", "sin", "cos", "erf", "softsign", "sign"), (-1.0, 1.0)),
    **dict.fromkeys(("square", "exp", "abs", "sqrt", "softplus"), (0.0, math.inf)),
}


def _leaky(b: Builder, draft: Draft) -> Node | None:
    """max(x, a x) with 0 < a < 1."""
    for x, y in (draft.inputs, draft.inputs[::-1]):
        if y.op != "affine" or y.inputs[0] is not x or not is_number(y.inputs[2], 0.0):
            continue
        value = y.inputs[1].value
        slope = value.number() if value is not None and value.array.size == 1 else None
        if slope is not None and 0.0 < slope < 1.0:
            return b.op("leaky_relu", x, alpha=float(np.float32(slope)), origin=draft.origin)
    return None


RULES = (
    Rule("the larger of a slope and a smaller one", ("maximum",), _leaky, "case by sign of x"),
    Rule("the larger of it and a number", ("maximum",), _bounded_below, "definition of clipping"),
    Rule("the smaller of it and a number", ("minimum",), _bounded_above, "definition of clipping"),
    Rule("clipped twice", ("clip",), _clip_of_clip, "intersection of intervals that overlap"),
    Rule("clipped by nothing", ("clip",), _clip_of_everything, "definition of clipping"),
    Rule("clipped to where it is", ("clip",), _clipped_within, "bounds of each function"),
)
