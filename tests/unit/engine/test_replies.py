from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from latm import PluginError, cassettes
from latm._replies import reply_problem
from latm.plugin import Call, Reply, Usage
from unit.engine.desk import ASK, desk

GOOD: Mapping[str, Any] = {"text": "x", "usage": Usage(input=1), "model": "m"}
WRONG = [
    ({"text": None}, "whose text is None, not text"),
    ({"text": b"x"}, "whose text is a bytes, not text"),
    ({"model": 3}, "whose model is a int, not text"),
    ({"finish_reason": 3}, "whose finish_reason is a int, not text"),
    ({"usage": {"input": 1}}, "whose usage is a dict, not a Usage"),
    ({"usage": None}, "whose usage is None, not a Usage"),
    ({"usage": Usage(input=1.5)}, "whose usage.input is a float, not a number of tokens"),  # type: ignore[arg-type]
    ({"usage": Usage(output=True)}, "whose usage.output is a bool, not a number of tokens"),
    ({"calls": [Call("f", {})]}, "whose calls are a list, not a tuple"),
    ({"calls": ("f",)}, "with a str among its calls"),
    ({"calls": (Call("f", None),)}, "with a Call that is not a name and a mapping"),  # type: ignore[arg-type]
    ({"calls": (Call(3, {}),)}, "with a Call that is not a name and a mapping"),  # type: ignore[arg-type]
    ({"metadata": None}, "whose metadata is None, not a mapping"),
    ({"metadata": {3: "x"}}, "that is no data: reply.metadata has the key 3"),
    ({"metadata": {"a.b": {1, 2}}}, "that is no data: reply.metadata.a.b is a set"),
    ({"metadata": {"a.b": float("nan")}}, "that is no data: reply.metadata.a.b is nan"),
]

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.dates(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers(), inner) | st.tuples(inner),
    max_leaves=8,
)
replies = st.builds(
    Reply,
    text=st.text() | values,
    usage=st.builds(Usage, input=st.integers(0, 2**70)) | values,
    model=st.text() | values,
    calls=st.lists(st.builds(Call, st.text() | values, values)).map(tuple) | values,
    finish_reason=st.none() | st.text() | values,
    metadata=st.dictionaries(st.text(), values) | values,
)


@given(replies | values)
def test_what_passes_can_be_written_down_and_read_again(reply: object) -> None:
    if reply_problem(reply) is None:
        assert isinstance(reply, Reply)
        again = cassettes.decode_reply(cassettes.encode_reply(reply))
        assert (again.text, again.model, again.usage) == (reply.text, reply.model, reply.usage)
        assert cassettes.encode_reply(again) == cassettes.encode_reply(reply)
        assert reply.usage + reply.usage == Usage(*(2 * each for each in _buckets(reply.usage)))


def _buckets(usage: Usage) -> tuple[int, ...]:
    return usage.input, usage.cache_read, usage.cache_write, usage.output


def test_one_that_is_nested_too_deeply_is_no_data() -> None:
    deep: object = ()
    for _ in range(5000):
        deep = [deep]
    assert reply_problem(Reply(**GOOD, metadata={"a.b": deep})) == "a Reply that is nested too deeply"


def test_a_whole_reply_has_no_problem() -> None:
    metadata = MappingProxyType({"a.b": MappingProxyType({"c": (1, 2.5, None)})})
    whole = Reply(**GOOD, calls=(Call("f", {"x": 1}),), finish_reason="stop", metadata=metadata)
    assert reply_problem(whole) is None
    assert reply_problem("x") == "str where a Reply was due"


@pytest.mark.anyio
@pytest.mark.parametrize(("wrong", "message"), WRONG)
async def test_a_wrong_reply_is_a_fault_of_its_plugin(
    tmp_path: Path, wrong: dict[str, Any], message: str
) -> None:
    place = desk(tmp_path, [Reply(**{**GOOD, **wrong})])
    with pytest.raises(PluginError, match=f"the backend of fake:m gave a Reply {message}"):
        await (await place.role()).complete(ASK, place.purpose())
    counted = "usage" not in wrong
    assert place.roles.ledger.total().usage == Usage(input=int(counted))
    assert [entry.outcome for entry in place.roles.ledger.entries()] == ["PluginError"] * counted
    assert place.library.journal() == ()
    assert place.told_names() == ["model.failed"]
    await place.close()


@pytest.mark.anyio
async def test_what_is_no_reply_at_all_is_named(tmp_path: Path) -> None:
    place = desk(tmp_path, lambda _request: {"text": "x"})
    with pytest.raises(PluginError):
        await (await place.role()).complete(ASK, place.purpose())
    await place.close()
