"""How much of what can be reached the inputs of a check reach: small ranges, rows of tables."""

from __future__ import annotations

import numpy as np

from pytest_freezecheck.checking.corpus import Corpus
from pytest_freezecheck.errors import ModelError
from pytest_freezecheck.models.live import LiveModel
from pytest_freezecheck.models.lookups import looked_up
from pytest_freezecheck.result.findings import Reached

#: Values of a range that is swept: each of them is fed.
_SMALL = 4096
_AT_ONCE = 64


def reached(live: LiveModel, corpus: Corpus) -> list[Reached]:
    """Count it, once for all artifacts of a live model.

    Args:
        live: the model.
        corpus: the inputs that every artifact is fed.
    """
    if corpus.reached is None:
        batches = list(corpus.everything(_AT_ONCE))
        found = []
        for name, spec in live.specs.items():
            if not spec.dtype.startswith(("int", "uint")):
                continue
            low, high = spec.bounds
            if int(high) - int(low) >= _SMALL:
                continue
            values = np.unique(np.concatenate([np.unique(feeds[name]) for feeds in batches]))
            found.append(Reached(name, "input", int(high) - int(low) + 1, len(values)))
        try:
            clone = corpus.clone(live)
            rows = looked_up(clone, batches, live.batch_size)
        except ModelError:
            rows = {}  # that there is no copy is said where power is measured
        else:
            found += [Reached(n, "weight", len(clone.weights[n]), k) for n, k in rows.items()]
        corpus.reached = found
    return corpus.reached
