"""Failing inputs on disk: one `.npz` for a model and artifact, to replay and to try first again."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
import sys
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pytest_freezecheck.errors import SettingError
from pytest_freezecheck.inputs.arrays import read_archive, reading
from pytest_freezecheck.spec.inputs import InputSpec

Feeds = dict[str, npt.NDArray[Any]]
#: A file may be read by a later version as long as this stays the same.
_FORMAT = 1
#: Longest name of a file without its ending; some file systems take no more than 143 bytes.
_LONGEST_NAME = 120
#: What files of an earlier version do not have.
_LATER = ("atol", "logit_rtol", "tolerances")
_ABOUT, _INPUT, _LIVE, _FROZEN = "freezecheck", "input:", "live:", "frozen:"


@dataclasses.dataclass(frozen=True)
class Saved:
    """A failing input, and what is needed to replay it.

    Attributes:
        model: name of the live model.
        artifact: what reports call the artifact.
        nodeid: pytest's name of the check that found it, if any.
        seed: of everything drawn.
        away: number of cells away from an even background.
        background: {input name: value of that background}.
        max_abs_diff: largest difference that it showed, None if not finite.
        versions: {package: version} that it was found with.
        feeds: {input name: array (1, *shape)}.
        live: {output name: what the live model answered}.
        frozen: {live output name: what the artifact answered}.
        atol: largest difference that was allowed, None if not known.
        logit_rtol: largest relative difference of the logits likewise, None if not judged.
        tolerances: {output name: what it was allowed to be apart}, None if not known.
    """

    model: str
    artifact: str
    nodeid: str | None
    seed: int
    away: int
    background: Mapping[str, float]
    max_abs_diff: float | None
    versions: Mapping[str, str]
    feeds: Feeds
    live: Feeds
    frozen: Feeds
    atol: float | None = None
    logit_rtol: float | None = None
    tolerances: Mapping[str, Mapping[str, Any]] | None = None


def place(folder: Path, model: str, artifact: str, nodeid: str | None) -> Path:
    """Return where the failing input of a check lies: no two checks have the same file.

    Args:
        folder: of all of them.
        model: name of the live model.
        artifact: what reports call the artifact.
        nodeid: pytest's name of the test that made the check, if any.
    """
    name = f"{model}-{artifact.replace('/', '-')}"
    safe = re.sub(r"[^A-Za-z0-9._-]", "-", name)
    ours = nodeid is None or nodeid.endswith(f"::{model}::{artifact}")
    if not ours or len(safe) > _LONGEST_NAME or safe != name or "-" in model or "-" in artifact:
        # Something was lost on the way to a file name, so another check might have the same.
        whole = f"{nodeid}\n{model}\n{artifact}".encode()
        safe = f"{safe[: _LONGEST_NAME - 7]}-{hashlib.blake2b(whole, digest_size=3).hexdigest()}"
    return folder / f"{safe}.npz"


def save(path: Path, saved: Saved) -> None:
    """Write a failing input; the folder is made, and keeps itself out of Git.

    Raises:
        OSError: it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    ignore = path.parent / ".gitignore"
    if not ignore.exists():
        note = "# Failing inputs that pytest --freezecheck found; it tries them first again.\n*\n"
        ignore.write_text(note, encoding="utf-8")
    about = {"format": _FORMAT, **{name: getattr(saved, name) for name in _plain()}}
    arrays: dict[str, Any] = {_ABOUT: np.array(json.dumps(about))}
    for prefix, feeds in ((_INPUT, saved.feeds), (_LIVE, saved.live), (_FROZEN, saved.frozen)):
        arrays.update({f"{prefix}{name}": array for name, array in feeds.items()})
    partial = path.with_name(f"{path.name}.partial")
    with partial.open("wb") as file:
        np.savez_compressed(file, **arrays)
    partial.replace(path)  # whole or not at all, also with several workers


def _plain() -> list[str]:
    """Return the names of the fields that are no arrays."""
    arrays = ("feeds", "live", "frozen")
    return [field.name for field in dataclasses.fields(Saved) if field.name not in arrays]


