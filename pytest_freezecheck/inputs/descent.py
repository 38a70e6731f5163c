"""Down to the decision boundary where the live model puts everything into one class. NumPy only.

With two classes among the inputs, `boundary` goes from one to the other. With one, the margin of
the two largest logits is followed downhill by the model's own gradient, or, where there is none,
by trial: larger contrasts and mutations of the input that the model is least sure of.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from pytest_freezecheck.inputs.boundary import LEVEL, cross
from pytest_freezecheck.inputs.descriptions import legal
from pytest_freezecheck.inputs.mutation import mutate
from pytest_freezecheck.numeric.batches import rows_of
from pytest_freezecheck.spec.inputs import InputSpec

Floats = npt.NDArray[np.float64]
Feeds = dict[str, npt.NDArray[Any]]
Specs = Mapping[str, InputSpec]
#: Tells the lead of the largest logit over the second, and which class is the largest.
Lead = Callable[[Feeds], tuple[Floats, npt.NDArray[np.intp]]]
#: The same, with the lead's gradient for each input that has one.
Slope = Callable[[Feeds], tuple[Floats, npt.NDArray[np.intp], Feeds]]
#: Largest step, as a share of the legal range. A step aims a little beyond where a straight line
#: would make the two level, since coming from both sides lets `cross` end it.
_LARGEST, _BEYOND = 0.125, 1.3
#: Uphill shortens the steps to come; earlier gradients count half as much each. Of nine pairs that
#: were tried on the reference model with a favoured class, this one came closest in 30 steps.
_SHORTER, _MOMENTUM = 0.8, 0.5


def descend(start: Feeds, slope: Slope, lead: Lead, specs: Specs, *, steps: int) -> Feeds:
    """Follow the gradient of the lead downhill, inside the legal range.

    Every cell moves by the same amount, in the direction of the sign of its gradient, in which
    earlier gradients count too (Dong et al. 2018, "Boosting adversarial attacks with momentum").
    How much, a straight line tells: the lead over the sum of the gradient's sizes.

    Args:
        start: {input name: array (rows, *shape)}.
        slope: lead, class, and gradient.
        lead: lead and class alone.
        specs: the inputs' specs.
        steps: largest number of steps.

    Returns:
        The inputs with the smallest lead seen; level, unless the steps did not suffice.
    """
    rows = rows_of(start)
    now, best, smallest = dict(start), dict(start), np.full(rows, np.inf)
    crossed, reach = np.zeros(rows, bool), np.full(rows, _LARGEST)
    first: npt.NDArray[np.intp] | None = None
    beyond: Feeds = {}
    before, last, trend = now, smallest.copy(), dict[str, Floats]()
    for _ in range(steps):
        values, classes, gradients = slope(now)
        first = classes if first is None else first
        changed = (classes != first) & ~crossed
        if changed.any():
            best = _replace(best, changed, _meet(before, now, first, changed, lead, specs))
            crossed |= changed
            beyond = {name: array[np.flatnonzero(changed)[:1]] for name, array in now.items()}
        closer = ~crossed & (values < smallest)
        best = _replace(best, closer, _rows(now, closer))
        smallest[closer] = values[closer]
        if (crossed | (smallest <= LEVEL)).all():
            break
        # Uphill means that the step was too long for how the surface bends.
        reach = np.where(values <= last, reach, _SHORTER * reach)
        trend = _trend(trend, gradients)
        before, last, now = now, values, _step(now, values, gradients, trend, reach, specs)
    left = ~crossed & (smallest > LEVEL)
    if beyond and first is not None and left.any():
        # Some have found another class: the others can be led there in a straight line.
        target = {name: np.repeat(array, rows, axis=0) for name, array in beyond.items()}
        best = _replace(best, left, _meet(best, target, first, left, lead, specs))
    return best


def _trend(trend: Feeds, gradients: Feeds) -> Feeds:
    """Return the running direction: gradients of size 1, older ones counting less and less."""
    updated = {}
    for name, gradient in gradients.items():
        wide = np.nan_to_num(gradient.astype(np.float64))
        size = np.abs(wide).reshape(len(wide), -1).sum(axis=1).reshape([-1] + [1] * (wide.ndim - 1))
        unit = np.divide(wide, size, out=np.zeros_like(wide), where=size > 0)
        updated[name] = _MOMENTUM * trend.get(name, 0.0) + unit
    return updated


def _step(
    start: Feeds,
    values: Floats,
    gradients: Feeds,
    trend: Feeds,
    reach: Floats,
    specs: Specs,
) -> Feeds:
    """Go downhill, no further than a share `reach` of the legal range."""
    widths = {name: specs[name].bounds[1] - specs[name].bounds[0] for name in gradients}
    change = np.zeros(len(values))
    for name, gradient in gradients.items():
        sizes = np.abs(gradient.reshape(len(values), -1).astype(np.float64))
        change += widths[name] * np.nan_to_num(sizes).sum(axis=1)
    share = np.divide(_BEYOND * values, change, out=reach.copy(), where=change > 0)
    share = np.clip(np.nan_to_num(share, nan=_LARGEST), 0.0, reach)
    moved = dict(start)
    for name, gradient in gradients.items():
        step = share.reshape([-1] + [1] * (gradient.ndim - 1)) * widths[name]
        moved[name] = legal(
            start[name].astype(np.float64) - step * np.sign(trend[name]), specs[name]
        )
    return moved


def wander(
    start: Feeds, lead: Lead, specs: Specs, *, rounds: int, seed: int, children: int = 32
) -> Feeds:
    """Look for another class by trial, from the inputs that the model is least sure of.

    Args:
        start: {input name: array (rows, *shape)}.
        lead: lead and class of a batch.
        specs: the inputs' specs.
        rounds: largest number of rounds, of `children` inputs each.
        seed: of everything drawn.
        children: inputs tried in a round.

    Returns:
        As many inputs as there were at the start: level ones if another class was found, else the
        ones with the smallest lead seen.
    """
    rng = np.random.default_rng(seed)
    parents = dict(start)
    leads, classes = lead(parents)
    count, home = len(leads), classes[0]
    for _ in range(rounds):
        tried = mutate(parents, specs, rng, children)
        values, kinds = lead(tried)
        away = np.flatnonzero(kinds != home)
        if len(away):
            chosen = away[np.arange(count) % len(away)]
            others = {name: array[chosen] for name, array in tried.items()}
            return _meet(parents, others, np.full(count, home), np.ones(count, bool), lead, specs)
        pool = {name: np.concatenate([parents[name], tried[name]]) for name in parents}
        every = np.concatenate([leads, values])
        best = np.argsort(every, kind="stable")[:count]
        parents, leads = {name: array[best] for name, array in pool.items()}, every[best]
    return parents


def _meet(
    before: Feeds,
    now: Feeds,
    first: npt.NDArray[np.intp],
    changed: npt.NDArray[np.bool_],
    lead: Lead,
    specs: Specs,
) -> Feeds:
    """Return the level inputs between two steps on whose way the class changed."""
    one, other, home = _rows(before, changed), _rows(now, changed), first[changed]

    def margin(feeds: Mapping[str, Any], rows: npt.NDArray[np.intp]) -> Floats:
        values, classes = lead(dict(feeds))
        return np.where(classes == home[rows], values, -values)

    return cross(one, other, margin, specs)


def _rows(feeds: Feeds, chosen: npt.NDArray[np.bool_]) -> Feeds:
    return {name: array[chosen] for name, array in feeds.items()}


def _replace(feeds: Feeds, chosen: npt.NDArray[np.bool_], values: Feeds) -> Feeds:
    replaced = {}
    for name, array in feeds.items():
        replaced[name] = array.copy()
        replaced[name][chosen] = values[name]
    return replaced
