"""A declared model: what it is built from, what ships, and how strictly it is checked.

The same fields come from a table in pyproject.toml and from Python. Everything that can be told
without TensorFlow is checked here, while pytest configures itself.
"""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pytest_freezecheck.declared import renaming
from pytest_freezecheck.errors import SettingError
from pytest_freezecheck.messages.wording import nearest
from pytest_freezecheck.settings import Settings
from pytest_freezecheck.spec.inputs import EMA_MODES, Constant, InputSpec, divided
from pytest_freezecheck.spec.outputs import OutputSpec, check_patterns, outputs_of

Reference = str | Callable[..., Any]

#: Name of the check of what an exporting function writes.
EXPORT = "export"
#: Fields that no table has.
_NO_KEYS = ("name", "root", "source", "extents", "inferred")
_OVERRIDES = ("atol", "examples", "logit_rtol", "min_power", "require")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
TARGET = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")


@dataclasses.dataclass(frozen=True)
class Artifact:
    """A file or folder that ships.

    Attributes:
        path: relative to the model's root.
        inputs: {live input name: name in the artifact}, {placeholder of the artifact: {"value":
            what to feed it}} for those that the live model has not, and {input of the artifact:
            {"tf_example": live input names}} for serialised tf.Examples that are made of those.
        outputs: {live output name: name in the artifact}.
        ignore_outputs: patterns of names of its outputs that need not be compared.
        ignore_weights: patterns of names of live weights that are meant to be others in it.
        signature: the key of the signature to serve, of a file that has several.
        allow_ops: types of its operations, or patterns, that are no arithmetic, and meant.
        atol: as for a check, instead of the model's.
        examples: likewise.
        logit_rtol: likewise.
        min_power: likewise.
        require: likewise.
    """

    path: str
    inputs: Mapping[str, str | Mapping[str, Any]] = dataclasses.field(default_factory=dict)
    outputs: Mapping[str, str] = dataclasses.field(default_factory=dict)
    ignore_outputs: Sequence[str] = ()
    ignore_weights: Sequence[str] = ()
    allow_ops: Sequence[str] = ()
    atol: float | None = None
    examples: int | None = None
    logit_rtol: float | bool | None = None
    min_power: float | None = None
    require: str | None = None
    signature: str | None = None

    @property
    def names(self) -> dict[str, str]:
        """{live input name: name in the artifact}."""
        return renaming.names(self.inputs)

    @property
    def constants(self) -> dict[str, Any]:
        """{placeholder of the artifact: value to feed}."""
        return renaming.constants(self.inputs)

    @property
    def features(self) -> dict[str, dict[str, str]]:
        """{input of the artifact: {live input name: feature}}, of those that take tf.Examples."""
        return renaming.features(self.inputs)


