"""The causes that a difference can have: what each means, how to fix it, and who met it before.

Data in one place: the diagnosis names causes by id, texts and documentation take their words
from here.
"""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class Cause:
    """One cause.

    Attributes:
        id: fixed; reports have it.
        meaning: what the frozen model does, to be read after "the frozen model".
        short: the same in a few words; `{weights}` stands for "8 of 12 weights are" and the like.
        fix: what to change.
        sources: public threads in which it was met.
    """

    id: str
    meaning: str
    short: str
    fix: str
    sources: tuple[str, ...] = ()


_EVERY = (
    Cause(
        "raw-weights",
        "holds the checkpoint's raw weights where the live model reads their EMA shadows",
        "{weights} raw, not averaged",
        "restore with tf.train.Saver(ema.variables_to_restore()) before freezing, as the "
        "evaluation does, or finalize_variable_values() of a Keras optimizer before saving; if the "
        'raw weights are what was evaluated, declare ema = "none"',
        ("google/automl#314", "tensorflow#9724"),
    ),
    Cause(
        "averaged-weights",
        "holds EMA shadows where the live model reads the raw weights",
        "{weights} averaged, not raw",
        "freeze with a plain tf.train.Saver(); if the shadows are what was evaluated, declare "
        'ema = "trainable"',
    ),
    Cause(
        "averaged-statistics",
        "holds EMA shadows of BatchNorm's moving statistics where the live model reads the "
        "statistics themselves",
        "{weights} averaged BatchNorm statistics",
        "do not add moving_mean and moving_variance to MOVING_AVERAGE_VARIABLES before "
        "variables_to_restore(); if the evaluation restores their shadows too, declare "
        'ema = "all"',
        ("tensorflow#25912",),
    ),
    Cause(
        "raw-statistics",
        "holds BatchNorm's moving statistics where the live model reads their EMA shadows",
        "{weights} BatchNorm's own statistics, not their averages",
        "add the statistics to what is restored from shadows, as the evaluation does; if it reads "
        'the statistics themselves, declare ema = "trainable"',
        ("google/automl#782",),
    ),
    Cause(
        "swapped-averages",
        "comes from a checkpoint in which a swapping saver has exchanged variables and averages",
        "variables and averages are exchanged",
        "restore a checkpoint that swapping_saver() wrote with a plain tf.train.Saver(): the "
        "averages lie under the variables' own names",
    ),
    Cause(
        "initial-values",
        "holds values that match no key of the checkpoint: initialised after the restore, or "
        "frozen from another session",
        "{weights} in no key of the checkpoint",
        "run initialisers before the restore, never after it, and freeze the session that was "
        "restored",
        ("tensorflow/serving#529",),
    ),
    Cause(
        "other-weights",
        "holds other values than the live model",
        "{weights} not the live model's",
        "find out which values were evaluated, and freeze those: restore the checkpoint in the "
        "exporting script as the evaluation does, and change nothing afterwards",
    ),
    Cause(
        "initial-statistics",
        "has BatchNorm statistics that are still at 0 and 1",
        "{weights} still at 0 or 1",
        "restore moving_mean and moving_variance too: tf.compat.v1.train.Saver() without a list "
        "of trainable variables",
    ),
    Cause(
        "partial-restore",
        "has some variables restored and some not",
        "{weights} not restored",
        "restore all variables: drop ignore_missing_vars and exclude lists, and let a missing key "
        "be an error",
    ),
    Cause(
        "other-checkpoint",
        "holds the values of another checkpoint",
        "{weights} another checkpoint's",
        "freeze the checkpoint that was evaluated; name it by its prefix rather than by "
        "latest_checkpoint()",
        ("google/automl#314",),
    ),
    Cause(
        "training-batch-norm",
        "normalises with the statistics of the batch",
        "it normalises with the statistics of the batch",
        "build the graph to freeze with is_training=False; do not freeze the training graph",
        ("tensorflow#26075", "tensorflow/models#3162"),
    ),
    Cause(
        "dropout",
        "still drops units, or another random operation reaches its output",
        "it still draws random numbers",
        "build the graph to freeze with is_training=False",
        ("thtrieu/darkflow#27",),
    ),
    Cause(
        "training-flag",
        "has an is_training placeholder that defaults to true",
        "is_training defaults to true",
        "build the graph to freeze with is_training=False, a Python bool, or feed the placeholder",
    ),
    Cause(
        "batch-norm-epsilon",
        "normalises with another epsilon",
        "it normalises with another epsilon",
        "use the epsilon that the model was trained with",
    ),
    Cause(
        "batch-norm-folding",
        "had its BatchNorm folded into a convolution whose output is read elsewhere too, or was "
        "folded wrongly",
        "BatchNorm was folded wrongly",
        "leave fold_batch_norms out for this graph, or keep the convolution's second reader away "
        "from the folded value",
        ("tensorflow-onnx#1494",),
    ),
    Cause(
        "changed-operation",
        "has an operation or attribute that the live graph does not have",
        "an operation or attribute is another",
        "build the graph to freeze from the same code and arguments as the evaluation's",
    ),
    Cause(
        "input-transform",
        "scales, shifts, clips, reverses or transposes its input, or takes one for another",
        "it changes its input first",
        "leave preprocessing either outside of both models or inside of both, and give inputs the "
        "names that they have in the live model",
        ("tensorflow-onnx#1428",),
    ),
    Cause(
        "output-tensor",
        "answers with another tensor",
        "it answers with another tensor",
        "name the output that was evaluated when freezing, or declare `outputs` for the artifact",
    ),
    Cause(
        "class-order",
        "has its classes in another order",
        "its classes are in another order",
        "check the label map and the offset of a background class",
    ),
    Cause(
        "reduced-precision",
        "has rounded weights",
        "{weights} rounded",
        "freeze in float32; if the rounding is wanted, declare an atol for this artifact",
    ),
    Cause(
        "altered-weights",
        "differs in a few elements from a weight that it otherwise matches",
        "{weights} altered in a few elements",
        "write the file anew; look for an edit, a merge or a broken transfer",
    ),
    Cause(
        "batch-dependence",
        "answers differently to the same row in another batch",
        "answers depend on the other rows of the batch",
        "remove what mixes the rows of a batch",
    ),
    Cause(
        "non-finite",
        "answers NaN or infinity where the live model does not, or the reverse",
        "it answers NaN or infinity",
        "look at the named weights and at divisions and logarithms before the output",
    ),
    Cause(
        "self-comparison",
        "is the live graph itself, or could not be told apart from it",
        "it is the live graph itself",
        "load the artifact into a graph and session of its own",
    ),
    Cause(
        "unknown",
        "differs, and none of the known causes could be proven",
        "no cause could be proven",
        "compare how both were built and restored, starting at the first tensor that differs",
    ),
)

CAUSES = {cause.id: cause for cause in _EVERY}


def as_markdown() -> str:
    """Return the page of the documentation that lists the causes."""
    lines = [
        "# Causes",
        "",
        "What a failure can be put down to. A cause is *proven* if repairing it in memory makes",
        "the difference vanish, and leaving it unrepaired does not; a suspicion that could not be",
        "proven is said to be one. This page is made from `pytest_freezecheck/report/causes.py`.",
        "",
        "| cause | the frozen model | to fix it | met in |",
        "|---|---|---|---|",
    ]
    for cause in CAUSES.values():
        sources = ", ".join(cause.sources) or "-"
        lines.append(f"| `{cause.id}` | {cause.meaning} | {cause.fix} | {sources} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(as_markdown(), end="")
