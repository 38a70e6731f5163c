"""The networks of `tf_slim.nets`, each with a checkpoint as a training with an EMA leaves it.

Nothing is trained: weights are drawn, the statistics of BatchNorm are measured on pictures, and
the last layer is scaled until the network tells those pictures apart. A network whose variables
still have their initial values, or whose answers are level or saturated, would hide the very
mistakes that it is there to show.
"""

from __future__ import annotations

import dataclasses
import math
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from pytest_freezecheck import InputSpec, LiveModel
from pytest_freezecheck.models import slim as compatibility
from pytest_freezecheck.models.outputs import find_logits
from pytest_freezecheck.models.session import plain_config
from tests.kit.subjects import Subject

compatibility.prepare()
import tf_slim as slim  # noqa: E402
from tf_slim.nets import alexnet, inception, overfeat, resnet_v1, resnet_v2, vgg  # noqa: E402

v1 = tf.compat.v1
Array = npt.NDArray[np.float32]
CLASSES, INPUT = 10, "images"
_SEED, _PICTURES, _UPDATES = 7, 32, 4
#: Of BatchNorm's statistics: after so many updates the initial ones count for a sixteenth.
_DECAY = 0.5
#: Standard deviation of the centred logits of a network that is neither unsure nor certain.
_SPREAD = 3.0
#: How far raw weights are from their shadows, in standard deviations of each variable.
_NOISE = 0.01
#: Bytes of values that variables are given in one run: all at once would be all of them twice.
_AT_ONCE = 2**28


@dataclasses.dataclass(frozen=True)
class Net:
    """A network of `tf_slim.nets`.

    Attributes:
        name: that of the function which builds it.
        function: `function(images, num_classes, is_training=...)`, which builds it.
        scope: returns its arg scope.
        size: side of the smallest picture that leaves its layers something to do.
        classes: that it tells apart.
    """

    name: str
    function: Callable[..., Any]
    scope: Callable[[], Mapping[Any, Mapping[str, Any]]]
    size: int
    classes: int = CLASSES

    @property
    def spec(self) -> InputSpec:
        """What a picture is: float32, shape (size, size, 3), -1 to 1."""
        return InputSpec((self.size, self.size, 3))

    def build(self, images: Any, is_training: bool = False) -> Any:
        """Return the probabilities, shape (batch, classes), or (batch, 1, 1, classes) of a ResNet.

        Args:
            images: float32, shape (batch, size, size, 3).
            is_training: normalise with the batch's statistics, which are updated fast, and drop
                units.
        """
        with slim.arg_scope(_updating_fast(self.scope())):
            logits, ends = self.function(images, self.classes, is_training=is_training)
        for end in ("Predictions", "predictions"):
            if end in ends:
                return ends[end]
        return tf.nn.softmax(logits, name="probabilities")


def _nets() -> dict[str, Net]:
    """Collect them; the sizes come from the layers that do not pad.

    VGG, OverFeat and AlexNet end in a convolution over all of the last map, which has to be 7 x 7,
    6 x 6 and 5 x 5; Inception v1 in a pooling over 7 x 7. The auxiliary head of Inception v3 pools
    over 5 x 5. The others take any size, and have 3 x 3 left of this one.
    """
    alex, inc, over = alexnet.alexnet_v2_arg_scope, inception, overfeat.overfeat_arg_scope
    return {
        net.name: net
        for net in (
            Net("alexnet_v2", alexnet.alexnet_v2, alex, 195),
            Net("inception_v1", inc.inception_v1, inc.inception_v1_arg_scope, 193),
            Net("inception_v2", inc.inception_v2, inc.inception_v2_arg_scope, 65),
            Net("inception_v3", inc.inception_v3, inc.inception_v3_arg_scope, 107),
            Net("overfeat", overfeat.overfeat, over, 231),
            *(
                Net(f"{name}_{layers}", getattr(module, f"{name}_{layers}"), scope, 65)
                for name, module, scope in (
                    ("resnet_v1", resnet_v1, resnet_v1.resnet_arg_scope),
                    ("resnet_v2", resnet_v2, resnet_v2.resnet_arg_scope),
                )
                for layers in (50, 101, 152, 200)
            ),
            *(
                Net(name, getattr(vgg, name), vgg.vgg_arg_scope, 224)
                for name in ("vgg_a", "vgg_16", "vgg_19")
            ),
        )
    }


