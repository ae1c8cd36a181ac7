"""A tool's function, called by an application with arguments of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from latm._literals import Unreadable
from latm._records import Tool
from latm._signature import to_call
from latm._threads import in_thread
from latm.errors import ConfigError
from latm.user._fitting import misshapen
from latm.user._functions import signature_in
from latm_sandbox import Outcome

if TYPE_CHECKING:
    from latm._rooms import Rooms


async def call_function(rooms: Rooms, tool: Tool | str, arguments: Mapping[str, object]) -> Outcome:
    """Call a tool's function in a cell.

    Args:
        rooms: of the open engine.
        tool: the tool or its name.
        arguments: by name, as JSON has them: a list stands for a tuple or a set where the function's hint
            says so.

    Raises:
        ConfigError: the function does not take these arguments; says which, and why.
        LibraryError: the library has no such tool.
        SandboxError: no cell could be had.
    """
    found = await in_thread(rooms.library.get, tool) if isinstance(tool, str) else tool
    try:
        call = to_call(signature_in(found.source, found.function), arguments)
    except Unreadable as error:
        raise ConfigError(str(error), where="arguments") from None
    if (problem := misshapen(found, call)) is not None:
        raise ConfigError(problem[:1].lower() + problem[1:], where="arguments")
    return await rooms.user.sandbox.apply(found.program, call.args, call.kwargs)
