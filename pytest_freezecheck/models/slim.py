"""tf_slim on today's TensorFlow: supply the two names that it looks for and that have moved.

tf-slim 1.1.0, the newest release, reaches `tf_keras.legacy_tf_layers` through TensorFlow's own
lazy loader in `batch_norm`, which tf-keras keeps under `tf_keras.src`, and fused `batch_norm` on a
fully connected layer asks for `tensorflow.python.framework.ops.Tensor`, which lives in a module of
its own since TensorFlow 2.14. Both are supplied only where they are missing.
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
