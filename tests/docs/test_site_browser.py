"""The built site in a real browser: it fits, it says no error, and it asks nothing of the network."""

from __future__ import annotations

import re
import subprocess
import sys
import time

import pytest
from blocks import ROOT
from headless_browser import browser_path, page

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

#: Long tables, code, equations, a figure, a deep page.
SEEN = ("index", "tutorial", "howto_own_data", "concepts/laboratory", "concepts/market", "reference/commands", "reference/parameters",
        "reference/levers", "reference/python/cost", "levers")  # fmt: skip
#: Elements that lie beyond the right edge, unless inside something that scrolls.
BEYOND = """[...document.querySelectorAll('article *')].filter(e => e.getBoundingClientRect().right > innerWidth + 1
  && !e.closest('.md-typeset__scrollwrap, pre, .equation')).map(e => e.tagName + ' ' + e.textContent.slice(0, 40))"""
#: What a browser fetches without being asked: scripts, styles, pictures, frames.
FETCHED = re.compile(r"""<(?:script|img|iframe|source|link rel="(?:stylesheet|preconnect|preload|icon)")[^>]*?(?:src|href)="?(?:https?:)?//""")


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    pytest.importorskip("mkdocs", reason="comes with the extra docs: `make docs`")
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="module")
def browser():
    if browser_path() is None:
        pytest.skip("no browser is installed")
    with page() as opened:
        yield opened


def test_no_page_refers_to_the_network_for_what_it_shows(site):
    pages = list(site.rglob("*.html"))
    assert len(pages) > 40
    assert [(path.name, found[0]) for path in pages if (found := FETCHED.search(path.read_text(encoding="utf-8")))] == []
    styles = [path for path in site.rglob("*.css") if re.search(r"url\(.?(?:https?:)?//|@import", path.read_text(encoding="utf-8"))]
    assert styles == []


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("name", SEEN)
def test_pages_fit_and_fetch_nothing(site, browser, name, width):
    browser.open(site / f"{name}.html", width)
    assert [url for url in browser.requests if not url.startswith(site.as_uri())] == []
    assert browser.errors == []
    assert browser.value("document.documentElement.scrollWidth") <= width
    assert browser.value(BEYOND) == []


def test_equations_are_drawn_in_the_font_that_ships(site, browser):
    browser.open(site / "concepts" / "surfaces.html", 1280)
    end = time.monotonic() + 20
    while not browser.value("[...document.fonts].some(f => f.family.includes('STIX') && f.status === 'loaded')"):
        assert time.monotonic() < end, "the font does not load"
        time.sleep(0.1)
    assert browser.value("[...document.querySelectorAll('math')].every(m => m.getBoundingClientRect().width > 3)")
    assert browser.value("document.querySelectorAll('.equation mfrac').length") > 3
    assert "arithmatex" not in browser.value("document.body.innerHTML")


def test_search_works_without_a_server(site, browser):
    browser.open(site / "index.html", 1280)
    browser.value("const q = document.querySelector('input[name=query]'); q.focus(); q.value = 'monopsony'; q.dispatchEvent(new Event('input', {bubbles: true})); q.dispatchEvent(new KeyboardEvent('keyup', {bubbles: true}))")
    end = time.monotonic() + 30
    while not browser.value("document.querySelectorAll('.md-search-result__item').length"):
        assert time.monotonic() < end, "the search finds nothing"
        time.sleep(0.2)
    assert "concepts/market" in browser.value("[...document.querySelectorAll('.md-search-result__link')].map(a => a.href).join(' ')")
    assert [url for url in browser.requests if not url.startswith(site.as_uri()) and url != "about:blank"] == []
