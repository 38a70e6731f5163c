"""What is said of the installed TensorFlow, by the names and versions of distributions."""

from __future__ import annotations

import importlib.metadata

import pytest

from matrix.cells import WHEELS
from pytest_freezecheck import versions

TRIED = "than those that this version was tested with, 2.15 to 2.21"


@pytest.mark.parametrize(
    ("installed", "said"),
    [
        ({"tensorflow": "2.15.1"}, []),
        ({"tensorflow": "2.21.0"}, []),
        ({"tensorflow": "2.22.0"}, [f"TensorFlow 2.22.0 is newer {TRIED}"]),
        ({"tensorflow": "3.0.0rc1"}, [f"TensorFlow 3.0.0rc1 is newer {TRIED}"]),
        ({"tensorflow": "2.9.1"}, [f"TensorFlow 2.9.1 is older {TRIED}"]),
        ({"tensorflow": "unknown"}, []),
        ({"tensorflow-cpu": "2.21.0"}, ["TensorFlow is tensorflow-cpu 2.21.0"]),
        (
            {"tf-nightly": "2.23.0.dev20260101"},
            [
                "TensorFlow is tf-nightly 2.23.0.dev20260101",
                f"TensorFlow 2.23.0.dev20260101 is newer {TRIED}",
            ],
        ),
        # On Windows `tensorflow` has no files, and requires this.
        ({"tensorflow": "2.15.1", "tensorflow-intel": "2.15.1"}, []),
        ({"tensorflow-intel": "2.15.1"}, ["TensorFlow is tensorflow-intel 2.15.1"]),
        (
            {"tensorflow": "2.21.0", "tensorflow-cpu": "2.20.0"},
            [
                "tensorflow 2.21.0 and tensorflow-cpu 2.20.0 are installed over each other's "
                "files; uninstall both, then install the one that is meant"
            ],
        ),
        ({}, []),
    ],
)
def test_remarks(
    monkeypatch: pytest.MonkeyPatch, installed: dict[str, str], said: list[str]
) -> None:
    _install(monkeypatch, installed)
    assert versions.remarks() == said


def test_versions_have_tensorflow_by_its_own_name_too(monkeypatch: pytest.MonkeyPatch) -> None:
    _install(monkeypatch, {"tensorflow-cpu": "2.20.0", "numpy": "2.0.0"})
    assert versions.versions() == {
        "numpy": "2.0.0",
        "tensorflow": "2.20.0",
        "tensorflow-cpu": "2.20.0",
    }
    _install(monkeypatch, {"tensorflow": "2.21.0"})
    assert versions.versions() == {"tensorflow": "2.21.0"}


def test_what_was_tested_is_what_the_matrix_has() -> None:
    minors = [tuple(map(int, version.split(".")[:2])) for version in WHEELS]
    assert (min(minors), max(minors)) == versions.TESTED


def _install(monkeypatch: pytest.MonkeyPatch, installed: dict[str, str]) -> None:
    def version(name: str) -> str:
        if name not in installed:
            raise importlib.metadata.PackageNotFoundError(name)
        return installed[name]

    monkeypatch.setattr(importlib.metadata, "version", version)
