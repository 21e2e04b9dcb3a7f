"""Fenced blocks of Markdown pages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
_FENCE = re.compile(r"^```(?P<language>[a-z]*)(?: title=\"(?P<title>[^\"]*)\")?\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`(econ [^`]+)`")


@dataclass(frozen=True)
class Block:
    """A block: its page (relative to the root), line, language, title and text."""

    page: str
    line: int
    language: str
    title: str
    text: str

    @property
    def first(self) -> str:
        """The first line, which names the block in lists."""
        return self.text.splitlines()[0]


def blocks(page: str) -> list[Block]:
    """The blocks of a page, in order."""
    text = (ROOT / page).read_text(encoding="utf-8")
    return [
        Block(page, text.count("\n", 0, found.start()) + 1, found["language"], found["title"] or "", found["text"])
        for found in _FENCE.finditer(text)
    ]


def commands(text: str) -> Iterator[str]:
    """Lines of a shell script that call `econ`, continued lines joined, comments and redirections taken off."""
    for line in text.replace("\\\n", " ").splitlines():
        bare = re.sub(r"(^|\s)#.*", "", line).strip()
        if bare.startswith("econ "):
            yield re.sub(r"\s+>>?\s*\S+$", "", bare)


def inline_commands(page: str) -> list[str]:
    """`econ …` in code font, wherever a page names a command."""
    text = re.sub(_FENCE, "", (ROOT / page).read_text(encoding="utf-8"))
    return [" ".join(found.split()) for found in _INLINE.findall(text)]
