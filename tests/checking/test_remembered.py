"""What a live model said is used in later runs, where it would say the same; and nowhere else."""

from __future__ import annotations

import dataclasses
import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

import pytest_freezecheck as freezecheck
from pytest_freezecheck import LiveModel
from pytest_freezecheck.checking import identity, remembered
from pytest_freezecheck.checking.entries import ENDING, Folder
from pytest_freezecheck.settings import Run, Settings, using
from tests.kit import mistakes
from tests.kit.freezing import differently
from tests.kit.made import made, weight
from tests.kit.subjects import Subject
from tests.kit.ways import HERE

v1 = tf.compat.v1
Make = Callable[[], LiveModel]
Checked = tuple[list[dict[str, Any]], int]


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def checked(make: Make, cache: Path | None, *artifacts: Path, **options: Any) -> Checked:
    """Check as a new run would; return the results but for times, and how often live was asked."""
    live, asked = make(), 0
    answer = live.answer

    def count(feeds: Any) -> Any:
        nonlocal asked
        asked += 1
        return answer(feeds)

    live.answer = count  # type: ignore[method-assign]
    settings = Settings(cache=None if cache is None else str(cache))
    with using(Run(settings.override(options, "a test"))):
        results = [freezecheck.check(live, artifact) for artifact in artifacts]
    live.close()
    return [_untimed(result.as_json()) for result in results], asked


def _untimed(result: dict[str, Any]) -> dict[str, Any]:
    del result["seconds"]
    return result


def without(results: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{k: v for k, v in result.items() if k != "remembered"} for result in results]


def used(found: Checked) -> list[bool]:
    return [result["remembered"] for result in found[0]]


def files(cache: Path) -> list[Path]:
    return sorted(cache.glob(f"*{ENDING}"))


@pytest.fixture
def correct(flowers: Subject, tmp_path: Path) -> Iterator[list[Path]]:
    live = flowers.live()
    ways = ["graph_def", *sorted({"tflite"} & set(HERE))]
    yield [freezecheck.freeze(live, way, tmp_path / way) for way in ways]
    live.close()


@pytest.fixture
def wrong(flowers: Subject, tmp_path: Path) -> Path:
    differently(keys=mistakes.raw_keys)(flowers, tmp_path / "raw.pb")
    return tmp_path / "raw.pb"


def test_a_second_run_says_the_same_and_asks_far_less(
    flowers: Subject, correct: list[Path], cache: Path
) -> None:
    plain = checked(flowers.live, None, *correct, examples=40)
    cold = checked(flowers.live, cache, *correct, examples=40)
    warm = checked(flowers.live, cache, *correct, examples=40)
    assert without(plain[0]) == without(cold[0]) == without(warm[0])
    assert all(result["outcome"] == "passed" for result in warm[0])
    assert used(plain) == used(cold) == [False] * len(correct)
    assert used(warm) == [True] * len(correct)
    assert plain[1] == cold[1]
    assert warm[1] * 3 < cold[1]


def test_a_wrong_file_is_caught_as_before(flowers: Subject, wrong: Path, cache: Path) -> None:
    cold = checked(flowers.live, cache, wrong)
    warm = checked(flowers.live, cache, wrong)
    assert used(warm) == [True]
    assert without(cold[0]) == without(warm[0])
    assert warm[0][0]["outcome"] == "failed"
    assert warm[0][0]["cause"]["id"] == "raw-weights"
    assert warm[0][0]["counterexample"] is not None
    assert not any("freezecheck_cache" in said for said in warm[0][0]["warnings"])


def test_what_a_correct_file_left_catches_a_wrong_one(
    flowers: Subject, correct: list[Path], wrong: Path, cache: Path
) -> None:
    # As many examples for both: what is proved is fed fewer by default.
    alone = checked(flowers.live, None, wrong, examples=30)
    checked(flowers.live, cache, correct[0], examples=30)
    warm = checked(flowers.live, cache, wrong, examples=30)
    assert used(warm) == [True]
    assert without(warm[0]) == without(alone[0])
    assert warm[0][0]["outcome"] == "failed"