def read(path: Path) -> Saved:
    """Read a failing input.

    Raises:
        SettingError: the file is missing, or is none that `save` wrote.
    """
    what = f"{path}: no failing input that --freezecheck saved"
    if not path.is_file():
        raise SettingError(f"{path}: no such file")
    if not zipfile.is_zipfile(path):
        raise SettingError(f"{what}: it is no archive")
    with reading(what):
        arrays = read_archive(path)
        if _ABOUT not in arrays:
            raise SettingError(f"{what}: it has no {_ABOUT!r}")
        about = json.loads(str(arrays.pop(_ABOUT)))
    if not isinstance(about, dict) or "format" not in about:
        raise SettingError(f"{what}: it has no 'format'")
    if about["format"] != _FORMAT:
        raise SettingError(
            f"{path}: saved in format {str(about['format'])[:20]}, this version reads {_FORMAT}"
        )
    plain = {name: about[name] for name in _plain() if name in about}
    for name in _plain():
        if name not in plain and name not in _LATER:
            raise SettingError(f"{what}: it has no {name!r}")
        if name in plain and name in _FITS and not _FITS[name](plain[name]):
            kind = type(plain[name]).__name__
            raise SettingError(f"{what}: its {name!r} cannot be used ({kind})")
    parts: dict[str, Feeds] = {_INPUT: {}, _LIVE: {}, _FROZEN: {}}
    for key, array in arrays.items():
        prefix, _, name = key.partition(":")
        parts.setdefault(f"{prefix}:", {})[name] = array
    return Saved(**plain, feeds=parts[_INPUT], live=parts[_LIVE], frozen=parts[_FROZEN])


def _is_number(value: object) -> bool:
    """Return whether it is a finite number that a float can hold."""
    numeric = isinstance(value, (int, float)) and not isinstance(value, bool)
    return numeric and abs(value) <= sys.float_info.max  # type: ignore[arg-type]


def _is_allowance(value: object) -> bool:
    """Return whether it is a tolerance: with an infinite one, a replay would always pass."""
    return value is None or (_is_number(value) and value >= 0)  # type: ignore[operator]


def _is_mapping(value: object, of: Callable[[object], bool]) -> bool:
    return isinstance(value, dict) and all(map(of, value.values()))


#: {field: whether a value that was read can be used}; another one is taken as it is.
def _is_table(value: object) -> bool:
    return isinstance(value, dict)


_FITS: dict[str, Callable[[object], bool]] = {
    "model": lambda value: isinstance(value, str),
    "artifact": lambda value: isinstance(value, str),
    "nodeid": lambda value: value is None or isinstance(value, str),
    "seed": lambda value: type(value) is int,
    "away": lambda value: type(value) is int,
    "background": lambda value: _is_mapping(value, _is_number),
    "max_abs_diff": lambda value: value is None or _is_number(value),
    "versions": lambda value: _is_mapping(value, lambda version: isinstance(version, str)),
    "atol": _is_allowance,
    "logit_rtol": _is_allowance,
    "tolerances": lambda value: value is None or _is_mapping(value, _is_table),
}


def misfit(saved: Saved, specs: Mapping[str, InputSpec]) -> str | None:
    """Return why a saved input cannot be fed to a model with these inputs, or None if it can."""
    if set(saved.feeds) != set(specs):
        return f"it has inputs {sorted(saved.feeds)}, the model {sorted(specs)}"
    for name, spec in specs.items():
        array, (low, high) = saved.feeds[name], spec.bounds
        if not array.ndim or not spec.takes(array.shape[1:]) or not len(array):
            taken = spec.declared if spec.sized else f"*{spec.shape}"
            return f"input {name!r} has shape {array.shape}, the model takes (n, {taken})"
        if spec.dtype == "string":
            if array.dtype.kind != "U":
                return f"input {name!r} has dtype {array.dtype}, the model takes strings"
            continue
        if array.dtype != np.dtype(spec.dtype):
            return f"input {name!r} has dtype {array.dtype}, the model takes {spec.dtype}"
        if not ((array >= low) & (array <= high)).all():
            return f"input {name!r} lies outside of the legal range, {low:g} to {high:g}"
    return None


def changed(saved: Saved, live: Feeds, frozen: Feeds) -> list[str]:
    """Return which sides, "live" and "frozen", do not answer bit for bit as when it was saved.

    Args:
        saved: the failing input.
        live: {output name: what the live model answers now}.
        frozen: {live output name: what the artifact answers now}.
    """
    sides = (("live", live, saved.live), ("frozen", frozen, saved.frozen))
    return [
        side
        for side, now, then in sides
        if set(now) != set(then)
        or any(
            now[n].dtype != then[n].dtype
            or now[n].shape != then[n].shape
            or now[n].tobytes() != then[n].tobytes()
            for n in now
        )
    ]
