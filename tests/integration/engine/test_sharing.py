"""What threads, engines and signals share of one process."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import anyio
import pytest

from integration.engine import scripts
from integration.engine.test_embedding import config, either_loop, opened, plugins, question
from latm import Engine

pytestmark = pytest.mark.docker


def test_threads_share_an_engine_and_its_books(tmp_path: Path) -> None:
    with Engine(config(tmp_path), plugins=plugins()) as engine:
        engine.make("adding", scripts.EXAMPLES, protocol="paper")
        before = engine.ledger.total().calls
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda number: engine.solve(question(number)), range(64)))
        assert [answer.text for answer in answers] == [str(number + 2) for number in range(64)]
        assert {answer.route for answer in answers} == {"tool"}
        assert engine.ledger.total().calls - before == 2 * 64
        assert engine.library.spent() == engine.ledger.total()


def test_threads_take_from_streams_of_their_own(tmp_path: Path) -> None:
    with Engine(config(tmp_path), plugins=plugins()) as engine, ThreadPoolExecutor(4) as pool:

        def work(start: int) -> list[str | None]:
            texts = [question(number) for number in range(start, start + 10)]
            return [answer.text for answer in engine.solve_many(texts, concurrency=2)]

        found = list(pool.map(work, (0, 100, 200, 300)))
    assert found == [[str(n + 2) for n in range(start, start + 10)] for start in (0, 100, 200, 300)]


def test_engines_in_one_process_share_a_library_or_none(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    with (
        Engine(config(tmp_path), plugins=plugins()) as one,
        Engine(config(tmp_path), plugins=plugins()) as two,
        Engine(config(other), plugins=plugins()) as three,
    ):
        one.make("adding", scripts.EXAMPLES, protocol="paper")
        assert [each.solve(question(4)).route for each in (one, two, three)] == ["tool", "tool", "model"]
        two.library.retire("adding")
        assert [each.solve(question(5)).route for each in (one, two)] == ["model", "model"]
        # Each keeps its own books; the journal is the library's.
        assert two.ledger.total().calls < one.ledger.total().calls
        assert one.library.spent() == one.ledger.total() + two.ledger.total()


@either_loop
async def test_two_engines_make_one_tool_of_one_task(tmp_path: Path) -> None:
    async with opened(tmp_path) as one, opened(tmp_path) as two:
        async with anyio.create_task_group() as tasks:
            for number in range(6):
                tasks.start_soon((one, two)[number % 2].solve, question(number))
        await one.settle()
        await two.settle()
        assert len(one.store.versions("adding")) == 1
        assert [(await each.solve(question(9))).route for each in (one, two)] == ["tool", "tool"]


def test_events_come_from_the_engine_s_thread_and_cannot_break_it(tmp_path: Path) -> None:
    heard: list[tuple[str, str]] = []

    def listener(name: str, fields: Mapping[str, object]) -> None:
        heard.append((name, threading.current_thread().name))
        raise ValueError("a listener's own trouble")

    with Engine(config(tmp_path), plugins=plugins(), on_event=listener) as engine:
        assert engine.solve(question(1)).text == "3"
    names = [name for name, _ in heard]
    assert names.count("model.replied") == 2
    assert names[-1] == "solve.done"
    assert threading.current_thread().name not in {thread for _, thread in heard}


CTRL_C = """
import os, signal, sys
import anyio
from latm import Config, Engine

# Whoever runs the tests in the background has it ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)
from latm.testing import ScriptedBackend, scripted_provider

class Stuck:
    given_up = False

    async def complete(self, request):
        if "stuck" not in request.messages[-1].text:
            return await ScriptedBackend(["Answer: 4"]).complete(request)
        os.kill(os.getpid(), signal.SIGINT)  # as Ctrl-C does, while the main thread waits
        try:
            await anyio.sleep_forever()
        except BaseException:
            self.given_up = True
            raise

    async def aclose(self):
        pass

stuck = Stuck()
provider = scripted_provider("it", {"strong": [], "none": lambda _: '{"decision": "none", "task": null}'})
provider.backends["strong"] = stuck
config = Config(roles={"fallback": "it:strong", "dispatcher": "it:none"}, library=sys.argv[1])
with Engine(config, plugins={"it": provider}) as engine:
    try:
        engine.solve("stuck?")
    except KeyboardInterrupt:
        print("interrupted")
    print(engine.solve("What is 2 and 2?").text, stuck.given_up)
"""


def test_ctrl_c_stops_the_question_and_the_engine_goes_on(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", CTRL_C, f"sqlite:///{tmp_path / 'latm.db'}"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stdout.split()) == (0, ["interrupted", "4", "True"]), done.stderr
