"""The one template of training and serving, and the files that services are given.

The published experiment trained on one prompt and served with another. Here both come out of `Template`: the
request that a tuned model is asked with is the training line without its last message, and a digest of the
template is kept with every model, so that a model is never asked otherwise than it was trained.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import cast

from latm.errors import DataError, nearest
from latm.plugin import Message, Request
from latm.tuner._samples import Sample
from latm.tuner._spec import TuningSpec

UNSURE = "unsure"
"""What a model says that cannot tell; it is no label."""

FEWEST_LINES = 10
"""Of a training file, as services of OpenAI's shape want it."""

LARGEST_BYTES = 512 * 1024 * 1024
"""Of a training file, as services of OpenAI's shape take it."""

_ROLES = ("system", "user", "assistant")
_OUTPUT_TOKENS = 64
_AROUND = " \t\r\n\"'`*."


@dataclass(frozen=True, slots=True)
class Template:
    """How a sample is put to a model, in training and ever after.

    Attributes:
        system: the system prompt. Its cards, ``## LABEL`` with the description below, can be read by a model
            that is no chat model too.
        labels: in the order of the spec.
    """

    system: str
    labels: tuple[str, ...]

    @classmethod
    def of(cls, spec: TuningSpec) -> Template:
        """The template of a tuning."""
        cards = "\n\n".join(f"## {label}\n{' '.join(text.split())}" for label, text in spec.labels.items())
        system = (
            f"You are given {spec.about}. {spec.question}\n\n"
            "Reply with one of these labels, written exactly as below, and with nothing else.\n\n"
            f"{cards}"
        )
        return cls(system, tuple(spec.labels))

    @property
    def digest(self) -> str:
        """SHA-256 of all that a model sees beside the text."""
        return hashlib.sha256(self.system.encode("utf-8", "surrogatepass")).hexdigest()

    def request(self, text: str) -> Request:
        """What a model is asked about a text."""
        return Request(
            messages=(Message("user", text),), system=self.system, max_output_tokens=_OUTPUT_TOKENS
        )

    def line(self, sample: Sample) -> Mapping[str, object]:
        """A line of a training file: the request's turns and the reply that is wanted."""
        request = self.request(sample.text)
        turns = [{"role": each.role, "content": each.text} for each in request.messages]
        return {
            "messages": [
                {"role": "system", "content": self.system},
                *turns,
                {"role": "assistant", "content": sample.label},
            ]
        }

    def read(self, reply: str) -> str | None:
        """The label that a reply names; `UNSURE` where the model says so; None where it names none.

        White space, quotes and a full stop around it are forgiven, and its case; nothing else is.
        """
        said = reply.strip().casefold()
        exact = [label for label in self.labels if label.casefold() == said]
        found = exact or [label for label in self.labels if _bare(label) == _bare(said)]
        if len(found) == 1:
            return found[0]
        return UNSURE if not found and _bare(said) == UNSURE else None


def _bare(text: str) -> str:
    return text.strip(_AROUND).casefold()


def chat_lines(template: Template, samples: Iterable[Sample]) -> bytes:
    """A training file: chat JSON Lines in UTF-8, a sample a line."""
    lines = [json.dumps(template.line(each), ensure_ascii=False) for each in samples]
    return "".join(f"{line}\n" for line in lines).encode("utf-8")


def check_chat(
    data: bytes,
    *,
    labels: Iterable[str],
    where: str,
    fewest: int = FEWEST_LINES,
    largest: int = LARGEST_BYTES,
) -> int:
    """Check a training file line by line, before anything is sent.

    Args:
        data: the file.
        labels: what the assistant may say.
        where: what to call the file.
        fewest: lines that it must have.
        largest: bytes that it may have.

    Returns:
        How many lines it has.

    Raises:
        DataError: something is wrong; names each line, by its number from 1.
    """
    if len(data) > largest:
        raise DataError([f"has {len(data):,} bytes; at most {largest:,} are taken"], where=where)
    known = tuple(labels)
    problems: list[str] = []
    said: set[str] = set()
    count = 0
    for number, line in enumerate(data.split(b"\n"), start=1):
        if not line.strip():
            continue
        count += 1
        try:
            said.add(_check_line(line, known))
        except ValueError as error:
            problems.append(f"line {number}: {error}")
    if count < fewest:
        problems.append(f"has {count} lines; at least {fewest} are needed")
    if not problems and len(said) == 1:
        problems.append(f"every line has the label {said.pop()!r}: there is nothing to tell apart")
    if problems:
        raise DataError(problems, where=where)
    return count


def _check_line(line: bytes, labels: tuple[str, ...]) -> str:
    """The label of a line; ValueError says what is wrong with it."""
    try:
        data: object = json.loads(line.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"is no JSON: {error}") from None
    if not isinstance(data, dict) or list(cast("dict[str, object]", data)) != ["messages"]:
        raise ValueError('must be an object with "messages" alone')
    messages = cast("dict[str, object]", data)["messages"]
    if not isinstance(messages, list):
        raise ValueError('"messages" must be a list')  # noqa: TRY004 - read as one kind
    roles: list[str] = []
    content = ""
    for position, each in enumerate(cast("list[object]", messages), start=1):
        if not isinstance(each, dict):
            raise ValueError(f"message {position} must be an object")  # noqa: TRY004 - read as one kind
        role, content = _check_message(cast("dict[str, object]", each), position)
        roles.append(role)
    if tuple(roles) != _ROLES:
        raise ValueError(f"must be {', '.join(_ROLES)}, not {', '.join(roles) or 'nothing'}")
    if content not in labels:
        same = next((label for label in labels if label.casefold() == content.strip().casefold()), None)
        hint = f" It differs from {same!r} only in case or space." if same else nearest(content, labels)
        raise ValueError(f"the assistant says {content!r}, which is no label.{hint}")
    return content


def _check_message(message: Mapping[str, object], position: int) -> tuple[str, str]:
    role, content = message.get("role"), message.get("content")
    if role not in _ROLES:
        hint = nearest(role, _ROLES) if isinstance(role, str) else ""
        raise ValueError(f"message {position}: unknown role {role!r}.{hint}")
    if not isinstance(content, str) or not content.strip():
        raise ValueError(f"message {position}: the {role}'s text is empty")
    if others := message.keys() - {"role", "content"}:
        raise ValueError(f"message {position}: unknown key {min(others)!r}")
    return str(role), content
