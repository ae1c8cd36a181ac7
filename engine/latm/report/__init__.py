"""What a library tells: money, routes, accuracy, tools, pending tasks and comparisons, as data and as a page.

`gather` reads a library; `page` writes what it found as one HTML file, which takes the extra ``report``.
"""

from latm.report._gather import gather
from latm.report._page import page
from latm.report._records import (
    Bar,
    BreakEven,
    Compared,
    Money,
    PendingTask,
    Point,
    Promoted,
    Report,
    RouteShare,
    Standing,
    Sum,
    ToolReport,
    VersionReport,
)

__all__ = [
    "Bar",
    "BreakEven",
    "Compared",
    "Money",
    "PendingTask",
    "Point",
    "Promoted",
    "Report",
    "RouteShare",
    "Standing",
    "Sum",
    "ToolReport",
    "VersionReport",
    "gather",
    "page",
]
