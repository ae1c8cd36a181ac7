"""Names of tasks that are two words for one thing: ``sort-words`` and ``Word Sorting``.

Cautious on purpose. Two names that are not merged cost a few instances; two tasks under one name spoil each
other's. So the words must be the same ones, and the order of what is acted upon counts:
``celsius-to-fahrenheit`` is not ``fahrenheit-to-celsius``.
"""

from __future__ import annotations

from latm._records import slug
from latm.dispatcher._words import stem
from latm.errors import ConfigError

# They say nothing about the task where they stand in its name.
_FILLERS = """
    a an and the of for in on with some all each given task tasks problem problems question questions puzzle
    puzzles tool tools solve solving solver find finding compute computing calculate calculating determine
"""
_SAYS_NOTHING = frozenset(_FILLERS.split())
_ACTIONS = ("ing", "ion", "ions")  # sorting, completion: the verb behind its object
_MANNERS = ("ally", "ical", "ically", "ly")  # how it is done, which may stand anywhere


def likeness(name: str) -> str:
    """A key that is the same for names that are two words for one task."""
    try:
        parts = slug(name).split("-")
    except ConfigError:
        return name
    telling = [part for part in parts if part not in _SAYS_NOTHING]
    manners = sorted(stem(part) for part in telling if part.endswith(_MANNERS))
    objects = [part for part in telling if not part.endswith(_MANNERS)]
    if len(objects) > 1 and objects[-1].endswith(_ACTIONS):
        objects = [objects[-1], *objects[:-1]]
    return "-".join([*(stem(part) for part in objects), *manners]) or "-".join(parts)
