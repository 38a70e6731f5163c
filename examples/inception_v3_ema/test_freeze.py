"""Does what the freezing script writes compute what was evaluated?"""

import pytest

from pytest_freezecheck import assert_agreement


@pytest.mark.freezecheck
def test_as_answered(freezecheck_live_model, checkpoint, tmp_path):
    """Without the loop: the frozen file is the live model, bit for bit."""
    import freeze_as_answered

    freeze_as_answered.freeze(checkpoint, tmp_path / "as_answered.pb")
    agreement = assert_agreement(freezecheck_live_model, tmp_path / "as_answered.pb")
    assert agreement.max_abs_diff == 0.0


@pytest.mark.freezecheck
def test_as_asked(freezecheck_live_model, checkpoint, tmp_path):
    """As in tensorflow#25912: fails, and names the statistics of the first BatchNorm."""
    import freeze_as_asked

    freeze_as_asked.freeze(checkpoint, tmp_path / "as_asked.pb")
    assert_agreement(freezecheck_live_model, tmp_path / "as_asked.pb")
