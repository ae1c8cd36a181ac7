"""The maker's room: from examples to a verified tool, in three stages: propose, verify, wrap."""

from latm.maker._making import Maker

__all__ = ["Maker"]
