"""The question of tensorflow#25912, answered by running it from the example's own folder."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.subprocesses import run_pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "inception_v3_ema"
FIRST = "InceptionV3/Conv2d_1a_3x3/BatchNorm"


@pytest.mark.slow
def test_as_answered_passes_bit_for_bit_and_as_asked_fails_by_name(tmp_path: Path) -> None:
    folder = tmp_path / "inception_v3_ema"
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns("train_dir", "__pycache__"))

    answered, printed = run_pytest(
        folder, "--freezecheck", "-k", "as_answered", "--freezecheck-report=answered.json"
    )
    assert answered == 0, printed
    (check,) = json.loads((folder / "answered.json").read_text())["checks"]
    assert check["max_abs_diff"] == 0.0
    assert check["exact"] is True
    assert check["inputs"] > 300

    asked, printed = run_pytest(folder, "--freezecheck", "-k", "as_asked")
    assert asked == 1, printed
    assert "freezecheck: inception_v3, as_asked.pb differs from the live model by " in printed
    assert (
        f"weights: 188 of 378 differ from the live model's, from the input on: "
        f"{FIRST}/moving_mean (by "
    ) in printed
    assert f"{FIRST}/moving_variance (by " in printed
