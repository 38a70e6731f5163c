"""A network of real size: memory, and three faults of its exporter."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tests.examples.test_small import EXAMPLES, Fault, outcomes, replaced
from tests.kit.subprocesses import Apart, run_pytest

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


@pytest.mark.nets
@pytest.mark.slow
def test_it_passes_within_its_memory(folder: Path) -> None:
    (folder / "conftest.py").write_text(PEAK)
    code, printed = run_pytest(folder, "--freezecheck", "--freezecheck-report=report.json")
    assert code == 0, printed
    assert outcomes(folder) == {ARTIFACT: "passed"}
    (peak_kilobytes,) = re.findall(r"peak kilobytes: (\d+)", printed)
    assert int(peak_kilobytes) < 3 * 2**20


@pytest.mark.nets
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
    fault(folder, Apart())
    code, printed = run_pytest(folder, "--freezecheck", "--freezecheck-report=report.json")
    assert code == 1, printed
    assert outcomes(folder) == {ARTIFACT: "failed"}
    assert f"  resnet_v2_50, {ARTIFACT}: output " in printed
