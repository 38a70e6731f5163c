"""Objects of the repository's own, sent to a process that imports what they are made of.

Functions and classes are sent by name. A conftest.py has a name that can mostly not be imported, so
what comes from the repository's own files is sent with its file.
"""

from __future__ import annotations

import importlib
import importlib.util
import io
import os
import pickle
import sys
import sysconfig
import types
from pathlib import Path
from typing import Any

from pytest_freezecheck import errors

_OURS = f"{Path(__file__).parents[1]}{os.sep}"
_INSTALLED = tuple({f"{path}{os.sep}" for path in sysconfig.get_paths().values()})


def dumps(value: object) -> bytes:
    """Return an object as bytes.

    Raises:
        Exception: it cannot be sent; what pickling raises depends on the object.
    """
    written = io.BytesIO()
    _Pickler(written, protocol=pickle.HIGHEST_PROTOCOL).dump(value)
    return written.getvalue()


def loads(content: bytes) -> Any:
    """Return what was sent; only what this program's own parent has written is read."""
    return pickle.loads(content)  # noqa: S301


class _Pickler(pickle.Pickler):
    def reducer_override(self, value: object) -> Any:
        if not isinstance(value, types.FunctionType | type):
            return NotImplemented
        called = value.__name__
        if vars(errors).get(called) is value:
            return _error, (called,)  # not from where it says that it is of
        if isinstance(value, types.FunctionType):
            space: dict[str, Any] = value.__globals__
        else:
            space = vars(sys.modules.get(value.__module__, types.ModuleType("")))
        file, name = space.get("__file__"), value.__module__
        if not file or not name or file.startswith((_OURS, *_INSTALLED)):
            return NotImplemented
        if _part(space, value.__qualname__) is not value:
            return NotImplemented  # pickle says why it cannot be sent
        return _found, (name, str(Path(file).resolve()), value.__qualname__)


def _part(space: dict[str, Any], qualname: str) -> Any:
    first, *others = qualname.split(".")
    found = space.get(first)
    for part in others:
        found = getattr(found, part, None)
    return found


def _error(name: str) -> Any:
    return vars(errors)[name]


def _found(name: str, file: str, qualname: str) -> Any:
    """Return what has this name in a module of this name and file."""
    return _part(vars(_module(name, file)), qualname)


def _module(name: str, file: str) -> types.ModuleType:
    for known in (name, f"{name}@{file}"):
        module = sys.modules.get(known)
        if module is not None and _is_of(getattr(module, "__file__", None), file):
            return module
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError, AttributeError):  # of a parent that is no package here
        spec = None
    if spec is not None and _is_of(spec.origin, file):
        return importlib.import_module(name)
    called = name if name not in sys.modules else f"{name}@{file}"
    spec = importlib.util.spec_from_file_location(called, file)
    if spec is None or spec.loader is None:
        raise ImportError(f"{file} cannot be imported")
    module = sys.modules[called] = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[called]
        raise
    return module


def _is_of(origin: str | None, file: str) -> bool:
    return origin is not None and Path(origin).resolve() == Path(file)
