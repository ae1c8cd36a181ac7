"""The dispatcher's room: which tool, if any, a question belongs to."""

from latm.dispatcher._candidates import Candidate, Decision, Shortlist
from latm.dispatcher._dispatching import Dispatcher
from latm.dispatcher._known import shortlist
from latm.dispatcher._negatives import note_refusal
from latm.dispatcher._request import request

__all__ = ["Candidate", "Decision", "Dispatcher", "Shortlist", "note_refusal", "request", "shortlist"]
