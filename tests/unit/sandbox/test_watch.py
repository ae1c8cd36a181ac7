"""How the guest tells what became of a child that gave no answer."""

from __future__ import annotations

import select
import signal
import subprocess

import pytest

from latm_sandbox.guest.frames import KILLED, MEMORY, TIMEOUT
from latm_sandbox.guest.watch import Call


class Cell:
    """What a call asks of its cell once it is over."""

    def __init__(self, ooms: int) -> None:
        self.count_ooms = lambda: ooms


@pytest.mark.parametrize(
    ("command", "ooms", "status", "said"),
    [
        # The kernel has killed it, and its memory takes a busy machine longer than the guest waits.
        ("exec sleep 60", 1, MEMORY, b"memory_bytes"),
        ("exec sleep 60", 0, KILLED, b"closed the sandbox's own channel"),
        (f"kill -{signal.SIGXCPU:d} $$", 0, TIMEOUT, b"cpu_s"),
        (f"kill -{signal.SIGKILL:d} $$", 0, KILLED, b"died of SIGKILL"),
        (f"kill -{signal.SIGKILL:d} $$", 1, MEMORY, b"memory_bytes"),
        ("exit 3", 0, KILLED, b"exit code 3"),
    ],
)
def test_why_there_is_no_answer(command, ooms, status, said):
    with subprocess.Popen(["sh", "-c", f"ulimit -c 0; {command}"]) as child:
        call = Call(child.pid, -1, -1, -1, select.poll())
        call.cpu_s = 1.0
        call.conclude(Cell(ooms))
    assert call.status == status
    assert said in call.body
