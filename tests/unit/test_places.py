"""Which line of a pyproject.toml declares what."""

from __future__ import annotations

import pytest

from pytest_freezecheck.declared.places import Places

#: Every line that declares something of `flowers` ends in a comment with its number.
CONTENT = '''
# [tool.freezecheck.models.flowers]
[project]
description = """
[tool.freezecheck.models.flowers]
artifacts = ["export/frozen.pb"]
"""
odd = [nan, 1e3, 1979-05-27, ["export/frozen.pb"], { "a" = 'b' }]
'quoted' = '[tool.freezecheck.models.flowers]'

  [ tool . "freezecheck".models.'flowers' ] # 11 "comment
build = "flowers.nets:inference"
artifacts = [ # ] "export/frozen.pb"
  "export/frozen.pb", # 14
  { path = 'C:\\export', "atol" = 1e-4, outputs = { "p" = "export/frozen.pb" } }, # 15
  "say \\"[hi]\\" # no comment", # 16
  """over
lines""",
]
freeze = ["graph_def",
  "tflite"] # 21
export = "flowers.export:main" # 22

[tool.freezecheck.models.flowers.inputs.images]
shape = [8, 8, 3]
'''


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
@pytest.mark.parametrize(
    ("keys", "line"),
    [
        ((), 11),
        (("artifacts", 0), 14),
        (("artifacts", 1), 15),
        (("artifacts", 2), 16),
        (("artifacts", 3), 11),  # of several lines: where its table begins
        (("freeze", 0), 20),
        (("freeze", 1), 21),
        (("export",), 22),
    ],
)
def test_each_is_where_it_stands(keys: tuple[str | int, ...], line: int, ends: str) -> None:
    content = CONTENT.replace("\n", ends)
    assert Places(content).of("flowers", keys) == line
    if line > 11 and keys != ("freeze", 0):
        assert CONTENT.splitlines()[line - 1].endswith(f"# {line}")


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        ('[tool.freezecheck.models]\nm = { build = "b:c", artifacts = ["a.pb"] }\n', (2, 2)),
        ('[tool.freezecheck.models]\nm.build = "b:c"\nm.artifacts = ["a.pb"]\n', (2, 3)),
        ('[tool]\nfreezecheck.models.m.build = "b:c"\nx = 1\n', (2, 2)),
        (
            '[tool.freezecheck.models.m]\nbuild = "b:c"\n'
            '[[tool.freezecheck.models.m.artifacts]]\natol = 1\npath = "a.pb"\n',
            (1, 5),
        ),
        ('[tool.freezecheck.models.m.inputs.x]\ndtype = "float32"\n', (1, 1)),
    ],
)
def test_other_ways_to_write_a_table(content: str, lines: tuple[int, int]) -> None:
    places = Places(content)
    assert (places.of("m"), places.of("m", ("artifacts", 0))) == lines


@pytest.mark.parametrize("content", ["", "no toml", '[project]\nname = "m"\n', '"""', "x = ["])
def test_what_is_not_there_has_no_line(content: str) -> None:
    assert Places(content).of("m") is None
    assert Places(content).of("m", ("artifacts", 0)) is None


def test_nothing_is_told_if_the_strings_were_read_otherwise_than_by_tomllib(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As if our reading of the grammar were wrong: the comment's string is taken for a value."""
    from pytest_freezecheck.declared import places

    content = '[tool.freezecheck.models.m]\nartifacts = ["a.pb", "b.pb"]\n'
    assert Places(content).of("m", ("artifacts", 1)) == 2

    def shifted(text: str) -> list[tuple[int, int, str]]:
        return [(start, start + 3, kind) for start, _, kind in found(text)]

    found = places._found
    monkeypatch.setattr(places, "_found", shifted)
    assert Places(content).of("m", ("artifacts", 1)) is None
