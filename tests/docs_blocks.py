"""The fenced blocks of the documentation, for the tests that run them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from house import ROOT

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
_FENCE = re.compile(r"^```(\w*)(?: title=\"([^\"]+)\")?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A fenced block.

    Attributes:
        page: the file that it stands in.
        language: what it is written in, as the fence says.
        title: the name of the file that it is, or what else the page says above it; empty for none.
        code: the lines between the fences.
        line: where it begins in the page, from 1.
    """

    page: Path
    language: str
    title: str
    code: str
    line: int

    @property
    def place(self) -> str:
        """Page and line, for messages."""
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def blocks(page: Path, *languages: str) -> list[Block]:
    """The blocks of a page in some languages, in their order.

    Raises:
        ValueError: a fence has something behind its language that is no title.
    """
    text = page.read_text(encoding="utf-8")
    found = list(_FENCE.finditer(text))
    if 2 * len(found) != len(re.findall(r"^```", text, re.MULTILINE)):
        raise ValueError(f"{page}: a fence is not closed, or has more than a language and a title")
    return [
        Block(page, match[1], match[2] or "", match[3], text.count("\n", 0, match.start()) + 1)
        for match in found
        if match[1] in languages or not languages
    ]