def test_power_and_reach_are_read_and_not_measured_again(
    flowers: Subject, correct: list[Path], cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cold = checked(flowers.live, cache, correct[0])

    def refuse(*_: Any, **__: Any) -> Any:
        raise AssertionError("made again")

    for place in ("support.measured", "corpus.Steering", "corpus.Clone"):
        monkeypatch.setattr(f"pytest_freezecheck.checking.{place}", refuse)
    warm = checked(flowers.live, cache, correct[0])
    assert without(warm[0]) == without(cold[0])
    assert warm[0][0]["power"]["planted"] > 0


def net(scale: float = 1.0, *, detour: bool = False) -> Callable[..., Any]:
    def build(x: Any) -> Any:
        hidden = tf.tanh(tf.matmul(x, weight("w", 8, 6)) * scale)
        if detour:
            hidden = tf.reshape(hidden, [-1, 6])  # which changes no answer
        return {"y": tf.nn.softmax(tf.matmul(hidden, weight("v", 6, 3)), name="y")}

    return build


X: dict[str, dict[str, object]] = {"x": {"shape": [8]}}


def small(
    *,
    nudged: bool = False,
    scale: float = 1.0,
    detour: bool = False,
    high: float = 1.0,
    samples: Path | None = None,
) -> Make:
    def change(name: str, value: Any) -> Any:
        if nudged and name == "w":
            value[3, 2] = np.nextafter(np.float32(value[3, 2]), np.float32(9.0))
        return value

    fields = {**X["x"], "high": high}
    if samples is not None:
        fields["samples"] = str(samples)
    return lambda: made(net(scale, detour=detour), {"x": fields}, change=change)


@pytest.fixture
def artifact(tmp_path: Path) -> Path:
    live = small()()
    path = freezecheck.freeze(live, "graph_def", tmp_path / "made")
    live.close()
    return path


@pytest.mark.parametrize(
    ("make", "options"),
    [
        (small(nudged=True), {}),
        (small(scale=1.0000001), {}),
        (small(detour=True), {}),
        (small(high=0.5), {}),
        (small(), {"seed": 1}),
        (small(), {"examples": 11}),
    ],
    ids=[
        "a bit of a weight",
        "a constant",
        "the graph",
        "an input's range",
        "the seed",
        "how many examples",
    ],
)
def test_what_is_not_the_same_is_worked_out_anew(
    make: Make, options: dict[str, Any], artifact: Path, cache: Path
) -> None:
    checked(small(), cache, artifact, seed=0, examples=10)
    assert used(checked(small(), cache, artifact, seed=0, examples=10)) == [True]
    found = checked(make, cache, artifact, **{"seed": 0, "examples": 10, **options})
    assert used(found) == [False]
    assert len(files(cache)) == 2


@pytest.mark.parametrize(
    "changed",
    [
        ("_of_this_package", lambda: "another"),
        ("versions", lambda: {"numpy": "9.0"}),
        ("_processor", lambda: ("model name: another",)),
        ("_usable", lambda: 1024),
    ],
    ids=lambda changed: changed[0].strip("_"),
)
def test_another_program_or_machine_works_it_out_anew(
    changed: tuple[str, Any], artifact: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked(small(), cache, artifact)
    monkeypatch.setattr(identity, *changed)
    assert used(checked(small(), cache, artifact)) == [False]


def test_a_variable_that_chooses_kernels_counts_and_one_that_is_for_logs_does_not(
    artifact: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked(small(), cache, artifact)
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "2")
    monkeypatch.setenv("HOME", "/elsewhere")
    assert used(checked(small(), cache, artifact)) == [True]
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "0")
    assert used(checked(small(), cache, artifact)) == [False]


def test_the_digest_of_the_package_follows_its_files(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a.py").write_text("x = 1\n")
    before = identity.digest_of(tmp_path)
    (tmp_path / "a.pyc").write_bytes(b"compiled")
    assert identity.digest_of(tmp_path) == before
    (tmp_path / "sub" / "a.py").write_text("x = 2\n")
    assert identity.digest_of(tmp_path) != before


def test_real_samples_count_by_content_and_not_by_time(
    artifact: Path, cache: Path, tmp_path: Path
) -> None:
    rows = np.random.default_rng(0).uniform(-1.0, 1.0, (5, 8)).astype(np.float32)
    path = tmp_path / "real.npy"
    np.save(path, rows)
    checked(small(samples=path), cache, artifact)
    np.save(path, rows)
    os.utime(path, (1.0, 1.0))
    assert used(checked(small(samples=path), cache, artifact)) == [True]
    rows[4, 7] = 0.25
    np.save(path, rows)
    assert used(checked(small(samples=path), cache, artifact)) == [False]
    assert len(files(cache)) == 2  # it was not found, and not refused


def test_the_checkpoint_counts_beyond_what_the_graph_reads(
    flowers: Subject, correct: list[Path], cache: Path, tmp_path: Path
) -> None:
    """Planted mistakes take raw weights from it, and those of the step before."""
    for path in flowers.folder.glob("model.ckpt-*"):
        shutil.copy(path, tmp_path)
    prefix = tmp_path / Path(flowers.checkpoint).name
    mine = dataclasses.replace(flowers, checkpoint=str(prefix), folder=tmp_path)
    checked(mine.live, cache, correct[0])
    assert used(checked(mine.live, cache, correct[0])) == [True]
    for path in tmp_path.glob(f"{Path(flowers.older).name}.*"):
        path.unlink()
    assert used(checked(mine.live, cache, correct[0])) == [False]


def test_a_table_counts_by_the_content_of_its_file(cache: Path, tmp_path: Path) -> None:
    words = tmp_path / "words.txt"
    words.write_text("a\nb\nc\n")

    def build(x: Any) -> Any:
        index = tf.lookup.TextFileIndex
        init = tf.lookup.TextFileInitializer(
            str(words), tf.string, index.WHOLE_LINE, tf.int64, index.LINE_NUMBER
        )
        table = tf.lookup.StaticHashTable(init, -1)
        number = tf.cast(table.lookup(tf.constant(["b"])), tf.float32)
        return tf.nn.softmax(tf.matmul(x, weight("w", 8, 4)) * (1.0 + number), name="y")

    with tf.Graph().as_default(), v1.Session() as session:
        build(v1.placeholder(tf.float32, [None, 8], name="x"))
        session.run(v1.global_variables_initializer())
        v1.train.Saver().save(session, str(tmp_path / "model.ckpt"))

    def make() -> LiveModel:
        return LiveModel.from_checkpoint(build, str(tmp_path / "model.ckpt"), X, "none")

    # A file of another model's will do: what is kept is of the live side.
    other = made(lambda x: {"y": tf.nn.softmax(tf.matmul(x, weight("w", 8, 4)), name="y")}, X)
    path = freezecheck.freeze(other, "graph_def", tmp_path / "made")
    other.close()
    checked(make, cache, path)
    assert used(checked(make, cache, path)) == [True]
    words.write_text("a\nb\nd\n")  # which changes no answer
    assert used(checked(make, cache, path)) == [False]


def test_a_damaged_file_is_said_worked_out_anew_and_replaced(artifact: Path, cache: Path) -> None:
    cold = checked(small(), cache, artifact)
    (path,) = files(cache)
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    found = checked(small(), cache, artifact)
    (said,) = found[0][0].pop("warnings")
    assert said == (
        f"freezecheck_cache: {path} is not used, and replaced: it is not as it was written"
    )
    assert used(found) == [False]
    assert found[0][0].items() <= cold[0][0].items()
    assert path.read_bytes() == content
    assert used(checked(small(), cache, artifact)) == [True]


def rewrite(cache: Path, change: Callable[[dict[str, Any], list[Any]], object]) -> None:
    """Change an entry, and give it the digest that it needs."""
    (path,) = files(cache)
    folder = Folder(cache)
    found = folder.read(path.name.removesuffix(ENDING))
    assert found is not None
    change(*found)
    folder.write(path.name.removesuffix(ENDING), *found)


def one_bit(values: dict[str, Any], arrays: list[Any]) -> None:
    """Change a bit of the answer to the first batch."""
    place = values["answers"][0][2][0][1]
    arrays[place].view(np.uint8).reshape(-1)[0] ^= 1


def every_answer_but_the_first(values: dict[str, Any], arrays: list[Any]) -> None:
    for _, _, outputs, _ in values["answers"][1:]:
        arrays[outputs[0][1]][...] = np.roll(arrays[outputs[0][1]], 1, axis=1)


def no_answers_and_other_digests(values: dict[str, Any], arrays: list[Any]) -> None:
    values["answers"] = None
    values["digests"] = [[number, rows, "0" * 64] for number, rows, _ in values["digests"]]


@pytest.mark.parametrize(
    "change", [one_bit, every_answer_but_the_first, no_answers_and_other_digests]
)
def test_answers_that_the_live_model_does_not_give_are_not_used(
    change: Callable[..., Any], artifact: Path, cache: Path
) -> None:
    cold = checked(small(), cache, artifact)
    rewrite(cache, change)
    found = checked(small(), cache, artifact)
    (said,) = found[0][0].pop("warnings")
    assert said.startswith("freezecheck_cache: the live model does not answer as ")
    assert used(found) == [False]
    assert found[0][0].items() <= cold[0][0].items()
    assert used(checked(small(), cache, artifact)) == [True]


def no_answers(values: dict[str, Any], arrays: list[Any]) -> None:
    values["digests"] = []


def no_values(values: dict[str, Any], arrays: list[Any]) -> None:
    del values["steered"]


def other_places(values: dict[str, Any], arrays: list[Any]) -> None:
    values["digests"][0][0] = -99


@pytest.mark.parametrize("change", [no_answers, no_values, other_places])
def test_an_entry_that_makes_no_sense_is_no_error(
    change: Callable[..., Any], artifact: Path, cache: Path
) -> None:
    checked(small(), cache, artifact)
    rewrite(cache, change)
    found = checked(small(), cache, artifact)
    assert found[0][0]["outcome"] == "passed"
    assert "is not used, and replaced" in found[0][0]["warnings"][0]
    assert used(checked(small(), cache, artifact)) == [True]


def test_of_too_many_answers_the_rest_is_kept(
    artifact: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remembered, "MOST_ANSWERS", 0)
    cold = checked(small(), cache, artifact)
    size = files(cache)[0].stat().st_size
    monkeypatch.setattr("pytest_freezecheck.checking.support.measured", None)
    warm = checked(small(), cache, artifact)
    assert without(warm[0]) == without(cold[0])
    assert used(warm) == [True]
    monkeypatch.undo()
    files(cache)[0].unlink()
    checked(small(), cache, artifact)
    assert files(cache)[0].stat().st_size > size


def test_what_a_later_artifact_needs_is_added(
    flowers: Subject, correct: list[Path], cache: Path
) -> None:
    if len(correct) < 2:
        pytest.skip("needs a second executor")
    first, second = correct
    checked(flowers.live, cache, first, examples=20)
    half = checked(flowers.live, cache, second, examples=20)
    whole = checked(flowers.live, cache, first, second, examples=20)
    assert used(half) == [True]
    assert half[1] > whole[1]  # the noise floor was measured, and is there now
    assert len(files(cache)) == 1


def test_a_run_that_learns_nothing_new_writes_nothing(artifact: Path, cache: Path) -> None:
    checked(small(), cache, artifact)
    (path,) = files(cache)
    before = path.stat().st_ino
    time.sleep(0.02)
    checked(small(), cache, artifact)
    assert path.stat().st_ino == before


def random_answers(x: Any) -> Any:
    noise = tf.random.uniform([], 0.0, 1e-6)
    return {"y": tf.nn.softmax(tf.matmul(x, weight("w", 8, 3)) + noise * x[:, :3], name="y")}


def counting(x: Any) -> Any:
    calls = v1.get_variable("calls", [], initializer=v1.zeros_initializer(), trainable=False)
    with tf.control_dependencies([v1.assign_add(calls, 1.0)]):
        return {"y": tf.nn.softmax(tf.matmul(x, weight("w", 8, 3)), name="y")}


@pytest.mark.parametrize("build", [random_answers, counting])
def test_nothing_is_kept_of_a_model_that_is_not_the_same_twice(
    build: Callable[..., Any], cache: Path, tmp_path: Path
) -> None:
    live = made(lambda x: {"y": tf.nn.softmax(tf.matmul(x, weight("w", 8, 3)))}, X)
    path = freezecheck.freeze(live, "graph_def", tmp_path / "made")
    live.close()
    checked(lambda: made(build, X), cache, path)
    assert not cache.exists()


def test_nothing_is_kept_of_a_model_that_fails_for_some_inputs(
    cache: Path, tmp_path: Path, artifact: Path
) -> None:
    def build(x: Any) -> Any:
        with tf.control_dependencies([tf.debugging.assert_less(tf.shape(x)[0], 8)]):
            return net()(tf.identity(x))

    with pytest.raises(freezecheck.ModelError):
        checked(lambda: made(build, X), cache, artifact, examples=30)
    assert not cache.exists()


def test_a_model_that_calls_python_is_not_kept_and_that_is_said(
    cache: Path, artifact: Path
) -> None:
    def build(x: Any) -> Any:
        x = tf.ensure_shape(tf.numpy_function(lambda a: a, [x], tf.float32), [None, 8])
        return net()(x)

    found = checked(lambda: made(build, X), cache, artifact)
    (said,) = (w for w in found[0][0]["warnings"] if "freezecheck_cache" in w)
    assert said.startswith(f"freezecheck_cache: nothing is kept in {cache}: operation 'PyFunc")
    assert not cache.exists()


def test_names_that_tensorflow_draws_do_not_count(cache: Path, tmp_path: Path) -> None:
    def build(x: Any) -> Any:
        keys, values = list(range(20)), [float(n) for n in range(20)]
        init = tf.lookup.KeyValueTensorInitializer(keys, values, tf.int64, tf.float32)
        table = tf.lookup.StaticHashTable(init, 1.0)
        held = table.lookup(tf.constant([2], tf.int64))
        return {"y": tf.nn.softmax(tf.matmul(x, weight("w", 8, 3)) * held, name="y")}

    live = made(build, X)
    path = freezecheck.freeze(live, "saved_model", tmp_path / "made")
    live.close()
    checked(lambda: made(build, X), cache, path)
    assert used(checked(lambda: made(build, X), cache, path)) == [True]


def test_text_is_kept_too(cache: Path, tmp_path: Path) -> None:
    def build(x: Any) -> Any:
        scores = tf.matmul(x, weight("w", 8, 3))
        names = tf.constant(["rose", "tulip", "größer"])
        return {
            "y": tf.nn.softmax(scores, name="y"),
            "name": tf.gather(names, tf.argmax(scores, 1), name="name"),
        }

    live = made(build, X)
    path = freezecheck.freeze(live, "saved_model", tmp_path / "made")
    live.close()
    cold = checked(lambda: made(build, X), cache, path)
    warm = checked(lambda: made(build, X), cache, path)
    assert used(warm) == [True]
    assert without(warm[0]) == without(cold[0])
    assert warm[0][0]["outcome"] == "passed"


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_is_said_and_read(artifact: Path, cache: Path) -> None:
    cache.mkdir()
    cache.chmod(0o500)
    found = checked(small(), cache, artifact)
    assert found[0][0]["warnings"] == [
        f"freezecheck_cache: nothing is kept in {cache}: Permission denied"
    ]


def test_a_folder_that_cannot_be_made_is_said(artifact: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    folder = tmp_path / "file" / "cache"
    found = checked(small(), folder, artifact)
    assert found[0][0]["outcome"] == "passed"
    assert found[0][0]["warnings"][-1] == (
        f"freezecheck_cache: nothing is kept in {folder}: Not a directory"
    )


def test_a_disk_that_is_full_is_said_once(
    flowers: Subject, correct: list[Path], cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> Any:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Folder, "write", refuse)
    found = checked(flowers.live, cache, *correct, *correct, examples=20)
    said = [w for result in found[0] for w in result["warnings"] if "freezecheck_cache" in w]
    assert said == [f"freezecheck_cache: nothing is kept in {cache}: No space left on device"]
    assert all(result["outcome"] == "passed" for result in found[0])


def test_power_is_that_of_the_tolerance(artifact: Path, cache: Path) -> None:
    loose = checked(small(), None, artifact, atol=0.9, logit_rtol=False)
    strict = checked(small(), cache, artifact)
    assert loose[0][0]["power"] != strict[0][0]["power"]
    for _ in range(2):  # added to what is kept, and read
        found = checked(small(), cache, artifact, atol=0.9, logit_rtol=False)
        assert used(found) == [True]
        assert without(found[0]) == without(loose[0])
    assert without(checked(small(), cache, artifact)[0]) == without(strict[0])


def test_a_folder_that_can_only_be_read_is_used(
    artifact: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked(small(), cache, artifact)
    monkeypatch.setattr(os, "utime", lambda *_: (_ for _ in ()).throw(OSError(30, "Read-only")))
    found = checked(small(), cache, artifact)
    assert used(found) == [True]
    assert found[0][0]["warnings"] == []
