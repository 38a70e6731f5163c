"""Files that do more than arithmetic: refused by name before anything of them runs."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

import pytest_freezecheck as freezecheck
from pytest_freezecheck import ArtifactError, LiveModel, SettingError
from pytest_freezecheck.formats.saved_model.session import SessionSavedModel
from pytest_freezecheck.formats.saved_model.signatures import SignedModel
from tests.kit import tiny
from tests.kit.freezing import freeze
from tests.kit.made import made, softmax_of
from tests.kit.subjects import Subject

v1 = tf.compat.v1
KERNEL = np.linspace(-1.0, 1.0, 12, dtype=np.float32).reshape(4, 3)
#: What an operation does beside the arithmetic: it is given what is answered, and returns what
#: has to run before it is.
Deed = Callable[[Any, Path], Any]
needs_tflite = pytest.mark.skipif(
    "tflite" not in freezecheck.available_ways(), reason="no TFLite here"
)


def nothing(answer: Any, folder: Path) -> Any:
    return tf.identity(answer, name="deed")


def abort(answer: Any, folder: Path) -> Any:
    # Not without an error, which would end the tests as if all of them had passed.
    return tf.raw_ops.Abort(error_msg="", exit_without_error=False, name="deed")


def python(answer: Any, folder: Path) -> Any:
    return v1.py_func(lambda x: x, [answer], tf.float32, name="deed")


def write(answer: Any, folder: Path) -> Any:
    told = tf.strings.as_string(tf.reduce_sum(answer))
    return tf.raw_ops.WriteFile(filename=str(folder / "log.txt"), contents=told, name="deed")


def restore(answer: Any, folder: Path) -> Any:
    prefix = str(folder / "train" / "model.ckpt-20")
    return tf.raw_ops.RestoreV2(
        prefix=prefix, tensor_names=["w"], shape_and_slices=[""], dtypes=[tf.float32], name="deed"
    )[0]


def clock(answer: Any, folder: Path) -> Any:
    return tf.timestamp(name="deed")


def print_to_file(answer: Any, folder: Path) -> Any:
    return tf.raw_ops.PrintV2(input="x", output_stream=f"file://{folder}/log.txt", name="deed")


def print_here(answer: Any, folder: Path) -> Any:
    return tf.raw_ops.PrintV2(input="x", output_stream="stderr", name="deed")


def assertion(answer: Any, folder: Path) -> Any:
    return v1.debugging.assert_less(answer, 1e9, name="deed")


WRONG = [
    (abort, "Abort", "ends the process"),
    (python, "PyFunc", "calls a Python function of this process"),
    (write, "WriteFile", "writes files"),
    (restore, "RestoreV2", "restores values from a checkpoint that the artifact does not hold"),
    (clock, "Timestamp", "reads the clock"),
    (print_to_file, "PrintV2", "writes files"),
]
RIGHT = [nothing, print_here, assertion]


def answer(x: Any, kernel: Any, deed: Deed, folder: Path, *, on_the_way: bool = True) -> Any:
    """Return what is answered, after the deed or beside it."""
    logits = tf.matmul(x, kernel)
    done = deed(logits, folder)
    waits = [done] if on_the_way and done is not None else []
    with tf.control_dependencies(waits):
        return tf.nn.softmax(logits, name="y")


def graph_def(deed: Deed, folder: Path, **how: Any) -> Path:
    """Write a GraphDef."""
    with tf.Graph().as_default() as graph:
        x = v1.placeholder(tf.float32, [None, 4], name="x")
        answer(x, tf.constant(KERNEL), deed, folder, **how)
    path = folder / "frozen.pb"
    path.write_bytes(graph.as_graph_def().SerializeToString())
    return path


def graph_def_with_function(deed: Deed, folder: Path) -> Path:
    """Write a GraphDef that does it in a function, which another function calls."""
    with tf.Graph().as_default() as graph:
        x = v1.placeholder(tf.float32, [None, 4], name="x")
        kernel = tf.constant(KERNEL)
        inner = tf.function(lambda x: answer(x, kernel, deed, folder), autograph=False)
        outer = tf.function(lambda x: inner(x) + 0.0, autograph=False)
        tf.identity(outer(x), name="y")
    path = folder / "frozen.pb"
    path.write_bytes(graph.as_graph_def(add_shapes=False).SerializeToString())
    return path


def graph_def_with_loop(deed: Deed, folder: Path) -> Path:
    """Write a GraphDef that does it in the body of a loop."""
    with tf.Graph().as_default() as graph:
        x = v1.placeholder(tf.float32, [None, 4], name="x")
        kernel = tf.constant(KERNEL)
        _, y = tf.while_loop(
            lambda i, y: i < 1,
            lambda i, y: (i + 1, answer(x, kernel, deed, folder)),
            (tf.constant(0), tf.matmul(x, kernel)),
        )
        tf.identity(y, name="answered")
    path = folder / "frozen.pb"
    only = v1.graph_util.extract_sub_graph(graph.as_graph_def(), ["answered"])
    path.write_bytes(only.SerializeToString())
    return path


def graph_def_with_old_function(deed: Deed, folder: Path) -> Path:
    """Write a GraphDef that does it in a function of TensorFlow 1: its name is a node's type."""
    from tensorflow.python.framework import function

    defined = function.Defun(tf.float32, func_name="defined")(
        lambda x: answer(x, tf.constant(KERNEL), deed, folder)
    )
    with tf.Graph().as_default() as graph:
        tf.identity(defined(v1.placeholder(tf.float32, [None, 4], name="x")), name="answered")
    path = folder / "frozen.pb"
    path.write_bytes(graph.as_graph_def().SerializeToString())
    return path


