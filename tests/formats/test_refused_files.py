"""Files that name what they do not hold, or unpack to more than they are: refused in a line."""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

import pytest_freezecheck as freezecheck
from pytest_freezecheck import ArtifactError, LiveModel
from tests.formats.test_operations import _parse, module_with_table, needs_tflite, saved_with_table
from tests.kit.made import made, weight

HERE = set(freezecheck.available_ways())
needs_onnx = pytest.mark.skipif("onnx" not in HERE, reason="no ONNX here")
needs_keras = pytest.mark.skipif("keras" not in HERE, reason="no Keras 3 here")


@pytest.fixture(scope="module")
def simple() -> Iterator[LiveModel]:
    live = made(
        lambda x: {"y": tf.nn.softmax(tf.matmul(x, weight("kernel", 4, 3)), name="y")},
        {"x": {"shape": [4], "low": -1.0, "high": 1.0}},
    )
    yield live
    live.close()


def refused(path: Path) -> str:
    """Return why a file is refused: in a line that begins with its path."""
    with pytest.raises(ArtifactError) as error:
        freezecheck.load(path)
    said = str(error.value)
    assert "\n" not in said
    assert said.startswith(f"{path}: refused: ")
    return said.removeprefix(f"{path}: refused: ")


# SavedModel: assets and links.


@pytest.mark.parametrize("saved", [saved_with_table, module_with_table])
@pytest.mark.parametrize("absolute", [False, True])
def test_an_asset_that_leads_out_of_the_folder(saved: Any, absolute: bool, tmp_path: Path) -> None:
    path = saved(tmp_path)
    freezecheck.load(path).close()
    outside = tmp_path / "outside.txt"
    outside.write_text("one\ntwo\nthree\nfour\n")
    saved_model = _parse(path)
    graph = saved_model.meta_graphs[0]
    name = str(outside) if absolute else "../../outside.txt"
    for asset in graph.asset_file_def:
        asset.filename = name
    for held in graph.collection_def["saved_model_assets"].any_list.value:
        definition = tf.compat.v1.MetaGraphDef().asset_file_def.add()
        held.Unpack(definition)
        definition.filename = name
        held.Pack(definition)
    (path / "saved_model.pb").write_bytes(saved_model.SerializeToString())
    shown = name if absolute else f"assets/{name}"
    assert refused(path).startswith(f"its asset {shown!r} leads out of the folder, to {outside}, ")


def test_a_link_that_leads_out_of_the_folder_and_one_that_does_not(
    simple: LiveModel, tmp_path: Path
) -> None:
    path = freezecheck.freeze(simple, "saved_model", tmp_path)
    data = next((path / "variables").glob("*.data-*"))
    kept = path / "kept"
    shutil.move(data, kept)
    data.symlink_to(Path("..") / "kept")
    freezecheck.assert_agreement(simple, path, examples=1)
    linked = tmp_path / "linked"
    linked.symlink_to(path)  # the folder itself may lie anywhere
    freezecheck.assert_agreement(simple, linked, examples=1)
    data.unlink()
    shutil.move(kept, tmp_path / "weights")
    data.symlink_to(tmp_path / "weights")
    said = f"the link 'variables/{data.name}' leads out of the folder, to {tmp_path / 'weights'}, "
    assert refused(path).startswith(said)


def test_a_graph_that_a_server_cannot_import_although_its_objects_load(
    simple: LiveModel, tmp_path: Path
) -> None:
    path = freezecheck.freeze(simple, "saved_model_module", tmp_path)
    freezecheck.assert_agreement(simple, path, examples=1)
    saved_model = _parse(path)
    (call, *_) = (
        node
        for node in saved_model.meta_graphs[0].graph_def.node
        if node.name == "StatefulPartitionedCall"
    )
    call.input[0] = "nowhere"
    (path / "saved_model.pb").write_bytes(saved_model.SerializeToString())
    tf.saved_model.load(str(path))
    said = "TensorFlow cannot load this SavedModel: .*Unknown input node 'nowhere'"
    with pytest.raises(ArtifactError, match=said) as error:
        freezecheck.load(path)
    assert "\n" not in str(error.value)


# ONNX: weights beside it, and operations of other domains.


def with_weights_in(path: Path, location: str, real: Path) -> None:
    """Have an ONNX file's weights lie in another file."""
    import onnx

    model = onnx.load(path)
    content = b""
    for tensor in model.graph.initializer:
        raw = onnx.numpy_helper.to_array(tensor).tobytes()
        for field in ("raw_data", "float_data", "int64_data", "int32_data"):
            tensor.ClearField(field)
        tensor.data_location = onnx.TensorProto.EXTERNAL
        del tensor.external_data[:]
        for key, value in (("location", location), ("offset", len(content)), ("length", len(raw))):
            tensor.external_data.add(key=key, value=str(value))
        content += raw
    real.parent.mkdir(exist_ok=True)
    real.write_bytes(content)
    path.write_bytes(model.SerializeToString())


