"""The user's room: a cheap model turns a question into a call of a tool; a cell runs it."""

from latm.user._tries import Kind, Use
from latm.user._using import User

__all__ = ["Kind", "Use", "User"]
