"""Parts of messages."""

from __future__ import annotations

import pytest

from pytest_freezecheck.messages.wording import listed, nearest, reason

FUNCTION = """Graph execution error:

Detected at node GatherV2 defined at (most recent call last):
  File "evaluate.py", line 3, in <module>

indices[0,1] = 31 is not in [0, 30)
\t [[{{node GatherV2}}]] [Op:__inference_pruned_123]"""
SESSION = """indices[0] = 7 is not in [0, 5)
\t [[node gather (defined at evaluate.py:3) ]]

Errors may have originated from an input operation."""

OPENVINO = """Exception from src/inference/src/cpp/core.cpp:132:
Check 'is_valid_weights_range(size, offset)' failed at src/core/xml_deserialize_util.cpp:900:
Incorrect weights in bin file!


"""


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (FUNCTION, "indices[0,1] = 31 is not in [0, 30)"),
        (SESSION, "indices[0] = 7 is not in [0, 5)"),
        ("Graph execution error:\n\nbad shape", "bad shape"),
        (OPENVINO, "Incorrect weights in bin file!"),
        ("plain", "plain"),
        ("", "ValueError"),
    ],
)
def test_the_telling_line_of_an_error(text: str, line: str) -> None:
    assert reason(ValueError(text)) == line


def test_long_lists_are_counted() -> None:
    assert listed(["a", "b"]) == "a, b"
    assert listed("abcde", 3) == "a, b, c and 2 more"


def test_the_nearest_name_is_named_if_one_is_near() -> None:
    assert nearest("atoll", ["atol", "seed"]) == " (nearest: 'atol')"
    assert nearest("xyz", ["atol", "seed"]) == ""
