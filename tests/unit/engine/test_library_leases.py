"""Leases: at most one holder at a time, tokens that grow, and no way in for a late writer."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from dataclasses import dataclass

import pytest
import sqlalchemy as sa
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

import postgres
from latm import Example
from latm._records import Attempt
from latm.errors import LeaseLost
from latm.library import Busy, Lease, Library, new_holder
from latm.library._schema import leases
from unit.engine.test_library import tool

TASK = "word-sorting"


def acquire(
    library: Library, *, task: str = TASK, holder: str = "someone else", ttl_s: float = 30.0
) -> Lease:
    lease = library.acquire(task, holder, fingerprint="print", ttl_s=ttl_s)
    assert isinstance(lease, Lease)
    return lease


def pass_time(library: Library, seconds: float) -> None:
    """Let the database's time go on, as far as leases know."""
    with library._database.transaction() as connection:
        connection.execute(sa.update(leases).values(expires=leases.c.expires - seconds))


def test_one_has_it_and_the_other_hears_of_that(library: Library) -> None:
    first = acquire(library)
    busy = library.acquire("Word Sorting", new_holder(), fingerprint="other", ttl_s=30)
    assert isinstance(busy, Busy)
    assert (busy.task, busy.token, busy.holder, busy.fingerprint) == (TASK, 1, "someone else", "print")
    assert 25 < busy.left_s <= 30
    assert acquire(library, task="another task").token == 1
    library.release(first)
    assert acquire(library).token == 2


def test_time_is_the_database_s_and_a_renewal_begins_it_anew(library: Library) -> None:
    first = acquire(library, ttl_s=30)
    pass_time(library, 29)
    assert isinstance(library.acquire(TASK, "b", fingerprint="", ttl_s=30), Busy)
    assert library.renew(first)
    pass_time(library, 29)
    assert isinstance(library.acquire(TASK, "b", fingerprint="", ttl_s=30), Busy)
    pass_time(library, 2)
    assert library.renew(first), "nobody took it in the meantime"
    pass_time(library, 31)
    assert acquire(library).token == 2
    assert not library.renew(first)


def test_a_late_writer_stores_nothing(library: Library) -> None:
    library.remember(TASK, Example("q", "a"))
    used = [number for number, _ in library.pending(TASK)]
    late = acquire(library)
    run = library.begin(TASK, "print", lease=late)
    pass_time(library, 31)
    successor = acquire(library)
    for write in (
        lambda: library.add(tool(), run=run, used=used, lease=late),
        lambda: library.fail(run, (Attempt(stage="s", number=1, reply="r"),), lease=late),
        lambda: library.begin(TASK, "print", lease=late),
    ):
        with pytest.raises(LeaseLost, match=r"'word-sorting' was paused .* 30 s, and another process took"):
            write()
    assert (library.versions(TASK), library.list()) == ((), ())
    assert [each.state for each in library.makings(TASK)] == ["running"]
    assert len(library.pending(TASK)) == 1
    library.release(late)
    assert library.renew(successor), "giving back what one has lost takes nothing from the other"
    assert library.begin(TASK, "print", lease=successor) == run
    assert library.add(tool(), run=run, used=used, lease=successor).version == 1


def test_an_end_is_found_by_those_who_waited_for_it_alone(library: Library) -> None:
    first = acquire(library)
    run = library.begin(TASK, "print", lease=first)
    assert library.outcome("print", since=first.token) is None
    library.fail(
        run, (Attempt(stage="s", number=1, reply="r"),), stage="s", error="\ud800 wrong", lease=first
    )
    library.release(first)
    found = library.outcome("print", since=first.token)
    assert found is not None
    assert (found.state, found.stage, found.error, len(found.history)) == ("failed", "s", "\ud800 wrong", 1)
    assert library.outcome("print", since=first.token + 1) is None
    assert library.outcome("other", since=first.token) is None


def test_a_tool_whose_name_became_another_word_meanwhile_replaces_none(library: Library) -> None:
    served = library.add(tool("served"))
    held = acquire(library, task="sorting")
    run = library.begin("sorting", "print", lease=held)
    library.alias("sorting", "served")
    made = tool("sorting", source="def f(): return 2")
    assert library.add(made, run=run, lease=held) == served
    assert len(library.versions("served")) == 1
    library.release(held)
    # Who makes one under that name from now on makes it for that task.
    held = acquire(library, task="sorting")
    assert held.task == "served"
    assert library.add(made, lease=held).version == 2


