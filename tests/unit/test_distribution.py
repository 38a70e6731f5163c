"""Which node ids are checks of which model."""

from __future__ import annotations

import pytest

from pytest_freezecheck.gate.xdist import model_of


@pytest.mark.parametrize(
    ("nodeid", "model"),
    [
        ("pyproject.toml::flowers::export/frozen.pb", "pyproject.toml::flowers"),
        ("../pyproject.toml::flowers::graph_def", "../pyproject.toml::flowers"),
        ("freezecheck::reference::graph_def", "freezecheck::reference"),
        ("tests/test_it.py::TestIt::test_it", None),
        ("tests/test_it.py::test_it", None),
        ("my_pyproject.toml::a::b", None),
    ],
)
def test_model_of(nodeid: str, model: str | None) -> None:
    assert model_of(nodeid) == model