def session_saved(deed: Deed, folder: Path, *, init: bool = False, **how: Any) -> Path:
    """Write a SavedModel from a session; with `init`, it is done in its initialisation."""
    path = folder / "saved"
    with tf.Graph().as_default() as graph, v1.Session(graph=graph) as session:
        x = v1.placeholder(tf.float32, [None, 4], name="x")
        kernel = v1.get_variable("w", initializer=KERNEL, use_resource=True)
        y = answer(x, kernel, nothing if init else deed, folder, **how)
        main = None
        if init:
            with tf.control_dependencies([deed(tf.constant(KERNEL), folder)]):
                main = tf.no_op("start")
        session.run(kernel.initializer)
        builder = v1.saved_model.Builder(str(path))
        signature = v1.saved_model.predict_signature_def({"x": x}, {"y": y})
        builder.add_meta_graph_and_variables(
            session, ["serve"], {"serving_default": signature}, main_op=main
        )
        builder.save()
    return path


def session_saved_init(deed: Deed, folder: Path) -> Path:
    return session_saved(deed, folder, init=True)


def module_saved(deed: Deed, folder: Path) -> Path:
    """Write a SavedModel as TensorFlow 2 does: its signature is a function that calls another."""
    module = tf.Module()
    module.w = tf.Variable(KERNEL, name="w")
    module.call = tf.function(
        lambda x: {"y": answer(x, module.w, deed, folder)},
        input_signature=[tf.TensorSpec([None, 4], tf.float32, name="x")],
        autograph=False,
    )
    path = folder / "saved"
    tf.saved_model.save(module, str(path), signatures=module.call)
    return path


KINDS = [
    graph_def,
    graph_def_with_function,
    graph_def_with_loop,
    graph_def_with_old_function,
    session_saved,
    session_saved_init,
    module_saved,
]


@pytest.fixture(scope="module")
def simple() -> Iterator[LiveModel]:
    live = softmax_of(KERNEL)
    yield live
    live.close()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("deed", "operation", "does"), WRONG)
def test_what_is_no_arithmetic_is_refused_by_name(
    kind: Callable[[Deed, Path], Path],
    deed: Deed,
    operation: str,
    does: str,
    simple: LiveModel,
    tmp_path: Path,
) -> None:
    path = kind(deed, tmp_path)
    with pytest.raises(ArtifactError) as error:
        freezecheck.check(simple, path)
    first, *_, last = str(error.value).splitlines()
    assert first.startswith(f"{path}: refused: operation '{operation}' (node '")
    assert does in first
    assert ("that loading runs" if kind is session_saved_init else "on the way to the out") in first
    assert f'allow_ops = ["{operation}"]' in last
    assert not (tmp_path / "log.txt").exists()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("deed", RIGHT)
def test_the_same_graphs_without_it_pass(
    kind: Callable[[Deed, Path], Path], deed: Deed, simple: LiveModel, tmp_path: Path
) -> None:
    freezecheck.assert_agreement(simple, kind(deed, tmp_path), examples=1)


@pytest.mark.parametrize("kind", [graph_def, session_saved])
@pytest.mark.parametrize("deed", [abort, write, clock, print_to_file])
def test_what_is_off_the_way_is_left_alone(
    kind: Callable[..., Path], deed: Deed, simple: LiveModel, tmp_path: Path
) -> None:
    path = kind(deed, tmp_path, on_the_way=False)
    freezecheck.assert_agreement(simple, path, examples=1)
    assert not (tmp_path / "log.txt").exists()