def test_a_merged_making_is_the_other_task_s(library: Library) -> None:
    served = library.add(tool("served"))
    held = acquire(library, task="sorting")
    run = library.begin("sorting", "print", lease=held)
    library.merge("sorting", served, run=run, history=(), lease=held)
    assert [(each.state, each.task, each.version) for each in library.makings("sorting")] == [
        ("made", "served", 1)
    ]
    assert library.get("sorting") == served


def test_a_dead_holder_s_lease_is_free_at_once(library: Library) -> None:
    probe = "from latm.library import new_holder; print(new_holder())"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    dead = done.stdout.strip()
    acquire(library, holder=dead)
    assert acquire(library, holder=new_holder()).token == 2
    # This process lives; and of another machine's, of another boot's or of no readable name nothing is known.
    place, pid, started, mark = dead.split(" ")
    others = [new_holder(), f"elsewhere {pid} {started} {mark}", f"{place} - - {mark}", "", "a b c d e", "x"]
    for number, holder in enumerate(others):
        acquire(library, task=f"t {number}", holder=holder or "?")
        assert isinstance(library.acquire(f"t {number}", "b", fingerprint="", ttl_s=30), Busy)


def test_a_process_id_that_was_given_anew_is_not_the_holder(library: Library) -> None:
    place, pid, started, mark = new_holder().split(" ")
    assert int(pid) == os.getpid()
    acquire(library, holder=f"{place} {pid} {int(started) - 1} {mark}")
    assert acquire(library).token == 2


def test_of_many_at_once_one_gets_it(url: str) -> None:
    start = threading.Barrier(8)
    got: list[Lease | Busy] = []

    def take() -> None:
        library = Library(url)
        start.wait()
        got.append(library.acquire(TASK, new_holder(), fingerprint="", ttl_s=30))
        library.close()

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(isinstance(each, Lease) for each in got) == 1
    assert {each.token for each in got} == {1}


@dataclass
class Known:
    """What the model knows of a lease that was given out."""

    lease: Lease
    left_s: float
    released: bool = False


class Leasing(RuleBasedStateMachine):
    """The table of leases beside a list of what was given out."""

    def __init__(self) -> None:
        super().__init__()
        self.library = self.open()
        self.given: list[Known] = []
        self.stored = 0

    def open(self) -> Library:
        return Library("sqlite://")

    def teardown(self) -> None:
        self.library.close()

    @property
    def newest(self) -> Known | None:
        return self.given[-1] if self.given else None

    @rule(ttl_s=st.sampled_from([10.0, 30.0]))
    def acquire(self, ttl_s: float) -> None:
        got = self.library.acquire(TASK, "someone", fingerprint="", ttl_s=ttl_s)
        held = self.newest is not None and not self.newest.released and self.newest.left_s > 0
        assert isinstance(got, Busy) == held
        if isinstance(got, Lease):
            assert got.token == len(self.given) + 1, "tokens grow by one, whatever happened in between"
            self.given.append(Known(got, ttl_s))

    @rule(seconds=st.sampled_from([4.0, 9.0, 26.0]))
    def wait(self, seconds: float) -> None:
        pass_time(self.library, seconds)
        for each in self.given:
            each.left_s -= seconds

    @precondition(lambda self: self.given)
    @rule(back=st.integers(1, 3))
    def renew(self, back: int) -> None:
        known = self.given[-min(back, len(self.given))]
        valid = known is self.newest and not known.released
        assert self.library.renew(known.lease) == valid
        if valid:
            known.left_s = known.lease.ttl_s

    @precondition(lambda self: self.given)
    @rule(back=st.integers(1, 3))
    def release(self, back: int) -> None:
        known = self.given[-min(back, len(self.given))]
        self.library.release(known.lease)
        known.released = True

    @precondition(lambda self: self.given)
    @rule(back=st.integers(1, 3))
    def store(self, back: int) -> None:
        known = self.given[-min(back, len(self.given))]
        wanted = tool(source=f"def f(): return {self.stored}")
        if known is self.newest:
            self.stored = self.library.add(wanted, lease=known.lease).version
        else:
            with pytest.raises(LeaseLost):
                self.library.add(wanted, lease=known.lease)

    @invariant()
    def nothing_else_was_stored(self) -> None:
        assert len(self.library.versions(TASK)) == self.stored


TestLeasing = Leasing.TestCase
TestLeasing.settings = settings(max_examples=50, stateful_step_count=20)


def test_leasing_on_a_server(postgres_socket: str) -> None:
    class OnServer(Leasing):
        def open(self) -> Library:
            return Library(postgres.clear(postgres_socket))

    run_state_machine_as_test(OnServer, settings=settings(max_examples=8, stateful_step_count=15))
