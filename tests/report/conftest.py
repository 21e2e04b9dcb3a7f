"""One report of the fake market, made once for all tests that look at it."""

from __future__ import annotations

import pytest
from document_runs import hostile_run, quick_claims

from econ.report.document import material
from econ.report.document.assemble import assemble
from econ.report.document.html import draw, html


@pytest.fixture(scope="session")
def hostile(tmp_path_factory):
    """A run whose texts try to break out of the page."""
    return hostile_run(tmp_path_factory.mktemp("runs") / "hostile")


@pytest.fixture(scope="session")
def gathered(hostile):
    """What is to be told of it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(material, "_claims", lambda directories, missing: quick_claims(directories))
        return material.gather([hostile])


@pytest.fixture(scope="session")
def document(gathered):
    """Its sections."""
    return assemble(gathered)


@pytest.fixture(scope="session")
def pictures(document):
    """Its figures, drawn."""
    return draw(document)


@pytest.fixture(scope="session")
def report_page(document, pictures):
    """The HTML page."""
    return html(document, pictures)


@pytest.fixture
def no_claims(monkeypatch):
    """Neither claims nor the cost model."""
    monkeypatch.setattr(material, "_claims", lambda directories, missing: None)
    monkeypatch.setattr(material, "_question", lambda manifest, missing: None)
