"""From a failed check to a mended copy of the file, for the formats that can be mended."""

from __future__ import annotations

import json
from pathlib import Path

from pytest_freezecheck.checking.repairing.graph import mend_graph
from pytest_freezecheck.checking.repairing.plan import plan
from pytest_freezecheck.checking.repairing.saved_model import mend_saved_model
from pytest_freezecheck.errors import RepairError
from pytest_freezecheck.formats.base import FrozenModel
from pytest_freezecheck.formats.graph_def.loader import FrozenGraphDef
from pytest_freezecheck.formats.saved_model.signatures import SignedModel
from pytest_freezecheck.models.live import LiveModel
from pytest_freezecheck.report import files
from pytest_freezecheck.report.causes import CAUSES
from pytest_freezecheck.result.agreement import Agreement

#: Beside what is written: which parts of it were changed, as JSON.
CHANGES = ".changes.json"


def mend(
    live: LiveModel,
    frozen: FrozenModel,
    agreement: Agreement,
    target: Path,
) -> None:
    """Write a mended copy, and beside it what was changed.

    Args:
        live: the live model.
        frozen: the artifact.
        agreement: its failed check.
        target: where to write; nothing lies there.

    Raises:
        RepairError: it cannot be mended.
    """
    if not isinstance(frozen, FrozenGraphDef | SignedModel):
        raise RepairError(_of_format(frozen.format, agreement))
    wanted = plan(agreement, live)
    if isinstance(frozen, FrozenGraphDef):
        changed = mend_graph(frozen, live, wanted, target)
    else:
        changed = mend_saved_model(frozen, wanted, target)
    said = {"causes": list(wanted.causes), "changed": changed}
    files.replace(target.with_name(f"{target.name}{CHANGES}"), json.dumps(said))


def _of_format(kind: str, agreement: Agreement) -> str:
    cause = agreement.cause
    fix = "" if cause is None else f"\n  fix, in the exporting script: {CAUSES[cause['id']].fix}"
    if kind == "keras":
        why = "an archive of Keras is saved anew by Keras, once its model has the right weights"
    else:
        why = (
            f"a file of {kind} has its weights rewritten by a converter, and is made anew from "
            "what was mended: a GraphDef or a SavedModel"
        )
    return f"cannot be mended: {why}{fix}"
