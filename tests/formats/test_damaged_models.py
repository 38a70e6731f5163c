"""Damaged checkpoints and SavedModels: one line each, which names the file and what to do."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import tensorflow as tf

import pytest_freezecheck as freezecheck
from pytest_freezecheck import ArtifactError, LiveModel, ModelError
from pytest_freezecheck.formats.saved_model.session import SessionSavedModel
from pytest_freezecheck.formats.saved_model.signatures import SignedModel
from pytest_freezecheck.models.checkpoint import find_checkpoint
from tests.kit import tiny
from tests.kit.freezing import freeze
from tests.kit.subjects import Subject

v1 = tf.compat.v1
Damage = Callable[[Path], object]

PREFIX = f"model.ckpt-{tiny.STEP}"
INDEX, DATA = f"{PREFIX}.index", f"{PREFIX}.data-00000-of-00001"
INSTEAD = f"; copy it again, with all of its files, or name another checkpoint: model.ckpt-{10}"


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def flipped(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[::8] = bytes(byte ^ 0xFF for byte in content[::8])
    path.write_bytes(bytes(content))


def removed(path: Path) -> None:
    shutil.rmtree(path) if path.is_dir() else path.unlink()


def folder(path: Path) -> None:
    removed(path)
    path.mkdir()


def file(path: Path) -> None:
    removed(path)
    path.write_bytes(b"file")


def holding(content: bytes) -> Damage:
    return lambda path: path.write_bytes(content)


def live_from(checkpoint: Path) -> LiveModel:
    return LiveModel.from_checkpoint(tiny.build, checkpoint, tiny.INPUTS)


@pytest.fixture
def training(flowers: Subject, tmp_path: Path) -> Path:
    """A folder of two checkpoints, to be damaged."""
    return Path(shutil.copytree(Path(flowers.checkpoint).parent, tmp_path / "training"))


def one_line(error: pytest.ExceptionInfo[BaseException], path: Path) -> str:
    text = str(error.value)
    assert "\n" not in text
    assert str(path) in text
    assert len(text) < 600
    return text


@pytest.mark.parametrize("damage", [cut, emptied, flipped, holding(b"rubbish" * 99)])
@pytest.mark.parametrize("name", [INDEX, DATA])
def test_a_damaged_file_of_a_checkpoint_is_named(damage: Damage, name: str, training: Path) -> None:
    damage(training / name)
    with pytest.raises(ModelError) as error:
        live_from(training / PREFIX)
    text = one_line(error, training / PREFIX)
    assert text.startswith(f"checkpoint {training / PREFIX} cannot be read: {name}: ")
    assert text.endswith(INSTEAD)


@pytest.mark.parametrize(("damage", "said"), [(removed, "no such file"), (folder, "a directory")])
def test_a_missing_data_file_is_named(damage: Damage, said: str, training: Path) -> None:
    damage(training / DATA)
    with pytest.raises(ModelError) as error:
        live_from(training / PREFIX)
    text = one_line(error, training / PREFIX)
    assert f"cannot be read: {DATA}: " in text
    assert said in text


def test_one_missing_file_of_several_is_named(tmp_path: Path) -> None:
    with tf.Graph().as_default(), v1.Session() as session:
        with tf.device("/job:localhost/task:0/device:CPU:0"):
            first = v1.get_variable("first", [2])
        second = v1.get_variable("second", [2])
        session.run(v1.global_variables_initializer())
        shards = {"first": first, "second": second}
        prefix = v1.train.Saver(shards, sharded=True).save(session, str(tmp_path / "model.ckpt"))
    shards_there = sorted(tmp_path.glob("model.ckpt.data-*"))
    shards_there[-1].unlink()
    with pytest.raises(ModelError, match=f"cannot be read: {shards_there[-1].name}: there is no"):
        LiveModel.from_checkpoint(
            lambda x: x * v1.get_variable("first", [2]) * v1.get_variable("second", [2]),
            prefix,
            {"x": {"shape": [2]}},
            ema="none",
        )


def test_an_index_that_is_gone_or_a_folder_is_no_checkpoint(training: Path) -> None:
    for damage in (folder, removed):
        damage(training / INDEX)
        with pytest.raises(ModelError) as error:
            live_from(training / PREFIX)
        text = one_line(error, training / PREFIX)
        assert text.startswith(f"no checkpoint at {training / PREFIX}: expected {training / INDEX}")


UNREADABLE = "its 'checkpoint' file cannot be read, or names none"


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (cut, UNREADABLE),
        (emptied, UNREADABLE),
        (folder, UNREADABLE),
        (holding(b"\xff\xfe\x00{"), UNREADABLE),
        (holding(b'model_checkpoint_path: ""\n'), UNREADABLE),
        (holding(b'model: "model.ckpt-20"\n'), UNREADABLE),
        (holding(b'model_checkpoint_path: "model.ckpt-7"\n'), "file names "),
        (holding(b'model_checkpoint_path: "' + b"a" * 4000 + b'"\n'), "file names "),
        (removed, "it has no 'checkpoint' file"),
    ],
)
def test_a_state_file_that_tells_nothing_is_said_so(
    damage: Damage, said: str, training: Path
) -> None:
    damage(training / "checkpoint")
    with pytest.raises(ModelError) as error:
        live_from(training)
    text = one_line(error, training)
    assert text.startswith(f"no checkpoint in {training}: ")
    assert said in text
    assert text.endswith("; name one of model.ckpt-10, model.ckpt-20")


def test_an_empty_folder_and_a_name_that_no_file_can_have(tmp_path: Path) -> None:
    with pytest.raises(ModelError) as error:
        live_from(tmp_path)
    text = one_line(error, tmp_path)
    assert text.endswith("it has no 'checkpoint' file, and no checkpoint")
    with pytest.raises(ModelError, match=r"^no checkpoint at "):
        find_checkpoint("a" * 4000)


def test_values_of_another_type_are_told_in_a_line(tmp_path: Path) -> None:
    with tf.Graph().as_default(), v1.Session() as session:
        v1.get_variable("w", [2], tf.float64)
        session.run(v1.global_variables_initializer())
        prefix = v1.train.Saver().save(session, str(tmp_path / "model.ckpt"))
    with pytest.raises(ModelError) as error:
        LiveModel.from_checkpoint(
            lambda x: x * v1.get_variable("w", [2]), prefix, {"x": {"shape": [2]}}, ema="none"
        )
    text = one_line(error, tmp_path)
    assert "float" in text
    assert "double" in text


@pytest.mark.parametrize("damage", [cut, emptied])
@pytest.mark.parametrize("ending", ["index", "data-00000-of-00001"])
def test_a_damaged_checkpoint_beside_does_not_matter(
    damage: Damage, ending: str, training: Path, tmp_path: Path, flowers: Subject
) -> None:
    damage(training / f"model.ckpt-{tiny.OLDER_STEP}.{ending}")
    live = live_from(training)
    freeze(flowers, tmp_path / "right.pb")
    freezecheck.assert_agreement(live, tmp_path / "right.pb", examples=1)
    wrong = LiveModel.from_checkpoint(tiny.build, training, tiny.INPUTS, ema="none")
    agreement = freezecheck.check(wrong, tmp_path / "right.pb", examples=1)
    assert agreement.outcome == "failed"
    assert agreement.cause is not None
    live.close()
    wrong.close()


def test_damage_where_the_live_model_reads_nothing_is_told_when_it_is_read(
    training: Path, tmp_path: Path, flowers: Subject
) -> None:
    freeze(flowers, tmp_path / "right.pb")
    path = training / DATA
    reader = tf.train.load_checkpoint(str(training / PREFIX))
    raw = reader.get_tensor("conv/BatchNorm/gamma").tobytes()
    content = path.read_bytes()
    assert content.count(raw) == 1
    path.write_bytes(content.replace(raw, bytes(len(raw))))
    live = live_from(training / PREFIX)
    with pytest.raises(ModelError) as error:
        freezecheck.check(live, tmp_path / "right.pb", examples=1)
    assert f"cannot be read: {DATA}: " in one_line(error, training)
    live.close()


TABLE = """
[tool.freezecheck.models.flowers]
build = "net:build"
checkpoint = "training"
artifacts = ["frozen.pb", "saved"]

