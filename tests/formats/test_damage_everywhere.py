"""Files damaged anywhere are compared, or refused in one line: nothing else may happen."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

import pytest_freezecheck as freezecheck
from pytest_freezecheck import ArtifactError, FreezecheckError, LiveModel
from tests.kit import tiny
from tests.kit.subjects import Subject

HERE = set(freezecheck.available_ways())
PREFIX = f"model.ckpt-{tiny.STEP}"
VARIABLES = "variables/variables"
DATA = "data-00000-of-00001"
#: {way: files of what it makes, "" where that is one file}; `checkpoint` is the live model's.
FILES = {
    "graph_def": [""],
    "saved_model": ["saved_model.pb", f"{VARIABLES}.index", f"{VARIABLES}.{DATA}"],
    "saved_model_module": ["saved_model.pb", f"{VARIABLES}.index", f"{VARIABLES}.{DATA}"],
    "keras": [""],
    "tflite": [""],
    "onnx": [""],
    "checkpoint": ["checkpoint", f"{PREFIX}.index", f"{PREFIX}.{DATA}"],
}
EVERY = [
    pytest.param(
        way,
        name,
        id=f"{way}-{name}",
        marks=[] if way in {*HERE, "checkpoint"} else pytest.mark.skip(f"no {way} here"),
    )
    for way, names in FILES.items()
    for name in names
]


def cut(content: bytearray, place: int) -> None:
    del content[place:]


def lost(content: bytearray, place: int) -> None:
    del content[place : place + 3]


def flipped(content: bytearray, place: int) -> None:
    content[place] ^= 0xFF


def one_bit(content: bytearray, place: int) -> None:
    content[place] ^= 1 << place % 8


def zeroed(content: bytearray, place: int) -> None:
    content[place : place + 16] = bytes(len(content[place : place + 16]))


DAMAGES: list[Callable[[bytearray, int], None]] = [cut, lost, flipped, one_bit, zeroed]


@dataclasses.dataclass(frozen=True)
class Shipped:
    """What ships, whole: to be copied.

    Attributes:
        live: {way: the live model that it was made of}.
        paths: {way: file or folder}.
    """

    live: dict[str, LiveModel]
    paths: dict[str, Path]


@pytest.fixture(scope="module")
def shipped(flowers: Subject, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shipped]:
    folder = tmp_path_factory.mktemp("whole")
    live = flowers.live()
    models = dict.fromkeys(FILES, live)
    if "keras" in HERE:
        models["keras"] = of_keras()
    paths = {way: freezecheck.freeze(models[way], way, folder) for way in FILES if way in HERE}
    paths["checkpoint"] = Path(flowers.checkpoint).parent
    yield Shipped(models, paths)
    for model in {id(model): model for model in models.values()}.values():
        model.close()


def of_keras() -> LiveModel:
    import keras

    # Named, or the layers of other tests in this process would be called otherwise than alone.
    layers = [
        keras.layers.Conv2D(2, 3, name="filters"),
        keras.layers.Flatten(name="flat"),
        keras.layers.Dense(3, "softmax", name="classes"),
    ]
    model = keras.Sequential(
        [keras.layers.Input(tiny.SHAPE, name="images"), *layers], name="damaged"
    )
    rng = np.random.default_rng(0)
    model.set_weights([rng.normal(size=weight.shape) for weight in model.get_weights()])
    return LiveModel.from_keras(model, tiny.INPUTS)


def outcome(shipped: Shipped, way: str, path: Path) -> str:
    """Return what becomes of a copy: how it compares, or the error."""
    try:
        if way != "checkpoint":
            return freezecheck.check(shipped.live[way], path, examples=1).outcome
        live = LiveModel.from_checkpoint(tiny.build, path, tiny.INPUTS)
        try:
            return freezecheck.check(live, shipped.paths["graph_def"], examples=1).outcome
        finally:
            live.close()
    except FreezecheckError as error:
        return str(error)


def damaged(
    shipped: Shipped, way: str, name: str, folder: Path, seed: int, number: int
) -> list[str]:
    """Return what becomes of copies of which each was damaged in another place.

    Any exception that is none of ours goes through.
    """
    rng = np.random.default_rng(seed)
    whole = shipped.paths[way]
    found = []
    for damage in DAMAGES:
        file = whole / name if name else whole
        # The last bytes are a directory of their own, in archives and indices.
        size = file.stat().st_size
        ends = [size - 1 - back for back in rng.integers(0, 200, 1 + number // 4).tolist()]
        for place in [0, *ends, *rng.integers(0, size, number).tolist()]:
            copy = folder / whole.name
            (shutil.copytree if whole.is_dir() else shutil.copy)(whole, copy)
            target = copy / name if name else copy
            content = bytearray(target.read_bytes())
            damage(content, max(0, place))
            target.write_bytes(bytes(content))
            said = outcome(shipped, way, copy)
            if said not in ("passed", "failed"):
                reason, *then = said.splitlines()
                assert str(copy) in reason, (damage.__name__, place)
                # Damage may make the name of an operation that is refused, with what to do.
                assert not then or "allow_ops" in then[-1], (damage.__name__, place)
            found.append(said)
            shutil.rmtree(copy) if copy.is_dir() else copy.unlink()
    return found


@pytest.mark.parametrize(("way", "name"), EVERY)
def test_damage_anywhere_is_compared_or_told_in_a_line(
    way: str, name: str, shipped: Shipped, tmp_path: Path
) -> None:
    assert outcome(shipped, way, shipped.paths[way]) == "passed"
    found = damaged(shipped, way, name, tmp_path, seed=0, number=2)
    assert any(said not in ("passed", "failed") for said in found)


@pytest.mark.slow
@pytest.mark.parametrize(("way", "name"), EVERY)
def test_damage_in_many_places(way: str, name: str, shipped: Shipped, tmp_path: Path) -> None:
    damaged(shipped, way, name, tmp_path, seed=1, number=40)


@pytest.mark.skipif("keras" not in HERE, reason="no Keras 3 here")
def test_an_archive_without_its_directory_is_told_so(shipped: Shipped, tmp_path: Path) -> None:
    """The directory of a zip archive is its end: a zip that ends early is none."""
    content = shipped.paths["keras"].read_bytes()
    directory = content.index(b"PK\x01\x02")
    broken = content[:directory] + b"rubbish" + content[directory + 7 :]
    for name, damage in (("cut.keras", content[:directory]), ("broken.keras", broken)):
        (tmp_path / name).write_bytes(damage)
        with pytest.raises(ArtifactError, match=r"Keras cannot load it: no zip archive, or one"):
            freezecheck.load(tmp_path / name)
    (tmp_path / "broken").write_bytes(broken)
    with pytest.raises(ArtifactError, match=r"broken: this file is of no known format"):
        freezecheck.load(tmp_path / "broken")
    shutil.copy(shipped.paths["keras"], tmp_path / "whole.keras")
    freezecheck.load(tmp_path / "whole.keras").close()


@pytest.mark.skipif("onnx" not in HERE, reason="no ONNX here")
def test_a_dimension_whose_name_is_no_text_is_told_in_a_line(
    shipped: Shipped, tmp_path: Path
) -> None:
    import onnx

    model = onnx.load(shipped.paths["onnx"])
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_param = "rows_of_it"
    path = tmp_path / "named.onnx"
    onnx.save(model, path)
    assert outcome(shipped, "onnx", path) == "passed"
    path.write_bytes(path.read_bytes().replace(b"rows_of_it", b"rows\x91of_it"))
    said = outcome(shipped, "onnx", path)
    assert said.startswith(f"{path}: onnxruntime cannot load it: ")
    assert "\n" not in said
