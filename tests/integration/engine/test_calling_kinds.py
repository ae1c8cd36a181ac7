"""Why a use gave no answer, by kind: what is the model's fault, what the tool's, and what is nobody's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal

from integration.engine.test_calling import SOURCE, tool
from latm import Demonstration, Ledger, Refused, Tool, Truncated
from latm.user import Use, User
from latm_sandbox import AsyncSandbox, Limits
from unit.engine.desk import desk

pytestmark = pytest.mark.docker

QUESTION = "Sort: pear fig 1"
RIGHT = "sort(['pear', 'fig'])"
CODED = {"call_style": "code", "demonstrations": (Demonstration("q", "ans = sort(['a'])"),)}


@pytest.fixture(scope="module")
def portal() -> Iterator[BlockingPortal]:
    with start_blocking_portal() as portal:
        yield portal


@pytest.fixture(scope="module")
def sandbox(portal: BlockingPortal) -> Iterator[AsyncSandbox]:
    with portal.wrap_async_context_manager(AsyncSandbox(limits=Limits(wall_s=1.0))) as sandbox:
        yield sandbox


class Users:
    """Uses tools with a model that says what it is given."""

    def __init__(self, portal: BlockingPortal, sandbox: AsyncSandbox) -> None:
        self._portal = portal
        self._sandbox = sandbox

    def use(self, made: Tool, *script: Any) -> Use:
        async def work() -> Use:
            place = desk(None, list(script), roles={"user": "fake:m"})
            user = User(roles=place.roles, sandbox=self._sandbox)
            try:
                return await user.use(made, QUESTION, run="ask-1", bill=Ledger())
            finally:
                await place.close()

        return self._portal.call(work)


@pytest.fixture
def users(portal: BlockingPortal, sandbox: AsyncSandbox) -> Users:
    return Users(portal, sandbox)


def body(code: str) -> str:
    return f'def sort(words: list[str]) -> list[str]:\n    """Sort."""\n    {code}\n'


CASES: dict[str, tuple[str, str, Sequence[Any], str]] = {
    "answered": ("answered", SOURCE, [RIGHT], ""),
    "answered at last": ("answered", SOURCE, ["no", RIGHT], ""),
    "a declared error": ("declined", SOURCE, ["sort(['fig', '1'])"], "Unknown: '1' is no word"),
    "a declared error at last": ("declined", SOURCE, ["no", "sort(['fig', '1'])"], "Unknown: '1' is no word"),
    "an error that the source raises": ("declined", body("raise LookupError"), [RIGHT], "LookupError"),
    "prose": ("unreadable", SOURCE, ["fig pear"] * 2, "No call of sort can be read"),
    "a refusal": ("unreadable", SOURCE, [Refused("never")] * 2, "never"),
    "a cut reply": ("unreadable", SOURCE, [Truncated("cut")] * 2, "cut"),
    "another function": ("unreadable", SOURCE, ["sorted(['fig'])"] * 2, "No call of sort"),
    "an unknown argument": ("unreadable", SOURCE, ["sort(['fig'], x=1)"] * 2, "has no argument x"),
    "another kind of argument": ("unreadable", SOURCE, ["sort('fig')"] * 2, "is 'fig', which is no list"),
    "invented": ("ungrounded", SOURCE, ["sort(['plum'])"] * 2, "The argument words of sort holds 'plum'"),
    "invented at last": ("ungrounded", SOURCE, ["no", "sort(['plum'])"], "holds 'plum'"),
    "nothing": ("ungrounded", SOURCE, ["sort([])"] * 2, "The argument words of sort is empty"),
    "another error": ("failed", body("return words[7]"), [RIGHT] * 2, "IndexError"),
    "a hang": ("failed", body("while True: pass"), [RIGHT] * 2, "time limit"),
    "too much memory": ("failed", body("return ['x'] * 10**10"), [RIGHT] * 2, "memory"),
    "no answer": ("failed", body("return None"), [RIGHT] * 2, "None is no answer"),
    "no data": ("failed", body("return object()"), [RIGHT] * 2, "object"),
    "a broken tool": ("failed", body("return words") + "1 / 0\n", [RIGHT] * 2, "ZeroDivisionError"),
    "failed at last": ("failed", body("return None"), ["no", RIGHT], "None is no answer"),
}  # fmt: skip


@pytest.mark.parametrize(("kind", "source", "script", "said"), CASES.values(), ids=CASES)
def test_the_kind_and_the_reason(
    users: Users, kind: str, source: str, script: Sequence[Any], said: str
) -> None:
    use = users.use(tool(source), *script)
    assert use.kind == kind
    assert said in use.reason
    assert "\n" not in use.reason
    assert (use.text is None, use.call is None, bool(use.reason)) == ((kind != "answered",) * 3)
    assert len(use.trace) == len(script)
    assert (use.outcome is None) is (kind in {"unreadable", "ungrounded"} and said[-5:] != "empty")


@pytest.mark.parametrize(
    ("kind", "script", "said"),
    [
        ("answered", ["```python\nans = sort(['fig'])\n```"], ""),
        ("unreadable", ["fig"] * 2, "no fenced Python block"),
        ("unreadable", ["```python\ndef sort(words): ...\n```"] * 2, "defines sort anew"),
        ("unreadable", [Refused("never")], "never"),
        ("failed", ["```python\nans = 1 / 0\n```"] * 2, "ZeroDivisionError"),
        ("failed", ["```python\nsort(['fig'])\n```"] * 2, "did not set 'ans'"),
        ("failed", ["```python\nans = None\n```"] * 2, "None is no answer"),
    ],
)
def test_code_has_the_same_kinds(users: Users, kind: str, script: Sequence[Any], said: str) -> None:
    use = users.use(tool(**CODED), *script)
    assert (use.kind, use.call) == (kind, None)
    assert said in use.reason
