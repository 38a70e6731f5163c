"""The page in Chromium: light and dark, wide and narrow, on paper; quiet, and for everyone."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.report.documents import everything
from tests.report.reading import html

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
DRIVERS = ("playwright", "axe_playwright_python")
ABSENT = [name for name in DRIVERS if importlib.util.find_spec(name) is None]
pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium: apt-get install chromium"),
    pytest.mark.skipif(bool(ABSENT), reason=f"needs {', '.join(ABSENT)}: --group page"),
]
SCHEMES, WIDTHS = ("light", "dark"), (1280, 390)
PAPER = {"light": "rgb(255, 255, 255)", "dark": "rgb(18, 22, 28)"}
#: What axe-core says of a finding that has to be mended.
GRAVE = ("serious", "critical")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        # Without a sandbox, since containers have none for root; the page is our own.
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the page, once."""
    path = tmp_path_factory.mktemp("page") / "page.html"
    path.write_text(html(everything()), "utf-8")
    return path


def opened(browser: Browser, file: Path, scheme: Any, width: int) -> tuple[Page, list[str]]:
    """Open a page with everything unfolded; return it, and what it said and asked for."""
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page = context.new_page()
    heard: list[str] = []
    page.on("console", lambda message: heard.append(f"console: {message.text}"))
    page.on("pageerror", lambda error: heard.append(f"error: {error}"))
    page.on("request", lambda request: heard.append(request.url))
    page.goto(file.as_uri())
    page.evaluate("document.querySelectorAll('details').forEach(e => { e.open = true })")
    return page, heard


#: What stands out of the page, and is not scrolled in something of its own.
TOO_WIDE = """
[...document.querySelectorAll('main *, header *')]
  .filter(e => !e.closest('svg, pre, .hidden, thead'))
  .filter(e => e.getBoundingClientRect().right > document.documentElement.clientWidth + 1)
  .map(e => e.outerHTML.slice(0, 100))
"""


def amiss(browser: Browser, file: Path, scheme: str, width: int) -> list[str]:
    """Return what is wrong with a page, each as `what: where`."""
    from axe_playwright_python.sync_playwright import Axe

    page, heard = opened(browser, file, scheme, width)
    own = (file.as_uri(), "data:")  # the file, and the pictures that it holds
    found = [f"heard: {what}" for what in heard if not what.startswith(own)]
    if page.evaluate("document.documentElement.scrollWidth") > width:
        found.append("too wide: the page")
    found += [f"too wide: {where}" for where in page.evaluate(TOO_WIDE)]
    if page.evaluate("getComputedStyle(document.body).backgroundColor") != PAPER[scheme]:
        found.append(f"scheme: not {scheme}")
    for one in Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]:
        if one["impact"] in GRAVE:
            found += [f"{one['id']}: {node['html']}" for node in one["nodes"]]
    page.context.close()
    return found


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("scheme", SCHEMES)
def test_it_is_quiet_fits_and_is_for_everyone(
    browser: Browser, file: Path, scheme: str, width: int
) -> None:
    assert amiss(browser, file, scheme, width) == []


#: {what is amiss: what is said of it}.
WRONG = {
    '<p style="color: #bbb; background: #fff">faint</p>': "color-contrast: <p",
    '<p style="width: 30rem">wide</p>': 'too wide: <p style="width: 30rem"',
    "<svg role='img'></svg>": "svg-img-alt: <svg",
    '<img alt="" src="http://127.0.0.1:9/x.png">': "heard: console: Loading the image",
    "<script>1</script>": "heard: console: Executing inline script",
}


def test_what_is_amiss_is_found_out(browser: Browser, file: Path, tmp_path: Path) -> None:
    head, main, _ = file.read_text("utf-8").partition("<main>")
    wrong = f"{head}{main}{''.join(WRONG)}</main></body></html>"
    (tmp_path / "wrong.html").write_text(wrong, "utf-8")
    found = amiss(browser, tmp_path / "wrong.html", "light", 390)
    assert "too wide: the page" in found
    unheard = [said for said in WRONG.values() if not any(one.startswith(said) for one in found)]
    assert unheard == [], found


def test_it_reads_the_same_without_javascript(browser: Browser, file: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(file.as_uri())
    assert page.locator("article.check.failed").count() == 3
    assert page.locator("h1").inner_text().endswith("3 failed and 1 came to no comparison.")
    context.close()


def test_a_link_of_the_overview_unfolds_what_it_leads_to(browser: Browser, file: Path) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.goto(file.as_uri())
    link = page.locator("table.overview a", has_text="tflite_float16")
    told = page.locator(str(link.get_attribute("href"))).locator(".lead")
    assert not told.is_visible()
    link.click()
    assert told.is_visible()
    context.close()


def test_on_paper_it_is_light_and_what_was_folded_is_there(browser: Browser, file: Path) -> None:
    context = browser.new_context(color_scheme="dark")
    page = context.new_page()
    page.goto(file.as_uri())
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.locator("pre").first.is_visible()
    assert len(page.pdf()) > 10_000
    context.close()


def test_the_focus_can_be_seen(browser: Browser, file: Path) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.goto(file.as_uri())
    page.keyboard.press("Tab")
    focused = "getComputedStyle(document.activeElement)"
    assert page.evaluate("document.activeElement.className") == "skip"
    assert page.evaluate(f"{focused}.outlineStyle") == "solid"
    assert page.evaluate("document.activeElement.getBoundingClientRect().top") >= 0
    context.close()
