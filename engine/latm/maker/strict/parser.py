"""The zero-token path: a parser takes a whole question apart, and proves it by putting it together again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from latm._failures import failure
from latm._reading import code_blocks, defined_functions, folded, parse, says_none
from latm._records import Tool
from latm.maker._conversation import Conversation
from latm.maker.strict._checks import shown
from latm.maker.strict.verify import Verified
from latm.user import try_parser
from latm_sandbox import AsyncSandbox, Program, Status

STAGE = "parser"
_TRIES = 2
_CODE = (
    "latm_arguments = parse({question!r})\n"
    "latm_text = None if latm_arguments is None else render(latm_arguments)\n"
)
_WANT = ("latm_arguments", "latm_text")


def question_text(function: str, questions: Sequence[str]) -> str:
    """What the maker is asked."""
    listed = "\n\n".join(f"Question: {each}" for each in questions)
    return (
        f"These questions were asked:\n\n{listed}\n\n"
        "If questions of this kind follow a fixed form, write two functions in one Python block: "
        f"`parse(question)`, which returns the arguments of {function} as a dict by parameter name, and "
        "`render(arguments)`, which writes exactly that question again. `parse` has to match the whole "
        "question, from its first to its last word, and to return None for any other text. If there is no "
        "fixed form, reply with the one word none.\n```python\n```"
    )


@dataclass(frozen=True, slots=True)
class Parsing:
    """What came of the parser.

    Attributes:
        source: of `parse` and `render`; None where there is none that was accepted.
        summary: why not, or on how many questions it was proved.
    """

    source: str | None
    summary: str


async def parser(
    conversation: Conversation, cells: AsyncSandbox, verified: Verified, foreign: Sequence[str], tool: Tool
) -> Parsing:
    """Get a parser that renders every known question back and refuses every foreign one, or none.

    Args:
        conversation: with the maker.
        cells: where it runs.
        verified: the function, with its questions and calls.
        foreign: known questions of other tasks.
        tool: what would use it, not stored.
    """
    if any(call.picks for call in verified.calls):
        return Parsing(None, "Not asked for: the answer is a part of the value, which no parser can say.")
    conversation.say(question_text(verified.function, [each.example.question for each in verified.checked]))
    problem: str | None = None
    for number in range(1, _TRIES + 1):
        reply = await conversation.ask(STAGE, number)
        source, problem = read(reply)
        if source and problem is None:
            problem = await _proved(cells, source, verified, foreign)
            problem = problem or await _usable(cells, source, verified, foreign, tool)
        conversation.judge(STAGE, number, reply, problem)
        if problem is None:
            if not source:
                return Parsing(None, "The maker sees no fixed form.")
            proved = f"It takes {len(verified.checked)} questions apart and puts them together again"
            return Parsing(source, f"{proved}; {len(foreign)} of other tasks are refused.")
        conversation.say(f"{problem}\nPlease mend it and reply with both functions, or with none.")
    return Parsing(None, f"None was accepted: {problem}")


def read(reply: str) -> tuple[str, str | None]:
    """The source, empty where the maker gives none; or what keeps it from being read."""
    if says_none(reply):
        return "", None
    found = code_blocks(reply)
    if not found:
        return "", "The reply holds no fenced Python block."
    source = "\n".join(block.code for block in found)
    tree = parse(source)
    missing = {"parse", "render"} - set(defined_functions(tree) if tree else ())
    if missing:
        return "", f"The block defines no function {' and no '.join(sorted(missing))}."
    return source, None


async def _proved(cells: AsyncSandbox, source: str, verified: Verified, foreign: Sequence[str]) -> str | None:
    """Why the parser is not to be trusted; None where it is."""
    program = Program(source, "parse")
    for each in verified.checked:
        question = each.example.question
        outcome = await cells.run(program, _CODE.format(question=question), want=_WANT)
        if outcome.status is not Status.OK:
            return f"For the question {question!r}: {failure(outcome)}"
        found, text = (outcome.values[name] for name in _WANT)
        arguments = _by_name(found)
        if arguments is None:
            return f"parse gives {shown(found)} for {question!r}, and not a dict by parameter name."
        if not isinstance(text, str) or folded(text) != folded(question):
            return f"render gives {shown(text)} and not the question {question!r} again."
        called = await cells.apply(verified.program, (), arguments)
        if called.status is not Status.OK or called.value != each.outcome.value:
            return (
                f"The function gives something else for what parse finds in {question!r}: {shown(arguments)}."
            )
    for question in foreign:
        outcome = await cells.run(program, _CODE.format(question=question), want=_WANT)
        # An error is a refusal as well, and so is a text that it cannot put together again.
        text = outcome.values.get("latm_text")
        if outcome.ok and isinstance(text, str) and folded(text) == folded(question):
            return f"parse takes {question[:200]!r}, which is another kind of question."
    return None


async def _usable(
    cells: AsyncSandbox, source: str, verified: Verified, foreign: Sequence[str], tool: Tool
) -> str | None:
    """Why the very code that uses parsers would not use this one as it should; None where it does."""
    for each in verified.checked:
        question = each.example.question
        tried = (await try_parser(tool, source, question, cells)).tried
        if tried is None or tried.kind != "answered" or tried.value != each.outcome.value:
            return f"For the question {question!r} it cannot be used: its arguments do not fit their hints."
    for question in foreign:
        if (await try_parser(tool, source, question, cells)).tried is not None:
            return f"parse takes {question[:200]!r}, which is another kind of question."
    return None


def _by_name(found: object) -> dict[str, object] | None:
    if not isinstance(found, dict):
        return None
    arguments = cast("dict[object, object]", found)
    named = {name: value for name, value in arguments.items() if isinstance(name, str)}
    return named if len(named) == len(arguments) else None
