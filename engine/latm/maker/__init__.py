"""The maker's room: from examples to a verified tool, in three stages: propose, verify, wrap."""

from latm.maker._making import Maker, check_enough

__all__ = ["Maker", "check_enough"]
