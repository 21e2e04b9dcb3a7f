"""Hook of MkDocs: adds the pages that are made from the package and its data, and draws equations."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

sys.path.insert(0, str(Path(__file__).parent))

from generate import cells, commands, data, equations, findings, python_api, repository, scenarios


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Place the pages that commands of the project write."""
    config.nav = findings.complete(config.nav or [], Path(config.docs_dir))
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add what is made."""
    for path, content in made():
        files.append(File.generated(config, path, content=content))
    files.append(File.generated(config, "assets/stix-two-math.woff", content=equations.font()))
    return files


def on_page_content(html: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Draw the equations of a page, and make its tables fit for narrow screens."""
    try:
        return cells.for_narrow_screens(equations.with_mathml(html))
    except equations.EquationError as error:
        raise PluginError(f"{page.file.src_uri}: {error}") from error


def made() -> Iterator[tuple[str, str]]:
    """Path and text of each page that is made."""
    yield "reference/commands.md", commands.page()
    yield "reference/scenario_files.md", scenarios.format_page()
    yield "reference/levers.md", scenarios.levers_page()
    yield "reference/scenarios.md", scenarios.shipped_page()
    yield "reference/claims.md", data.claims_page()
    yield "reference/outcomes.md", data.outcomes_page()
    yield "reference/measurements.md", data.measurements_page()
    yield "reference/parameters.md", data.parameters_page()
    yield "reference/moments.md", data.moments_page()
    yield "reference/vendors.md", data.vendors_page()
    yield "reference/python/index.md", python_api.index()
    for layer in python_api.layers():
        yield f"reference/python/{layer.file}", python_api.page(layer)
    yield "changelog.md", repository.changelog_page()
    yield "citation.md", repository.citation_page()
