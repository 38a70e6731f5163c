"""The JSON Schema of `[tool.freezecheck]`, for editors and for validate-pyproject.

Which keys there are, and which words a key takes, is read from what `pyproject` reads tables into;
what each value looks like stands here. `table.schema.json` beside this is written by
`python -m pytest_freezecheck.declared.schema table`; without `table` it prints a schema of a whole
pyproject.toml, which is what an editor wants.

A schema knows no more than the form of a table: that two names differ, or that `low` is less than
`high`, pytest says. Draft 7, which all of these tools have; no `$ref`, which not all follow.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pytest_freezecheck.declared.model import NAME, TARGET, Artifact, Model, keys_of
from pytest_freezecheck.settings import MOST_EXAMPLES, REQUIRED
from pytest_freezecheck.spec.extents import RANGE
from pytest_freezecheck.spec.inputs import DTYPES, EMA_MODES, WIDE_INTEGERS, InputSpec
from pytest_freezecheck.spec.outputs import KINDS, OutputSpec

FILE = Path(__file__).with_name("table.schema.json")
_DRAFT = "http://json-schema.org/draft-07/schema#"
#: The largest finite float: `inf` is a number in TOML.
_FINITE = sys.float_info.max

Schema = dict[str, Any]


def tool_schema(tool_name: str) -> Schema:  # noqa: ARG001 - validate-pyproject hands it over
    """Return the schema of `[tool.freezecheck]`; validate-pyproject asks for it.

    Args:
        tool_name: the table's name, which validate-pyproject passes.
    """
    schema: Schema = json.loads(FILE.read_text("utf-8"))
    return schema


def of_table() -> Schema:
    """Return the schema of `[tool.freezecheck]`, made of the declarations."""
    return {
        "$schema": _DRAFT,
        "$id": "urn:pytest-freezecheck:table",
        "title": "[tool.freezecheck]",
        "description": "Models that pytest --freezecheck compares with the files that ship.",
        **_table(),
    }


def of_pyproject() -> Schema:
    """Return a schema of a whole pyproject.toml, of which it describes our table alone."""
    tool = {"type": "object", "properties": {"freezecheck": _table()}}
    return {
        "$schema": _DRAFT,
        "$id": "urn:pytest-freezecheck:pyproject",
        "title": "pyproject.toml with [tool.freezecheck]",
        "type": "object",
        "properties": {"tool": tool},
    }


def _table() -> Schema:
    models = {
        "type": "object",
        "description": "A table for each model: [tool.freezecheck.models.<name>].",
        "propertyNames": {"pattern": _whole(NAME.pattern)},
        "additionalProperties": _model(),
    }
    return {"type": "object", "properties": {"models": models}, "additionalProperties": False}


def _object(kind: type, described: Mapping[str, Schema], **more: Any) -> Schema:
    """Return the schema of a table with the keys of a dataclass.

    Raises:
        KeyError: a key of it is not described here.
    """
    properties = {key: described[key] for key in keys_of(kind)}
    return {"type": "object", "properties": properties, "additionalProperties": False, **more}


def _described(text: str, schema: Schema) -> Schema:
    return {"description": text, **schema}


def _whole(pattern: str) -> str:
    """Return a pattern that has to match from the first character to the last."""
    return f"^(?:{pattern})$"


def _table_of(values: Schema, **more: Any) -> Schema:
    return {"type": "object", "additionalProperties": values, **more}


_TEXT: Schema = {"type": "string"}
_FUNCTION: Schema = {"type": "string", "pattern": _whole(TARGET.pattern)}
_SHARE: Schema = {"type": "number", "minimum": 0, "maximum": 1}
_NON_NEGATIVE: Schema = {"type": "number", "minimum": 0, "maximum": _FINITE}
_NUMBER: Schema = {"type": "number", "minimum": -_FINITE, "maximum": _FINITE}
_NAMES: Schema = {"type": "array", "items": {"type": "string", "minLength": 1}}

#: What a model and each of its artifacts may have.
_OF_BOTH: dict[str, Schema] = {
    "ignore_outputs": _described(
        "Outputs of artifacts that nobody reads, and that need not be compared; * and ? match.",
        _NAMES,
    ),
    "ignore_weights": _described(
        "Live weights that are meant to be others in artifacts; * and ? match.", _NAMES
    ),
    "allow_ops": _described(
        "Types of operations for which a file is not refused; * and ? match.", _NAMES
    ),
    "atol": _described(
        "Largest absolute difference allowed in any probability (default: 1e-5).", _NON_NEGATIVE
    ),
    "examples": _described(
        "Hypothesis examples for each artifact (default: 100).",
        {"type": "integer", "minimum": 1, "maximum": MOST_EXAMPLES},
    ),
    "logit_rtol": _described(
        "Largest difference of the centred logits, relative to the largest (default: 1e-4); "
        "false turns it off.",
        {"anyOf": [_NON_NEGATIVE, {"const": False}]},
    ),
    "min_power": _described(
        "Least share of planted mistakes that the inputs have to catch (default: 0).", _SHARE
    ),
    "require": _described(
        "What a check needs to pass: agreement of answers, or proof that both sides compute the "
        "same (default: agreement).",
        {"enum": list(REQUIRED)},
    ),
}

_OUTPUT: dict[str, Schema] = {
    "kind": _described(
        "What the output holds, where the live graph does not tell.", {"enum": list(KINDS)}
    ),
    "atol": _described("Largest difference, in the unit of the output.", _NON_NEGATIVE),
}


def _model() -> Schema:
    from pytest_freezecheck import formats

    artifact = _artifact()
    path_or_table = {"anyOf": [artifact["properties"]["path"], artifact]}
    # A conftest.py can add ways, so any name is right here; ours are offered.
    way = {"anyOf": [{"enum": list(formats.WAYS)}, {"type": "string"}]}
    described: dict[str, Schema] = {
        **_OF_BOTH,
        "inputs": _described(
            "A table for each input, named as the placeholder is.",
            _table_of(_input(), minProperties=1),
        ),
        "build": _described(
            "Builds the inference graph: build(**placeholders) -> tensor, or {name: tensor}.",
            _FUNCTION,
        ),
        "checkpoint": _described("A checkpoint's prefix, or a folder: its latest one.", _TEXT),
        "ema": _described(
            "What the evaluation reads from EMA shadows (default: trainable).",
            {"enum": list(EMA_MODES)},
        ),
        "live": _described(
            "In place of build: returns (session, inputs, outputs), or a Keras model.", _FUNCTION
        ),
        "artifacts": _described(
            "Files and folders that ship.", {"type": "array", "items": path_or_table}
        ),
        "freeze": _described(
            "Ways to freeze the live model afresh, and check the result.",
            {"type": "array", "items": way},
        ),
        "export": _described(
            "The team's own export(live, directory); what it writes is checked.", _FUNCTION
        ),
        "outputs": _described(
            "What outputs hold, and how far each may be apart.",
            _table_of(_object(OutputSpec, _OUTPUT)),
        ),
    }
    sources = [
        {"required": ["build", "checkpoint"], "not": {"required": ["live"]}},
        {
            "required": ["live"],
            "not": {"anyOf": [{"required": ["build"]}, {"required": ["ema"]}]},
        },
    ]
    return _object(Model, described, required=["inputs"], oneOf=sources)


def _artifact() -> Schema:
    example = {
        "oneOf": [
            {"type": "array", "items": _TEXT, "minItems": 1},
            _table_of(_TEXT, minProperties=1),
        ]
    }
    other: list[Schema] = [{"value": True}, {"tf_example": example}]
    given = [
        _TEXT,
        *(
            {
                "type": "object",
                "properties": each,
                "required": list(each),
                "additionalProperties": False,
            }
            for each in other
        ),
    ]
    described: dict[str, Schema] = {
        **_OF_BOTH,
        "path": _described(
            "A file or folder; its format is told by its content.",
            {"type": "string", "minLength": 1, "pattern": r"^[^\[\]]*$"},
        ),
        "inputs": _described(
            "Names in the artifact by live names; { value = ... } for an input that the live "
            "model has not, { tf_example = [...] } for serialised tf.Examples.",
            _table_of({"anyOf": given}),
        ),
        "outputs": _described("Names in the artifact by live names.", _table_of(_TEXT)),
        "signature": _described(
            "The key of a signature, of a SavedModel or TFLite file (default: serving_default).",
            _TEXT,
        ),
    }
    return _object(Artifact, described, required=["path"])


def _input() -> Schema:
    size = {
        "anyOf": [
            {"type": "integer", "minimum": 1},
            {"type": "string", "pattern": _whole(RANGE.pattern)},
        ]
    }
    described: dict[str, Schema] = {
        "shape": _described(
            'Sizes without the batch dimension; a range such as "8..32" is a size too.',
            {"type": "array", "items": size},
        ),
        "dtype": _described("A NumPy name, or string (default: float32).", {"enum": list(DTYPES)}),
        "low": _described("Least legal value: nothing below is fed.", _NUMBER),
        "high": _described("Largest legal value: nothing above is fed.", _NUMBER),
        "samples": _described(
            "Patterns of .npy files with real inputs; of strings also .txt.",
            {"anyOf": [_pattern("npy|txt"), {"type": "array", "items": _pattern("npy|txt")}]},
        ),
        "choices": _described(
            "The strings that are fed, of dtype string.", {"type": "array", "items": _TEXT}
        ),
    }
    strings = {"properties": {"dtype": {"const": "string"}}, "required": ["dtype"]}
    no_numbers = {"properties": {"dtype": {"enum": ["string", "bool"]}}, "required": ["dtype"]}
    wide = {"properties": {"dtype": {"enum": list(WIDE_INTEGERS)}}, "required": ["dtype"]}
    samples = {"anyOf": [_pattern("npy"), {"type": "array", "items": _pattern("npy")}]}
    filled = {"required": ["choices"], "properties": {"choices": {"minItems": 1}}}
    some = {"required": ["samples"], "properties": {"samples": {"minItems": 1}}}
    drawn = _object(
        InputSpec,
        described,
        required=["shape"],
        allOf=[
            {"if": strings, "then": {"anyOf": [filled, some]}},
            {"if": wide, "then": {"required": ["low", "high"]}},
            {
                "if": no_numbers,
                "then": {"not": {"anyOf": [{"required": ["low"]}, {"required": ["high"]}]}},
            },
            {
                "if": strings,
                "else": {"properties": {"samples": samples, "choices": {"maxItems": 0}}},
            },
        ],
    )
    constant = {
        "type": "object",
        "properties": {
            "value": _described("What is always fed.", {"not": {"type": ["null", "object"]}})
        },
        "required": ["value"],
        "additionalProperties": False,
    }
    return {"anyOf": [drawn, constant]}


def _pattern(endings: str) -> Schema:
    return {"type": "string", "pattern": rf"\.({endings})$"}


def main(arguments: list[str]) -> int:
    """Print a schema and return the exit status."""
    schema = of_table() if arguments == ["table"] else of_pyproject()
    print(json.dumps(schema, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
