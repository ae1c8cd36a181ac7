"""The colours of every page and every plot, light and dark, once."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

COLOURS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "ground": ("#fbfaf8", "#171716"),
        "raised": ("#ffffff", "#201f1e"),
        "line": ("#dedad3", "#3b3936"),
        "text": ("#1d1c1a", "#ebe8e2"),
        "quiet": ("#625e57", "#aaa59c"),
        "accent": ("#1f5fa8", "#86b8f2"),
        "mark": ("#ffe38a", "#6b5300"),
        "mark-text": ("#1d1c19", "#fff4cf"),
        "error": ("#a61b1b", "#ffaba3"),
        "error-ground": ("#fbe5e3", "#4a1c19"),
        "warning": ("#7a4b00", "#f4c877"),
        "warning-ground": ("#fcefd3", "#45310c"),
        "note": ("#365068", "#b3cde4"),
        "note-ground": ("#e6eef5", "#22313e"),
        "good": ("#1c6130", "#9bdcab"),
        "good-ground": ("#e0f2e4", "#17381f"),
        "series-2": ("#b4530a", "#f0a35e"),
        "series-3": ("#1b7a5a", "#62cfa5"),
        "series-4": ("#a3357f", "#ee93cf"),
        "series-5": ("#6b6a1f", "#cfcf6a"),
        "series-6": ("#5b4bb5", "#b3a6ff"),
    }
)
"""By name: on a light page, on a dark one. A page has each as ``var(--NAME)``; no two are alike."""

SERIES = ("accent", "series-2", "series-3", "series-4", "series-5", "series-6")
"""Those of lines and bars that are to be told apart; each has a contrast of 3 and more to ``raised``."""


def colour(name: str) -> str:
    """What to give matplotlib for a colour of the page, for `latm.pages.draw`: as on a light page."""
    return COLOURS[name][0]
