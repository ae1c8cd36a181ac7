"""Pages of HTML, one file each, which ask for nothing from anywhere; and the plots on them.

`render` fills in a template that extends ``base.html``, `draw` makes a plot of matplotlib's that follows the
page's colours, `draw_shares` one of shares with their intervals.
"""

from latm.pages._drawing import draw
from latm.pages._rendering import render
from latm.pages._shares import Series, Share, draw_shares, error_bars, legend, legend_height
from latm.pages._texts import plain, shortened
from latm.pages._theme import COLOURS, SERIES, colour

__all__ = [
    "COLOURS",
    "SERIES",
    "Series",
    "Share",
    "colour",
    "draw",
    "draw_shares",
    "error_bars",
    "legend",
    "legend_height",
    "plain",
    "render",
    "shortened",
]