@dataclasses.dataclass(frozen=True)
class Model:
    """A model of the repository, declared.

    Attributes:
        name: letters, digits, dots, dashes and underscores; node ids have it.
        inputs: {input name: InputSpec, or a mapping with its fields, or `{"value": ...}` for a
            placeholder that is fed that with every question}.
        build: builds the inference graph, `build(**inputs)`; a function or `"module:function"`.
        checkpoint: a checkpoint's prefix, or a directory; relative to `root`.
        ema: which variables are read from EMA shadows: "trainable", "all" or "none".
        live: instead of `build` and `ema`: a function, or `"module:function"`, without arguments
            that returns `(session, {input name: tensor}, {output name: tensor})`.
        artifacts: what ships: paths, or `Artifact`s, or mappings with their fields.
        freeze: ways to freeze the live model afresh, and check the results.
        export: a function, or `"module:function"`, `export(live, directory)`; what it writes is
            checked.
        outputs: {output name: OutputSpec, or a mapping with its fields}, of the outputs of which
            the live graph does not tell what they hold, or that need a tolerance of their own.
        ignore_outputs: patterns of names of artifacts' outputs that need not be compared.
        ignore_weights: patterns of names of weights that are meant to be others in artifacts.
        allow_ops: types of artifacts' operations, or patterns, that are no arithmetic, and meant.
        atol: as for a check, instead of the run's.
        examples: likewise.
        logit_rtol: likewise.
        min_power: likewise.
        require: likewise.
        root: folder that relative paths start from; by default pytest's rootdir.
        source: where the declaration stands, for messages.
        inferred: whether inputs that are not declared are taken as the live model's placeholders
            tell them; never so in a table.

    Raises:
        SettingError: a field has a value that cannot be used.
    """

    name: str
    inputs: Mapping[str, InputSpec | Constant | Mapping[str, object]]
    build: Reference | None = None
    checkpoint: str | os.PathLike[str] | None = None
    ema: str | None = None
    live: Reference | None = None
    artifacts: Sequence[str | Artifact | Mapping[str, Any]] = ()
    freeze: Sequence[str] = ()
    export: Reference | None = None
    outputs: Mapping[str, OutputSpec | Mapping[str, object]] = dataclasses.field(
        default_factory=dict
    )
    ignore_outputs: Sequence[str] = ()
    ignore_weights: Sequence[str] = ()
    allow_ops: Sequence[str] = ()
    atol: float | None = None
    examples: int | None = None
    logit_rtol: float | bool | None = None
    min_power: float | None = None
    require: str | None = None
    root: Path | None = None
    source: str = ""
    inferred: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not NAME.fullmatch(self.name):
            raise self._refuse("name", self.name, "letters, digits, dots, dashes and underscores")
        object.__setattr__(self, "inputs", self._checked_inputs())
        object.__setattr__(self, "outputs", outputs_of(self.outputs, self._where))
        check_patterns(self.ignore_outputs, f"{self._where}: ignore_outputs")
        check_patterns(self.ignore_weights, f"{self._where}: ignore_weights")
        check_patterns(self.allow_ops, f"{self._where}: allow_ops")
        object.__setattr__(self, "artifacts", self._checked_artifacts())
        self._check_sources()
        self._check_ways()
        self._check_item_names()
        self.settings(Settings())

    def settings(self, settings: Settings, artifact: Artifact | None = None) -> Settings:
        """Return settings with the model's, and then the artifact's, in place of the run's."""
        for owner, where in ((self, self._where), (artifact, f"{self._where} artifact")):
            if owner is not None:
                values = {key: getattr(owner, key) for key in _OVERRIDES}
                self._check_numbers(values, where)
                settings = settings.override(values, where)
        return settings

    def _check_numbers(self, values: Mapping[str, object], where: str) -> None:
        """Refuse a number in quotes, which only a command line has to take for one."""
        for key, value in values.items():
            if isinstance(value, str) and key != "require":
                raise SettingError(
                    f"{where}: {key} = {value!r} is not accepted; expected a number, without quotes"
                )

    @property
    def _where(self) -> str:
        return self.source or f"Model({self.name!r})"

    def _refuse(self, key: str, value: object, expected: str) -> SettingError:
        return SettingError(
            f"{self._where}: {key} = {value!r} is not accepted; expected {expected}"
        )

    @property
    def specs(self) -> dict[str, InputSpec]:
        """{input name: spec} of what is drawn."""
        return divided(self.inputs)[0]

    def _checked_inputs(self) -> dict[str, InputSpec | Constant]:
        if not isinstance(self.inputs, Mapping) or not (self.inputs or self.inferred):
            raise self._refuse(
                "inputs", self.inputs, "a table for each input, such as inputs.images"
            )
        try:
            specs, constants = divided(self.inputs)
        except SettingError as error:
            raise SettingError(f"{self._where}: {error}") from None
        if not specs and not self.inferred:
            raise self._refuse("inputs", dict(self.inputs), "an input that is drawn, with a shape")
        return {**specs, **constants}

    def _checked_artifacts(self) -> tuple[Artifact, ...]:
        given = self.artifacts
        if isinstance(given, str) or not isinstance(given, Sequence):
            raise self._refuse("artifacts", given, "a list of paths or tables")
        return tuple(self._artifact(value, place) for place, value in enumerate(given))

    def _artifact(self, value: str | Artifact | Mapping[str, Any], place: int) -> Artifact:
        key = f"artifacts[{place}]"
        if isinstance(value, str):
            value = Artifact(value)
        elif isinstance(value, Mapping):
            check_keys(value, Artifact, f"{self._where}: {key}")
            if "path" not in value:
                raise self._refuse(key, dict(value), "a table with a path")
            value = Artifact(**value)
        if not isinstance(value, Artifact):
            raise self._refuse(key, value, "a path, or a table with a path")
        if not isinstance(value.path, str) or not value.path or set(value.path) & set("[]"):
            raise self._refuse(f"{key}.path", value.path, "a path without square brackets")
        self._check_names(value, key)
        check_patterns(value.ignore_outputs, f"{self._where}: {key}.ignore_outputs")
        check_patterns(value.ignore_weights, f"{self._where}: {key}.ignore_weights")
        check_patterns(value.allow_ops, f"{self._where}: {key}.allow_ops")
        self.settings(Settings(), value)
        return value

    def _check_names(self, artifact: Artifact, key: str) -> None:
        for table in ("inputs", "outputs"):
            if not isinstance(getattr(artifact, table), Mapping):
                raise self._refuse(f"{key}.{table}", getattr(artifact, table), "a table of names")
        try:
            renaming.check(artifact.inputs, self.specs, f"{key}.inputs")
        except SettingError as error:
            raise SettingError(f"{self._where}: {error}") from None
        if artifact.signature is not None and not isinstance(artifact.signature, str):
            raise self._refuse(f"{key}.signature", artifact.signature, "the key of a signature")
        for name, there in artifact.outputs.items():
            if not isinstance(there, str):
                raise self._refuse(f"{key}.outputs.{name}", there, "a name")

    def _check_sources(self) -> None:
        for key in ("build", "live", "export"):
            value = getattr(self, key)
            text = isinstance(value, str) and TARGET.fullmatch(value)
            if value is not None and not text and not callable(value):
                raise self._refuse(key, value, "'module:function'")
        if (self.build is None) == (self.live is None):
            raise SettingError(f"{self._where}: needs either build, with checkpoint, or live")
        if self.build is not None and self.checkpoint is None:
            raise SettingError(f"{self._where}: build needs a checkpoint beside it")
        if self.checkpoint is not None and not isinstance(self.checkpoint, (str, os.PathLike)):
            raise self._refuse("checkpoint", self.checkpoint, "a checkpoint's prefix or directory")
        if self.ema is not None and self.live is not None:
            raise SettingError(f"{self._where}: ema goes with build; live restores by itself")
        if self.ema is not None and self.ema not in EMA_MODES:
            raise self._refuse("ema", self.ema, f"one of {', '.join(EMA_MODES)}")

    def _check_ways(self) -> None:
        from pytest_freezecheck import formats

        ways = formats.WAYS
        if isinstance(self.freeze, str) or not isinstance(self.freeze, Sequence):
            raise self._refuse("freeze", self.freeze, "a list of ways")
        for way in self.freeze:
            if way not in ways:
                close = nearest(str(way), ways)
                raise self._refuse("freeze", way, f"ways{close}: {', '.join(ways)}")

    def _check_item_names(self) -> None:
        """Make sure that no two checks have one node id."""
        names = [artifact.path for artifact in self.artifacts]  # type: ignore[union-attr]
        names += self.freeze
        names += [EXPORT] if self.export is not None else []
        for name in names:
            if names.count(name) > 1:
                raise SettingError(
                    f"{self._where}: two checks would be called {name!r}: an artifact, a way of "
                    "freeze, or export; rename the artifact (./name is another name) or drop one"
                )


def keys_of(kind: type) -> list[str]:
    """Return the keys of the table that a dataclass stands for."""
    names = (field.name for field in dataclasses.fields(kind))
    return [name for name in names if name not in _NO_KEYS]


def check_keys(table: Mapping[str, object], kind: type, where: str) -> None:
    """Make sure that a table has no key that the dataclass it stands for has not.

    Raises:
        SettingError: it has; the message names the closest key that there is.
    """
    known = keys_of(kind)
    for key, value in table.items():
        if key not in known:
            raise SettingError(
                f"{where}: unknown key {key!r} (= {value!r}){nearest(key, known)}; "
                f"accepted: {', '.join(known)}"
            )
