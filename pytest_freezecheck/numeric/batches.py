"""Batches: arrays by the name of their input, with one row for each example."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def rows_of(feeds: Mapping[str, Any]) -> int:
    """Return how many rows a batch has."""
    return len(next(iter(feeds.values())))
