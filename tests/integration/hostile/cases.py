"""All cases, from the files that fill the casebook."""

from __future__ import annotations

from integration.hostile import cases_compute, cases_control, cases_output, cases_outside
from integration.hostile.casebook import ANY, BASE, CASES, Case

__all__ = ["ANY", "BASE", "CASES", "FILES", "Case"]

FILES = (cases_compute, cases_control, cases_outside, cases_output)
