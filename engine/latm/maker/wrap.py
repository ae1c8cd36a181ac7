"""Wrapping: the maker restates how questions become calls; the function stays the one that was verified."""

from __future__ import annotations

import ast
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from latm._answers import AnswerType
from latm._failures import failure
from latm._reading import blocks, bound_names, called_names, folded, lines_of, parse, python_blocks
from latm._records import Demonstration, Example
from latm.maker._conversation import Conversation
from latm.maker.propose import Proposal
from latm_sandbox import AsyncSandbox, Program, Status

STAGE = "wrap"
_SECTION = re.compile(r"^[ \t#*>-]*Question(?:[ \t]+\d+)?[ \t]*[*]*:[*]*[ \t]*", re.IGNORECASE)
_NUMBERED = re.compile(r"^(ans|ret)_?\d+$")


@dataclass(frozen=True, slots=True)
class Wrapping:
    """What the user model will be shown.

    Attributes:
        demonstrations: questions with code that was run and that sets ``ans``.
        notes: what was left out, and why.
    """

    demonstrations: tuple[Demonstration, ...]
    notes: tuple[str, ...]


def question_text(validation: Sequence[Example]) -> str:
    """What the maker is asked. The answers are not repeated: they have no place in a demonstration."""
    shown = "\n\n".join(f"Question: {each.question}" for each in validation)
    return (
        "All tests pass. Now write down how the function is used, for a model that will see nothing else. "
        "For each of these questions repeat the question as it stands and then give the code that turns it "
        "into a call, without the function itself, without asserts and without the expected answer:\n\n"
        "Question: (the question)\nSolution:\n```python\n"
        "# the arguments, taken from the question\n# ret = the call\n# ans = the answer made of ret\n```\n\n"
        f"The questions:\n\n{shown}"
    )


async def wrap(
    conversation: Conversation,
    sandbox: AsyncSandbox,
    proposal: Proposal,
    validation: Sequence[Example],
    *,
    answers: AnswerType,
    attempts: int,
) -> Wrapping:
    """Get at least one demonstration that runs, with at most `attempts` replies.

    Raises:
        MakingFailed: no reply held one.
    """
    conversation.say(question_text(validation))
    for number in range(1, attempts + 1):
        reply = await conversation.ask(STAGE, number)
        wrapping = await _checked(reply, sandbox, proposal, validation, answers)
        problem = None if wrapping.demonstrations else " ".join(wrapping.notes)
        conversation.judge(STAGE, number, reply, problem)
        if problem is None:
            return wrapping
        conversation.say(f"{problem}\nPlease write the use of the function down again.")
    raise conversation.failed(STAGE)


async def _checked(
    reply: str,
    sandbox: AsyncSandbox,
    proposal: Proposal,
    validation: Sequence[Example],
    answers: AnswerType,
) -> Wrapping:
    known = {example.question: example for example in validation}
    demonstrations: list[Demonstration] = []
    notes: list[str] = []
    for question, written in read(reply, known.keys()):
        example = known.pop(question, None)
        if example is None:
            continue  # a repetition
        code = plain_names(written)
        title = f"The demonstration for {question.strip()[:60]!r}"
        problem = _unfit(code, example, proposal)
        if problem is None:
            outcome = await sandbox.run(Program(proposal.source), code, want=("ans",))
            if outcome.status is not Status.OK:
                problem = failure(outcome)
            else:
                problem, note = _compared(outcome.values["ans"], example, answers)
                if note is not None:
                    notes.append(f"{title} {note}")
        if problem is None:
            demonstrations.append(Demonstration(example.question, code))
        else:
            notes.append(f"{title} was left out: {problem}")
    notes.extend(f"There is no demonstration for {question[:60]!r}." for question in known)
    return Wrapping(tuple(demonstrations), tuple(notes))


def read(reply: str, questions: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Those of the questions that the reply repeats, each with the last Python block behind it.

    Args:
        reply: the maker's text.
        questions: as they were asked; copies are recognised up to white space.
    """
    lines = lines_of(reply)
    fenced = {number for block in blocks(reply) for number in range(block.start, block.end + 1)}
    starts = [number for number, line in enumerate(lines) if number not in fenced and _SECTION.match(line)]
    known = sorted(set(questions), key=len, reverse=True)
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        section = "\n".join([_SECTION.sub("", lines[start], count=1), *lines[start + 1 : end]])
        copy = folded(section)
        question = next((each for each in known if copy.startswith(folded(each))), None)
        code = python_blocks(section)
        if question is not None and code:
            yield question, code[-1].code


def plain_names(code: str) -> str:
    """Code in which ``ans1`` and ``ret1`` are called ``ans`` and ``ret``.

    Makers number them when they write several solutions; the user model would copy that, and the engine
    reads ``ans``.
    """
    tree = parse(code)
    if tree is None:
        return code
    bound = bound_names(tree)
    renamed: dict[str, str] = {}
    for name in ("ans", "ret"):
        numbered = [each for each in bound if (found := _NUMBERED.match(each)) and found[1] == name]
        if name not in bound and len(numbered) == 1:
            renamed[numbered[0]] = name
    if not renamed:
        return code
    import tokenize

    lines = code.split("\n")  # as tokenize counts them
    tokens = [
        token
        for token in tokenize.generate_tokens(io.StringIO(code).readline)
        if token.type == tokenize.NAME and token.string in renamed
    ]
    for token in reversed(tokens):
        row, start, end = token.start[0] - 1, token.start[1], token.end[1]
        lines[row] = lines[row][:start] + renamed[token.string] + lines[row][end:]
    return "\n".join(lines)


def _compared(value: object, example: Example, answers: AnswerType) -> tuple[str | None, str | None]:
    """What makes a demonstration's answer unusable, or what a reader should know of it."""
    try:
        text = answers.render(value, example.question)
        if answers.same(value, example.answer, example.question):
            return None, None
    except ValueError as error:
        return f"its ans cannot be written as an answer: {error}", None
    return (
        None,
        f"gives {text[:80]!r} for {example.answer!r}: kept, as in the paper, where no one compares them.",
    )


def _unfit(code: str, example: Example, proposal: Proposal) -> str | None:
    tree = parse(code)
    if tree is None:
        return None  # running it says more
    bound = bound_names(tree)
    if "ans" not in bound:
        return "it sets no variable named ans."
    if again := sorted(bound & set(proposal.functions)):
        return f"it defines {again[0]} anew."
    if not set(called_names(tree)) & set(proposal.functions):
        return f"it never calls {' or '.join(proposal.functions)}."
    answer = example.answer.strip()
    literals = {str(node.value).strip() for node in ast.walk(tree) if isinstance(node, ast.Constant)}
    if answer not in example.question and answer in literals:
        return "it holds the expected answer."
    return None
