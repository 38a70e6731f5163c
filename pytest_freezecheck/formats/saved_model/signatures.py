"""What all loaders of a SavedModel share: the signature that a server would answer with."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pytest_freezecheck.errors import ArtifactError, FreezecheckError
from pytest_freezecheck.formats.base import FrozenModel
from pytest_freezecheck.formats.matching import (
    Shape,
    dtype_of,
    match,
    matched_inputs,
    names_of_outputs,
    only_output,
    shape_of,
)
from pytest_freezecheck.formats.refusal.chance import may, refuse_chance
from pytest_freezecheck.formats.refusal.contents import links, refuse_outside
from pytest_freezecheck.formats.saved_model.operations import (
    asset_files,
    refuse_saved_model,
    signed,
)
from pytest_freezecheck.messages.wording import listed, nearest, reason
from pytest_freezecheck.models.graphdef import operation_of

SIGNATURE = "serving_default"
_HIDDEN = "__saved_model_init_op"


class SignedModel(FrozenModel):
    """A model whose inputs and outputs have the names of its signature's keys."""

    format = "saved_model"

    def __init__(self, path: Path, way: str | None = None, signature: str | None = None) -> None:
        super().__init__(path, way)
        self.signature = signature
        self._tags, self._key, self._signature = choose_signature(path, signature)
        self._check_types()
        with load_errors(path):
            served = _served(path, self._tags)
            refuse_outside(path, path, [*links(path), *asset_files(served)])
            refuse_saved_model(served, self._key, path, self.allowed)
            self._may_draw = may(served.graph_def)
            self._look_into(served)

    def _check_types(self) -> None:
        """Make sure that the signature says what its inputs take, which servers hold clients to."""
        from tensorflow.core.framework import types_pb2

        known = set(types_pb2.DataType.values()) - {types_pb2.DT_INVALID}
        for key, info in self._signature.inputs.items():
            if info.WhichOneof("encoding") == "name" and info.dtype not in known:
                raise ArtifactError(
                    f"{self.path}: signature {self._key!r} gives its input {key!r} no type that "
                    "TensorFlow has: it is damaged or was edited; copy it again, or save it again"
                )

    def _look_into(self, served: Any) -> None:
        """Look at the MetaGraphDef that is served: at what the loader passes over."""

    def refuse_chance(self, inputs: Sequence[str], outputs: Sequence[str]) -> None:
        """Look through the graph that a server runs, and the function that stands for it."""
        if not self._may_draw:
            return
        served = _served(self.path, self._tags)
        keys, ends = self._signature.inputs, self._signature.outputs
        fed = {operation_of(keys[key].name): None for key in inputs}
        fed |= {operation_of(keys[k].name): value for k, value in self.constants.items()}
        asked = [ends[key].name for key in outputs]
        functions = signed(served.object_graph_def, self._key)
        refuse_chance(served.graph_def, asked, self.path, self.allowed, fed, functions)

    @property
    def input_names(self) -> list[str]:
        """Keys of the signature's inputs."""
        return list(self._signature.inputs)

    def type_of(self, name: str) -> str | None:
        """Return the name of the dtype that an input takes."""
        return dtype_of(self._signature.inputs[name].dtype)

    @property
    def output_names(self) -> list[str]:
        """Keys of the signature's outputs."""
        return list(self._signature.outputs)

    def match_inputs(self, inputs: Mapping[str, Any], outputs: Sequence[str]) -> dict[str, str]:  # noqa: ARG002
        """Match by the signature's keys."""
        wanted = {name: self.inputs.get(name, name) for name in inputs}
        there = {key: dtype_of(info.dtype) for key, info in self._signature.inputs.items()}
        return matched_inputs(wanted, inputs, self.constants, there, self.path)

    def match_outputs(self, outputs: Mapping[str, Any]) -> dict[str, str]:
        """Match by the signature's keys; a single output may be called anything."""
        only = only_output(outputs, self.outputs, self.output_names, self.path)
        if only is not None:
            return only
        wanted = names_of_outputs(outputs, self.outputs, self.aliases, self.output_names)
        return match("output", wanted, self.output_names, self.path)

    @property
    def input_shapes(self) -> Mapping[str, Shape | None]:
        """{key: shape} of the signature's inputs."""
        return {k: shape_of(info.tensor_shape) for k, info in self._signature.inputs.items()}


@contextlib.contextmanager
def load_errors(path: Path) -> Iterator[None]:
    """Turn what TensorFlow raises about a broken folder into one line.

    That is anything: IndexError of a file that is too short, DecodeError of a collection, and so
    on.
    """
    try:
        yield
    except FreezecheckError:
        raise
    except Exception as error:  # noqa: BLE001 - what follows no rule is told, not swallowed
        from pytest_freezecheck.models.checkpoint_files import at_fault

        found = at_fault(str(path / "variables" / "variables"), error)
        why = reason(error) if found is None else f"variables/{found}"
        raise ArtifactError(
            f"{path}: TensorFlow cannot load this SavedModel: {why}; if it was copied, copy it "
            "again, with all of its files"
        ) from None


def choose_signature(path: Path, wanted: str | None = None) -> tuple[list[str], str, Any]:
    """Return the tags, the key and the SignatureDef that a server would answer with.

    Args:
        path: the folder.
        wanted: the key of the signature to serve, if it is not the usual one.

    Raises:
        ArtifactError: the folder is no SavedModel, or it is not clear which signature to take.
    """
    saved = _parse(path)
    serving = [m for m in saved.meta_graphs if set(m.meta_info_def.tags) == {"serve"}]
    graphs = serving or list(saved.meta_graphs)
    if len(graphs) != 1:
        tags = ["+".join(sorted(m.meta_info_def.tags)) or "(no tag)" for m in graphs]
        raise ArtifactError(
            f"{path}: no MetaGraph is tagged 'serve'; it has {listed(tags, 8) or 'none'}"
        )
    signatures = {k: v for k, v in graphs[0].signature_def.items() if k != _HIDDEN}
    key = choose_key(path, list(signatures), wanted)
    return list(graphs[0].meta_info_def.tags), key, signatures[key]


def choose_key(path: Path, there: Sequence[str], wanted: str | None) -> str:
    """Return the key of the signature to serve: the one that is wanted, the usual, the only one.

    Raises:
        ArtifactError: there is no such signature, or several and none of them is usual.
    """
    if wanted is None and SIGNATURE not in there and len(there) == 1:
        return there[0]
    key = SIGNATURE if wanted is None else wanted
    if key not in there:
        hint = "" if wanted or not there else ': name one of them, signature = "..."'
        raise ArtifactError(
            f"{path}: no signature {key!r}{nearest(key, there) if wanted else ''}; it has "
            f"{listed(sorted(there), 8) or 'none'}{hint}"
        )
    return key


def _served(path: Path, tags: Sequence[str]) -> Any:
    """Return the MetaGraphDef that has exactly these tags."""
    return next(m for m in _parse(path).meta_graphs if set(m.meta_info_def.tags) == set(tags))


def has_reference_variables(path: Path) -> bool:
    """Return whether a SavedModel holds variables of TensorFlow 1's kind."""
    from pytest_freezecheck.models.live import REFERENCE_VARIABLES

    graphs = (meta_graph.graph_def for meta_graph in _parse(path).meta_graphs)
    return any(node.op in REFERENCE_VARIABLES for graph in graphs for node in graph.node)


def _parse(path: Path) -> Any:
    from tensorflow.python.saved_model import loader_impl

    with load_errors(path):
        return loader_impl.parse_saved_model(str(path))
