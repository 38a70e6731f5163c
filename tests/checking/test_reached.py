"""The result says how much of small ranges, and of tables, the inputs reached."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf

import pytest_freezecheck as freezecheck
from tests.kit.made import exported, made, weight


def of_words(rows: int) -> Any:
    def build(ids: Any) -> Any:
        words = tf.gather(weight("table", rows, 4), ids)
        scores = tf.matmul(tf.reduce_sum(words, 1), weight("w", 4, 3))
        return {"probs": tf.nn.softmax(scores, name="probs")}

    return build


def ids(values: int) -> dict[str, dict[str, object]]:
    return {"ids": {"shape": [3], "dtype": "int32", "low": 0, "high": values - 1}}


@pytest.mark.parametrize(
    ("rows", "values", "swept"),
    [(500, 500, True), (500, 100, True), (60_000, 60_000, False)],
    ids=["all of a small table", "a part of it", "a large table"],
)
def test_rows_of_a_table_that_were_looked_up(
    rows: int, values: int, swept: bool, tmp_path: Path
) -> None:
    live = made(of_words(rows), ids(values))
    frozen = exported(live, "graph_def", tmp_path)
    result = freezecheck.check(live, frozen, examples=20)
    assert result, result.text
    found = {part.name: part for part in result.reached}
    table = found["table"]
    assert (table.kind, table.values) == ("weight", rows)
    if swept:
        assert table.reached == values
        assert (found["ids"].values, found["ids"].reached) == (values, values)
    else:
        assert "ids" not in found
        assert 4096 <= table.reached < rows
    said = f"{table.reached} of {rows} rows of the table 'table' were reached"
    assert (said in result.text) == (table.reached < rows)
    frozen.close()
    live.close()


def test_a_weight_that_is_multiplied_too_is_no_table(tmp_path: Path) -> None:
    """Tied weights: what no input looks up, every answer reads."""

    def tied(ids: Any) -> Any:
        table = weight("table", 50, 4)
        pooled = tf.reduce_mean(tf.gather(table, ids), 1)
        return {"probs": tf.nn.softmax(tf.matmul(pooled, table, transpose_b=True), name="probs")}

    live = made(tied, ids(10))
    frozen = exported(live, "saved_model", tmp_path)
    result = freezecheck.check(live, frozen, examples=10)
    assert result, result.text
    assert [part.name for part in result.reached] == ["ids"]
    frozen.close()
    live.close()