def _updating_fast(scope: Mapping[Any, Mapping[str, Any]]) -> dict[Any, dict[str, Any]]:
    """Return an arg scope with another decay of the statistics, which some of them do not take."""
    changed = {}
    for function, given in scope.items():
        changed[function] = dict(given)
        if "normalizer_params" in given:
            changed[function]["normalizer_params"] = {**given["normalizer_params"], "decay": _DECAY}
        if "decay" in given:
            changed[function]["decay"] = _DECAY
    return changed


#: {name: network}
NETS = _nets()
#: Those with more than a hundred million parameters.
LARGE = ("overfeat", "vgg_a", "vgg_16", "vgg_19")


def subject(net: Net, folder: Path) -> Subject:
    """Return a network with its checkpoint, which is written if the folder has none yet.

    Args:
        net: the network.
        folder: where the checkpoint is, or shall be: twice as large as the weights.
    """
    prefix = str(folder / net.name)
    if not Path(f"{prefix}.index").exists():
        _save(net, _calibrated(net), prefix)
    return Subject(net.name, net.build, INPUT, net.spec, folder, prefix, prefix)


def drawn_at_random(net: Net) -> LiveModel:
    """Return a network with random weights and statistics, of which nothing was measured.

    It says nothing about pictures, and has to compute the same wherever it is exported to.
    """
    with tf.Graph().as_default() as graph, v1.Session(graph=graph, config=plain_config()) as run:
        images = v1.placeholder(tf.float32, [None, *net.spec.shape], name=INPUT)
        answers = net.build(images)
        some: dict[Any, Array] = {}
        for variable in v1.global_variables():
            name, shape = variable.op.name, variable.shape.as_list()
            some[variable] = _drawn(name, shape)
            if "/moving_" in name:
                normal = _rng(name).standard_normal(shape, np.float32)
                some[variable] = np.exp(normal / 2) if "variance" in name else normal / 10
            if sum(array.nbytes for array in some.values()) > _AT_ONCE:
                _load(run, some)
                some = {}
        _load(run, some)
        outputs = {"probabilities": answers}
        return LiveModel.from_session(
            run, {INPUT: images}, outputs, {INPUT: net.spec}, name=net.name
        )


def pictures(count: int, size: int, seed: int) -> Array:
    """Draw pictures from smooth to pure noise, of all contrasts and brightnesses.

    A network that has never seen the like of what a check feeds answers it with logits of several
    hundred, beside which a fault of those to be compared is small.

    Returns:
        float32, shape (count, size, size, 3), -1 to 1.
    """
    rng = np.random.default_rng(seed)
    down, across = np.mgrid[0:size, 0:size, 0:1][:2] / size
    drawn = np.zeros((count, size, size, 3))
    for _ in range(3):
        one, other, phase = rng.uniform(-18.0, 18.0, (3, count, 1, 1, 3))
        drawn += np.sin(one * down + other * across + phase) / 2.0
    each = (count, 1, 1, 1)
    drawn += (rng.uniform(-1.0, 1.0, drawn.shape) - drawn) * rng.uniform(0.0, 1.0, each)
    contrast, brightness = 10.0 ** rng.uniform(-1.5, 0.5, each), rng.uniform(-0.8, 0.8, each)
    return np.clip(drawn * contrast + brightness, -1.0, 1.0).astype(np.float32)


