"""The page of the documentation that lists our formats and ways: made from what they declare."""

from __future__ import annotations

from pytest_freezecheck.formats import registry
from pytest_freezecheck.formats.extras import Extra
from pytest_freezecheck.formats.kinds import Format, Way

#: {format: which files it is, what runs them, and which live models its ways are for}.
_ABOUT = {
    "graph_def": (
        "A file, binary or text (`.pb`, `.pbtxt`). TensorFlow runs it in a session without graph "
        "optimisation. The ways `freeze_graph`, `freeze_graph_meta` and `freeze_graph_cli` need "
        "the checkpoint and the Saver that restored the live model, which a model with `build` "
        "has. `graph_def_v2` cannot freeze reference variables of a model without `build`."
    ),
    "saved_model": (
        "A folder with `saved_model.pb` or `saved_model.pbtxt`. TensorFlow runs the signature "
        "`serving_default`, or the only one there is, without graph optimisation; "
        "`saved_model_cli` with it. One with reference variables is always loaded into a session. "
        "`saved_model_module` cannot save reference variables of a model without `build`."
    ),
    "tflite": (
        "A file with the identifier `TFL3` at its fifth byte, or called `.tflite`. LiteRT's "
        'interpreter runs it where it is installed (`pip install "pytest-freezecheck[tflite]"`), '
        "else TensorFlow's own `tf.lite`."
    ),
    "onnx": (
        "A file that begins as an ONNX model does, or is called `.onnx`, with its weights in it or "
        "beside it. onnxruntime runs it on the CPU."
    ),
    "openvino": (
        "An `.xml` with its `.bin` beside it. OpenVINO runs it on the CPU, in float32: a file that "
        "ships gets a warning where this CPU's default is another precision."
    ),
    "keras": (
        "A `.keras` archive, loaded in safe mode and run by TensorFlow without graph optimisation. "
        "Both ways are for a live model that is a Keras model."
    ),
}

_INTRODUCTION = """\
# Ways to freeze

Every way that `freeze` knows, by the format that it freezes into. The bare name of a format is its
ordinary way. Others can be [added](../how-to/add-a-format.md). This page is made from
`pytest_freezecheck/formats/`.

| a correct one | |
|---|---|
| is bit-identical | TensorFlow runs what was frozen as it was written: the answers are equal in every bit, and `freezecheck_exact` can demand it |
| rounds | the graph was rewritten, or another executor runs it: the answers are float noise apart, and have to be within the run's `atol` and `logit_rtol`, or, where nobody chose them, within [the noise](../how-to/tolerances.md#the-noise-floor) of the live model |
| is lossy | precision is given up on purpose: the tolerances named here take the place of the run's defaults, wherever nobody chose any ([Tolerances](../how-to/tolerances.md#ways-that-are-lossy)) |

A way that needs what is not installed is skipped, and the line that installs it is printed; a file
that ships is never skipped, but fails ([Converted files](../how-to/converted.md#where-an-extra-is-not-installed)).
"""  # noqa: E501 - rows of a table


def as_markdown() -> str:
    """Return the page, of our own formats alone."""
    sections = [_section(format_) for format_ in sorted(registry._OURS, key=_place)]
    return "\n".join([_INTRODUCTION, *sections])


def _place(format_: Format) -> int:
    return registry._LISTED.index(format_.name)


def _section(format_: Format) -> str:
    lines = [
        f"## {format_.name}",
        "",
        _ABOUT[format_.name],
        "",
        "| way | what it does | a correct one | needs | what goes wrong |",
        "|---|---|---|---|---|",
    ]
    lines += [_row(way, format_.extra) for way in format_.ways]
    return "\n".join(lines) + "\n"


def _row(way: Way, extra: Extra | None) -> str:
    every = {e.install: e for e in (extra, way.extra) if e is not None}
    needs = "; ".join(_needs(one) for one in every.values()) or "TensorFlow"
    cells = (f"`{way.name}`", way.summary, _correct(way), needs, way.pitfall or "-")
    return f"| {' | '.join(cells)} |"


def _correct(way: Way) -> str:
    if way.tolerances:
        allowed = ", ".join(f"`{name}` {value:g}" for name, value in way.tolerances.items())
        return f"is lossy: {allowed}"
    return "is bit-identical" if way.bit_exact else "rounds"


def _needs(extra: Extra) -> str:
    """Return its packages and the command, which may have a remark behind it."""
    command, remark, rest = extra.install.partition(" (")
    packages = ", ".join(f"`{name}`" for name in extra.modules)
    return f"{packages}: `{command}`{remark}{rest}"


if __name__ == "__main__":
    print(as_markdown(), end="")