@pytest.mark.parametrize("kind", [graph_def, session_saved, module_saved])
def test_what_is_declared_is_allowed(
    kind: Callable[[Deed, Path], Path], simple: LiveModel, tmp_path: Path
) -> None:
    path = kind(clock, tmp_path)
    frozen = freezecheck.load(path, allow_ops=["Time*"])
    agreement = freezecheck.assert_agreement(simple, frozen, examples=1)
    assert agreement.as_json()["allow_ops"] == ["Time*"]
    assert "\n  operations that were allowed: Time*" in agreement.text
    frozen.close()


@pytest.mark.parametrize("kind", [graph_def, session_saved, module_saved])
def test_check_takes_what_is_allowed_with_a_path(
    kind: Callable[[Deed, Path], Path], simple: LiveModel, tmp_path: Path
) -> None:
    path = kind(clock, tmp_path)
    assert freezecheck.check(simple, path, examples=1, allow_ops=["Timestamp"])
    freezecheck.assert_agreement(simple, path, examples=1, allow_ops=("Time*",))
    for others in ((), ["PyFunc"]):
        with pytest.raises(ArtifactError, match="refused: operation 'Timestamp'"):
            freezecheck.check(simple, path, examples=1, allow_ops=others)


def test_what_is_allowed_still_has_to_agree(simple: LiveModel, tmp_path: Path) -> None:
    path = graph_def(clock, tmp_path)
    definition = v1.GraphDef.FromString(path.read_bytes())
    (kernel,) = [n for n in definition.node if n.op == "Const" and n.attr["dtype"].type == 1]
    kernel.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(KERNEL * 1.01))
    path.write_bytes(definition.SerializeToString())
    agreement = freezecheck.check(simple, path, examples=1, allow_ops=["Timestamp"])
    assert (bool(agreement), agreement.reason) == (False, "differs")
    with pytest.raises(freezecheck.FrozenMismatch):
        freezecheck.assert_agreement(simple, path, examples=1, allow_ops=["Timestamp"])


def test_what_is_allowed_of_a_loaded_model_is_for_load(simple: LiveModel, tmp_path: Path) -> None:
    frozen = freezecheck.load(graph_def(nothing, tmp_path))
    with pytest.raises(SettingError, match=r"check\(\): allow_ops is for a path.* load\(\)"):
        freezecheck.check(simple, frozen, allow_ops=["Timestamp"])
    freezecheck.assert_agreement(simple, frozen, examples=1, allow_ops=())
    frozen.close()


def test_a_name_alone_is_no_list_of_them(simple: LiveModel, tmp_path: Path) -> None:
    path = graph_def(nothing, tmp_path)
    with pytest.raises(SettingError, match=r"check\(\): allow_ops = 'Timestamp' is not accepted"):
        freezecheck.check(simple, path, allow_ops="Timestamp")
    with pytest.raises(SettingError, match=r"load\(\): allow_ops = 'Timestamp' is not accepted"):
        freezecheck.load(path, allow_ops="Timestamp")
    with pytest.raises(SettingError, match=r"'allow_op' \(nearest: 'allow_ops'\); acc.*_ops$"):
        freezecheck.check(simple, path, allow_op=["Timestamp"])


TABLE = """
[tool.freezecheck.models.flowers]
build = "net:build"
checkpoint = {checkpoint!r}
artifacts = [{artifact}]

[tool.freezecheck.models.flowers.inputs.images]
shape = [4, 4, 3]
"""


@pytest.mark.parametrize("allowed", [False, True])
def test_a_run_fails_with_its_name_unless_the_table_allows_it(
    allowed: bool, pytester: pytest.Pytester, flowers: Subject
) -> None:
    def edit(definition: Any) -> Any:
        definition.node.add(name="deed", op="Timestamp")
        definition.node[-2].input.append("^deed")
        return definition

    freeze(flowers, pytester.path / "frozen.pb", edit=edit)
    artifact = '{ path = "frozen.pb", examples = 1, allow_ops = ["Timestamp"] }'
    table = TABLE.format(
        checkpoint=flowers.checkpoint, artifact=artifact if allowed else '"frozen.pb"'
    )
    (pytester.path / "pyproject.toml").write_text(table)
    shutil.copy(tiny.__file__, pytester.path / "net.py")
    result = pytester.runpytest("--freezecheck", "-p", "no:xdist")
    result.assert_outcomes(passed=int(allowed), failed=int(not allowed))
    assert result.ret == int(not allowed)
    said = (
        "*frozen.pb: refused: operation 'Timestamp' (node 'deed') on the way to the output reads*"
    )
    if allowed:
        result.stdout.no_fnmatch_line("*refused*")
    else:
        result.stdout.fnmatch_lines([said, '*allow_ops = ?"Timestamp"?'])


