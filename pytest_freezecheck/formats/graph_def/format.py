"""Frozen GraphDef (`.pb`): which files are one, and the ways to freeze into one."""

from __future__ import annotations

from pathlib import Path

from pytest_freezecheck.formats.graph_def import convert, rewrites
from pytest_freezecheck.formats.graph_def import freeze_graph as tool
from pytest_freezecheck.formats.graph_def.file import is_text
from pytest_freezecheck.formats.graph_def.loader import FrozenGraphDef
from pytest_freezecheck.formats.graph_def.xla import XlaGraphDef
from pytest_freezecheck.formats.kinds import Format, Way


def _recognises(path: Path) -> bool:
    """Return whether this is a file that can be a serialised GraphDef, whatever its ending.

    A binary GraphDef begins with its first node: field 1, length-delimited, the byte 0x0A.
    """
    if not path.is_file():
        return False
    with path.open("rb") as file:
        start = file.read(64)
    return path.suffix == ".pb" or start[:1] == b"\n" or is_text(path, start)


_FREEZES = (
    Way(
        "graph_def",
        convert.convert_variables,
        FrozenGraphDef,
        "`tf.compat.v1.graph_util.convert_variables_to_constants` from the session",
        "takes what the session holds: raw weights, if the shadows were not restored",
    ),
    Way(
        "graph_def_v2",
        convert.convert_variables_v2,
        FrozenGraphDef,
        "`convert_variables_to_constants_v2` through a wrapped, pruned function",
        "`variables_to_restore()` raises inside a wrapped function; names mapped by hand instead "
        "go wrong in silence",
    ),
    Way(
        "freeze_graph",
        tool.from_graph_def,
        FrozenGraphDef,
        "TensorFlow's `freeze_graph` of GraphDef and checkpoint, with the saver that restores "
        "shadows (`input_saver`)",
        "without that saver: raw weights, or, with resource variables, IndexError",
    ),
    Way(
        "freeze_graph_meta",
        tool.from_meta_graph,
        FrozenGraphDef,
        "the same tool from a MetaGraph of the inference graph (`input_meta_graph`)",
        "the .meta beside a training checkpoint holds the training graph and no shadows",
    ),
    Way(
        "freeze_graph_saved_model",
        tool.from_saved_model,
        FrozenGraphDef,
        "the same tool from a SavedModel (`input_saved_model_dir`)",
        "takes what was saved: raw weights, if the SavedModel holds them",
    ),
    Way(
        "freeze_graph_cli",
        tool.on_command_line,
        FrozenGraphDef,
        "the same tool as a command: `python -m tensorflow.python.tools.freeze_graph`",
        "the flag `input_binary` is for graph and saver together: mixed, they do not parse",
    ),
)
_REWRITES = (
    Way(
        "strip_unused",
        rewrites.strip_unused,
        FrozenGraphDef,
        "`graph_def`, then `strip_unused`",
        "replaces inputs with placeholders of the dtype that it is told; leaves out the functions "
        "of loops and branches of TensorFlow 2",
    ),
    Way(
        "remove_training_nodes",
        rewrites.remove_training_nodes,
        FrozenGraphDef,
        "`graph_def`, then `remove_training_nodes`",
        "removes identities and CheckNumerics; a training graph stays one; leaves out functions, "
        "as `strip_unused`",
    ),
    Way(
        "optimize_for_inference",
        rewrites.optimize_for_inference,
        FrozenGraphDef,
        "`graph_def`, then `optimize_for_inference`",
        "folds BatchNorm (see `fold_batch_norms`); takes half a minute for an Inception v3; leaves "
        "out functions, as `strip_unused`; fuses a resize into a convolution, which TensorFlow "
        "2.21 answers rightly for the first row of a batch alone",
        bit_exact=False,
    ),
    Way(
        "fold_batch_norms",
        rewrites.fold_batch_norms,
        FrozenGraphDef,
        "`graph_def`, then `remove_training_nodes` and `fold_batch_norms`",
        "corrupts a convolution that feeds two BatchNorms, without a word; leaves out functions, "
        "as `strip_unused`",
        bit_exact=False,
    ),
    Way(
        "grappler",
        rewrites.grappler,
        FrozenGraphDef,
        "`graph_def`, then Grappler's `tf_optimizer`",
        "an optimiser that it does not know is left out without a word",
        bit_exact=False,
    ),
    Way(
        "xla",
        rewrites.xla,
        XlaGraphDef,
        "`graph_def`, compiled by XLA (`jit_compile=True`), fed in batches of a fixed size",
        "a placeholder that is left in the imported graph does not compile, nor a loop of "
        "TensorFlow 1, nor text",
        bit_exact=False,
    ),
    Way(
        "float16_constants",
        rewrites.float16_constants,
        FrozenGraphDef,
        "`graph_def`, its weights rounded to float16 and cast back",
        "a network with BatchNorm multiplies what rounding does: 2e-2 was seen on Inception v3",
        bit_exact=False,
        tolerances={"atol": 1e-2, "logit_rtol": 1e-2},
    ),
)

FORMAT = Format(
    name="graph_def",
    recognises=_recognises,
    load=FrozenGraphDef,
    ways=(*_FREEZES, *_REWRITES),
)
