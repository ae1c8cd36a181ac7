"""The judge's programs, and the sandbox whose cells run them."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any, Final, TypeVar

import anyio

from latm_sandbox import AsyncSandbox, Image, LauncherSpec, Limits, PoolPolicy, Program, SandboxError

T = TypeVar("T")

INSTALLED: Final = ("hypothesis",)
"""What the judge's image has beside the interpreter."""

# Of a run of the judge's: all cases of all properties, the function's own time included. What a property may
# take between two questions is bounded in the cell.
_LIMITS: Final = Limits(wall_s=180.0, cpu_s=120.0, memory_bytes=512 << 20)
_IMPORTS: Final = re.compile(
    r"^from (?:__future__|latm\.maker\.judge\.cell(?:\.\w+)?) import (?:\([^)]*\)|[^\n(]*)\n", re.MULTILINE
)


@cache
def program(*parts: str) -> Program:
    """Modules of ``cell`` joined into one program."""
    texts = [files("latm.maker.judge.cell").joinpath(f"{part}.py").read_text("utf-8") for part in parts]
    return Program("from __future__ import annotations\n" + "".join(_IMPORTS.sub("", text) for text in texts))


async def together(jobs: Sequence[Callable[[], Awaitable[T]]]) -> list[T]:
    """Do them at once; what they give, in their order.

    Raises:
        SandboxError: the first that one of them raised.
    """
    found: dict[int, T] = {}
    failed: list[SandboxError] = []

    async def do(index: int, job: Callable[[], Awaitable[T]]) -> None:
        try:
            found[index] = await job()
        except SandboxError as error:
            failed.append(error)

    async with anyio.create_task_group() as group:
        for index, job in enumerate(jobs):
            group.start_soon(do, index, job)
    if failed:
        raise failed[0]
    return [found[index] for index in range(len(jobs))]


def judging_sandbox(
    *,
    launcher: str = "docker",
    launchers: Iterable[LauncherSpec] = (),
    on_event: Callable[[str, Mapping[str, Any]], None] | None = None,
) -> AsyncSandbox:
    """A sandbox whose cells have Hypothesis, copied from beside the running interpreter; not yet entered.

    Args:
        launcher: what starts the cells; one that takes images.
        launchers: launchers beside the built-in ones.
        on_event: told of its cells.
    """
    return AsyncSandbox(
        launcher=launcher,
        launchers=launchers,
        image=Image.from_host(installed=INSTALLED),
        limits=_LIMITS,
        pool=PoolPolicy(cells=6, spare=1),
        on_event=on_event,
    )
