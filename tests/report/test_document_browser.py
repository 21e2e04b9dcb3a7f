"""The report in a real browser: no error, no request, nothing wider than the screen."""

from __future__ import annotations

import pytest
from headless_browser import browser_path, page

pytestmark = pytest.mark.skipif(browser_path() is None, reason="no browser is installed")
WIDER = (
    "[...document.querySelectorAll('body *')].filter(e => { const r = e.getBoundingClientRect(); "
    "return r.right > innerWidth + 1 && !e.closest('.scroll, details:not([open]), .skip'); }).map(e => e.tagName + ' ' + e.className)"
)


@pytest.fixture(scope="module")
def report(tmp_path_factory, report_page):
    path = tmp_path_factory.mktemp("browser") / "report.html"
    path.write_text(report_page, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def browser():
    with page() as found:
        yield found


@pytest.mark.parametrize("width", [390, 1280])
def test_the_report_in_a_browser(browser, report, width):
    browser.open(report, width)
    assert browser.errors == []
    assert browser.requests == [report.resolve().as_uri()]
    assert browser.value("document.title").startswith("The market for AI feedback")
    assert browser.value("document.documentElement.scrollWidth") <= width and browser.value(WIDER) == []
    assert browser.value("[...document.images].every(image => image.complete && image.naturalWidth > 0)")
    shown = browser.value("[...document.images].map(image => image.getBoundingClientRect().width)")
    assert min(shown) > 0.7 * min(width, 900), "figures fill the column"
    assert browser.value("getComputedStyle(document.body).fontSize") == "16px"
    browser.value("document.querySelectorAll('details').forEach(d => d.open = true)")
    assert browser.value("document.documentElement.scrollWidth") <= width, "nor with the data shown"


def test_in_print_nothing_scrolls(browser, report):
    browser.open(report, 800)
    browser.call("Emulation.setEmulatedMedia", media="print")
    assert browser.value("[...document.querySelectorAll('.scroll')].every(e => getComputedStyle(e).overflowX === 'visible')")
    assert browser.value("getComputedStyle(document.querySelector('nav')).display") == "none"
    browser.call("Emulation.setEmulatedMedia", media="")
