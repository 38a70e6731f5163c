"""A declaration -> a live model: finds the team's own functions and calls them."""

from __future__ import annotations

import dataclasses
import functools
import importlib
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pytest_freezecheck.declared.model import Model, Reference
from pytest_freezecheck.declared.told import told
from pytest_freezecheck.errors import ModelError
from pytest_freezecheck.messages.raised import described
from pytest_freezecheck.messages.wording import listed, nearest
from pytest_freezecheck.models.checkpoint import find_checkpoint
from pytest_freezecheck.models.inferring import inferred
from pytest_freezecheck.models.keras import is_keras, names_of
from pytest_freezecheck.models.live import LiveModel
from pytest_freezecheck.spec.inputs import Constant, InputSpec, divided
from pytest_freezecheck.spec.outputs import OutputSpec


def build_live(model: Model) -> LiveModel:
    """Build and restore the live model that a declaration describes.

    Raises:
        ModelError: a function cannot be found, raises or returns something else, the checkpoint
            lacks what the model reads, or an output that is declared is none.
    """
    __tracebackhide__ = True
    live = _built(model)
    for name, spec in model.outputs.items():
        if name not in live.outputs:
            raise ModelError(
                f"{model.name}: outputs.{name} is declared, but the live model has no such output"
                f"{nearest(name, live.outputs)}; it has {listed(live.outputs, 8)}"
            )
        live.output_specs[name] = OutputSpec.of(spec, name)
    return live


def _built(model: Model) -> LiveModel:
    __tracebackhide__ = True
    root = model.root or Path()
    drawn, constants = divided(model.inputs)
    specs: dict[str, InputSpec | Constant | Mapping[str, object]] = {**constants}
    specs.update({name: _below(root, spec) for name, spec in drawn.items()})
    checkpoint = None if model.checkpoint is None else str(root / model.checkpoint)
    if model.build is not None:
        build = find_function(model, "build", model.build)
        made = f"{model.name}: what {described('build', model.build)} makes"
        with told(made, root, verb=f"cannot be restored from {str(model.checkpoint)!r}:"):
            live = LiveModel.from_checkpoint(
                _guarded(model, build),
                str(checkpoint),
                specs,
                model.ema or "trainable",
                name=model.name,
            )
        live.build = build
        return live
    who = f"{model.name}: {described('live', model.live or '')}"
    function = find_function(model, "live", model.live or "")
    with told(who, root):
        returned = function()
    with told(who, root, verb="returned what cannot be used:"):
        if is_keras(returned):
            if model.inferred:
                specs = {**inferred(names_of(returned)[0], specs), **specs}
            return LiveModel.from_keras(returned, specs, name=model.name)
        session, inputs, outputs = _session(model, returned)
        if model.inferred:
            specs = {**inferred(inputs, specs), **specs}
        return LiveModel.from_session(
            session,
            inputs,
            outputs,
            specs,
            name=model.name,
            checkpoint=None if checkpoint is None else find_checkpoint(checkpoint),
        )


def _guarded(model: Model, build: Callable[..., Any]) -> Callable[..., Any]:
    """Return the team's `build`, whose errors are told in one line; its signature is the same."""

    @functools.wraps(build, updated=())
    def guarded(**placeholders: Any) -> Any:
        __tracebackhide__ = True
        with told(f"{model.name}: {described('build', model.build or '')}", model.root):
            return build(**placeholders)

    return guarded


def _session(model: Model, returned: Any) -> tuple[Any, Any, Any]:
    """Make sure that the team's `live` returned what it should."""
    __tracebackhide__ = True
    expected = "(session, {input name: tensor}, {output name: tensor}) or a keras.Model"
    if not isinstance(returned, tuple) or len(returned) != 3:
        raise ModelError(
            f"{model.name}: live returned {type(returned).__name__}; expected {expected}"
        )
    session, inputs, outputs = returned
    if not hasattr(session, "graph") or not all(isinstance(x, dict) for x in (inputs, outputs)):
        kinds = ", ".join(type(x).__name__ for x in returned)
        raise ModelError(f"{model.name}: live returned ({kinds}); expected {expected}")
    return session, inputs, outputs


def find_function(model: Model, key: str, reference: Reference) -> Callable[..., Any]:
    """Return a function that a declaration names as `"module:function"`.

    The model's root, and its `src` if there is one, are searched after what is installed.

    Raises:
        ModelError: there is no such module, it cannot be imported, or nothing callable of that
            name is in it.
    """
    __tracebackhide__ = True
    if not isinstance(reference, str):
        return reference
    name, _, attribute = reference.partition(":")
    _make_importable(model.root or Path())
    with told(f"{model.name}: {key} = {reference!r}: importing {name}", model.root):
        try:
            found: Any = importlib.import_module(name)
        except ModuleNotFoundError as error:
            if not f"{name}.".startswith(f"{error.name}."):
                raise  # the team's module is there, and something that it imports is not
            raise ModelError(
                f"{model.name}: {key} = {reference!r}: there is no module {error.name!r}, neither "
                f"installed nor in {model.root}"
            ) from None
    for part in attribute.split("."):
        if not hasattr(found, part):
            raise ModelError(
                f"{model.name}: {key} = {reference!r}: {name} has no {part!r}"
                f"{nearest(part, dir(found))}"
            )
        found = getattr(found, part)
    if not callable(found):
        raise ModelError(f"{model.name}: {key} = {reference!r} is no function")
    return found  # type: ignore[no-any-return]


def _make_importable(root: Path) -> None:
    """Make the repository's modules importable; they stay so, as functions import when they run."""
    for folder in (root, root / "src"):
        if folder.is_dir() and str(folder) not in sys.path:
            sys.path.append(str(folder))


def _below(root: Path, spec: InputSpec) -> InputSpec:
    """Return a spec whose sample patterns start from the root."""
    return dataclasses.replace(spec, samples=tuple(str(root / p) for p in spec.samples))
