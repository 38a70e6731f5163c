"""The rules: identities over the reals, each with its source. Every one has a property test."""

from __future__ import annotations

from pytest_freezecheck.computation.rules import arithmetic, casts, factors, layers, layout

RULES = (
    *arithmetic.RULES,
    *casts.RULES,
    *layout.RULES,
    *layers.RULES,
    *factors.RULES,
)
