"""The host dies, is interrupted, forks: its cells end, and nobody else's do."""

from __future__ import annotations

import signal
import time

import pytest

from integration.faults import child, drill, traced
from latm_sandbox import Sandbox
from latm_sandbox.docker._engine import connect
from latm_sandbox.docker._launcher import sweep

pytestmark = pytest.mark.docker

transports = pytest.mark.parametrize("transport", ["auto", "attach"])

IN_A_CALL = """
def main():
    with Sandbox(pool=PoolPolicy(cells=2), launcher_options={"transport": sys.argv[1]}) as sandbox:
        assert sandbox.call(ADD, 1, 2).ok
        say("ready")
        sandbox.call(NAP, 60, limits=Limits(wall_s=5.0))
main()
"""

IN_A_TASK = """
async def main():
    async with AsyncSandbox(pool=PoolPolicy(cells=2), launcher_options={"transport": sys.argv[1]}) as sandbox:
        assert (await sandbox.call(ADD, 1, 2)).ok
        say("ready")
        await sandbox.call(NAP, 60, limits=Limits(wall_s=5.0))
if sys.argv[2] == "asyncio":
    asyncio.run(main())
else:
    anyio.run(main, backend=sys.argv[2])
"""


def ready(host):
    """Wait until both of its cells run: one that is made and not yet started would be left to a sweep."""
    assert host.stdout.readline() == "ready\n"
    drill.until(lambda: len(drill.cells(pid=host.pid, running=True)) == 2, seconds=4.0, what="two cells run")


@transports
@drill.rounds(1)
def test_a_killed_host_takes_its_cells_along(transport, rounds):
    for _ in range(rounds):
        with child.host(IN_A_CALL, transport) as host:
            ready(host)
            host.kill()
            drill.none_left(pid=host.pid)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(
    ("code", "library"), [(IN_A_CALL, "threads"), (IN_A_TASK, "asyncio"), (IN_A_TASK, "trio")]
)
def test_a_host_that_is_told_to_end_in_the_middle_of_a_call(code, library, number):
    with child.host(code, "auto", library) as host:
        ready(host)
        time.sleep(0.1)
        host.send_signal(number)
        _, complained = host.communicate(timeout=drill.MARGIN_S + 1.0)
        if number == signal.SIGINT:
            # As any program that leaves KeyboardInterrupt alone.
            assert complained.strip().endswith("KeyboardInterrupt")
            assert not drill.cells(pid=host.pid)  # its `with` has seen to them
        else:
            assert host.returncode == -signal.SIGTERM
            drill.none_left(pid=host.pid)


def test_a_sweep_removes_what_dead_owners_left_and_nothing_else():
    with Sandbox() as ours, child.host(IN_A_CALL, "auto") as living, child.host(IN_A_CALL, "auto") as dying:
        mine = traced.container_of(ours.call(drill.ADD, 1, 2))
        for host in (living, dying):
            assert host.stdout.readline() == "ready\n"
        theirs = drill.cells(pid=living.pid)
        assert theirs
        with traced.engine() as client:
            # A paused cell cannot see that its host is gone.
            left = drill.cells(pid=dying.pid, running=True)
            for cell in left:
                client.pause(cell)
            dying.kill()
            dying.wait()
            own = connect(10)
            try:
                sweep(own)
            finally:
                own.close()
        assert not left & drill.cells(pid=dying.pid)
        assert theirs <= drill.cells(pid=living.pid)
        assert traced.container_of(ours.call(drill.ADD, 3, 2)) == mine
    drill.none_left(pid=living.pid)


FORKED = """
def main():
    with Sandbox(pool=PoolPolicy(cells=2), launcher_options={"transport": sys.argv[1]}) as sandbox:
        cell = sandbox.call(ADD, 1, 2).cell
        busy = threading.Thread(target=sandbox.call, args=(NAP, 1.0))
        busy.start()
        time.sleep(0.1)
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                try:
                    sandbox.call(ADD, 1, 2)
                except SandboxClosed:
                    sandbox.close()
                    with Sandbox(pool=PoolPolicy(cells=1)) as own:
                        os.write(write, f"{own.call(ADD, 1, 2).value} {own.call(ADD, 1, 2).cell}".encode())
            finally:
                os._exit(0)
        os.close(write)
        value, other = os.read(read, 100).decode().split()
        assert value == "3" and other != cell, (value, other, cell)
        os.waitpid(child, 0)
        begun = time.monotonic()
        outcome = sandbox.call(ADD, 2, 2)
        assert outcome.value == 4, outcome
        assert time.monotonic() - begun < 2
        busy.join()

        # One that lives on must not keep our cells from seeing our end.
        if os.fork() == 0:
            time.sleep(60)
            os._exit(0)
        say("ready")
        time.sleep(60)
main()
"""


@transports
def test_a_forked_child_has_no_part_in_the_cells(transport):
    with child.host("import warnings\nwarnings.simplefilter('ignore')\n" + FORKED, transport) as host:
        assert host.stdout.readline() == "ready\n"
        children = traced.children(host.pid)
        assert children
        try:
            assert drill.cells(pid=host.pid)
            host.kill()
            drill.none_left(pid=host.pid)
        finally:
            traced.end(children)


MULTI = """
import multiprocessing

shared = None
def work(n):
    own = None
    try:
        if shared is not None:
            shared.call(ADD, n, 1)
            return "served by the parent's"
    except SandboxClosed:
        pass
    with Sandbox(pool=PoolPolicy(cells=1)) as own:
        return own.call(ADD, n, 1).value

if __name__ == "__main__":
    with Sandbox() as sandbox:
        shared = sandbox
        assert sandbox.call(ADD, 1, 2).ok
        with multiprocessing.get_context(sys.argv[1]).Pool(2) as pool:
            assert pool.map(work, range(2)) == [1, 2]
            pool.close()
            pool.join()
        assert sandbox.call(ADD, 1, 2).ok
    say("done")
"""


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_multiprocessing(method, tmp_path):
    program = tmp_path / "program.py"
    program.write_text(child.PRELUDE + MULTI)
    pid, said = child.run_file(program, method, seconds=30)
    assert said == "done\n"
    drill.none_left(pid=pid)
