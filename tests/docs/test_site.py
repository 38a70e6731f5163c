"""The documentation as a site: its navigation and links, and that a wrong one stops the build."""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import pytest_freezecheck as freezecheck
from docsite import pages

ROOT = Path(__file__).parents[2]
NEEDED = ("mkdocs", "material", "mkdocstrings", "mkdocstrings_handlers")
needs_mkdocs = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in NEEDED),
    reason="needs the dependency group docs",
)

#: Builds as `mkdocs build` does, and says whether TensorFlow was imported for it.
BUILD = """
import sys
from mkdocs.__main__ import cli
try:
    cli(["build", "--site-dir", sys.argv[1]], standalone_mode=False)
finally:
    print("imported:", [m for m in ("tensorflow", "pytest_freezecheck") if m in sys.modules])
"""


def build(folder: Path, site: Path) -> subprocess.CompletedProcess[str]:
    """Build the site of a copy of the repository."""
    command = [sys.executable, "-c", BUILD, str(site)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    done = build(ROOT, folder)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "imported: []" in done.stdout
    return folder


# The site.


@needs_mkdocs
def test_every_page_is_a_page_of_the_site(site: Path) -> None:
    for page in sorted(pages.DOCS.rglob("*.md")):
        assert (site / page.relative_to(pages.DOCS)).with_suffix(".html").exists(), page
    for name in ("SECURITY.html", "index.html", "examples/tf1_session/index.html"):
        assert (site / pages.AROUND / name).exists(), name
    for place in pages.around():
        assert place.endswith(".md") or (site / place).exists(), place
    schema = site / pages.AROUND / "pytest_freezecheck/report/report.schema.json"
    assert json.loads(schema.read_text("utf-8"))["$schema"]


@needs_mkdocs
def test_nothing_of_it_is_fetched_from_elsewhere(site: Path) -> None:
    for page in site.rglob("*.html"):
        content = page.read_text("utf-8")
        fetched = re.findall(r"<(?:script|img|iframe)[^>]*\ssrc=\"?(https?:[^\s\">]+)", content)
        fetched += re.findall(r"<link[^>]*\shref=\"?(https?:[^\s\">]+)", content)
        assert fetched == [], page


@needs_mkdocs
def test_every_public_name_is_described_from_its_docstring(site: Path) -> None:
    content = (site / "reference/api.html").read_text("utf-8")
    described = set(re.findall(r'<h3 id="pytest_freezecheck\.(\w+)"', content))
    assert described == set(freezecheck.__all__)
    assert "largest absolute difference" in content  # an argument of `check`


@needs_mkdocs
def test_code_and_tables_in_a_list_stay_in_it(site: Path) -> None:
    for page, inside in (
        ("how-to/add-a-format.html", "npz_half"),
        ("repository/CONTRIBUTING.html", "<table>"),
    ):
        items = re.findall(r"<li>((?:(?!<li>).)*?)</li>", (site / page).read_text("utf-8"), re.S)
        assert any(inside in item for item in items), page


@needs_mkdocs
def test_it_can_be_searched(site: Path) -> None:
    index = json.loads((site / "search/search_index.json").read_text("utf-8"))
    texts = [entry["text"] for entry in index["docs"]]
    assert any("tf_keras.legacy_tf_layers" in text for text in texts)


LEADS_NOWHERE = """
[a](nowhere.md) [b](tutorial.md#nowhere) [c](../SECURITY.md#nowhere) [d](../NOWHERE.md)
"""


@needs_mkdocs
@pytest.mark.parametrize(
    ("added", "said"),
    [
        (
            LEADS_NOWHERE,
            [
                "contains a link 'nowhere.md', but the target is not found",
                "'tutorial.md' does not contain an anchor '#nowhere'",
                "'repository/SECURITY.md' does not contain an anchor '#nowhere'",
                "contains a link '../NOWHERE.md', but the target is not found",
                "- lost.md",
            ],
        ),
        ("\n::: pytest_freezecheck.nowhere\n", ["pytest_freezecheck.nowhere could not be found"]),
    ],
    ids=["links", "name"],
)
def test_what_leads_nowhere_stops_the_build(tmp_path: Path, added: str, said: list[str]) -> None:
    copy = tmp_path / "copy"
    hidden = shutil.ignore_patterns(".*", "build", "dist", "tests", "train_dir", "export", "*.pyc")
    shutil.copytree(ROOT, copy, ignore=hidden)
    with (copy / "docs/proofs.md").open("a", encoding="utf-8") as page:
        page.write(added)
    (copy / "docs/lost.md").write_text("# In no navigation\n", "utf-8")
    done = build(copy, tmp_path / "site")
    assert done.returncode == 1, done.stdout
    for line in said:
        assert line in done.stderr, line


# What MkDocs is told, without it.


def test_the_navigation_is_that_of_the_index() -> None:
    index = (
        "# D\n\n## First\n\n| a | [B](tutorial.md), [S](../SECURITY.md) |\n\n"
        "## Then\n\n[C](proofs.md#a) [D](proofs.md)\n"
    )
    assert pages.navigation(index) == [
        {"First": [{"B": "tutorial.md"}, {"S": "repository/SECURITY.md"}]},
        {"Then": [{"D": "proofs.md"}]},
    ]
    ours = pages.navigation((pages.DOCS / "index.md").read_text("utf-8"))
    assert [next(iter(section)) for section in ours] == [
        *("Tutorials", "How-to guides", "Explanation", "Reference", "The project")
    ]


@pytest.mark.parametrize(
    ("uri", "link", "there"),
    [
        ("index.md", "../SECURITY.md", "repository/SECURITY.md"),
        ("how-to/ci.md", "../proofs.md#a", "../proofs.md#a"),
        ("how-to/ci.md", "../../README.md#b", "../repository/README.md#b"),
        ("repository/README.md", "docs/tutorial.md", "../tutorial.md"),
        ("repository/README.md", "examples/two_inputs", "examples/two_inputs/README.md"),
        ("repository/SECURITY.md", "#a", "#a"),
        ("index.md", "https://example.org/x.md", "https://example.org/x.md"),
        ("index.md", "../NOWHERE.md", "../NOWHERE.md"),
        ("index.md", "../../elsewhere.md", "../../elsewhere.md"),
    ],
)
def test_a_link_leads_to_the_same_file_in_the_site(uri: str, link: str, there: str) -> None:
    assert pages.in_the_site(f"see [it]({link}).", uri) == f"see [it]({there})."


def test_code_keeps_what_looks_like_a_link() -> None:
    code = "```text\n[it](../SECURITY.md)\n```\n"
    assert pages.in_the_site(code, "index.md") == code
    assert list(pages.links(code)) == []


def test_what_belongs_to_an_item_of_a_list_is_indented_for_it() -> None:
    page = "- an item\n  goes on\n\n  ```text\n  code\n  ```\n\n- next\n\ntext\n  as it was\n"
    assert pages.in_the_site(page, "index.md") == (
        "- an item\n    goes on\n\n    ```text\n    code\n    ```\n\n- next\n\ntext\n  as it was\n"
    )
    code = "```text\n- no item\n  and no more\n```\n"
    assert pages.in_the_site(code, "index.md") == code


def test_what_pages_link_to_is_found_at_any_remove() -> None:
    found = pages.around()
    assert "repository/SECURITY.md" in found
    assert "repository/pytest_freezecheck/report/report.schema.json" in found
    assert "repository/examples/tf1_session/README.md" in found  # by way of the README
    with pytest.raises(ValueError, match="no such file in the repository"):
        pages.place_of(ROOT / "NOWHERE.md")
