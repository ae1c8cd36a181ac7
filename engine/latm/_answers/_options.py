"""``option``: one of a multiple choice, by its letter, its text or its place."""

from __future__ import annotations

import re
from collections.abc import Mapping

from latm._answers._text import fold, render_text

_LINE = re.compile(r"^\(?([A-Za-z])[).]\s(.+)$", re.MULTILINE)
OPTION_ANSWER = re.compile(r"^\(?\s*([A-Za-z])\s*\)?[.:)]?$")
_OTHER_LINE = re.compile(r"^(?:[-*] )?[(\[]?([A-Za-z]|\d{1,2})[)\].:]\s(.+)$", re.MULTILINE)
_INLINE = re.compile(r"\(([A-Z])\) ?(\S.*?)[,;]? ?(?=\([A-Z]\)|$)", re.MULTILINE)
_WRITTEN = re.compile(r"\(([A-Z]|\d{1,2})\)")
_LEAD = re.compile(r"^(?:the\s+)?(?:(?:correct\s+|right\s+)?answer(?:\s+is)?\s*:?\s*)?", re.IGNORECASE)
_LABEL = re.compile(
    r"(?:(?:option|choice)\s*)?[(\[]?\s*([A-Za-z])\s*[)\]]?[.:)]?(?:\s+(?:option|choice))?", re.IGNORECASE
)
_PLACE = re.compile(
    r"(?:(?:option|choice|number|no\.)\s*|#\s*)?[(\[]?(\d{1,3})(?:st|nd|rd|th)?[)\]]?[.:)]?(?:\s+(?:option|choice|one))?",
    re.IGNORECASE,
)
_LABELLED = re.compile(r"[(\[]?([A-Za-z]|\d{1,2})[)\].:]\s*(\S.*)")
_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")
_ORDINAL = re.compile(rf"({'|'.join(_ORDINALS)})(?:\s+(?:option|choice|one))?", re.IGNORECASE)


def options_of(question: str) -> Mapping[str, str]:
    """The options that a question lists, by letter in upper case (or number), in its order."""
    lines = _folded_lines(question)
    found: Mapping[str, str] = {}
    for pattern in (_LINE, _OTHER_LINE, _INLINE):
        found = {label.upper(): text for label, text in pattern.findall(lines)}
        if len(found) > 1:
            return found
    return dict(_LINE.findall(lines))


def lists_options(question: str) -> bool:
    """Whether a question lists options in the plain way: a line each, of a letter, ``)`` or ``.``, a text."""
    return len(_LINE.findall(_folded_lines(question))) > 1


def _folded_lines(text: str) -> str:
    """The lines that are not blank, each folded; the patterns above then have no long runs to go through."""
    return "\n".join(filter(None, map(fold, text.split("\n"))))


def render_option(value: object, question: str) -> str:
    """``(C)`` for its letter, its text or its place counted from 1; text for what is none of these.

    What an option says comes before its place: among ``(A) 2`` and ``(B) 1`` a 1 is (B), not the first. A
    letter with the text of another option is none.
    """
    options = options_of(question)
    text = render_text(value)
    written = _WRITTEN.fullmatch(text)
    if written and (written[1] in options or not options):
        return text
    label = _by_text(text, options)
    if label is None:
        label = _said(text, options)
    return text if label is None else f"({label})"


def _said(text: str, options: Mapping[str, str]) -> str | None:
    """The letter of what is no option's text."""
    bare = text.strip("*`\"'").removesuffix(".") if len(text) > 1 else text
    if (found := _LABELLED.fullmatch(bare)) and len(found[2]) > 1:
        label = found[1].upper()
        return label if _by_text(found[2], options) == label else None
    bare = _LEAD.sub("", bare, count=1).strip("*`\"' ")
    if (label := _by_text(bare, options)) is not None:
        return label
    if found := _LABEL.fullmatch(bare):
        return found[1].upper()
    return _by_place(bare, options)


def _by_text(text: str, options: Mapping[str, str]) -> str | None:
    for trim in (str.casefold, _trimmed):
        said = trim(text)
        label = next((label for label, option in options.items() if said and said == trim(option)), None)
        if label is not None:
            return label
    return None


def _trimmed(text: str) -> str:
    return text.casefold().strip(" .\"'`*")


def _by_place(text: str, options: Mapping[str, str]) -> str | None:
    if place := _PLACE.fullmatch(text):
        if place[1] in options:
            return place[1]
        number = int(place[1])
    elif ordinal := _ORDINAL.fullmatch(text):
        number = _ORDINALS.index(ordinal[1].casefold()) + 1
    else:
        return None
    labels = tuple(options)
    # The published tools count options from 1 ("options.index(x) + 1").
    return labels[number - 1] if 1 <= number <= len(labels) else None
