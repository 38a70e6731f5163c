"""pytest-freezecheck: does the frozen model compute what the live model computes?

Public names are resolved on first use, so that loading the pytest plugin costs nothing: this
module imports nothing at run time. PYTEST_DONT_REWRITE: there is no assert here to explain.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from pytest_freezecheck.checking.api import assert_agreement, check
    from pytest_freezecheck.declared.model import Artifact, Model
    from pytest_freezecheck.errors import (
        ArtifactError,
        FreezecheckError,
        FreezeError,
        MatchError,
        ModelError,
        SettingError,
        UnavailableError,
    )
    from pytest_freezecheck.formats import (
        WAYS,
        Extra,
        Format,
        FrozenModel,
        NamedModel,
        Way,
        available_ways,
        freeze,
        load,
    )
    from pytest_freezecheck.models.live import LiveModel
    from pytest_freezecheck.result.agreement import Agreement, FrozenMismatch
    from pytest_freezecheck.spec.inputs import InputSpec
    from pytest_freezecheck.spec.outputs import OutputSpec

__version__ = "0.1.0.dev0"

_HOME = {
    "Agreement": "result.agreement",
    "Artifact": "declared.model",
    "ArtifactError": "errors",
    "Extra": "formats",
    "Format": "formats",
    "FreezeError": "errors",
    "FreezecheckError": "errors",
    "FrozenMismatch": "result.agreement",
    "FrozenModel": "formats",
    "InputSpec": "spec",
    "OutputSpec": "spec",
    "LiveModel": "models.live",
    "Model": "declared.model",
    "MatchError": "errors",
    "ModelError": "errors",
    "NamedModel": "formats",
    "SettingError": "errors",
    "UnavailableError": "errors",
    "WAYS": "formats",
    "Way": "formats",
    "assert_agreement": "checking.api",
    "available_ways": "formats",
    "check": "checking.api",
    "freeze": "formats",
    "load": "formats",
}

__all__ = [
    "WAYS",
    "Agreement",
    "Artifact",
    "ArtifactError",
    "Extra",
    "Format",
    "FreezeError",
    "FreezecheckError",
    "FrozenMismatch",
    "FrozenModel",
    "InputSpec",
    "LiveModel",
    "MatchError",
    "Model",
    "ModelError",
    "NamedModel",
    "OutputSpec",
    "SettingError",
    "UnavailableError",
    "Way",
    "assert_agreement",
    "available_ways",
    "check",
    "freeze",
    "load",
]


def __getattr__(name: str) -> "Any":
    """Import a public name from its module on first use (PEP 562)."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    if name != "WAYS":  # which grows while a conftest.py has formats of its own
        globals()[name] = value
    return value


def __dir__() -> "list[str]":
    return sorted({*globals(), *__all__})
