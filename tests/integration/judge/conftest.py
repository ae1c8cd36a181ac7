"""A judge with real cells, for all tests of a worker."""

from __future__ import annotations

import pytest
from anyio.from_thread import start_blocking_portal

from latm.maker.judge import Judge, judging_sandbox
from latm_sandbox import AsyncSandbox, Limits, PoolPolicy, Program


class Bench:
    """What tests ask of a judge, without waiting for it themselves."""

    def __init__(self, portal, judging, cells) -> None:
        self.portal, self.judging, self.cells = portal, judging, cells

    def judge(self, *, seed: int = 7, cases: int = 40) -> Judge:
        return Judge(self.judging, self.cells, seed=seed, cases=cases, limits=Limits(wall_s=2.0))

    def properties(self, source, code, *, function="f", known=(), declared=(), **options: int):
        judge = self.judge(**options)

        async def ask():
            return await judge.properties(Program(source), function, code, known, declared=declared)

        return self.portal.call(ask)

    def robustness(self, source, seen=(), *, function="f", declared=(), **options: int):
        judge = self.judge(**options)
        return self.portal.call(judge.robustness, Program(source), function, seen, declared)

    def samples(self, source, seen, count, *, function="f", **options: int):
        return self.portal.call(self.judge(**options).samples, Program(source), function, seen, count)


@pytest.fixture(scope="session")
def bench():
    with start_blocking_portal() as portal:
        cells = AsyncSandbox(pool=PoolPolicy(cells=2))
        with (
            portal.wrap_async_context_manager(judging_sandbox()) as judging,
            portal.wrap_async_context_manager(cells) as judged,
        ):
            yield Bench(portal, judging, judged)