def words(folder: Path) -> str:
    """Write a vocabulary, and return its path."""
    path = folder / "vocabulary.txt"
    path.write_text("one\ntwo\nthree\nfour\n")
    return str(path)


def numbers(x: Any, table: Any) -> Any:
    """Return what is answered about words that stand for the numbers of x, int64, (batch, 4)."""
    every = tf.constant(["one", "two", "three", "four"])
    found = tf.cast(table.lookup(tf.gather(every, x)), tf.float32)
    return tf.nn.softmax(tf.matmul(found, tf.constant(KERNEL)), name="y")


def table_of(path: Any) -> Any:
    init = tf.lookup.TextFileInitializer(
        path,
        tf.string,
        tf.lookup.TextFileIndex.WHOLE_LINE,
        tf.int64,
        tf.lookup.TextFileIndex.LINE_NUMBER,
    )
    return tf.lookup.StaticHashTable(init, -1)


@pytest.fixture(scope="module")
def worded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveModel]:
    vocabulary = words(tmp_path_factory.mktemp("words"))
    inputs = {"x": {"shape": [4], "dtype": "int64", "low": 0, "high": 3}}
    live = made(lambda x: {"y": numbers(x, table_of(vocabulary))}, inputs)
    yield live
    live.close()


def saved_with_table(folder: Path, *, legacy: bool = False, shipped: bool = True) -> Path:
    """Write a SavedModel from a session, with the vocabulary as an asset, or by its path."""
    with tf.Graph().as_default() as graph, v1.Session(graph=graph) as session:
        x = v1.placeholder(tf.int64, [None, 4], name="x")
        y = numbers(x, table_of(words(folder)))
        signature = v1.saved_model.predict_signature_def({"x": x}, {"y": y})
        builder = v1.saved_model.Builder(str(folder / "saved"))
        builder.add_meta_graph_and_variables(
            session,
            ["serve"],
            {"serving_default": signature},
            assets_collection=v1.get_collection("asset_filepaths") if shipped else None,
            **{"legacy_init_op" if legacy else "main_op": v1.tables_initializer()},
        )
        builder.save()
    return folder / "saved"


def legacy_with_table(folder: Path) -> Path:
    return saved_with_table(folder, legacy=True)


def module_with_table(folder: Path) -> Path:
    module = tf.Module()
    module.table = table_of(words(folder))
    module.call = tf.function(
        lambda x: {"y": numbers(x, module.table)},
        input_signature=[tf.TensorSpec([None, 4], tf.int64, name="x")],
        autograph=False,
    )
    tf.saved_model.save(module, str(folder / "saved"), signatures=module.call)
    return folder / "saved"


def module_that_reads_its_asset(folder: Path) -> Path:
    """Write a SavedModel whose function reads the lines of its own vocabulary itself."""
    module = tf.Module()
    module.file = tf.saved_model.Asset(words(folder))
    module.counts = tf.lookup.experimental.MutableHashTable(tf.string, tf.int64, -1)
    module.counts.insert(["one", "two", "three", "four"], np.arange(4))

    def call(x: Any) -> Any:
        lines = tf.strings.split(tf.io.read_file(module.file), sep="\n")[:4]
        found = tf.cast(module.counts.lookup(tf.gather(lines, x)), tf.float32)
        return {"y": tf.nn.softmax(tf.matmul(found, tf.constant(KERNEL)))}

    module.call = tf.function(
        call, input_signature=[tf.TensorSpec([None, 4], tf.int64, name="x")], autograph=False
    )
    tf.saved_model.save(module, str(folder / "saved"), signatures=module.call)
    return folder / "saved"


@pytest.mark.parametrize("loader", [freezecheck.load, SessionSavedModel])
@pytest.mark.parametrize(
    "saved",
    [saved_with_table, legacy_with_table, module_with_table, module_that_reads_its_asset],
)
def test_a_saved_model_reads_its_own_files(
    saved: Callable[[Path], Path],
    loader: Callable[[Path], SignedModel],
    worded: LiveModel,
    tmp_path: Path,
) -> None:
    path = saved(tmp_path)
    (tmp_path / "vocabulary.txt").unlink()
    frozen = loader(path)
    freezecheck.assert_agreement(worded, frozen, examples=1)
    frozen.close()


