"""Pages of HTML, one file each, which ask for nothing from anywhere; and the plots on them.

`render` fills in a template that extends ``base.html``, `draw` makes a plot of matplotlib's that follows the
page's colours.
"""

from latm.pages._drawing import draw
from latm.pages._rendering import render
from latm.pages._texts import plain, shortened
from latm.pages._theme import COLOURS, SERIES, colour

__all__ = ["COLOURS", "SERIES", "colour", "draw", "plain", "render", "shortened"]
