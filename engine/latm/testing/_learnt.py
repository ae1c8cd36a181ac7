"""What a tuning service knows: models that answer by what they were trained on, and uploads read."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Iterable
from email import message_from_bytes

from latm.testing._loopback import RecordedRequest

__all__ = ["Learnt", "multipart"]


class Learnt:
    """What a model knows after it was trained: how often each label's texts hold each word."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._words: dict[str, Counter[str]] = {}
        for line in lines:
            messages = json.loads(line)["messages"]
            text, label = messages[-2]["content"], messages[-1]["content"]
            self._words.setdefault(label, Counter()).update(_words_of(text))
        self._known = len(set[str]().union(*self._words.values()))

    def label(self, text: str) -> str:
        """The most likely label of a text, all being as likely before one has read it."""

        def likely(label: str) -> float:
            counts = self._words[label]
            among = counts.total() + self._known
            return sum(math.log((counts[word] + 1) / among) for word in _words_of(text))

        return max(self._words, key=likely)


def _words_of(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())


def multipart(request: RecordedRequest) -> dict[str, tuple[str, bytes]]:
    """The parts of a form by their names: each one's file name and content."""
    head = f"Content-Type: {request.headers.get('content-type', '')}\r\n\r\n"
    body = request.body if isinstance(request.body, str) else ""
    found: dict[str, tuple[str, bytes]] = {}
    for part in message_from_bytes(head.encode() + body.encode()).walk():
        name = part.get_param("name", header="content-disposition")
        content = part.get_payload(decode=True)
        if isinstance(name, str) and isinstance(content, bytes):
            found[name] = (part.get_filename() or "", content)
    return found