[tool.freezecheck.models.flowers.inputs.images]
shape = [4, 4, 3]
"""


def test_a_run_has_a_line_for_each(
    pytester: pytest.Pytester, training: Path, flowers: Subject, saved: dict[str, Path]
) -> None:
    freeze(flowers, pytester.path / "frozen.pb")
    shutil.copytree(saved["saved_model"], pytester.path / "saved")
    shutil.copytree(training, pytester.path / "training")
    shutil.copy(tiny.__file__, pytester.path / "net.py")
    (pytester.path / "pyproject.toml").write_text(TABLE)
    cut(pytester.path / "saved" / "saved_model.pb")
    arguments = ("--freezecheck", "--freezecheck-examples=1", "-p", "no:xdist")
    result = pytester.runpytest(*arguments)
    result.assert_outcomes(passed=1, failed=1)
    assert result.ret == 1
    result.stdout.fnmatch_lines(["freezecheck: flowers: *saved: TensorFlow cannot load this *"])
    cut(pytester.path / "training" / DATA)
    result = pytester.runpytest(*arguments)
    assert result.ret == 1
    said = f"*freezecheck: flowers: checkpoint *{PREFIX} cannot be read: {DATA}: *"
    result.stdout.fnmatch_lines([said])
    result.stdout.no_fnmatch_line("*Traceback*")
    assert len(result.outlines) < 60


@pytest.fixture(scope="module")
def saved(flowers: Subject, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A SavedModel by TensorFlow 1's builder, and one of a `tf.Module`."""
    folder = tmp_path_factory.mktemp("saved")
    live = flowers.live()
    ways = ("saved_model", "saved_model_module")
    paths = {way: freezecheck.freeze(live, way, folder / way) for way in ways}
    live.close()
    return paths