def _calibrated(net: Net) -> dict[str, Array]:
    """Return {variable: value} with statistics of pictures, which differ from batch to batch."""
    with tf.Graph().as_default() as graph, v1.Session(graph=graph, config=plain_config()) as run:
        images = v1.placeholder(tf.float32, [None, *net.spec.shape])
        net.build(images, is_training=True)
        variables = v1.global_variables()
        _load(run, {v: _drawn(v.op.name, v.shape.as_list()) for v in variables})
        updates = v1.get_collection(v1.GraphKeys.UPDATE_OPS)
        for number in range(_UPDATES if updates else 0):
            run.run(updates, {images: pictures(_PICTURES, net.size, _SEED + 1 + number)})
        return {v.op.name: x for v, x in zip(variables, run.run(variables), strict=True)}


def _drawn(name: str, shape: list[int]) -> Array:
    """Draw the value of a variable: whatever it is, no element of it keeps its initial value."""
    kind = name.rsplit("/", 1)[-1]
    if kind.startswith("moving_"):  # to be measured
        return np.full(shape, kind == "moving_variance", np.float32)
    normal = _rng(name).standard_normal(shape, np.float32)
    if kind == "gamma":
        return np.float32(1.0) + np.float32(0.1) * normal
    if len(shape) < 2:
        return np.float32(0.1) * normal
    # As many inputs as the filters of one channel have: rectified activations keep their size.
    inputs = math.prod(shape[:2] if kind == "depthwise_weights" else shape[:-1])
    return normal * np.float32(math.sqrt(2.0 / inputs))


def _rng(name: str) -> np.random.Generator:
    """Return a generator of a variable's own, whatever other variables there are."""
    return np.random.default_rng([_SEED, zlib.crc32(name.encode())])


def _save(net: Net, values: dict[str, Array], prefix: str) -> None:
    """Write the variables that an evaluation reads, and beside them those that it must not."""
    with tf.Graph().as_default() as graph, v1.Session(graph=graph, config=plain_config()) as run:
        images = v1.placeholder(tf.float32, [None, *net.spec.shape])
        logits = find_logits(net.build(images))
        variables = v1.global_variables()
        _load(run, {v: values[v.op.name] for v in variables})
        answered = run.run(logits, {images: pictures(_PICTURES, net.size, _SEED)})
        _tell_apart(values, [v.op.name for v in v1.trainable_variables()[-2:]], answered)

        average = tf.train.ExponentialMovingAverage(0.99)
        average.apply(variables)
        trained = {v.op.name for v in v1.trainable_variables()}
        some: dict[Any, Array] = {}
        for variable in variables:
            value = values.pop(variable.op.name)
            other = _apart(variable.op.name, value)
            # An evaluation reads the shadows of what is trained, and the statistics themselves.
            raw, shadow = (other, value) if variable.op.name in trained else (value, other)
            some |= {variable: raw, average.average(variable): shadow}
            if sum(array.nbytes for array in some.values()) > _AT_ONCE or not values:
                _load(run, some)
                some = {}
        v1.train.Saver().save(run, prefix, write_meta_graph=False)


def _tell_apart(values: dict[str, Array], last: list[str], logits: Array) -> None:
    """Scale the last layer until the logits spread, about a middle that favours no class."""
    classes = logits.shape[-1]
    answered = logits.reshape(-1, classes)
    mean = answered.mean(axis=0)
    rest = answered - mean
    # Of most pictures: a ResNet v1 answers a few of them with logits ten times as large.
    spread = np.median(rest.std(axis=1))
    weights, biases = last
    factor = np.float32(_SPREAD / spread)
    values[weights] = values[weights] * factor
    values[biases] = (values[biases] - mean) * factor + _drawn(biases, [classes])


def _apart(name: str, value: Array) -> Array:
    """Return another value, as far off as a raw weight is from its shadow."""
    noise = np.float32(_NOISE) * _rng(f"{name}: apart").standard_normal(value.shape, np.float32)
    # A variance stays positive.
    spread = value if name.endswith("moving_variance") else value.std()
    return np.asarray(value + noise * spread)


def _load(session: Any, values: Mapping[Any, Array]) -> None:
    """Give variables these values, in one run: each list of fetches is prepared anew."""
    feeds = {variable.initializer.inputs[1]: value for variable, value in values.items()}
    session.run([variable.initializer for variable in values], feeds)
