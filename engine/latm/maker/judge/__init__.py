"""Properties and generated calls, tried by a judge that shares no process with the judged."""

from latm.maker.judge._cells import judging_sandbox
from latm.maker.judge._judge import CASES, Judge
from latm.maker.judge._verdicts import Crash, Robustness, Verdict

__all__ = ["CASES", "Crash", "Judge", "Robustness", "Verdict", "judging_sandbox"]
