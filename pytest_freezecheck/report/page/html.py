"""The page of a run as one HTML file: nothing is loaded from elsewhere, and nothing runs in it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2

from pytest_freezecheck.report.page.charts.canvas import drawing
from pytest_freezecheck.report.page.contents import page

_HERE = Path(__file__).parent


def render(document: Mapping[str, Any]) -> str:
    """Return the page of a run.

    Args:
        document: as `report.json.document` makes it.
    """
    with drawing():
        contents = page(document)
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_HERE),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style = (_HERE / "page.css").read_text("utf-8")
    return environment.get_template("page.html.j2").render(page=contents, style=style)
