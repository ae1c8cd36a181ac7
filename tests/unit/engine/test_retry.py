from __future__ import annotations

import math
from pathlib import Path

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latm import BackendError, Refused, Rejected, Throttled, Timeout, Truncated, Unauthorized, Unavailable
from latm._retry import NO, attempt_s, decide
from latm.config import RetryConfig
from latm.plugin import Backend, ProviderSpec, Reply, Request, Usage, hookimpl
from unit.engine.desk import ASK, desk

policies = st.builds(
    RetryConfig,
    attempts=st.integers(1, 8),
    total_s=st.floats(0.1, 1000),
    longest_wait_s=st.floats(0.1, 1000),
)
waits = st.none() | st.floats(-10, 2000) | st.sampled_from([0.0, math.inf, math.nan])
transient = st.builds(
    lambda kind, wait: kind("x", retry_after=wait), st.sampled_from([Throttled, Unavailable, Timeout]), waits
)
chances = st.floats(0, 1)


@given(
    policies,
    st.floats(0.01, 600),
    st.lists(st.tuples(transient, st.floats(0, 1), chances), min_size=1, max_size=12),
)
def test_a_call_never_goes_beyond_its_attempts_and_its_total_time(
    policy: RetryConfig, timeout_s: float, faults: list[tuple[BackendError, float, float]]
) -> None:
    elapsed_s, attempts = 0.0, 0
    for number in range(1, 100):
        error, share, chance = faults[(number - 1) % len(faults)]
        patience_s = attempt_s(timeout_s, attempt=number, elapsed_s=elapsed_s, policy=policy)
        assert 0 < patience_s <= timeout_s
        elapsed_s += patience_s * share
        attempts = number
        decision = decide(error, attempt=number, elapsed_s=elapsed_s, policy=policy, chance=chance)
        if decision is NO:
            break
        elapsed_s += decision.wait_s
    assert attempts <= policy.attempts
    assert elapsed_s <= max(policy.total_s, timeout_s) + 1e-6


@given(transient, st.integers(1, 3), chances)
def test_a_service_is_never_asked_again_before_it_said(
    error: BackendError, attempt: int, chance: float
) -> None:
    decision = decide(error, attempt=attempt, elapsed_s=0, policy=RetryConfig(), chance=chance)
    asked = error.retry_after
    if decision is NO:
        assert asked is not None
        assert not asked <= 30.0
        return
    assert decision.kind == ("rate_limited" if isinstance(error, Throttled) else "transient")
    if asked is not None and asked >= 0:
        assert asked <= decision.wait_s <= asked + 0.5
    else:
        longest = 0.5 * 2 ** (attempt - 1)
        assert longest / 2 <= decision.wait_s <= longest


def test_callers_that_were_refused_together_come_back_apart() -> None:
    for error in (Throttled("x", retry_after=3.0), Unavailable("x")):
        early, late = (
            decide(error, attempt=1, elapsed_s=0, policy=RetryConfig(), chance=chance).wait_s
            for chance in (0.0, 1.0)
        )
        assert late - early >= 0.25


@pytest.mark.parametrize("kind", [Rejected, Unauthorized, Refused, Truncated])
def test_what_would_fail_again_is_not_tried_again(kind: type[BackendError]) -> None:
    assert decide(kind("x"), attempt=1, elapsed_s=0, policy=RetryConfig(), chance=0) is NO


@pytest.mark.anyio
async def test_the_configuration_bounds_the_retries(tmp_path: Path) -> None:
    place = desk(tmp_path, [Unavailable("down")] * 9, retry={"attempts": 2})
    with pytest.raises(Unavailable):
        await (await place.role()).complete(ASK, place.purpose())
    assert [(name, fields["attempt"], fields["error_type"]) for name, fields in place.told] == [
        ("model.retry", 1, "Unavailable"),
        ("model.failed", 2, "Unavailable"),
    ]
    await place.close()


@pytest.mark.anyio
async def test_the_last_attempt_gets_only_the_time_that_is_left(tmp_path: Path) -> None:
    patience: list[float] = []

    def slow(request: Request) -> BaseException:
        assert request.timeout_s is not None
        patience.append(request.timeout_s)
        place.clock.time += min(4.0, request.timeout_s)
        return Timeout("no reply")

    place = desk(
        tmp_path, slow, roles={"maker": {"model": "fake:m", "timeout_s": 7.0}}, retry={"total_s": 10.0}
    )
    with pytest.raises(Timeout):
        await (await place.role()).complete(ASK, place.purpose())
    first, second, third = patience
    waited = place.clock.slept
    assert (first, second) == (7.0, pytest.approx(6.0 - waited[0]))
    assert third == pytest.approx(2.0 - waited[0] - waited[1])
    assert place.clock.time == pytest.approx(10.0)
    await place.close()


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("role", "table", "expected"),
    [({"timeout_s": 9.0}, {"timeout_s": 3}, 9.0), ({}, {"timeout_s": 3}, 3.0), ({}, {}, 120.0)],
)
async def test_a_timeout_is_the_roles_else_the_providers_else_ours(
    tmp_path: Path, role: dict[str, object], table: dict[str, object], expected: float
) -> None:
    asked: list[float | None] = []

    class Patient:
        async def complete(self, request: Request) -> Reply:
            asked.append(request.timeout_s)
            return Reply(text="x", usage=Usage(), model="m")

        async def aclose(self) -> None:
            pass

    class Plugin:
        @hookimpl
        def latm_providers(self) -> list[ProviderSpec]:
            return [ProviderSpec(name="fake", create=lambda _model, _options: Patient())]

    place = desk(
        tmp_path,
        [],
        plugin=Plugin(),
        roles={"maker": {"model": "fake:m", **role}},
        providers={"fake": table},
    )
    await (await place.role()).complete(ASK, place.purpose())
    assert asked == [expected]
    await place.close()


@pytest.mark.anyio
async def test_a_backend_that_does_not_keep_its_timeout_is_stopped(tmp_path: Path) -> None:
    stopped = 0

    class Stuck:
        async def complete(self, request: Request) -> Reply:
            nonlocal stopped
            try:
                await anyio.sleep_forever()
            finally:
                stopped += 1
            raise AssertionError

        async def aclose(self) -> None:
            pass

    class Plugin:
        def create(self, model: str, options: object) -> Backend:
            return Stuck()

        @hookimpl
        def latm_providers(self) -> list[ProviderSpec]:
            return [ProviderSpec(name="fake", create=self.create)]

    role = {"model": "fake:m", "timeout_s": 0.02}
    place = desk(tmp_path, [], plugin=Plugin(), roles={"maker": role}, retry={"attempts": 2})
    with anyio.fail_after(5), pytest.raises(Timeout, match=r"fake:m: no reply within 0\.02 s"):
        await (await place.role()).complete(ASK, place.purpose())
    assert stopped == 2
    await place.close()
