"""The batches of a check, by number: descriptions, and the arrays that they stand for."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from pytest_freezecheck.inputs.descriptions import Batch
from pytest_freezecheck.inputs.samples import collect, sample_batches
from pytest_freezecheck.inputs.search import in_words
from pytest_freezecheck.inputs.strategies import build
from pytest_freezecheck.inputs.sweep import Sweep, size_of, sweeps, swept
from pytest_freezecheck.models.answer import Arrays
from pytest_freezecheck.numeric.batches import rows_of
from pytest_freezecheck.spec.inputs import InputSpec

#: Rows of the large batches; they have no more numbers than `_CELLS`, or activations fill memory.
_LARGE, _CELLS = (64, 257), 2**19
#: Rows that a drawn batch has at most: a large one has more.
_DRAWN = 8
#: Bytes of arrays that are kept; what is more is built anew from its description.
_KEPT = 2**27


class Batches:
    """Real samples, drawn batches, and sweeps; drawn ones that are left follow behind them.

    Descriptions are kept, and of the arrays they stand for as many as fit into 128 MB; real
    samples, of which there are few, are kept as arrays.

    Args:
        specs: {input name: its specification}.
        drawn: descriptions.
        first: how many of them are always fed.
        seed: of the sweeps.

    Raises:
        SettingError: a sample is not what its input takes.
    """

    def __init__(
        self, specs: Mapping[str, InputSpec], drawn: Sequence[Batch], first: int, seed: int
    ) -> None:
        self.specs = specs
        self.samples = collect(specs)
        self._every: list[Batch | Sweep | Arrays] = [
            *sample_batches(specs, self.samples),
            *drawn[:first],
            *sweeps(specs, seed),
        ]
        self.main = len(self._every)
        self._every += drawn[first:]
        self._built: dict[int, Arrays] = {}
        self._room = _KEPT

    def __len__(self) -> int:
        """Return how many there are, those that are left among them."""
        return len(self._every)

    def arrays(self, place: int) -> Arrays:
        """Return {input name: array (rows, *shape)} of the batch with this number."""
        if place not in self._built:
            arrays = self._make(self._every[place])
            size = sum(array.nbytes for array in arrays.values())
            if size > self._room:
                return arrays
            self._room -= size
            self._built[place] = arrays
        return self._built[place]

    def rows(self, place: int) -> int:
        """Return how many rows it has."""
        batch = self._every[place]
        return batch.size if isinstance(batch, Batch | Sweep) else rows_of(batch)

    def size(self, place: int) -> tuple[tuple[int, ...], ...]:
        """Return the sizes of its inputs, where their shapes are ranges."""
        return size_of(self._every[place], self.specs)

    def words(self, place: int) -> str:
        """Return what it is, in words."""
        batch = self._every[place]
        if isinstance(batch, Batch):
            return in_words(batch, sampled=next(iter(self.specs)) in self.samples)
        what = "rows of swept whole numbers" if isinstance(batch, Sweep) else "real samples"
        return f"{self.rows(place)} {what}"

    @property
    def described(self) -> list[str]:
        """What tells these batches from others, but for the content of real samples."""
        return [
            f"real samples: {rows_of(b)}" if isinstance(b, dict) else repr(b) for b in self._every
        ]

    def large(self) -> Iterator[tuple[str, Arrays]]:
        """Yield batches of many rows, as a server that collects requests has them, and words.

        Of large inputs as many as are still no more than half a million numbers together, and none
        where that is no more than a drawn batch has.
        """
        cells = sum(math.prod(spec.shape) for spec in self.specs.values())
        for number, most in enumerate(_LARGE):
            rows = min(most, _CELLS // max(1, cells))
            if rows > _DRAWN:
                batch = Batch(size=rows, kind=2, centre=8, scale=14, seed=number)
                yield f"{rows} drawn rows at once", build(batch, self.specs)

    def _make(self, batch: Batch | Sweep | Arrays) -> Arrays:
        if isinstance(batch, Sweep):
            return swept(batch, self.specs)
        return build(batch, self.specs, self.samples) if isinstance(batch, Batch) else batch
