"""What everything that a live model says follows from, as one digest.

Where two runs have the same digest, the live model answers the same in both, bit for bit: the
digest holds its graph, weights and tables, the inputs, and all that runs them.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import os
import platform
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pytest_freezecheck.formats.refusal.judged import REFUSED, part_of
from pytest_freezecheck.formats.refusal.reach import Reach
from pytest_freezecheck.inputs.ragged import Ragged
from pytest_freezecheck.inputs.words import vocabulary
from pytest_freezecheck.messages.paths import digests
from pytest_freezecheck.models.checkpoint import beside
from pytest_freezecheck.models.graphdef import PASSING, operation_of, part
from pytest_freezecheck.power.vacuity import content
from pytest_freezecheck.versions import versions

if TYPE_CHECKING:
    from pytest_freezecheck.checking.batches import Batches
    from pytest_freezecheck.models.live import LiveModel

#: What chooses kernels, or how they split their work.
_VARIABLES = (
    *("TF_", "OMP_", "KMP_", "MKL_", "DNNL_", "ONEDNN_", "OPENBLAS_", "NPY_", "EIGEN_"),
    *("XLA_", "CUDA_", "CUDNN_", "NVIDIA_", "GOMP_", "GLIBC_"),
)
#: Variables of those beginnings that change no number.
_SILENT = frozenset({"TF_CPP_MIN_LOG_LEVEL", "TF_CPP_MAX_LOG_LEVEL", "TF_CPP_MIN_VLOG_LEVEL"})
#: Operations that fill a table from a file, which the graph only names.
_FROM_FILE = ("InitializeTableFromTextFile", "InitializeTableFromTextFileV2")


class UnknownError(Exception):
    """What a live model answers depends on something that cannot be told from here."""


def identity(
    live: LiveModel, batches: Batches, seed: int, examples: int, state: tuple[object, ...]
) -> str:
    """Return the digest, in hexadecimal.

    Args:
        live: the model.
        batches: the inputs that are drawn for it.
        seed: of everything drawn.
        examples: how many batches there are.
        state: digests of its weights, and a few answers.

    Raises:
        UnknownError: of a model whose graph calls Python, or reads what is not known.
    """
    digest = hashlib.blake2b(digest_size=32)
    parts: list[object] = [
        *(_of_this_package(), tuple(sorted(versions().items())), *_of_the_machine(live)),
        *(seed, examples, live.name, live.batch_size, live.ema, list(live.specs), state),
        *_of_the_checkpoint(live.checkpoint),
        *_of_the_interface(live),
        *_of_variables_besides(live),
    ]
    try:
        parts += [*_of_the_graph(live), *_of_the_inputs(batches)]
    except ValueError as error:  # a graph of more than 2 GB
        raise UnknownError(f"its graph cannot be read: {error}") from None
    for each in parts:
        told = each if isinstance(each, bytes) else repr(each).encode("utf-8", "backslashreplace")
        digest.update(len(told).to_bytes(8, "little"))
        digest.update(told)
    return digest.hexdigest()


@functools.cache
def _of_this_package() -> str:
    """Return the digest of the package's own files: of an editable install they change."""
    return digest_of(Path(__file__).parents[1])


def digest_of(folder: Path) -> str:
    """Return the digest of the program in a folder: its names and contents."""
    digest = hashlib.blake2b()
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.suffix in (".py", ".txt"):
            program = path.read_bytes()
            digest.update(f"{path.relative_to(folder)} {len(program)}\n".encode())
            digest.update(program)
    return digest.hexdigest()


def _of_the_machine(live: LiveModel) -> Iterator[object]:
    """Yield what tells processors, systems and ways to run kernels apart."""
    import tensorflow as tf

    yield sys.version, platform.machine(), platform.processor()
    yield platform.system(), platform.libc_ver(), platform.mac_ver()[0]  # of Linux no kernel
    yield tf.version.VERSION, tf.version.GIT_VERSION, tf.version.COMPILER_VERSION
    yield sorted((key, str(value)) for key, value in tf.sysconfig.get_build_info().items())
    yield _processor(), _usable()
    yield sorted((device.name, device.device_type) for device in live.session.list_devices())
    for device in tf.config.list_physical_devices("GPU"):
        yield sorted(map(str, tf.config.experimental.get_device_details(device).items()))
    threads = tf.config.threading
    yield threads.get_intra_op_parallelism_threads(), threads.get_inter_op_parallelism_threads()
    yield tf.config.experimental.tensor_float_32_execution_enabled()
    yield sorted(
        (name, value)
        for name, value in os.environ.items()
        if name.startswith(_VARIABLES) and name not in _SILENT
    )


@functools.cache
def _processor() -> tuple[str, ...]:
    """Return what Linux says of the first processor: its model, and what it can do."""
    told = {
        *("vendor_id", "cpu family", "model", "model name", "stepping", "flags", "Features"),
        *("CPU implementer", "CPU architecture", "CPU variant", "CPU part"),
    }
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8", "replace").partition("\n\n")[0]
    except OSError:
        return ()
    pairs = (line.partition(":") for line in lines.splitlines())
    return tuple(f"{key.strip()}:{value}" for key, _, value in pairs if key.strip() in told)


