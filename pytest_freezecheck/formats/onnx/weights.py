"""The weights of an ONNX file as views into it; onnx itself would hold them twice.

A file is one message of Protocol Buffers (protobuf.dev/programming-guides/encoding). What is not
weights is handed to onnx, byte by byte as it was.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from pytest_freezecheck.computation.pages import mapped

#: onnx.proto: `graph` of ModelProto, `initializer` of GraphProto, `raw_data` of TensorProto.
_GRAPH, _INITIALIZER, _RAW = 7, 5, 9
#: Weights of fewer bytes stay in the message.
_SMALL = 1 << 12
#: `data_type` of what is kept as NumPy has it.
_PLAIN = {1: "<f4", 6: "<i4", 7: "<i8", 10: "<f2", 11: "<f8"}
_BYTES, _LONGEST = 2, 10

Span = tuple[int, int]


class Weights:
    """A file, its weights left where they are.

    Args:
        path: the file.

    Attributes:
        model: the `ModelProto`, without the values of large weights.
    """

    def __init__(self, path: Path) -> None:
        import onnx

        self._content: Any = b""
        self._spans: dict[int, Span] = {}
        if path.suffix == ".onnx":  # onnx goes by the name: it may be JSON or text
            self._content = mapped(path)
            try:
                rest, self._spans = _parted(self._content)
            except ValueError:  # written in an unusual way, or damaged: onnx says which
                self._spans = {}
            else:
                self.model = onnx.ModelProto.FromString(rest)
                return
        self.model = onnx.load(str(path), load_external_data=False)

    def array(self, number: int, tensor: Any) -> Any:
        """Return the value of an initializer, None where it is to be had from the message.

        Args:
            number: which of the graph's initializers it is.
            tensor: the `TensorProto`.
        """
        if number not in self._spans:
            return None
        begin, end = self._spans[number]
        kind = _PLAIN.get(tensor.data_type)
        if kind is None or tensor.data_location or tensor.HasField("segment"):
            tensor.raw_data = bytes(self._content[begin:end])
            return None
        if (end - begin) % np.dtype(kind).itemsize:
            raise ValueError(f"{end - begin} bytes are no numbers of {np.dtype(kind).name}")
        count = (end - begin) // np.dtype(kind).itemsize
        return np.frombuffer(self._content, kind, count, begin).reshape(tuple(tensor.dims))


def _parted(content: Any) -> tuple[bytes, dict[int, Span]]:
    """Return a model without large weights, and where each of them lies.

    Raises:
        ValueError: it is no message, or a field is there twice that should be once.
    """
    rest, graphs = bytearray(), 0
    spans: dict[int, Span] = {}
    for field, kind, begin, value, end in _fields(content, 0, len(content)):
        if field != _GRAPH or kind != _BYTES:
            rest += content[begin:end]
            continue
        graphs += 1
        if graphs > 1:
            raise ValueError("two graphs")  # they would be merged
        graph, spans = _of_graph(content, value, end)
        rest += bytes((_GRAPH << 3 | _BYTES,)) + _varint(len(graph)) + graph
    return bytes(rest), spans


def _of_graph(content: Any, start: int, stop: int) -> tuple[bytearray, dict[int, Span]]:
    rest, number = bytearray(), 0
    spans: dict[int, Span] = {}
    for field, kind, begin, value, end in _fields(content, start, stop):
        if field != _INITIALIZER or kind != _BYTES:
            rest += content[begin:end]
            continue
        found = [f for f in _fields(content, value, end) if f[:2] == (_RAW, _BYTES)]
        if len(found) > 1:
            raise ValueError("two values of one weight")
        if found and found[0][4] - found[0][3] >= _SMALL:
            _, _, here, there, last = found[0]
            spans[number] = (there, last)
            tensor = content[value:here] + content[last:end]
            rest += bytes((_INITIALIZER << 3 | _BYTES,)) + _varint(len(tensor)) + tensor
        else:
            rest += content[begin:end]
        number += 1
    return rest, spans


def _fields(content: Any, at: int, end: int) -> Iterator[tuple[int, int, int, int, int]]:
    """Yield of each field its number, its wire type, and where it, its value and both end."""
    while at < end:
        begin = at
        key, at = _number(content, at, end)
        kind, value = key & 7, at
        if kind == 0:
            _, stop = _number(content, at, end)
        elif kind == _BYTES:
            size, value = _number(content, at, end)
            stop = value + size
        elif kind in (1, 5):
            stop = at + (8 if kind == 1 else 4)
        else:
            raise ValueError("a group")
        if stop > end:
            raise ValueError("it ends too soon")
        yield key >> 3, kind, begin, value, stop
        at = stop


def _number(content: Any, at: int, end: int) -> tuple[int, int]:
    """Return a number of variable length, and where it ends."""
    found = 0
    for place in range(_LONGEST):
        if at + place >= end:
            break
        byte = content[at + place]
        found |= (byte & 127) << (7 * place)
        if byte < 128:
            return found, at + place + 1
    raise ValueError("a number without an end")


def _varint(number: int) -> bytes:
    made = bytearray()
    while number > 127:
        made.append(number & 127 | 128)
        number >>= 7
    return bytes((*made, number))
