"""What is wrong with a reply or an error."""

from __future__ import annotations

from latm.cassettes import decode_reply, encode_reply
from latm.errors import BackendError
from latm.plugin import Reply
from latm.testing._scenario import Scenario

__all__ = ["Failed", "chained", "judge_error", "judge_reply"]


class Failed(Exception):  # noqa: N818 - no error of anyone's
    """A check's verdict, on its way to the report."""


def judge_reply(reply: object, scenario: Scenario) -> None:
    """Compare a reply with the contract and with what the scenario says.

    Raises:
        Failed: it is none, or another.
    """
    if not isinstance(reply, Reply):
        raise Failed(f"complete() returned a {type(reply).__name__}")
    try:
        again = decode_reply(encode_reply(reply))
    except ValueError as error:
        raise Failed(str(error)) from None
    if again.text != reply.text or not reply.model:
        raise Failed("the reply names no model" if not reply.model else "the text does not survive JSON")
    _judge_usage(reply, scenario)
    if scenario.calls is not None and reply.calls != scenario.calls:
        raise Failed(f"calls are {reply.calls}, expected {scenario.calls}")
    bare = [key for key in reply.metadata if "." not in key]
    if bare:
        raise Failed(f"the metadata key {bare[0]!r} does not begin with the provider's name and a dot")


def judge_error(error: BackendError, scenario: Scenario) -> None:
    """Compare an error with what the scenario says.

    Raises:
        Failed: it is another.
    """
    if scenario.expect is None:
        raise Failed(f"expected a reply, got {type(error).__name__}: {error}")
    if type(error) is not scenario.expect:
        raise Failed(f"got {type(error).__name__}: {error}")
    if scenario.retry_after is not None and error.retry_after != scenario.retry_after:
        raise Failed(f"retry_after is {error.retry_after}, expected {scenario.retry_after}")
    if scenario.usage is not None:
        if error.reply is None:
            raise Failed("it carries no reply, though tokens were used")
        _judge_usage(error.reply, scenario)


def chained(error: BaseException) -> str:
    """Which foreign exception an error holds as cause or context, shown or not; empty if none."""
    for held in (error.__cause__, error.__context__):
        if held is not None and not isinstance(held, BackendError):
            return f"{type(error).__name__} holds {type(held).__module__}.{type(held).__qualname__}"
    return ""


def _judge_usage(reply: Reply, scenario: Scenario) -> None:
    if scenario.usage is not None and reply.usage != scenario.usage:
        raise Failed(f"usage is {reply.usage}, expected {scenario.usage}")
