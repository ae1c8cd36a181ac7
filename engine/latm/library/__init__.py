"""The library: tools with their versions, pending instances, makings and the journal of paid replies."""

from latm.library._journal import JournalEntry
from latm.library._store import Library

__all__ = ["JournalEntry", "Library"]
