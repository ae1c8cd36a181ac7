"""Large language models as tool makers: a strong model writes a function, cheap ones call it.

The method is that of *Large Language Models as Tool Makers* (arXiv 2305.17126).
"""

from latm._engine import AsyncEngine
from latm._examples import read_examples
from latm._ledger import Ledger, Spend
from latm._records import (
    Answer,
    Attempt,
    Demonstration,
    Example,
    Provenance,
    Scorecard,
    Tool,
)
from latm._sync import Engine
from latm.config import Config
from latm.errors import (
    BackendError,
    BudgetExceeded,
    ConfigError,
    DataError,
    DeadlineExceeded,
    LatmError,
    LeaseLost,
    LibraryError,
    MakingFailed,
    MissingDependency,
    PluginError,
    Refused,
    Rejected,
    Throttled,
    Timeout,
    Truncated,
    TuningFailed,
    Unauthorized,
    Unavailable,
    UnknownProvider,
)

__all__ = [
    "Answer",
    "AsyncEngine",
    "Attempt",
    "BackendError",
    "BudgetExceeded",
    "Config",
    "ConfigError",
    "DataError",
    "DeadlineExceeded",
    "Demonstration",
    "Engine",
    "Example",
    "LatmError",
    "LeaseLost",
    "Ledger",
    "LibraryError",
    "MakingFailed",
    "MissingDependency",
    "PluginError",
    "Provenance",
    "Refused",
    "Rejected",
    "Scorecard",
    "Spend",
    "Throttled",
    "Timeout",
    "Tool",
    "Truncated",
    "TuningFailed",
    "Unauthorized",
    "Unavailable",
    "UnknownProvider",
    "read_examples",
]
