"""Where pages and the files that they link to are in the site. Needs the standard library alone.

The pages of docs/ link to files of the repository around them, as they stand beside each other in a
clone: `../SECURITY.md`. In the site such a file is below `repository/`.
"""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
#: Folder of the site with what is not in docs/.
AROUND = "repository"

_FENCE = re.compile(r"^[ ]*(```+|~~~+).*?^[ ]*\1[ ]*$", re.M | re.S)
_LINK = re.compile(r"(\[[^\]]*\]\()([^)\s#]*)(#[^)\s]*)?(?=\))")
_HEADING = re.compile(r"^## (.+)$", re.M)


def source_of(uri: str) -> Path:
    """Return the file of the repository that a page or file of the site is made of.

    Args:
        uri: its place in the site's sources, such as `how-to/ci.md` or `repository/SECURITY.md`.
    """
    around = uri.removeprefix(f"{AROUND}/")
    return DOCS / uri if around == uri else ROOT / around


def place_of(path: Path) -> str:
    """Return the place in the site's sources of a file; of a folder, that of its README.md.

    Raises:
        ValueError: there is no such file in the repository.
    """
    path = Path(os.path.normpath(path))
    if path.is_dir():
        path /= "README.md"
    if not path.is_file() or not path.is_relative_to(ROOT):
        raise ValueError(f"{path}: no such file in the repository")
    if path.is_relative_to(DOCS):
        return path.relative_to(DOCS).as_posix()
    return f"{AROUND}/{path.relative_to(ROOT).as_posix()}"


def links(markdown: str) -> Iterator[str]:
    """Yield the files that a page links to, as it writes them."""
    for found in _LINK.finditer(_FENCE.sub("", markdown)):
        if found[2] and ":" not in found[2]:
            yield found[2]


def in_the_site(markdown: str, uri: str) -> str:
    """Return a page with its links as the site has them. A link that leads nowhere stays.

    Args:
        markdown: the page.
        uri: its place in the site's sources.
    """
    folder = source_of(uri).parent

    def replaced(found: re.Match[str]) -> str:
        text, target, anchor = found[1], found[2], found[3] or ""
        if not target or ":" in target:
            return found[0]
        try:
            place = place_of(folder / target)
        except ValueError:
            return found[0]
        return f"{text}{posixpath.relpath(place, posixpath.dirname(uri) or '.')}{anchor}"

    return _outside_of_fences(_deeper(markdown), lambda text: _LINK.sub(replaced, text))


def _deeper(markdown: str) -> str:
    """Indent what belongs to an item of a list by two more: Python-Markdown wants four in all."""
    lines, in_item, in_fence = [], False, False
    for line in markdown.split("\n"):
        if line.startswith(("```", "~~~")):
            in_fence = not in_fence
        if line.strip() and not line.startswith("  "):
            in_item = not in_fence and re.match(r"([-*]|\d+\.) ", line) is not None
        lines.append(f"  {line}" if in_item and line.startswith("  ") else line)
    return "\n".join(lines)


def _outside_of_fences(markdown: str, change: Callable[[str], str]) -> str:
    parts, end = [], 0
    for fence in _FENCE.finditer(markdown):
        parts += [change(markdown[end : fence.start()]), fence[0]]
        end = fence.end()
    return "".join([*parts, change(markdown[end:])])


def around() -> list[str]:
    """Return the places of all files outside of docs/ that pages link to, or pages among those."""
    todo = [path.relative_to(DOCS).as_posix() for path in sorted(DOCS.rglob("*.md"))]
    found: list[str] = []
    for uri in todo:  # which grows meanwhile
        if not uri.endswith(".md"):
            continue
        source = source_of(uri)
        for link in links(source.read_text("utf-8")):
            try:
                place = place_of(source.parent / link)
            except ValueError:  # MkDocs tells of it
                continue
            if place.startswith(f"{AROUND}/") and place not in found:
                found.append(place)
                todo.append(place)
    return found


def navigation(index: str) -> list[dict[str, list[dict[str, str]]]]:
    """Return the navigation as MkDocs takes it: the sections of docs/index.md, and their links.

    Args:
        index: that page.
    """
    parts = _HEADING.split(index)
    sections: list[dict[str, list[dict[str, str]]]] = []
    seen = {"index.md"}
    for title, content in zip(parts[1::2], parts[2::2], strict=True):
        pages = []
        for name, target in re.findall(r"\[([^\]]+)\]\(([^)\s#]+\.md)\)", content):
            place = place_of(DOCS / target)
            if place not in seen:
                seen.add(place)
                pages.append({name: place})
        sections.append({title: pages})
    return sections
