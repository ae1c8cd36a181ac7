"""Texts that any file and any parser takes."""

from __future__ import annotations

import re

_ODD = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def plain(text: str) -> str:
    """A text without what UTF-8 or XML have no place for: control characters, halves of surrogate pairs.

    Each becomes U+FFFD. JSON may hold them, so that any text of a user may.
    """
    return _ODD.sub("\ufffd", text)


def shortened(text: str, most: int) -> str:
    """A text for one line of a plot, of so many letters at most: no axis gives way to a name."""
    text = plain(" ".join(text.split()))
    return text if len(text) <= most else text[: most - 1] + "…"
