"""The system call filter in a real cell: no refused call reaches the kernel."""

from __future__ import annotations

import errno
import platform

import pytest

from latm_sandbox import PoolPolicy, Program, Sandbox
from unit.sandbox.syscalls import AARCH64, X86_64

pytestmark = pytest.mark.docker

NUMBERS = {"x86_64": X86_64, "aarch64": AARCH64}
TRY = Program("""
import ctypes

def attempt(numbers):
    syscall = ctypes.CDLL(None, use_errno=True).syscall
    found = {}
    for name, number in numbers.items():
        ctypes.set_errno(0)
        result = syscall(number, 0, 0, 0, 0, 0, 0)
        found[name] = (result, ctypes.get_errno())
    return found
""")


@pytest.mark.skipif(platform.machine() not in NUMBERS, reason="numbers are known for x86-64 and arm64 only")
def test_each_refused_call_is_refused():
    numbers = {name: number for name, number in NUMBERS[platform.machine()].items() if number is not None}
    with Sandbox(pool=PoolPolicy(cells=1, spare=0)) as sandbox:
        outcome = sandbox.call(TRY, numbers)
    assert outcome.ok, outcome.error
    # ENOSYS is what an engine answers for calls that are younger than its libseccomp.
    refusals = ((-1, errno.EPERM), (-1, errno.ENOSYS))
    let_through = {name: got for name, got in outcome.value.items() if got not in refusals}
    assert let_through == {}
    assert len(outcome.value) > 100
    assert sum(got == refusals[0] for got in outcome.value.values()) > 80