VARIABLES = "variables/variables"


@pytest.mark.parametrize("loader", [freezecheck.load, SessionSavedModel])
@pytest.mark.parametrize("way", ["saved_model", "saved_model_module"])
@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("saved_model.pb", emptied),
        ("saved_model.pb", cut),
        ("saved_model.pb", holding(b"rubbish" * 99)),
        ("saved_model.pb", removed),
        ("saved_model.pb", folder),
        (f"{VARIABLES}.index", emptied),
        (f"{VARIABLES}.index", cut),
        (f"{VARIABLES}.index", folder),
        (f"{VARIABLES}.data-00000-of-00001", emptied),
        (f"{VARIABLES}.data-00000-of-00001", cut),
        (f"{VARIABLES}.data-00000-of-00001", removed),
        ("variables", removed),
        ("variables", folder),
        ("variables", file),
    ],
)
def test_a_damaged_saved_model_is_told_in_a_line(
    name: str,
    damage: Damage,
    way: str,
    loader: Callable[[Path], SignedModel],
    saved: dict[str, Path],
    tmp_path: Path,
) -> None:
    path = Path(shutil.copytree(saved[way], tmp_path / "saved"))
    loader(path).close()
    damage(path / name)
    with pytest.raises(ArtifactError) as error:
        loader(path)
    text = one_line(error, path)
    if name.startswith(VARIABLES) and damage is not folder:
        assert f"{path}: TensorFlow cannot load this SavedModel: {name}: " in text


