"""The library: tools with their versions, pending instances, makings and the journal of paid replies."""

from latm.library._store import JournalEntry, Library

__all__ = ["JournalEntry", "Library"]