@pytest.mark.parametrize("loader", [freezecheck.load, SessionSavedModel])
def test_a_vocabulary_that_does_not_ship_is_refused(
    loader: Callable[[Path], SignedModel], tmp_path: Path
) -> None:
    path = saved_with_table(tmp_path, shipped=False)
    with pytest.raises(ArtifactError) as error:
        loader(path)
    first = str(error.value).splitlines()[0]
    assert "refused: operation 'InitializeTableFromTextFileV2' (node '" in first
    assert first.endswith("that loading runs reads files that the artifact does not hold")


def test_a_saver_that_restores_from_elsewhere_is_refused(tmp_path: Path) -> None:
    path = session_saved(nothing, tmp_path)
    file = path / "saved_model.pb"
    saved = _parse(path)
    graph = saved.meta_graphs[0]
    for node in graph.graph_def.node:
        if node.op == "RestoreV2":
            live = graph.graph_def.node.add()
            live.name, live.op = "live", "Const"
            live.attr["dtype"].type = tf.string.as_datatype_enum
            live.attr["value"].tensor.CopyFrom(tf.make_tensor_proto("train_dir/model.ckpt-20"))
            node.input[0] = "live"
    file.write_bytes(saved.SerializeToString())
    with pytest.raises(ArtifactError, match=r"refused: operation 'RestoreV2' .* loading runs"):
        freezecheck.load(path)


def test_an_object_that_runs_something_at_loading_is_refused(tmp_path: Path) -> None:
    path = module_with_table(tmp_path)
    saved = _parse(path)
    for function in saved.meta_graphs[0].graph_def.library.function:
        if "initialize" in function.signature.name and "destroy" not in function.signature.name:
            deed = function.node_def.add()
            deed.name, deed.op = "deed", "Abort"
            for node in function.node_def:
                if node.name != "deed":
                    node.input.append("^deed")
    (path / "saved_model.pb").write_bytes(saved.SerializeToString())
    with pytest.raises(ArtifactError, match=r"'Abort' \(node 'deed' in function .* loading runs"):
        freezecheck.load(path)


def test_the_function_of_a_signature_is_looked_into_too(tmp_path: Path) -> None:
    path = module_saved(python, tmp_path)
    saved = _parse(path)
    graph = saved.meta_graphs[0]
    info = graph.signature_def["serving_default"].outputs["y"]
    info.name = f"{next(n.name for n in graph.graph_def.node if n.op == 'Placeholder')}:0"
    (path / "saved_model.pb").write_bytes(saved.SerializeToString())
    with pytest.raises(ArtifactError, match=r"refused: operation 'PyFunc' .* on the way to the ou"):
        freezecheck.load(path)


def _parse(path: Path) -> Any:
    from tensorflow.python.saved_model import loader_impl

    return loader_impl.parse_saved_model(str(path))


@needs_tflite
def test_a_tflite_file_with_such_an_operation_is_refused(simple: LiveModel, tmp_path: Path) -> None:
    import flatbuffers  # type: ignore[import-untyped]
    from tensorflow.lite.python import schema_py_generated as schema

    path = freezecheck.freeze(simple, "tflite", tmp_path)
    freezecheck.load(path).close()
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(path.read_bytes(), 0))
    code = model.operatorCodes[0]
    code.builtinCode, code.deprecatedBuiltinCode = schema.BuiltinOperator.CUSTOM, 32
    code.customCode = "FlexAbort"
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    path.write_bytes(bytes(builder.Output()))
    with pytest.raises(ArtifactError) as error:
        freezecheck.load(path)
    first, second = str(error.value).splitlines()
    assert first == f"{path}: refused: operation 'FlexAbort' ends the process"
    assert second.endswith('allow_ops = ["Abort"]')


def flex(deed: Deed, folder: Path) -> Path:
    """Write a TFLite file, in which TensorFlow's own operation does it."""
    module = tf.Module()
    module.call = tf.function(
        lambda x: {"y": answer(x, tf.constant(KERNEL), deed, folder)},
        input_signature=[tf.TensorSpec([None, 4], tf.float32, name="x")],
        autograph=False,
    )
    traced = module.call.get_concrete_function()
    converter = tf.lite.TFLiteConverter.from_concrete_functions([traced], module)
    converter.target_spec.supported_ops = [
        tf.lite.OpsSet.TFLITE_BUILTINS,
        tf.lite.OpsSet.SELECT_TF_OPS,
    ]
    path = folder / "model.tflite"
    path.write_bytes(converter.convert())
    return path