def test_a_signature_whose_function_has_other_keys_is_told_in_a_line(
    saved: dict[str, Path], tmp_path: Path
) -> None:
    from tensorflow.python.saved_model import loader_impl

    for side in ("inputs", "outputs"):
        path = Path(shutil.copytree(saved["saved_model_module"], tmp_path / side))
        parsed = loader_impl.parse_saved_model(str(path))
        keys = getattr(parsed.meta_graphs[0].signature_def["serving_default"], side)
        (key,) = keys
        keys["other"].CopyFrom(keys[key])
        del keys[key]
        (path / "saved_model.pb").write_bytes(parsed.SerializeToString())
        with pytest.raises(ArtifactError) as error:
            freezecheck.load(path)
        assert one_line(error, path).startswith(
            f"{path}: signature 'serving_default' names other, which the function behind it "
            "does not have"
        )


def test_a_signature_that_names_no_tensor_is_told_in_a_line(
    saved: dict[str, Path], tmp_path: Path
) -> None:
    from tensorflow.python.saved_model import loader_impl

    path = Path(shutil.copytree(saved["saved_model"], tmp_path / "saved"))
    parsed = loader_impl.parse_saved_model(str(path))
    for info in parsed.meta_graphs[0].signature_def["serving_default"].outputs.values():
        info.name = "nowhere:0"
    (path / "saved_model.pb").write_bytes(parsed.SerializeToString())
    for loader in (freezecheck.load, SessionSavedModel):
        with pytest.raises(ArtifactError, match="nowhere") as error:
            loader(path)
        one_line(error, path)


@pytest.mark.parametrize("dtype", [0, 99, 1])
@pytest.mark.parametrize("way", ["saved_model", "saved_model_module"])
def test_a_signature_whose_input_has_no_type_is_told_in_a_line(
    way: str, dtype: int, saved: dict[str, Path], tmp_path: Path
) -> None:
    from tensorflow.python.saved_model import loader_impl

    path = Path(shutil.copytree(saved[way], tmp_path / "saved"))
    parsed = loader_impl.parse_saved_model(str(path))
    for info in parsed.meta_graphs[0].signature_def["serving_default"].inputs.values():
        info.dtype = dtype
    (path / "saved_model.pb").write_bytes(parsed.SerializeToString())
    for loader in (freezecheck.load, SessionSavedModel):
        if dtype == 1:
            loader(path).close()
            continue
        with pytest.raises(ArtifactError, match=r"gives its input '.*' no type") as error:
            loader(path)
        one_line(error, path)


@pytest.mark.parametrize("exchanged", [False, True])
def test_a_graph_that_restores_other_values_than_the_objects_is_told(
    exchanged: bool, flowers: Subject, saved: dict[str, Path], tmp_path: Path
) -> None:
    """Python fills variables by the paths of objects, a server by names in the graph."""
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

    path = Path(shutil.copytree(saved["saved_model_module"], tmp_path / "served"))
    content = SavedModel.FromString((path / "saved_model.pb").read_bytes())
    names = [
        node.attr["value"].tensor.string_val
        for function in content.meta_graphs[0].graph_def.library.function
        if "traced_restore" in function.signature.name
        for node in function.node_def
        if node.name.endswith("tensor_names")
    ]
    (restored,) = names
    beta, mean = (f"variables_of_it/{n}/.ATTRIBUTES/VARIABLE_VALUE".encode() for n in (2, 3))
    places = [list(restored).index(name) for name in (beta, mean)]
    if exchanged:
        restored[places[0]], restored[places[1]] = mean, beta
    (path / "saved_model.pb").write_bytes(content.SerializeToString())
    live = flowers.live("trainable")
    if not exchanged:
        assert freezecheck.check(live, path).outcome == "passed"
    else:
        with pytest.raises(
            ArtifactError, match=r"served: a server, which restores the graph's"
        ) as e:
            freezecheck.check(live, path)
        assert "'probabilities' otherwise than the objects" in str(e.value)
    live.close()
