"""What speaks against the reference itself: the live model, and the age of its checkpoint."""

from __future__ import annotations

from pathlib import Path

from pytest_freezecheck.checking.sides import Sides
from pytest_freezecheck.diagnosis.reference import untrained_statistics, young_average
from pytest_freezecheck.models.checkpoint_files import values_of
from pytest_freezecheck.models.live import LiveModel

#: Seconds by which files that were written together may be apart.
_MOMENT = 60.0


def doubts(live: LiveModel) -> list[str]:
    """Return what speaks against the reference itself."""
    weights = live.weights()
    said = untrained_statistics(weights)
    if live.checkpoint is not None:
        said += young_average(weights, values_of(live.checkpoint, live.parts))
    return said


def is_older_than_checkpoint(sides: Sides) -> bool:
    """Return whether the artifact is older than the checkpoint, by more than a moment.

    Said of failures only: a clone gives all of its files the time at which it was made.
    """
    if sides.live.checkpoint is None or sides.frozen.way is not None:
        return False
    checkpoint = Path(f"{sides.live.checkpoint}.index")
    path = sides.frozen.path
    path = path / "saved_model.pb" if path.is_dir() else path
    if not (checkpoint.is_file() and path.is_file()):
        return False
    behind = checkpoint.stat().st_mtime - path.stat().st_mtime
    return behind > _MOMENT
