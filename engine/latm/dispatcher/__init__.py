"""The dispatcher's room: which tool, if any, a question belongs to."""

from latm.dispatcher._dispatching import Candidate, Decision, Dispatcher, known_tasks

__all__ = ["Candidate", "Decision", "Dispatcher", "known_tasks"]
