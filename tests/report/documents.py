"""Documents of runs that the page is made of: written by hand, as the JSON report has them."""

from __future__ import annotations

import copy
import math
from typing import Any

from pytest_freezecheck.report import json as json_report
from pytest_freezecheck.result.agreement import Agreement
from pytest_freezecheck.result.reasons import REASONS

VERSIONS = {"pytest-freezecheck": "0.1.0", "tensorflow": "2.21.0", "numpy": "2.4.6"}
#: A name that would end an attribute, a style sheet or a tag, that runs to the left, that rings.
HOSTILE = (
    "a b\"'<script>alert(1)</script></style></title>$\\frac{1}{0}$ \u202eжизнь模型\x07\udc80&amp;"
)
#: It as it is seen: what would act stands there as its code.
SEEN = HOSTILE.replace("\u202e", "\\u202e").replace("\x07", "\\x07").replace("\udc80", "\\udc80")
LONG = "export/" + "a-very-long-name-without-a-blank" * 8 + ".pb"


def check(artifact: str, reason: str, **fields: Any) -> dict[str, Any]:
    """Return a check that ended for a reason, with some fields of its own."""
    outcome = REASONS[reason][0]
    agreement = Agreement("flowers", artifact, "graph_def", None, outcome, reason)
    found = {**agreement.as_json(), "exhibit": None, "seconds": 1.25}
    if outcome in ("passed", "failed"):
        found |= {
            "max_abs_diff": 0.0,
            "noise_floor": 0.0,
            "exact": True,
            "inputs": 390,
            "examples": 100,
            "largest_batch": 257,
            "compared": [compared("probabilities")],
            "power": power(),
            "proof": proof("identical"),
            "message": f"freezecheck: flowers, {artifact} agrees with the live model",
            "checkpoint": "train_dir/model.ckpt-200",
            "ema": "trainable",
            "sha256": {"artifact": "ab" * 32, "checkpoint": "cd" * 32},
        }
    if outcome == "failed":
        found |= {
            "message": f"{reason}: it is so\n  flowers, {artifact}\n  and the rest of it",
            "exact": False,
        }
    found["declared_at"] = {"file": "pyproject.toml", "line": 12}
    found["nodeid"] = f"pyproject.toml::flowers::{artifact}"
    return {**found, **fields}


def compared(output: str, **fields: Any) -> dict[str, Any]:
    """Return an output that was compared."""
    return {
        "output": output,
        "artifact_output": output,
        "kind": "probabilities",
        "shape": [8, 4],
        "dtype": "float32",
        "allowed": 1e-5,
        "rtol": 0.0,
        "size": 0.0,
        "max_abs_diff": 0.0,
        "ratio": 0.0,
        "apart": 0.0,
        "index": [0, 0],
        "live": 0.25,
        "frozen": 0.25,
        "too_far": 0,
        "values": 32,
        "compared": 1560,
        "undecided": 0,
        "non_finite": False,
        "problem": None,
        "logit_rel_diff": 0.0,
        "where": "8 rows",
        **fields,
    }


def power(survivors: int = 0) -> dict[str, Any]:
    """Return planted mistakes of which some were not noticed."""
    layers = ("conv1/weights", "conv1/BatchNorm/gamma", "conv2/pointwise_weights", "logits/biases")
    named = [
        {
            "mistake": f"{layers[n % 4]}[{n}, 0] shifted by 0.01",
            "reason": "below the tolerance on 160 of 429 inputs: moves an answer by at most 2e-06",
        }
        for n in range(survivors)
    ]
    return {
        "caught": 278 - survivors,
        "in_all": 278 - survivors // 2,
        "planted": 278,
        "score": round((278 - survivors) / 278, 4),
        "weights": 18,
        "altered": 18,
        "survivors": named,
    }


def proof(result: str, **fields: Any) -> dict[str, Any]:
    """Return what the comparison of computations came to."""
    return {
        "result": result,
        "furthest": 0.0,
        "bound": 0.0,
        "at": None,
        "grid": None,
        "weights_accounted": 1.0,
        "constants": [],
        "operations": [],
        "stopped_at": None,
        **fields,
    }


