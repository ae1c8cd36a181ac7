"""Many programs through one pool, many calls through one cell: nothing grows, nothing slows down."""

from __future__ import annotations

import os
import statistics
import time
from pathlib import Path

import pytest

from integration.faults import drill, traced
from latm_sandbox import PoolPolicy, Program, Sandbox

pytestmark = [pytest.mark.docker, pytest.mark.serial]

FULL_S = 3600
SLOWER = 1.25  # the last tenth against the second one; the first warms up
HOST_GROWTH = 8 * drill.MiB
CELL_GROWTH = 2 * drill.MiB


def counts(short, full):
    """A count for every day, of which no latency is judged, and one for the soak."""
    soak = [pytest.mark.soak, pytest.mark.timeout(FULL_S)]
    return pytest.mark.parametrize(
        "count", [pytest.param(short, id="short"), pytest.param(full, id="full", marks=soak)]
    )


def pss(pid):
    """Proportional resident bytes of a process, or of this one for "self"; 0 when it has just ended."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return next(int(line.split()[1]) << 10 for line in text.splitlines() if line.startswith("Pss:"))


def pss_of_cell(container):
    """The same of all processes in a container, as the engine lists them."""
    with traced.engine() as client:
        return sum(pss(row[1]) for row in client.top(container)["Processes"])


def tenths(values):
    """The second and the last tenth, and their medians' ratio."""
    tenth = len(values) // 10
    second, last = statistics.median(values[tenth : 2 * tenth]), statistics.median(values[-tenth:])
    return second, last, last / second


def report(record_property, **figures: object):
    """Keep the figures, in the report of the run and on its output."""
    for name, figure in figures.items():
        record_property(name, figure)
    print("; ".join(f"{name} {figure}" for name, figure in figures.items()))  # noqa: T201 - the soak's result


def judge(record_property, seconds, host, *, short):
    """Latency and the host's memory over the run."""
    second, last, ratio = tenths(seconds)
    growth = host[-1] - host[1]
    report(
        record_property,
        count=len(seconds),
        second_tenth_ms=round(second * 1000, 3),
        last_tenth_ms=round(last * 1000, 3),
        ratio=round(ratio, 3),
        host_mib=[round(size / drill.MiB, 2) for size in host],
    )
    assert growth <= HOST_GROWTH, host
    assert short or ratio <= SLOWER


@counts(40, 2_000)
def test_programs_through_a_pool_of_eight(count, record_property):
    trace = traced.Trace()
    seconds, host, held = [], [], []
    with Sandbox(pool=PoolPolicy(cells=8, spare=2), **trace.options) as sandbox:
        sandbox.start()
        for n in range(count):
            program = Program(f"def f(x):\n    return x + {n}")
            begun = time.monotonic()
            outcome = sandbox.call(program, 1)
            seconds.append(time.monotonic() - begun)
            assert outcome.value == n + 1, outcome
            if n % (count // 10) == 0:
                host.append(pss("self"))
                held.append(drill.Held.now())
        assert len(sandbox._async._pool._shares) <= 8  # programs that have gone are forgotten
    assert trace.most <= 8
    judge(record_property, seconds, host, short=count < 1000)
    assert held[-1].descriptors <= held[1].descriptors + 16  # a cell has two
    assert held[-1].threads <= held[1].threads + 4
    trace.gone()
    assert not trace.said("cell_left")


@counts(400, 20_000)
def test_calls_through_one_cell(count, record_property):
    trace = traced.Trace()
    seconds, host, cell = [], [], []
    policy = PoolPolicy(cells=1, max_calls=10 * count)
    with Sandbox(pool=policy, **trace.options) as sandbox:
        container = traced.container_of(sandbox.call(drill.ADD, 0, 0))
        before = drill.Held.now()
        for n in range(count):
            begun = time.monotonic()
            outcome = sandbox.call(drill.ADD, n, 1)
            seconds.append(time.monotonic() - begun)
            assert outcome.value == n + 1, outcome
            assert traced.container_of(outcome) == container
            if n % (count // 10) == 0:
                host.append(pss("self"))
                cell.append(pss_of_cell(container))
        after = drill.Held.now()
        host.append(pss("self"))
        cell.append(pss_of_cell(container))
    assert trace.said("cell_started") == 1
    report(record_property, cell_mib=[round(size / drill.MiB, 2) for size in cell])
    judge(record_property, seconds, host, short=count < 1000)
    if os.geteuid() == 0:  # else the kernel tells nothing of another user's processes
        assert min(cell) > 0
        assert cell[-1] - cell[1] <= CELL_GROWTH, cell
    assert after.descriptors <= before.descriptors + 2
    assert after.threads <= before.threads + 2
    trace.gone()
