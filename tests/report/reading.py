"""Writes a page, and reads it as strictly as no browser does: every element has its end."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from html.parser import HTMLParser
from typing import Any


def html(document: Mapping[str, Any]) -> str:
    """Return the page of a run; what writes it is imported where it is installed."""
    from pytest_freezecheck.report.page.html import render

    return render(document)


#: Elements without an end.
_VOID = frozenset({"meta", "link", "br", "hr", "img", "input"})
#: Elements after whose text another one begins.
_BLOCKS = frozenset({"dt", "dd", "th", "td", "p", "li", "h3", "h4", "summary", "caption"})


@dataclasses.dataclass
class Element:
    """An element of a page.

    Attributes:
        attributes: {name: value}.
        parents: tags that it is in, from the outermost.
        text: that is in it.
    """

    tag: str
    attributes: dict[str, str]
    parents: tuple[str, ...]
    text: str = ""


class Page(HTMLParser):
    """All elements of a page, in their order.

    Raises:
        AssertionError: an element ends that has not begun, or has no end.
    """

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[Element] = []
        self._open: list[Element] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(set(names)) == len(names), (tag, names)
        parents = tuple(element.tag for element in self._open)
        element = Element(tag, {name: value or "" for name, value in attrs}, parents)
        self.elements.append(element)
        if tag not in _VOID:
            self._open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open, tag
        assert self._open.pop().tag == tag, (tag, self.getpos())
        if tag in _BLOCKS:
            self.handle_data(" ")

    def handle_data(self, data: str) -> None:
        for element in self._open:
            element.text += data

    def all(self, *tags: str) -> list[Element]:
        """Return the elements of these kinds."""
        return [element for element in self.elements if element.tag in tags]

    def values(self, *names: str) -> list[str]:
        """Return the values of attributes of these names."""
        return [e.attributes[name] for e in self.elements for name in names if name in e.attributes]

    def words(self) -> list[str]:
        """Return what is told of each drawing to who does not see it."""
        return [element.text for element in self.all("desc")]

    @property
    def text(self) -> str:
        """All that can be read in the body, blanks made one."""
        (body,) = self.all("body")
        return " ".join(body.text.split())