def _usable() -> int | None:
    """Return how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count()


def _of_the_checkpoint(checkpoint: str | None) -> Iterator[object]:
    """Yield what a planted mistake takes values from: the checkpoint, and the one before it."""
    if checkpoint is not None:
        for prefix in (checkpoint, *beside(checkpoint)[-1:]):
            yield Path(prefix).name, sorted(digests(None, prefix).items())


def _of_the_interface(live: LiveModel) -> Iterator[object]:
    """Yield inputs, outputs and what is always fed, as they are declared."""
    for name, tensor in live.inputs.items():
        spec = live.specs[name]
        yield name, tensor.name, spec.dtype, spec.extents, spec.low, spec.high, spec.choices
        if spec.dtype == "string":
            yield from _content(vocabulary(spec))
    for name, tensor in live.outputs.items():
        yield name, tensor.name, live.output_specs.get(name)
    for name, held in live.constants.items():
        yield name, held.tensor.name
        yield from _content(np.asarray(held.value))


def _of_variables_besides(live: LiveModel) -> Iterator[object]:
    """Yield the local variables: the state has the global ones.

    Raises:
        UnknownError: one has no value.
    """
    import tensorflow as tf

    with live.graph.as_default():
        variables = tf.compat.v1.local_variables()
    try:
        values = live.session.run(variables)
    except tf.errors.FailedPreconditionError:
        raise UnknownError("a local variable of its graph has no value") from None
    for variable, value in zip(variables, values, strict=True):
        yield variable.op.name
        yield from _content(np.asarray(value))


def _of_the_graph(live: LiveModel) -> Iterator[object]:
    """Yield the operations that run, and the content of files that they read.

    Raises:
        UnknownError: an operation's answer follows from what is not in the graph.
    """
    definition = live.graph.as_graph_def()
    wanted = [tensor.op.name for tensor in live.outputs.values()]
    tables = [operation.name for operation in live.table_initializers]
    nodes = {node.name: node for node in definition.node}
    for place in Reach(definition).places([*wanted, *tables]):
        node = place.node
        if node.op in _FROM_FILE and place.function is None:
            yield node.name, _content_of(_text(node.input[1], nodes))
            continue
        known = None if place.calls else part_of(node.op)
        if not place.calls and (known is None or known.kind == REFUSED):
            does = "is none of TensorFlow's that are known" if known is None else known.does
            raise UnknownError(f"operation {node.op!r} ({place}) {does}")
    shared: dict[bytes, bytes] = {}
    for node in part(definition, [*wanted, *tables]).node:
        yield _bytes_of(node, shared)
    for function in definition.library.function:
        yield function.SerializeToString(deterministic=True)
    yield definition.versions.producer


def _bytes_of(node: Any, shared: dict[bytes, bytes]) -> bytes:
    """Return a node byte by byte, but for names that TensorFlow draws for what is shared."""
    given = node.attr["shared_name"].s if "shared_name" in node.attr else b""
    if given or "_class" in node.attr:
        copy = type(node)()
        copy.CopyFrom(node)
        copy.attr.pop("_class", None)
        if given:
            copy.attr["shared_name"].s = shared.setdefault(given, b"%d" % len(shared))
        node = copy
    written: bytes = node.SerializeToString(deterministic=True)
    return written


def _text(name: str, nodes: dict[str, Any]) -> Path:
    """Return the path that a tensor holds.

    Raises:
        UnknownError: it is not a constant.
    """
    node = nodes.get(operation_of(name))
    while node is not None and node.op in PASSING and node.input:
        node = nodes.get(operation_of(node.input[0]))
    if node is None or node.op != "Const" or len(node.attr["value"].tensor.string_val) != 1:
        raise UnknownError("a table is filled from a file whose name is worked out")
    return Path(os.fsdecode(node.attr["value"].tensor.string_val[0]))


def _content_of(path: Path) -> str:
    try:
        return hashlib.blake2b(path.read_bytes()).hexdigest()
    except OSError as error:
        raise UnknownError(f"a table is filled from {path}: {error.strerror}") from None


def _of_the_inputs(batches: Batches) -> Iterator[object]:
    """Yield what is drawn, as it is described, and the real samples."""
    yield batches.described
    for name, held in batches.samples.items():
        yield name
        rows: Sequence[Any] = held.rows if isinstance(held, Ragged) else [held]
        for row in rows:
            yield from _content(row)


def _content(array: Any) -> Iterator[object]:
    yield array.dtype.name, array.shape
    yield content(array)


def content_digest(answer: Any) -> str:
    """Return the digest of an answer: names, dtypes, shapes and every bit."""
    digest = hashlib.blake2b(digest_size=32)
    for kind in dataclasses.fields(answer):
        for name, value in sorted(getattr(answer, kind.name).items()):
            digest.update(repr((kind.name, name)).encode())
            for each in _content(np.asarray(value)):
                digest.update(each if isinstance(each, bytes) else repr(each).encode())
    return digest.hexdigest()
