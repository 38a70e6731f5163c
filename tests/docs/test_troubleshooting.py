"""The page of errors quotes texts that are in the source, and its shim repairs what it says."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import pytest_freezecheck

ROOT = Path(__file__).parents[2]
PACKAGE = Path(str(pytest_freezecheck.__file__)).parent
PAGE = (ROOT / "docs/how-to/troubleshooting.md").read_text("utf-8")
OURS, OTHERS = PAGE.split("\n## What Python, TensorFlow and Keras say\n")
_GAP = "\0"


def quoted(part: str) -> list[str]:
    """Return the headings of a part of the page that are code."""
    found = re.findall(r"^### (`+)(.+)\1$", part, re.M)
    assert len(found) == len(re.findall(r"^### ", part, re.M)), "a heading that is no text"
    return [text for _, text in found]


def texts() -> list[str]:
    """Return every string of the source, with a gap where an f-string has a value."""
    found = []
    for path in PACKAGE.rglob("*.py"):
        tree = ast.parse(path.read_text("utf-8"))
        inside = {
            id(part) for n in ast.walk(tree) if isinstance(n, ast.JoinedStr) for part in n.values
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.JoinedStr):
                parts = node.values
                found.append("".join(p.value if _plain(p) else _GAP for p in parts))  # type: ignore[attr-defined]
            elif _plain(node) and id(node) not in inside:
                found.append(node.value)  # type: ignore[attr-defined]
    return found


def _plain(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


SOURCE = texts()


def is_said(quote: str) -> bool:
    """Return whether one string of the source has the pieces of a quote, in their order.

    What stands between two pieces is a value: no piece goes over a gap.
    """
    pieces = [piece for piece in quote.split("...") if piece]
    pattern = re.compile(f".*{_GAP}.*".join(map(re.escape, pieces)), re.S)
    return any(pattern.search(text) for text in SOURCE)


@pytest.mark.parametrize("quote", quoted(OURS))
def test_what_the_page_quotes_of_ours_is_in_the_source(quote: str) -> None:
    pieces = [piece for piece in quote.split("...") if len(piece) > 3]
    assert pieces, "nothing to search for"
    # The pieces of one message can come from several strings: its beginning, and what is wrong.
    assert is_said(quote), quote


def test_a_quote_that_nobody_says_is_found_out() -> None:
    assert is_said("nothing was compared: all ... checks were skipped")
    assert not is_said("nothing was compared: all ... checks were left out")
    assert not is_said("checks were skipped ... nothing was compared: all")
    assert not is_said("nothing was compared: all 3 checks were skipped")  # a value is no text


def test_each_is_quoted_once_and_answered() -> None:
    every = quoted(PAGE)
    assert len(every) == len(set(every))
    assert len(quoted(OTHERS)) >= 10
    for answer in re.split(r"^### .+$", PAGE, flags=re.M)[1:]:
        assert len(answer.split("\n## ")[0].strip()) > 40, answer


# The shim for training code.

(SHIM,) = re.findall(r"^`slim_compat\.py`\n\n```python\n(.*?)^```$", PAGE, re.M | re.S)
USES = """
import tensorflow as tf
import tf_slim as slim

v1 = tf.compat.v1
with tf.Graph().as_default():
    images = v1.placeholder(tf.float32, [None, 8, 8, 3])
    phase = v1.placeholder_with_default(False, [])
    layers = {
        "convolution": lambda: slim.conv2d(images, 4, 3, normalizer_fn=slim.batch_norm),
        "fused": lambda: slim.fully_connected(
            slim.flatten(images), 4, normalizer_fn=slim.batch_norm,
            normalizer_params={"fused": True},
        ),
        "phase": lambda: slim.conv2d(
            images, 4, 3, normalizer_fn=slim.batch_norm, normalizer_params={"is_training": phase}
        ),
    }
    for name, layer in layers.items():
        try:
            print(name, layer().shape)
        except Exception as error:
            print(name, error)
"""


def layers(folder: Path, *, first: str) -> dict[str, str]:
    """Return what becomes of layers of tf_slim in a process of their own, which imports no gate."""
    (folder / "slim_compat.py").write_text(SHIM, "utf-8")
    (folder / "uses.py").write_text(f"import sys\n{first}\n{USES}\n", "utf-8")
    done = subprocess.run(
        [sys.executable, "uses.py"], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return dict(line.split(" ", 1) for line in done.stdout.splitlines())


@pytest.mark.slow
def test_tf_slim_fails_as_the_page_says_and_works_with_its_shim(tmp_path: Path) -> None:
    without = layers(tmp_path, first="")
    assert without["convolution"] == "No module named 'tf_keras.legacy_tf_layers'"
    assert without["fused"] == (
        "module 'tensorflow.python.framework.ops' has no attribute 'Tensor'"
    )
    for text in (without["convolution"], without["fused"]):
        assert text in quoted(OTHERS)
    assert layers(tmp_path, first="import slim_compat") == {
        "convolution": "(None, 8, 8, 4)",
        "fused": "(None, 4)",
        "phase": "(None, 8, 8, 4)",
    }
    assert "pytest_freezecheck" not in SHIM