@needs_tflite
@pytest.mark.parametrize(
    ("deed", "operation", "does"),
    [
        (write, "WriteFile", "writes files"),
        (clock, "Timestamp", "reads the clock"),
        (print_to_file, "PrintV2", "writes files"),
    ],
)
def test_an_operation_of_tensorflow_in_a_tflite_file_is_refused(
    deed: Deed, operation: str, does: str, simple: LiveModel, tmp_path: Path
) -> None:
    path = flex(deed, tmp_path)
    with pytest.raises(ArtifactError) as error:
        freezecheck.check(simple, path)
    first, second = str(error.value).splitlines()
    assert first == f"{path}: refused: operation 'Flex{operation}' {does}"
    assert second.endswith(f'allow_ops = ["{operation}"]')
    assert not (tmp_path / "log.txt").exists()
    freezecheck.load(path, allow_ops=[operation]).close()


@needs_tflite
def test_the_same_operation_is_not_if_it_does_no_harm(simple: LiveModel, tmp_path: Path) -> None:
    path = flex(print_here, tmp_path)
    assert b"FlexPrintV2" in path.read_bytes()
    try:
        freezecheck.assert_agreement(simple, path, examples=1)
    except ArtifactError as error:  # an interpreter that has none of TensorFlow's operations
        first, second = str(error).splitlines()
        assert re.fullmatch(
            rf"{re.escape(str(path))}: (LiteRT|tf\.lite) has none of TensorFlow's operations here, "
            "and the file needs FlexPrintV2",
            first,
        )
        assert second.startswith("convert it without tf.lite.OpsSet.SELECT_TF_OPS, or ")


def with_options(path: Path, options: bytes, *, behind: bool = False) -> None:
    """Give TensorFlow's operations in a TFLite file another node; `behind` it, as in large ones."""
    import flatbuffers
    from tensorflow.lite.python import schema_py_generated as schema

    def packed(offset: int) -> bytes:
        model = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(path.read_bytes(), 0))
        for operator in model.subgraphs[0].operators:
            if operator.customOptions is not None:
                operator.customOptions = None if behind else list(options)
                if behind:
                    operator.largeCustomOptionsOffset = offset
                    operator.largeCustomOptionsSize = len(options)
        builder = flatbuffers.Builder(1024)
        builder.Finish(model.Pack(builder), b"TFL3")
        return bytes(builder.Output())

    written = packed(len(packed(2)))
    path.write_bytes(written + options if behind else written)


def node_options(node: Any) -> bytes:
    """Return a node as TFLite files hold it."""
    from flatbuffers import flexbuffers

    builder = flexbuffers.Builder()
    with builder.Vector():
        builder.String(node.op)
        builder.String(node.SerializeToString().decode())
    return bytes(builder.Finish())


@needs_tflite
@pytest.mark.parametrize("behind", [False, True])
@pytest.mark.parametrize("wrong", [False, True])
def test_it_is_the_node_that_counts_and_not_what_it_is_called(
    wrong: bool, behind: bool, tmp_path: Path
) -> None:
    from tensorflow.lite.python import schema_py_generated as schema

    if behind and not hasattr(schema.OperatorT(), "largeCustomOptionsOffset"):
        pytest.skip("this TensorFlow knows no large files")
    path = flex(print_here, tmp_path)
    node = v1.NodeDef(op="PyFunc" if wrong else "Erf")
    with_options(path, node_options(node), behind=behind)
    if not wrong:
        freezecheck.load(path).close()
        return
    with pytest.raises(ArtifactError, match="refused: operation 'FlexPyFunc' calls a Python func"):
        freezecheck.load(path)


@needs_tflite
@pytest.mark.parametrize("options", [b"\x00", b"no flexbuffer", b"\x01\x02\x03\x04\x28\x01"])
def test_a_node_that_cannot_be_read_is_told_in_one_line(options: bytes, tmp_path: Path) -> None:
    path = flex(print_here, tmp_path)
    with_options(path, options)
    with pytest.raises(ArtifactError) as error:
        freezecheck.load(path)
    said = "cannot load it: operation 'FlexPrintV2' holds no node that can be read"
    assert str(error.value).endswith(said)
