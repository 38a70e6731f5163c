"""The rules: identities over the reals, each with its source. Every one has a property test."""

from __future__ import annotations

from pytest_freezecheck.computation.rules import (
    arithmetic,
    bounds,
    casts,
    exported,
    factors,
    layers,
    layout,
)

RULES = (
    *arithmetic.RULES,
    *bounds.RULES,
    *casts.RULES,
    *layout.RULES,
    *layers.RULES,
    *factors.RULES,
    *exported.RULES,
)
