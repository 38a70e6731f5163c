"""Inputs that an operation of a TFLite file cannot do without, looked at before it is run.

Interpreters check that an index names a tensor, and take -1 for an input that may be left out. Of
one that may not, a kernel reads what is not there, which ends the process.
"""

from __future__ import annotations

from typing import Any

_ABSENT = -1
#: `BuiltinOperator` (schema.fbs): recurrent layers leave out weights of gates; custom operations
#: have rules of their own.
_RECURRENT = frozenset({16, 24, 27, 35, 44, 46, 52})
_CUSTOM = 32
#: From here on, inputs may be left out: a bias, mostly.
_OPTIONAL = 2


def lacking(model: Any) -> str | None:
    """Return what is missing in a `ModelT`, in words, or None."""
    kinds = [max(c.builtinCode, c.deprecatedBuiltinCode) for c in model.operatorCodes or ()]
    for graph in model.subgraphs or ():
        for number, operator in enumerate(graph.operators or ()):
            kind = kinds[operator.opcodeIndex]
            needed = 1 if kind in _RECURRENT else 0 if kind == _CUSTOM else _OPTIONAL
            given = [] if operator.inputs is None else list(operator.inputs)[:needed]
            made = [] if operator.outputs is None else list(operator.outputs)
            if _ABSENT in given or (_ABSENT in made and needed == _OPTIONAL):
                return f"operation {number} has an input or output that is no tensor"
    return None
