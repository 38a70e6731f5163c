"""A network of real size: time, memory, and three faults of its exporter."""

from __future__ import annotations

import re
import resource
import shutil
from pathlib import Path

import pytest

from tests.examples.test_small import EXAMPLES, Fault, gate, replaced

ARTIFACT = "export: resnet_v2_50.pb"
#: Only the run itself knows its own peak: the operating system keeps that of the largest child.
PEAK = """
import resource


def pytest_unconfigure():
    print("peak kilobytes:", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(EXAMPLES / "resnet_v2_50", tmp_path / "resnet", ignore=ignored)
    return tmp_path / "resnet"


def _seconds() -> float:
    """Return the CPU time of all runs so far: a machine may be busy with something else."""
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


@pytest.mark.slow
def test_it_passes_within_its_time_and_memory(folder: Path) -> None:
    (folder / "conftest.py").write_text(PEAK)
    started = _seconds()
    code, printed, outcomes = gate(folder)
    assert code == 0, printed
    assert outcomes == {ARTIFACT: "passed"}
    assert _seconds() - started < 400  # 50 to 140, by the machine
    (peak_kilobytes,) = re.findall(r"peak kilobytes: (\d+)", printed)
    assert int(peak_kilobytes) < 3 * 2**20


@pytest.mark.slow
@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(
            replaced(
                "resnet.py",
                ("restored(network, known)[0]", "restored(lambda x: network(x, True), known)[0]"),
            ),
            id="training mode",
        ),
        pytest.param(
            replaced(
                "resnet.py",
                (
                    "restored(network, known)[0]",
                    "restored(lambda x: network(x, epsilon=1e-3), known)[0]",
                ),
            ),
            id="another epsilon",
        ),
        pytest.param(
            replaced(
                "resnet.py",
                (
                    "    known = live.weights()\n",
                    "    known = live.weights()\n"
                    '    known["resnet_v2_50/postnorm/beta"] = np.zeros(2048, np.float32)\n',
                ),
            ),
            id="one beta at its initial value",
        ),
    ],
)
def test_a_fault_of_the_exporter_fails_by_name(fault: Fault, folder: Path) -> None:
    fault(folder)
    code, printed, outcomes = gate(folder)
    assert code == 1, printed
    assert outcomes == {ARTIFACT: "failed"}
    assert f"freezecheck: resnet_v2_50, {ARTIFACT} differs from the live model by " in printed
