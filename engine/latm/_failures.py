"""What went wrong in a cell, in the words that models are told."""

from __future__ import annotations

from latm_sandbox import Outcome, Status


def failure(outcome: Outcome) -> str:
    """What went wrong in a cell, as the maker and the user model are told."""
    error = outcome.error
    match outcome.status:
        case Status.TIMEOUT:
            # No measured time in it: a making that is taken up again must ask the very same.
            return "The code did not finish within its time limit and was stopped."
        case Status.MEMORY:
            return "The code used more memory than it may."
        case Status.OUTPUT:
            return "The code printed or returned too much."
        case _ if error is None:
            return f"The code could not be run: {outcome.status.value}."
        case _:
            text = f"{error.type}: {error.message}" if error.message else error.type
            where = f"\n{error.traceback.strip()}" if error.traceback.strip() else ""
            return f"The code failed with the error {text}{where}"
