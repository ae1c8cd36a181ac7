"""kill -9 after, and during, every call of a making: what was paid for is never paid again."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from integration.engine import killed, scripts, strict_scripts
from latm import Config, Engine, cassettes
from latm.library import Library
from latm.testing import HttpReply, OpenAIServer, RecordedRequest, read_request

pytestmark = pytest.mark.docker
BROKEN = scripts.GOOD.replace("```python\n", "```python\nimport nothing_of_the_kind\n")
MAKER = scripts.maker(proposals=(BROKEN, scripts.GOOD), offsets=(1, 0))
CALLS = 5  # propose, mend it, verify, mend that, wrap

# Each stage has something to mend: a function that does not load, wrong calls, a property that does not hold.
UNSOUND = strict_scripts.HOLDS + (
    "\n@given(numbers=st.lists(st.integers(1, 9), min_size=1, max_size=6))\ndef test_small(numbers):\n"
    "    assert total(numbers) != 3000\n"
)
STRICT_MAKER = strict_scripts.Maker(
    functions=(f"import nothing_of_the_kind\n{strict_scripts.GOOD}", strict_scripts.GOOD),
    calls=(lambda question: f"total({strict_scripts.numbers(question)}, 1)", strict_scripts.call_of),
    properties=(UNSOUND,),
)
STRICT_CALLS = (
    10  # propose and mend it, verify and mend that, properties and a dispute, parser, an exam of three
)


@dataclass
class Drill:
    """The maker's server, which is down at every third request, and the processes that ask it."""

    folder: Path
    protocol: str = "paper"
    victim: subprocess.Popen[str] | None = None
    kill_at: int | None = None
    replies: int = 0
    down: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, request: RecordedRequest) -> str | HttpReply:
        with self.lock:
            if (self.replies + self.down) % 3 == 2 and self.down < 2:
                self.down += 1
                return HttpReply(
                    status=503, body={"error": {"message": "down"}}, headers={"retry-after": "0"}
                )
            self.replies += 1
            if self.replies == self.kill_at and self.victim is not None:
                self.victim.send_signal(signal.SIGKILL)
                self.victim.wait()
        if self.protocol == "paper":
            return MAKER(read_request(request))
        if request.body["model"] == "u":
            return strict_scripts.user(read_request(request))
        return STRICT_MAKER(read_request(request))

    @contextmanager
    def serving(self) -> Iterator[str]:
        with OpenAIServer(self.answer) as server:
            yield server.base_url
            assert len(server.requests) == self.replies + self.down

    @property
    def tape(self) -> Path:
        return self.folder / "tape.jsonl"

    @property
    def library(self) -> str:
        return f"sqlite:///{self.folder / 'latm.db'}"

    def run(self, base_url: str, *, die_at: int | None = None) -> list[Any] | None:
        """Make the tool in a process of its own; what it says, or None where it was killed."""
        spec = {"base_url": base_url, "library": self.library, "record": str(self.tape), "die_at": die_at}
        spec["protocol"] = self.protocol
        command = [sys.executable, str(Path(killed.__file__)), json.dumps(spec)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            self.victim = process
            out, err = process.communicate(timeout=120)
        assert process.returncode in (0, -signal.SIGKILL), err
        assert err == ""
        return json.loads(out) if process.returncode == 0 else None

    def check(self, made: list[Any] | None, *, paid_here: int) -> None:
        """The books of the whole making, whoever of the processes paid."""
        assert made is not None
        source, run, tokens, cost, spent = made
        good, calls = (
            (scripts.GOOD, CALLS) if self.protocol == "paper" else (strict_scripts.GOOD, STRICT_CALLS)
        )
        assert source.strip() in good
        library = Library(self.library)
        entries = library.journal(run)
        library.close()
        assert len(entries) == calls
        assert tokens == sum(each.usage.total for each in entries)
        assert Decimal(cost) == sum(each.cost_usd or 0 for each in entries)
        assert spent == paid_here
        recorded = [each.reply.text for each in cassettes.read_cassette(self.tape).exchanges]
        assert recorded == [each.reply["text"] for each in entries if each.role == "maker"]


@pytest.fixture
def drill(tmp_path: Path) -> Drill:
    return Drill(tmp_path)


@pytest.mark.soak  # the strict one is killed in the short run
def test_a_making_that_is_killed_after_every_call_pays_for_none_twice(drill: Drill) -> None:
    with drill.serving() as base_url:
        for call in range(1, CALLS + 1):
            assert drill.run(base_url, die_at=1) is None
            assert drill.replies == call
        drill.check(drill.run(base_url), paid_here=0)
        assert drill.replies == CALLS
        assert drill.down == 2
    # The journal is a cassette, too: it plays the whole making again, without a request.
    library, tape = Library(drill.library), drill.folder / "journal.jsonl"
    assert library.save_cassette(tape, role="maker") == CALLS
    library.close()
    with Engine(
        Config(roles={"maker": f"replay:{tape}"}, library="sqlite://", making={"protocol": "paper"})
    ) as engine:
        assert engine.make("adding", scripts.EXAMPLES).source in scripts.GOOD


@pytest.mark.parametrize(
    "call",
    [
        pytest.param(call, marks=() if call in {2, CALLS} else pytest.mark.soak)
        for call in range(1, CALLS + 1)
    ],
)
def test_a_making_that_is_killed_during_a_call_pays_for_that_one_only_again(drill: Drill, call: int) -> None:
    with drill.serving() as base_url:
        drill.kill_at = call
        assert drill.run(base_url) is None
        drill.kill_at = None
        drill.check(drill.run(base_url), paid_here=CALLS - call + 1)
        assert drill.replies == CALLS + 1


def test_a_making_that_nobody_kills_pays_once(drill: Drill) -> None:
    with drill.serving() as base_url:
        drill.check(drill.run(base_url), paid_here=CALLS)
    assert drill.replies == CALLS


@pytest.mark.parametrize(
    "each",
    [
        pytest.param(4, id="short"),
        pytest.param(1, id="full", marks=[pytest.mark.soak, pytest.mark.timeout(1200)]),
    ],
)
def test_a_strict_making_that_is_killed_pays_for_no_call_twice(drill: Drill, each: int) -> None:
    drill.protocol = "strict"
    with drill.serving() as base_url:
        for paid in range(each, STRICT_CALLS + 1, each):
            assert drill.run(base_url, die_at=each) is None
            assert drill.replies == paid
        drill.check(drill.run(base_url), paid_here=STRICT_CALLS % each)
    assert drill.replies == STRICT_CALLS
    assert drill.down == 2
