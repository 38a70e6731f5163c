"""What to feed: Hypothesis strategies over small descriptions, and the search that uses them."""

from pytest_freezecheck.inputs.strategies import batches, build, feeds, images, probabilities
from pytest_freezecheck.spec.inputs import InputSpec

__all__ = ["InputSpec", "batches", "build", "feeds", "images", "probabilities"]