@needs_onnx
@pytest.mark.parametrize("where", ["../live/weights.bin", "absolute", "link"])
def test_onnx_weights_outside_of_the_folder_and_beside_it(
    where: str, simple: LiveModel, tmp_path: Path
) -> None:
    folder = tmp_path / "export"
    path = freezecheck.freeze(simple, "onnx", folder)
    whole = path.read_bytes()
    with_weights_in(path, "weights.bin", folder / "weights.bin")
    freezecheck.assert_agreement(simple, path, examples=1)
    outside = tmp_path / "live" / "weights.bin"
    path.write_bytes(whole)
    name = {"absolute": str(outside), "link": "link.bin"}.get(where, where)
    with_weights_in(path, name, outside)
    if where == "link":
        (folder / name).symlink_to(outside)
    said = f"its weight file {name!r} leads out of the folder, to {outside}, "
    assert refused(path).startswith(said)


@needs_onnx
@pytest.mark.parametrize("domain", ["flowers.ops", "", "com.microsoft"])
def test_onnx_operations_of_a_domain_of_ones_own(
    domain: str, simple: LiveModel, tmp_path: Path
) -> None:
    import onnx

    path = freezecheck.freeze(simple, "onnx", tmp_path)
    model = onnx.load(path)
    for node in model.graph.node:
        if node.op_type == "MatMul" and domain == "com.microsoft":
            node.op_type, node.domain = "FusedMatMul", domain
        elif node.op_type == "MatMul":
            node.domain = domain
    model.opset_import.add(domain="com.microsoft", version=1)
    model.opset_import.add(domain="flowers.ops", version=1)
    path.write_bytes(model.SerializeToString())
    if domain != "flowers.ops":
        freezecheck.assert_agreement(simple, path, examples=1)
        return
    said = "operation 'flowers.ops::MatMul' is none of ONNX's or onnxruntime's, "
    assert refused(path).startswith(said)
    with pytest.raises(ArtifactError, match="onnxruntime cannot load it"):
        freezecheck.load(path, allow_ops=["flowers.ops::*"])


# TFLite: an operation that is nobody's.


@needs_tflite
def test_a_tflite_operation_that_the_interpreter_has_not(simple: LiveModel, tmp_path: Path) -> None:
    import flatbuffers  # type: ignore[import-untyped]
    from tensorflow.lite.python import schema_py_generated as schema

    path = freezecheck.freeze(simple, "tflite", tmp_path)
    freezecheck.assert_agreement(simple, path, examples=1)
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(path.read_bytes(), 0))
    code = model.operatorCodes[0]
    code.builtinCode, code.deprecatedBuiltinCode = schema.BuiltinOperator.CUSTOM, 32
    code.customCode = "FlowersOp"
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    path.write_bytes(bytes(builder.Output()))
    with pytest.raises(ArtifactError, match=r"FlowersOp") as error:
        freezecheck.check(simple, path, examples=1)
    assert "\n" not in str(error.value)


@needs_tflite
@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_tflite_operation_without_an_input(place: int, tmp_path: Path) -> None:
    """Without its weights, a kernel would end the process; without a bias it adds none."""
    import flatbuffers
    from tensorflow.lite.python import schema_py_generated as schema

    live = made(
        lambda x: {"y": tf.nn.softmax(tf.matmul(x, weight("kernel", 4, 3)) + 1.0, name="y")},
        {"x": {"shape": [4], "low": -1.0, "high": 1.0}},
    )
    path = freezecheck.freeze(live, "tflite", tmp_path)
    freezecheck.assert_agreement(live, path, examples=1)
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(path.read_bytes(), 0))
    (operator,) = (o for o in model.subgraphs[0].operators if len(o.inputs) == 3)
    operator.inputs = [-1 if n == place else index for n, index in enumerate(operator.inputs)]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    path.write_bytes(bytes(builder.Output()))
    if place == 2:  # the same was added to all classes, which softmax does not see
        assert freezecheck.check(live, path, examples=1).reason not in ("artifact", "exception")
    else:
        with pytest.raises(ArtifactError, match="has an input or output that is no tensor") as e:
            freezecheck.load(path)
        assert "\n" not in str(e.value)
    live.close()


# Keras: whose code it asks for, and what it unpacks to.


def archive(folder: Path, *layers: Any) -> Path:
    import keras

    model = keras.Sequential(
        [keras.Input((4,), name="x"), *layers, keras.layers.Dense(3, "softmax", name="y")]
    )
    path = folder / "model.keras"
    model.save(path)
    return path


