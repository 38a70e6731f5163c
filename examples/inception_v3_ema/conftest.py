"""The live model: what the team's evaluation restores. Trains first if there is no checkpoint."""

from pathlib import Path

import pytest

TRAIN_DIR = Path(__file__).parent / "train_dir"


@pytest.fixture(scope="session")
def checkpoint():
    """Prefix of the latest checkpoint."""
    import tensorflow as tf
    import train

    if tf.train.latest_checkpoint(str(TRAIN_DIR)) is None:
        TRAIN_DIR.mkdir(exist_ok=True)
        train.train(str(TRAIN_DIR))
    return tf.train.latest_checkpoint(str(TRAIN_DIR))


@pytest.fixture(scope="session")
def freezecheck_live_model(checkpoint):
    """Inception v3 with shadows for what is trainable, and BatchNorm's own statistics."""
    import net

    from pytest_freezecheck import InputSpec, LiveModel

    model = LiveModel.from_checkpoint(
        net.build,
        checkpoint,
        {"images": InputSpec(net.SHAPE, "float32", -1.0, 1.0)},
        ema="trainable",
        name="inception_v3",
    )
    yield model
    model.close()
