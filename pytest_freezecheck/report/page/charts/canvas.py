"""A figure of matplotlib's as inline SVG: in the colours of the page, for readers of any kind.

Drawn with colours that stand for roles, which become CSS variables, so that one drawing serves the
light and the dark page. Nothing of the machine, the day or a user's matplotlibrc is in it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import io
import re
import warnings
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

#: {role: colour that stands for it}: what no chart has by chance. The page's CSS has the variables.
COLOURS = {
    role: f"#0a0b{place:02x}"
    for place, role in enumerate(
        ("ink", "muted", "line", "surface", "passed", "failed", "error", "live", "frozen", "mark")
    )
}
INK, MUTED, LINE, SURFACE, PASSED, FAILED, ERROR, LIVE, FROZEN, MARK = COLOURS.values()
#: Size of letters, in CSS pixels: a drawing has a pixel for each of its units.
TEXT = 11.0
_SETTINGS: Any = {
    "svg.fonttype": "none",  # text stays text: it can be read, searched, and has the page's font
    "svg.hashsalt": "freezecheck",  # names of clips and markers follow from the drawing alone
    "image.composite_image": False,  # each picture keeps its own few pixels
    "text.parse_math": False,  # a dollar in a name is a dollar
    "figure.dpi": 72,
    "savefig.dpi": 72,
    "font.size": TEXT,
    "axes.edgecolor": LINE,
    "axes.labelcolor": MUTED,
    "axes.facecolor": "none",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.unicode_minus": True,
    "axes.axisbelow": True,
    "text.color": INK,
    "xtick.color": LINE,
    "ytick.color": LINE,
    "xtick.labelcolor": MUTED,
    "ytick.labelcolor": MUTED,
    "xtick.labelsize": TEXT,
    "ytick.labelsize": TEXT,
    "axes.labelsize": TEXT,
    "legend.frameon": False,
    "legend.fontsize": TEXT,
    "grid.color": LINE,
    "grid.linewidth": 0.6,
}
_SENTINEL = re.compile("|".join(COLOURS.values()), re.IGNORECASE)
_VARIABLES = {colour: f"var(--{role})" for role, colour in COLOURS.items()}
#: A font in a style, of which the size stays: families are the page's.
_FONT = re.compile(r"font: (?P<size>[\d.]+px)[^;]*")
_FAMILY = re.compile(r"font-family: [^;]*;? ?")
_OF_URL = re.compile(r"url\(#")


@dataclasses.dataclass(frozen=True)
class Drawing:
    """A chart as a page shows it.

    Attributes:
        title: what it is, in a few words.
        words: what can be seen on it, with its numbers.
        svg: an SVG element.
    """

    title: str
    words: str
    svg: str


@contextlib.contextmanager
def drawing() -> Iterator[None]:
    """Draw with our settings, whatever those of the process are, and leave them as they were."""
    with matplotlib.rc_context(), warnings.catch_warnings():
        # The page's fonts have what matplotlib's, by which it measures alone, have not.
        warnings.filterwarnings("ignore", message=r"Glyph \d+ .*missing from")
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_SETTINGS)
        yield


def figure(width: float, height: float) -> Figure:
    """Return an empty figure of a size in CSS pixels."""
    made = Figure(figsize=(width / 72, height / 72), facecolor="none")
    FigureCanvasSVG(made)
    return made


def panel(of: Figure, left: float, top: float, right: float, bottom: float) -> Axes:
    """Add axes with margins in CSS pixels."""
    width, height = of.get_size_inches() * 72
    share = (left / width, bottom / height, 1 - (left + right) / width, 1 - (top + bottom) / height)
    return of.add_axes(share)


def drawn(of: Figure, name: str, title: str, words: str) -> Drawing:
    """Return a figure as a page shows it.

    Args:
        of: the figure.
        name: begins every id in it; no other figure of the page has it.
        title: what it is, in a few words.
        words: what can be seen on it, for who does not see it.
    """
    stream = io.StringIO()
    of.savefig(stream, format="svg", metadata={"Date": None, "Creator": None})
    root = ElementTree.fromstring(stream.getvalue())  # noqa: S314 - matplotlib has just written it
    _cleaned(root, name)
    width, height = (round(size * 72) for size in of.get_size_inches())
    root.attrib = {
        "viewBox": f"0 0 {width} {height}",
        "width": str(width),
        "height": str(height),
        "role": "img",
        "aria-labelledby": f"{name}-title",
        "aria-describedby": f"{name}-words",
    }
    for place, (tag, text) in enumerate((("title", title), ("desc", words))):
        told = ElementTree.Element(tag, id=f"{name}-{'title' if tag == 'title' else 'words'}")
        told.text = text
        root.insert(place, told)
    return Drawing(title, words, ElementTree.tostring(root, encoding="unicode"))


def _cleaned(root: ElementTree.Element, name: str) -> None:
    """Make an SVG of its own a part of a page: no style sheet, no ids but those that are used."""
    markup = ElementTree.tostring(root, encoding="unicode")
    used = set(re.findall(r"url\(#([^)]+)\)", markup)) | set(re.findall(r'href="#([^"]+)"', markup))
    for parent in list(root.iter()):
        for child in list(parent):
            plain = child.tag.rpartition("}")[2]
            if plain in ("metadata", "style") or (plain == "defs" and _is_empty(child)):
                parent.remove(child)
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
        given = {key.rpartition("}")[2]: value for key, value in element.attrib.items()}
        if given.get("id") not in used:
            given.pop("id", None)
        element.attrib = {key: _attribute(key, value, name) for key, value in given.items()}


def _is_empty(defs: ElementTree.Element) -> bool:
    return all(child.tag.rpartition("}")[2] == "style" for child in defs)


def _attribute(key: str, value: str, name: str) -> str:
    if key == "id":
        return f"{name}-{value}"
    if key == "href" and value.startswith("#"):
        return f"#{name}-{value[1:]}"
    if key in ("style", "fill", "stroke", "clip-path"):
        value = _SENTINEL.sub(lambda found: _VARIABLES[found[0].lower()], value)
        value = _FAMILY.sub("", _FONT.sub(r"font-size: \g<size>", value))
        value = _OF_URL.sub(f"url(#{name}-", value)
    return value