@needs_keras
def test_a_keras_layer_of_ones_own(tmp_path: Path) -> None:
    import keras

    @keras.saving.register_keras_serializable("flowers")
    class Twice(keras.layers.Layer):  # type: ignore[misc]
        def call(self, x: Any) -> Any:
            return x * 2

    try:
        path = archive(tmp_path, Twice())
        freezecheck.load(path).close()  # the repository's own code has registered it
        held = dict(keras.saving.get_custom_objects())
        keras.saving.get_custom_objects().clear()
        assert refused(path).startswith("'flowers>Twice' is code that the archive does not hold")
        keras.saving.get_custom_objects().update(held)
        live = LiveModel.from_keras(keras.models.load_model(path), {"x": {"shape": [4]}})
        ours = freezecheck.freeze(live, "keras", tmp_path / "ours")
        frozen = freezecheck.load(ours, way="keras")  # made of the live model, which has it
        freezecheck.assert_agreement(live, frozen, examples=1)
        live.close()
        freezecheck.load(archive(tmp_path, keras.layers.Rescaling(2.0))).close()
    finally:
        keras.saving.get_custom_objects().clear()


def rewritten(path: Path, change: Any) -> None:
    """Change an archive's configuration."""
    with zipfile.ZipFile(path) as old:
        content = {name: old.read(name) for name in old.namelist()}
    config = json.loads(content["config.json"])
    change(config)
    content["config.json"] = json.dumps(config).encode()
    with zipfile.ZipFile(path, "w") as new:
        for name, held in content.items():
            new.writestr(name, held)


@needs_keras
@pytest.mark.parametrize(
    ("module", "name", "said"),
    [
        ("os", "system", "'os.system'"),
        ("flowers.nets", "Layer", "'flowers.nets.Layer'"),
        ("builtins", "function", "'do_it'"),
    ],
)
def test_a_keras_archive_that_names_a_module(
    module: str, name: str, said: str, tmp_path: Path
) -> None:
    import keras

    path = archive(tmp_path, keras.layers.Activation("relu"))
    freezecheck.load(path).close()

    def change(config: Any) -> None:
        config["config"]["layers"][1]["config"]["activation"] = {
            "module": module,
            "class_name": name,
            "registered_name": None,
            "config": "do_it" if name == "function" else {},
        }

    rewritten(path, change)
    assert refused(path).startswith(f"{said} is code that the archive does not hold")


@needs_keras
def test_a_loss_of_ones_own_is_no_part_of_what_ships(tmp_path: Path) -> None:
    path = archive(tmp_path)

    def change(config: Any) -> None:
        config["compile_config"] = {
            "optimizer": "sgd",
            "loss": {"module": "flowers", "class_name": "Loss", "config": {}},
        }

    rewritten(path, change)
    frozen = freezecheck.load(path)
    assert frozen.averages() == {}
    frozen.close()


@needs_keras
@pytest.mark.parametrize("how", ["link", "external", "virtual", "own"])
def test_weights_that_hdf5_takes_from_another_file(how: str, tmp_path: Path) -> None:
    import h5py  # type: ignore[import-untyped]

    path = archive(tmp_path)
    with zipfile.ZipFile(path) as old:
        content = {name: old.read(name) for name in old.namelist()}
    weights = tmp_path / "weights.h5"
    weights.write_bytes(content["model.weights.h5"])
    live = tmp_path / "live.h5"
    shutil.copy(weights, live)
    name = "/layers/dense/vars/0"
    with h5py.File(weights, "r+") as file:
        value = file[name][...]
        del file[name]
        if how == "link":
            file[name] = h5py.ExternalLink(str(live), name)
        elif how == "external":
            raw = tmp_path / "raw.bin"
            raw.write_bytes(value.tobytes())
            kept = [(str(raw), 0, value.nbytes)]
            file.create_dataset(name, value.shape, value.dtype, external=kept)
        elif how == "virtual":
            layout = h5py.VirtualLayout(value.shape, value.dtype)
            layout[...] = h5py.VirtualSource(str(live), name, value.shape)
            file.create_virtual_dataset(name, layout)
        else:
            file[name] = value
    content["model.weights.h5"] = weights.read_bytes()
    with zipfile.ZipFile(path, "w") as new:
        for member, held in content.items():
            new.writestr(member, held)
    if how == "own":
        freezecheck.load(path).close()
    else:
        assert refused(path).startswith(f"model.weights.h5 takes {name} from another file, ")


@needs_keras
def test_an_archive_that_unpacks_to_many_times_its_size(tmp_path: Path) -> None:
    path = archive(tmp_path)
    whole = path.read_bytes()
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as held:
        held.writestr("assets/notes.txt", bytes(2**20))
    freezecheck.load(path).close()
    path.write_bytes(whole)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as held:
        held.writestr("assets/zeros.bin", bytes(300 * 2**20))
    assert path.stat().st_size < 2**20
    before = sorted(tmp_path.iterdir())
    assert refused(path).startswith("it would unpack to 300 MB, ")
    assert sorted(tmp_path.iterdir()) == before


@needs_keras
def test_large_weights_are_no_bomb(tmp_path: Path) -> None:
    """What is stored as it is has the size that it says."""
    from pytest_freezecheck.formats.keras import contents as keras_contents

    path = tmp_path / "large.keras"
    with zipfile.ZipFile(path, "w") as held:
        held.writestr("model.weights.h5", np.random.default_rng(0).bytes(80 * 2**20))
    keras_contents.refuse_large(path)
