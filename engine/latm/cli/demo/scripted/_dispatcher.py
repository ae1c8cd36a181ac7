"""The scripted dispatcher: compares the question's kind with the kinds of the known tasks' samples."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import cast

from latm.cli.demo.scripted._reading import Brackets, Reading, Sorting, Tracking, kind, read
from latm.plugin import Request

_CARD = re.compile(r"^## (\S+)$", re.MULTILINE)
# A field of a card, with the indented lines that belong to its text.
_SAMPLE = re.compile(r"^Question: (.*(?:\n  .*)*)", re.MULTILINE)
_NEW, _NONE = "new-task", "none"
_NAMES: Mapping[type[Reading], str] = {
    Sorting: "word-sorting",
    Brackets: "dyck-completion",
    Tracking: "tracking-shuffled-objects",
}


def reply(request: Request) -> str:
    """A decision, as JSON."""
    asked = read(request.messages[-1].text)
    if asked is None:
        # What cannot be read as a whole belongs to no task, however much it looks like one.
        return NO_TASK
    known = _candidates(request)
    for name, samples in _cards(request.system or "").items():
        if name in known and any(kind(sample) is type(asked) for sample in samples):
            return _decision(name)
    name = _NAMES[type(asked)]
    return _decision(name) if name in known else _decision(_NEW, name.replace("-", " "))


def _decision(decision: str, task: str | None = None) -> str:
    return json.dumps({"decision": decision, "task": task})


NO_TASK = _decision(_NONE)


def _candidates(request: Request) -> frozenset[str]:
    """The tasks that may be chosen: the names of the schema's enum, or of the functions."""
    schema = cast("Mapping[str, Mapping[str, Mapping[str, list[str]]]]", request.response_schema or {})
    listed = schema.get("properties", {}).get("decision", {}).get("enum", [])
    return frozenset((*listed, *(each.name for each in request.functions))) - {_NEW, _NONE}


def _cards(system: str) -> dict[str, list[str]]:
    """The samples of each task that the prompt describes."""
    _, *parts = _CARD.split(system)
    return {
        name: [sample.replace("\n  ", "\n") for sample in _SAMPLE.findall(body)]
        for name, body in zip(parts[::2], parts[1::2], strict=True)
    }
