"""The user's room: a cheap model turns a question into a call of a tool; a cell runs it."""

from latm.user._calling import picks
from latm.user._functions import signature_in
from latm.user._parsing import try_parser
from latm.user._tries import Kind, Use
from latm.user._using import User

__all__ = ["Kind", "Use", "User", "picks", "signature_in", "try_parser"]
