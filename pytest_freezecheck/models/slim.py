"""tf_slim on today's TensorFlow: supply the three names that it looks for and that have moved.

tf-slim 1.1.0, the newest release, reaches `tf_keras.legacy_tf_layers` through TensorFlow's own
lazy loader in `batch_norm`, which tf-keras keeps under `tf_keras.src`, and fused `batch_norm` on a
fully connected layer asks for `tensorflow.python.framework.ops.Tensor`, which lives in a module of
its own since TensorFlow 2.14. With a tensor for `is_training`, its `smart_cond` asks for
`control_flow_ops.cond`, which has moved likewise. Each is supplied only where it is missing.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys

_OLD = "tf_keras.legacy_tf_layers"
_NEW = "tf_keras.src.legacy_tf_layers"


def prepare() -> None:
    """Make tf_slim usable in this process. Cheap to call again."""
    _alias_legacy_layers()
    _restore_ops_tensor()
    _restore_cond()


def _alias_legacy_layers() -> None:
    if _OLD in sys.modules or importlib.util.find_spec(_OLD) is not None:
        return
    sys.modules[_OLD] = importlib.import_module(_NEW)
    # TensorFlow imports this one submodule by its dotted name.
    sys.modules[f"{_OLD}.normalization"] = importlib.import_module(f"{_NEW}.normalization")


def _restore_ops_tensor() -> None:
    from tensorflow.python.framework import ops

    if not hasattr(ops, "Tensor"):
        from tensorflow.python.framework import tensor

        ops.Tensor = tensor.Tensor


def _restore_cond() -> None:
    from tensorflow.python.ops import control_flow_ops

    if not hasattr(control_flow_ops, "cond"):
        from tensorflow.python.ops import cond

        control_flow_ops.cond = cond.cond
