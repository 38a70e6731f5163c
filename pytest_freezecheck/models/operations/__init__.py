"""TensorFlow's operations in the words of the vocabulary."""

from __future__ import annotations

from pytest_freezecheck.models.operations import layers, lookups, numbers, shapes
from pytest_freezecheck.models.operations.translation import Translator

__all__ = ["Translator", "layers", "lookups", "numbers", "shapes"]
