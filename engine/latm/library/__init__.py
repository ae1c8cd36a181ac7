"""The library: tools, instances, makings, leases, the journal of paid replies, tunings and promotions."""

from latm.library._audits import Audit
from latm.library._counts import Answered, Payment
from latm.library._holder import new_holder
from latm.library._journal import JournalEntry
from latm.library._leases import Busy, Lease
from latm.library._makings import Making
from latm.library._opening import missing_file
from latm.library._repeats import Repeat
from latm.library._store import Library
from latm.library._tools import Version
from latm.library._tunings import Kept, Promotion

__all__ = [
    "Answered",
    "Audit",
    "Busy",
    "JournalEntry",
    "Kept",
    "Lease",
    "Library",
    "Making",
    "Payment",
    "Promotion",
    "Repeat",
    "Version",
    "missing_file",
    "new_holder",
]
