"""What a writer of samples replied: read strictly, and judged text by text."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from types import MappingProxyType
from typing import cast

from latm._json import parse_object
from latm._reading import blocks

REASONS: Mapping[str, str] = MappingProxyType(
    {
        "not as asked": "the reply was not the JSON that is asked for",
        "misnumbered": "the numbers in the reply were not those of the particulars, each once",
        "cut off": "the reply was cut off at its limit; be brief",
        "declined": "no text came",
        "missing": "the reply left it out",
        "empty": "it was empty",
        "unreadable": "it held characters that no text has",
        "names its label": "it named what it must not name",
        "placeholder": "it held a placeholder in square brackets",
        "too short": "it had too few words",
        "too long": "it had too many words",
        "repeated": "the same text is there already",
        "copied": "it was one of the real ones",
    }
)
"""Why a text is refused, and what its writer is told of it."""

WHOLE = frozenset({"not as asked", "misnumbered", "cut off", "declined"})
"""The reasons that refuse a reply as a whole."""

_TOLERANCE = 0.2  # models count words badly
_SHORTEST_TELLING = 4  # letters of a label: "no" or "yes" stand in texts of any kind
# Scripts that leave no space between words, and about how many characters make one.
_HAN_AND_KANA, _HAN_PER_WORD = "\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff", 2
_THAI_TO_TIBETAN, _THAI_PER_WORD = "\u0e00-\u0fff", 5
_HAN = re.compile(rf"[{_HAN_AND_KANA}]")
_THAI = re.compile(rf"[{_THAI_TO_TIBETAN}]")
_UNSPACED = re.compile(rf"[{_HAN_AND_KANA}{_THAI_TO_TIBETAN}]")
_WORD = re.compile(rf"[^\s{_HAN_AND_KANA}{_THAI_TO_TIBETAN}]+")
_NAME = re.compile(r"[^\W_]+")
_LONGEST_FIELD = 3  # words before a colon that announce a label: "Category of complaint: ..."
# No index of a program, "a[i]", and no link, "[here](https://...)".
_PLACEHOLDER = re.compile(r"(?<!\w)\[\s*[^\W\d_][^\[\]\n]{0,80}\](?!\()")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


class Unreadable(ValueError):  # noqa: N818 - said of a reply, as its callers do
    """A reply is none of what was asked for; the text is a key of `REASONS`."""


def read(reply: str, count: int) -> Mapping[int, str]:
    """The texts of a reply by their numbers, from 1; some may be missing.

    JSON alone, or in the one fenced block of the reply, and in exactly the shape that was asked for.

    Raises:
        Unreadable: it is no such JSON, or numbers texts that were not asked for, or one number twice.
    """
    body = reply.strip()
    if not body.startswith("{"):
        fenced = [block.code for block in blocks(body)]
        body = fenced[0] if len(fenced) == 1 else ""
    try:
        # A lone surrogate is a ValueError here too.
        data: dict[str, object] = parse_object(body.encode("utf-8"))
    except ValueError:
        raise Unreadable("not as asked") from None
    items = data.get("texts")
    if set(data) != {"texts"} or not isinstance(items, list):
        raise Unreadable("not as asked")
    found: dict[int, str] = {}
    for item in cast("list[object]", items):
        number, text = _item(item)
        if number in found or not 1 <= number <= count:
            raise Unreadable("misnumbered")
        found[number] = text
    return found


def _item(item: object) -> tuple[int, str]:
    fields = cast("dict[str, object]", item) if isinstance(item, dict) else {}
    number, text = fields.get("number"), fields.get("text")
    if (
        set(fields) != {"number", "text"}
        or not isinstance(number, int)
        or isinstance(number, bool)
        or not isinstance(text, str)
    ):
        raise Unreadable("not as asked")
    return number, text


def problem(
    text: str, label: str, words: tuple[int, int], *, seen: AbstractSet[str], real: AbstractSet[str]
) -> str | None:
    """What is wrong with a text, as a key of `REASONS`; None where it will do.

    Args:
        text: the text.
        label: what it is a text of.
        words: the fewest and the most; a fifth less or more is let pass.
        seen: texts that there are already, as `folded` gives them.
        real: the real examples, likewise.
    """
    return next(_problems(text, label, words, seen, real), None)


def _problems(
    text: str, label: str, words: tuple[int, int], seen: AbstractSet[str], real: AbstractSet[str]
) -> Iterator[str]:
    fewest, most = words
    same, count = folded(text), count_words(text)
    if not same:
        yield "empty"
    if _CONTROL.search(text):
        yield "unreadable"
    if names(text, label):
        yield "names its label"
    if _PLACEHOLDER.search(text):
        yield "placeholder"
    if same in real:
        yield "copied"
    if same in seen:
        yield "repeated"
    if count < fewest * (1 - _TOLERANCE):
        yield "too short"
    if count > most * (1 + _TOLERANCE):
        yield "too long"


def names(text: str, label: str) -> bool:
    """Whether a text gives its label away: names it anywhere, or has a line that is the label and no more.

    ``credit_card`` is named by "Credit card" too. A name that is not telling, see `is_telling`, may stand
    within a sentence; a line such as "Category: no" gives it away all the same.
    """
    parts = _NAME.findall(label.casefold())
    if not parts:
        return False
    text = text.casefold()
    name = r"[\W_]+".join(map(re.escape, parts))
    # There are no bounds of words where there are no spaces.
    bounded = name if _UNSPACED.search(label) else rf"(?<![^\W_]){name}(?![^\W_])"
    if is_telling(label) and re.search(bounded, text):
        return True
    return any(_is_line_of(line, parts) for line in text.split("\n"))


def _is_line_of(line: str, parts: list[str]) -> bool:
    field, _, rest = line.partition(":")
    announced = len(field.split()) <= _LONGEST_FIELD and _NAME.findall(rest) == parts
    return announced or _NAME.findall(line) == parts


def is_telling(label: str) -> bool:
    """Whether a label's name in a text would give it away: any but the shortest would."""
    return sum(map(len, _NAME.findall(label))) >= _SHORTEST_TELLING or bool(_UNSPACED.search(label))


def count_words(text: str) -> int:
    """Words of a text; about how many, in scripts without spaces between them."""
    han, thai = len(_HAN.findall(text)), len(_THAI.findall(text))
    return len(_WORD.findall(text)) + -(-han // _HAN_PER_WORD) + -(-thai // _THAI_PER_WORD)


def folded(text: str) -> str:
    """A text without what makes no other text of it: white space and case."""
    return " ".join(text.split()).casefold()
