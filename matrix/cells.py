"""The cells of the test matrix, and what each is made of. Needs neither nox nor TensorFlow.

`noxfile.py` runs them. `python -m matrix.cells 3.10` prints the constraints of the oldest cell
for a Python, as `pip install -c` reads them.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
from collections.abc import Iterable
from pathlib import Path

from packaging.requirements import Requirement

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PYPROJECT = Path(__file__).parents[1] / "pyproject.toml"
EXTRAS = ("tflite", "onnx", "openvino", "keras", "report")
PYTEST_FLOOR = "8.4.0"
#: The newest Python that each TensorFlow has wheels for; the oldest is 3.10 or older for all.
WHEELS = {
    "2.15.1": "3.11",
    "2.16.2": "3.12",
    "2.17.1": "3.12",
    "2.18.1": "3.12",
    "2.19.1": "3.12",
    "2.20.0": "3.13",
    "2.21.0": "3.13",
}
#: What the requirements of the packages themselves let an installer get wrong.
PINS = {
    # protobuf 7 has no `float_format`, with which TensorFlow 2.20 writes GraphDefs as text.
    "2.20.0": ("protobuf<7",),
}
#: Extras that cannot be installed beside a TensorFlow; a cell fails if that is no longer so.
REFUSED = {"2.15.1": ("keras",)}
#: The lowest version that was published, where that of the floor itself was not.
PUBLISHED = {"ai-edge-litert": "2.0.2"}


@dataclasses.dataclass(frozen=True)
class Cell:
    """One environment of the matrix.

    Attributes:
        tensorflow: its version.
        python: `major.minor`.
        extras: whether the extras are installed, those that can be.
        pytest: its version; the latest if None.
        floors: what is installed in the lowest version that `pyproject.toml` allows: `core`,
            `test`, and names of extras.
        tags: names to select it by, besides those that follow from the rest.
    """

    tensorflow: str
    python: str
    extras: bool
    pytest: str | None = None
    floors: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """What nox calls it."""
        return f"tf{self.tensorflow}-py{self.python}-{self.kind}{'-floors' if self.floors else ''}"

    @property
    def kind(self) -> str:
        """`core` or `extras`."""
        return "extras" if self.extras else "core"

    @property
    def all_tags(self) -> list[str]:
        """Names for `nox -t`."""
        minor = self.tensorflow.rpartition(".")[0]
        pytest = "pytest-latest" if self.pytest is None else f"pytest{self.pytest}"
        return [*self.tags, self.kind, f"tf{minor}", f"py{self.python}", pytest]

    @property
    def refused(self) -> tuple[str, ...]:
        """Extras that it should have and that cannot be installed."""
        return REFUSED.get(self.tensorflow, ()) if self.extras else ()

    @property
    def installed(self) -> tuple[str, ...]:
        """Extras that it has."""
        return tuple(e for e in EXTRAS if e not in self.refused) if self.extras else ()

    @property
    def constraints(self) -> list[str]:
        """The versions that it is made of, as pip and uv read them from a file."""
        own = {"tensorflow": f"tensorflow=={self.tensorflow}"}
        if self.pytest is not None:
            own["pytest"] = f"pytest=={self.pytest}"
        lowest = {name: f"{name}=={version}" for name, version in floors(self.floors).items()}
        return [*({**lowest, **own}).values(), *PINS.get(self.tensorflow, ())]


_EVERY_FLOOR = ("core", "test", "tflite", "onnx", "openvino", "report")
#: Each TensorFlow with and without extras, with the oldest and the latest pytest, on two Pythons.
CELLS = (
    Cell("2.15.1", "3.10", False, PYTEST_FLOOR, ("core", "test"), ("oldest",)),
    Cell("2.15.1", "3.10", True, PYTEST_FLOOR, _EVERY_FLOOR),
    Cell("2.15.1", "3.11", True),
    Cell("2.16.2", "3.12", False),
    # TensorFlow 2.15 comes with Keras 2, so the floor of this extra is met one version later.
    Cell("2.16.2", "3.11", True, PYTEST_FLOOR, ("keras",)),
    Cell("2.17.1", "3.11", False, PYTEST_FLOOR),
    Cell("2.17.1", "3.12", True),
    Cell("2.18.1", "3.12", False, PYTEST_FLOOR),
    Cell("2.18.1", "3.10", True),
    Cell("2.19.1", "3.10", False),
    Cell("2.19.1", "3.12", True, PYTEST_FLOOR),
    Cell("2.20.0", "3.13", False, PYTEST_FLOOR),
    Cell("2.20.0", "3.11", True),
    Cell("2.21.0", "3.10", False, PYTEST_FLOOR),
    Cell("2.21.0", "3.13", True, tags=("newest",)),
)


def floors(parts: Iterable[str]) -> dict[str, str]:
    """Return {package: lowest version that is allowed} of parts of `pyproject.toml`.

    Args:
        parts: `core` for the dependencies, `test` for that group, and names of extras.
    """
    content = tomllib.loads(PYPROJECT.read_text("utf-8"))
    project = content["project"]
    named = {
        **project["optional-dependencies"],
        "core": project["dependencies"],
        "test": content["dependency-groups"]["test"],
    }
    found = {}
    for part in parts:
        for requirement in map(Requirement, named[part]):
            (floor,) = (s.version for s in requirement.specifier if s.operator == ">=")
            found[requirement.name] = PUBLISHED.get(requirement.name, floor)
    return found


def oldest(python: str) -> Cell:
    """Return the oldest cell, or where its TensorFlow has no wheel, what comes next to it.

    The lowest NumPy has no wheel then either, so that only TensorFlow and pytest are old.
    """
    first = CELLS[0]

    def minor(version: str) -> int:
        return int(version.split(".")[1])

    tensorflow = next(tf for tf, newest in WHEELS.items() if minor(python) <= minor(newest))
    same = tensorflow == first.tensorflow
    lowest = first.floors if same else ()
    return dataclasses.replace(first, tensorflow=tensorflow, python=python, floors=lowest)


def main() -> int:
    """Print the constraints of the oldest cell and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("python", help="major.minor")
    print("\n".join(oldest(parser.parse_args().python).constraints))
    return 0


if __name__ == "__main__":
    sys.exit(main())
