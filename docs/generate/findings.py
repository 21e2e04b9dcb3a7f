"""The part of the navigation that is not written by hand: pages that commands of the project rewrite, and new how-to pages."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

#: Order of the pages that are known; others follow by name, and one that is missing is left out.
ORDER = ("results.md", "laboratory.md", "levers.md", "market_claims.md", "market_findings.md", "cost.md", "calibration.md", "docking.md", "recovery.md", "benchmarks.md", "reliability.md")


def findings(pages: Iterable[str], placed: Collection[str]) -> list[str]:
    """Pages of the top folder that the navigation does not place, in order.

    Examples
    --------
    >>> findings(["zoo.md", "levers.md", "index.md"], {"index.md"})
    ['levers.md', 'zoo.md']
    """
    free = {page for page in pages if page not in placed}
    return [page for page in ORDER if page in free] + sorted(free - set(ORDER))


def placed(nav: Any) -> set[str]:
    """Every page that a navigation names."""
    if isinstance(nav, str):
        return {nav}
    parts = nav.values() if isinstance(nav, dict) else nav or ()
    return set().union(*(placed(part) for part in parts))


def complete(nav: list[Any], folder: Path) -> list[Any]:
    """The navigation with every page of a folder: ``howto_*`` under "How to", all others under "Findings"."""
    pages = findings((path.name for path in folder.glob("*.md")), placed(nav))
    how_to = [page for page in pages if page.startswith("howto_")]
    added = {"How to": how_to, "Findings": [page for page in pages if page not in how_to]}
    return [_extended(item, folder, added) for item in nav]


def _extended(item: Any, folder: Path, added: dict[str, list[str]]) -> Any:
    if not isinstance(item, dict):
        return item
    return {title: [*part, *({_title(folder / page): page} for page in added[title])] if title in added else part for title, part in item.items()}


def _title(path: Path) -> str:
    found = re.search(r"^# (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return found[1].replace("`", "") if found else path.stem
