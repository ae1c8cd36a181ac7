"""The strict protocol: a function is believed for what it gives in a cell, never for what is said of it."""

from __future__ import annotations

from latm.maker.strict._making import Strict, split
from latm.maker.strict.regression import Replaced

__all__ = ["Replaced", "Strict", "split"]