def image(channels: int = 3, height: int = 16, width: int = 16) -> dict[str, Any]:
    """Return an even image of which two cells are away from the background."""
    values = [[[0.0] * width for _ in range(height)] for _ in range(channels)]
    values[0][height // 3][width // 2] = 1.0
    values[-1][height // 2][width // 4] = -0.5
    return {
        "name": "images",
        "form": "image",
        "shape": [height, width, channels],
        "dtype": "float32",
        "values": values,
        "step": [1, 1, 1],
        "background": 0.0,
        "away": 2,
    }


EDIT = {
    "file": "classifier/export.py",
    "line": 24,
    "old": "        v1.train.Saver().restore(session, CHECKPOINT)",
    "new": "        v1.train.Saver(average.variables_to_restore()).restore(session, CHECKPOINT)",
}


def exhibit(**fields: Any) -> dict[str, Any]:
    """Return what shows a failure of a small convolutional classifier."""
    live = [0.0190, 0.0127, 0.9567, 0.0116]
    frozen = [0.0210, 0.0131, 0.9472, 0.0187]
    names = ["conv1/Conv2D", "conv1/BatchNorm", "conv1/Relu6", "conv2/depthwise"]
    names += ["conv2/BatchNorm", "conv2/Relu6", "pool", "conv3/Conv2D", "conv3/Relu6"]
    names += ["logits/MatMul", "softmax"]
    apart = [0.0, 3.1e-2, 2.9e-2, 4.4e-2, 1.2e-1, 8.0e-2, 7.1e-2, 2.2e-1, 1.4e-1, 9.0e-2, 9.5e-3]
    edges = [-8.0 + 0.5 * n for n in range(17)]
    return {
        "answers": [
            {
                "output": "probabilities",
                "live": live,
                "frozen": frozen,
                "first": 0,
                "of": 4,
                "worst": 2,
            }
        ],
        "inputs": [image()],
        "layers": [
            {"tensor": name, "difference": d, "size": 1.0 + n}
            for n, (name, d) in enumerate(zip(names, apart, strict=True))
        ],
        "histogram": {
            "edges": edges,
            "counts": [round(400 * math.exp(-(((n - 9) / 3) ** 2))) for n in range(16)],
            "zeros": 112,
            "non_finite": 0,
            "allowed": 1e-5,
            "floor": 4.8e-7,
        },
        "edit": EDIT,
        **fields,
    }


def failure(artifact: str = "export/frozen.pb", **fields: Any) -> dict[str, Any]:
    """Return a check of raw weights, with all that can be known of it."""
    lead = "raw-weights: 12 of 18 weights are raw, not averaged; answers 9.5e-03 apart in 'probabilities' (allowed 1e-05)"  # noqa: E501 - as it is written
    usual: dict[str, Any] = {
        "max_abs_diff": 0.0095,
        "noise_floor": 4.8e-7,
        "inputs": 830,
        "showing": 825,
        "compared": [
            compared(
                "probabilities",
                max_abs_diff=0.0095,
                ratio=950.0,
                apart=0.0095,
                index=[7, 2],
                live=0.9567,
                frozen=0.9472,
                too_far=24,
            )
        ],
        "cause": {
            "id": "raw-weights",
            "proven": True,
            "tensors": ["conv1/weights", "conv1/BatchNorm/gamma", "logits/biases"],
            "explanation": "the frozen model holds the raw weights where the live model reads "
            "their EMA shadows: 12 of 18 weights",
            "fix": "restore with ema.variables_to_restore() before freezing",
        },
        "first_difference": {"tensor": "conv1/BatchNorm", "max_abs_diff": 3.1e-2},
        "counterexample": {
            "path": ".freezecheck/flowers-frozen.pb.npz",
            "batch": 1,
            "nonzero": 2,
            "size": 768,
            "background": {"images": 0.0},
            "max_abs_diff": 0.0095,
        },
        "weights": {
            "compared": 18,
            "differing": [
                {"name": f"conv{n}/weights", "max_abs_diff": 0.01 * n} for n in range(1, 9)
            ],
            "absent": ["conv9/weights"],
        },
        "proof": proof("differs", furthest=0.14, bound=9.5e-7, at="conv3/BatchNorm/beta"),
        "power": power(9),
        "warnings": ["the tolerance is below the noise floor"],
        "message": f"{lead}\n  fix: restore with ema.variables_to_restore() before freezing\n"
        "  flowers, export/frozen.pb: output probabilities (8, 4) float32",
        "replay": "pytest --freezecheck --freezecheck-replay=.freezecheck/flowers-frozen.pb.npz",
        "exhibit": exhibit(),
    }
    return check(artifact, "differs", **{**usual, **fields})


def run(*checks: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """Return the document of a run that made these checks."""
    failed = any(one["outcome"] in ("failed", "error") for one in checks)
    missing = sum(one["reason"] == "no-result" for one in checks)
    ended = json_report.Session(4.2, len(checks), len(checks) - missing, int(failed), False)
    made = json_report.document(checks, VERSIONS, 0, ended)
    return {**copy.deepcopy(made), **fields}


def given(form: str, values: Any, **fields: Any) -> dict[str, Any]:
    """Return an input of a form."""
    usual = {"name": "input", "form": form, "shape": [len(values)], "dtype": "float32"}
    return {**usual, "values": values, "step": [1], "background": None, "away": 0, **fields}


def answer(live: list[Any], frozen: list[Any], **fields: Any) -> dict[str, Any]:
    """Return the answer of a row, whole."""
    usual = {"output": "probabilities", "first": 0, "of": len(live), "worst": 0}
    return {**usual, "live": live, "frozen": frozen, **fields}


def _waves(channels: int, length: int) -> list[list[float]]:
    return [[math.sin(n / (4 + c)) for n in range(length)] for c in range(channels)]


def _blobs(channels: int, height: int, width: int) -> list[Any]:
    return [
        [[math.sin(x / (5 + c)) * math.cos(y / 4) for x in range(width)] for y in range(height)]
        for c in range(channels)
    ]


#: What an exhibit can be, part by part: {what: exhibit}.
EXHIBITS: dict[str, dict[str, Any] | None] = {
    "none": None,
    "empty": {"answers": [], "inputs": [], "layers": [], "histogram": None, "edit": None},
    "nulls": {"answers": None, "inputs": None, "layers": None, "histogram": None, "edit": None},
    "nothing-in-it": exhibit(
        answers=[answer([], [])],
        inputs=[given("image", []), given("image", [[]]), given("series", [[]]), given("text", [])],
        layers=[],
        histogram={"edges": [], "counts": [], "zeros": 0, "non_finite": 0, "allowed": None,
                   "floor": None},
    ),
    "not-finite": exhibit(
        answers=[answer([0.25, "nan", 0.5, 0.25], ["nan", "nan", "-inf", 1e300])],
        inputs=[given("values", [0.0, "nan", "inf", 1e-40], background=0.0, away=3, shape=[4])],
        layers=[{"tensor": "a", "difference": 0.0, "size": 1.0},
                {"tensor": "conv1/BatchNorm", "difference": None, "size": 3e38}],
        histogram={"edges": [-3.0, -2.0], "counts": [0], "zeros": 3, "non_finite": 9,
                   "allowed": 0.0, "floor": 0.0},
    ),
    "many-values": exhibit(
        answers=[
            answer([n * 17 % 64 / 64 for n in range(64)], [n * 17 % 64 / 64.2 for n in range(64)],
                   first=936, of=1000, worst=971)
        ],
        inputs=[image(6, 100, 221) | {"values": _blobs(6, 50, 111), "step": [2, 2, 1],
                                      "background": None, "shape": [100, 221, 6]}],
        layers=[{"tensor": f"block{n // 8}/conv{n % 8}/Conv2D", "size": 2.0 + n % 7,
                 "difference": 0.0 if n < 40 else 1e-7 * 1.12**n} for n in range(150)]
        + [{"tensor": "conv1/BatchNorm", "difference": 3e-2, "size": 0.0}],
    ),
    "text": exhibit(
        answers=[answer(["tulip", "rose"], ["tulip", "daisy"], output="name", worst=1)],
        inputs=[given("text", ["a <b>rose</b>", HOSTILE], dtype="string", shape=[2])],
    ),
    "whole-numbers": exhibit(
        answers=[answer([True, False], [True, True], worst=1), answer([3], [10**400])],
        inputs=[given("values", list(range(80)), dtype="int32", background=0, away=79)],
    ),
    "series": exhibit(
        inputs=[
            given("series", _waves(1, 64), shape=[64, 1], step=[1, 1]),
            given("series", [[0.0] * 9 + [1.0] + [0.0] * 20] * 3, shape=[120, 3], step=[4, 1],
                  background=0.0, away=3),
        ]
    ),
}  # fmt: skip


def gallery() -> dict[str, Any]:
    """Return a run with a failure for each of `EXHIBITS`."""
    return run(*(failure(name, exhibit=found) for name, found in EXHIBITS.items()))


def everything() -> dict[str, Any]:
    """Return a run with a check of every kind, two models, and names that need care."""
    survivors = check(
        "tflite_float16",
        "agrees-lossy",
        lossy=True,
        max_abs_diff=8.8e-4,
        atol=0.01,
        noise_floor=4.8e-7,
        exact=False,
        power=power(40),
        proof=proof("equal", furthest=4.4e-4, grid="float16"),
        warnings=["40 of 278 planted mistakes are not noticed"],
    )
    other = {"model": "petals and more", "noise_floor": 5.7e-7}
    series, texts = (EXHIBITS[name]["inputs"] for name in ("series", "text"))  # type: ignore[index]
    missing = "export/missing.pb: no such file or folder"
    return run(
        check("export/saved_model", "identical"),
        check("onnx", "equal", max_abs_diff=1.5e-6, noise_floor=4.8e-7, exact=False,
              proof=proof("equal", furthest=1.2e-7)),
        survivors,
        failure(),
        failure(LONG, model="petals and more", exhibit={
            **(EXHIBITS["text"] or {}), "inputs": [*series, *texts], "histogram": None}),
        check("xla", "agrees-within-noise", **other, max_abs_diff=6e-7, within_noise=True),
        check(HOSTILE, "weights-differ", **other, max_abs_diff=0.0, message=f"{HOSTILE}\n-"),
        check("export/missing.pb", "artifact", message=missing),
        check("keras", "inapplicable", message="keras saves a Keras model, and flowers is none"),
        check("openvino", "unavailable", message="openvino needs openvino, not installed here"),
    )  # fmt: skip
