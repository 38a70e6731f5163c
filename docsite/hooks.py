"""What MkDocs calls while it builds the site: mkdocs.yml names this file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

sys.path.insert(0, str(Path(__file__).parents[1]))  # MkDocs loads this file from no folder at all

from docsite import pages


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Take the navigation from docs/index.md, and the package from this repository."""
    index = (pages.DOCS / "index.md").read_text("utf-8")
    config.nav = [{"Home": "index.md"}, *pages.navigation(index)]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add what pages link to outside of docs/."""
    for place in pages.around():
        source = pages.source_of(place)
        files.append(File.generated(config, place, abs_src_path=str(source)))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Write links as the site has them."""
    return pages.in_the_site(markdown, page.file.src_uri)
