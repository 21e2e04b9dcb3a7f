"""Pages made of files at the root of the repository: changelog, citation, licence."""

from __future__ import annotations

from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]


def changelog_page() -> str:
    """The changelog as it stands."""
    return (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def citation_page() -> str:
    """How to cite, from ``CITATION.cff``."""
    raw = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    facts = yaml.safe_load(raw)
    authors = " and ".join(author.get("name") or f"{author['family-names']}, {author['given-names']}" for author in facts["authors"])
    bibtex = (
        f"@software{{econ,\n  title   = {{{facts['title']}}},\n  author  = {{{{{authors}}}}},\n"
        f"  version = {{{facts['version']}}}\n}}"
    )
    return (
        f"# How to cite\n\n{facts['message']}\n\n"
        "The version and the configuration hash stand in `manifest.json` of every run and at the end of every report.\n\n"
        f"## BibTeX\n\n```bibtex\n{bibtex}\n```\n\n## CITATION.cff\n\n```yaml\n{raw}```\n\n"
        f"## Licence\n\n{facts['license']}; the text is in the file `LICENSE`.\n"
    )
