"""What an input may look like, and what is said of one that cannot be."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_freezecheck.errors import SettingError
from pytest_freezecheck.spec.inputs import InputSpec


@pytest.mark.parametrize(
    ("dtype", "bounds"),
    [("float32", (-1.0, 1.0)), ("uint8", (0, 255)), ("int8", (-128, 127))],
)
def test_default_range(dtype: str, bounds: tuple[float, float]) -> None:
    assert InputSpec((4,), dtype).bounds == bounds


def test_half_a_range_is_completed() -> None:
    assert InputSpec((4,), low=0.0).bounds == (0.0, 1.0)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"shape": (0, 3)}, "shape = (0, 3) is not accepted"),
        ({"shape": "24"}, "shape = '24' is not accepted"),
        ({"shape": (None, 3)}, "without the batch dimension"),
        ({"shape": 3}, "shape = 3 is not accepted"),
        ({"shape": (3,), "dtype": "float"}, "dtype = 'float' is not accepted; expected one of"),
        ({"shape": (3,), "low": 1.0, "high": 1.0}, "expected less than high = 1.0"),
        ({"shape": (3,), "low": float("nan")}, "low = nan is not accepted; expected a finite"),
        ({"shape": (3,), "high": "1"}, "high = '1' is not accepted"),
        ({"shape": (3,), "dtype": "int64"}, "low and high must be given"),
        ({"shape": (3,), "dtype": "uint8", "high": 300}, "uint8 holds 0 to 255"),
    ],
)
def test_refused(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingError) as refusal:
        InputSpec(**fields)
    assert said in str(refusal.value)


def test_a_mapping_with_a_wrong_key_names_the_input_and_the_closest_key() -> None:
    with pytest.raises(SettingError, match=r"input 'images': unknown key 'hihg' \(nearest: 'high'"):
        InputSpec.of({"shape": [3], "hihg": 1.0}, "images")
    with pytest.raises(SettingError, match=r"input 'images': .*shape"):
        InputSpec.of({"dtype": "float32"}, "images")


def test_a_mapping_is_as_good_as_a_spec() -> None:
    assert InputSpec.of({"shape": [3, 4]}, "x") == InputSpec((3, 4))
