"""The library: tools with their versions, instances, makings, leases and the journal of paid replies."""

from latm.library._audits import Audit
from latm.library._holder import new_holder
from latm.library._journal import JournalEntry
from latm.library._leases import Busy, Lease
from latm.library._makings import Making
from latm.library._repeats import Repeat
from latm.library._store import Library
from latm.library._tools import Version

__all__ = [
    "Audit",
    "Busy",
    "JournalEntry",
    "Lease",
    "Library",
    "Making",
    "Repeat",
    "Version",
    "new_holder",
]
