"""report.html in a real headless browser: nothing fails, every figure is drawn, and it fits wide and narrow screens."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from synthetic.run import write_run

from parallel_landscape.report.page import write_report

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")

pytestmark = pytest.mark.browser

# Whatever is drawn: its size on the screen, and, for pictures, that they could be decoded.
DRAWN = """() => [...document.querySelectorAll('figure svg, figure img')].map(element => {
    const box = element.getBoundingClientRect();
    const marks = element.querySelectorAll('path, use, image').length;
    return {figure: element.closest('figure').id, width: box.width, height: box.height,
            drawn: element.tagName == 'IMG' ? element.naturalWidth > 0 : marks > 5};
})"""
# Elements that reach beyond the page, other than inside what scrolls by itself.
BEYOND = """() => [...document.querySelectorAll('body *')]
    .filter(element => !element.closest('.scroll') && !element.closest('svg'))
    .filter(element => element.getBoundingClientRect().right > document.documentElement.clientWidth + 0.5)
    .map(element => element.outerHTML.slice(0, 80))"""
# The smallest text in the figures, in CSS pixels: glyphs are drawn in units of a hundredth of their font size.
SMALLEST = """() => Math.min(...[...document.querySelectorAll('figure svg')].map(
    svg => 8.5 * svg.getBoundingClientRect().width / svg.viewBox.baseVal.width))"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with api.sync_playwright() as play:
        own = play.chromium.executable_path
        found = next(filter(None, map(shutil.which, BROWSERS)), own if Path(own).exists() else None)
        if found is None:
            pytest.skip(f"no browser is installed: neither {', '.join(BROWSERS)} nor playwright's own")
        # as root, as in a container, Chromium starts only without its sandbox; the page is our own
        opened = play.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-dev-shm-usage"])
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    name = "a-job-with-a-rather-long-name-that-does-not-fit-into-one-line-of-a-telephone"
    return write_report(write_run(tmp_path_factory.mktemp("browser") / "run", name=name))[0]


def opened(browser: Any, file: Path, width: int, scheme: str = "light") -> tuple[Any, list[str]]:
    """The page at a width, and everything that went wrong with it."""
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    wrong: list[str] = []
    page.on("console", lambda message: wrong.append(f"console: {message.text}"))
    page.on("pageerror", lambda error: wrong.append(f"error: {error}"))
    page.on("requestfailed", lambda request: wrong.append(f"failed: {request.url[:200]}"))
    page.on("request", lambda request: wrong.append(f"request: {request.url}") if request.url.startswith("http") else None)
    page.goto(file.as_uri())
    return page, wrong


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 400])
def test_the_report_in_a_browser(browser: Any, page_file: Path, width: int, scheme: str) -> None:
    page, wrong = opened(browser, page_file, width, scheme)
    try:
        assert not wrong
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate(BEYOND) == []
        figures = page.evaluate(DRAWN)
        assert len(figures) == page.locator("figure").count() == 25
        assert all(figure["drawn"] and figure["width"] > 250 and figure["height"] > 120 for figure in figures), figures
        assert page.evaluate(SMALLEST) >= 8.0
        assert page.locator(".verdict").bounding_box()["y"] < 200
        table = page.locator("#table-windows .scroll")
        assert table.evaluate("element => element.scrollWidth > element.clientWidth")  # it scrolls, the page does not
        assert not wrong
    finally:
        page.close()


def test_the_figures_follow_the_scheme(browser: Any, page_file: Path) -> None:
    colors = []
    for scheme in ("light", "dark"):
        page, _ = opened(browser, page_file, 1280, scheme)
        mark = "#figure-entropy svg [style*='--ink']"
        colors.append(page.locator(mark).first.evaluate("e => getComputedStyle(e).fill + getComputedStyle(e).stroke"))
        page.close()
    assert colors[0] != colors[1]


def test_a_page_that_breaks_the_rules_is_noticed(browser: Any, tmp_path: Path) -> None:
    """The wrong twin: a script, a picture from outside and a table that is too wide."""
    file = tmp_path / "bad.html"
    file.write_text(
        "<!DOCTYPE html><body><figure id=f><img src='http://127.0.0.1:9/none.png'></figure><p style='width:2000px'>wide</p>"
        "<script>throw new Error('no')</script>"
    )
    page, wrong = opened(browser, file, 400)
    assert {line.partition(":")[0] for line in wrong} >= {"error", "failed", "request"}
    assert page.evaluate(BEYOND) and page.evaluate("document.documentElement.scrollWidth") > 400
    assert not any(figure["drawn"] for figure in page.evaluate(DRAWN))
    page.close()
