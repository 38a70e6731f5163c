"""What to feed: Hypothesis strategies over small descriptions, and the search that uses them."""

from pytest_freezecheck.inputs.strategies import batches, feeds, images, probabilities, rows
from pytest_freezecheck.spec import InputSpec

__all__ = ["InputSpec", "batches", "feeds", "images", "probabilities", "rows"]
