"""Synthetic text, fine-tuning, and an honest comparison.

A strong model writes labelled texts, a cheaper one is tuned on them, and both are asked about samples that
neither has seen.
"""

from latm.tuner._samples import Sample, read_samples, write_samples
from latm.tuner._spec import TuningRoles, TuningSpec

__all__ = ["Sample", "TuningRoles", "TuningSpec", "read_samples", "write_samples"]
