"""The system call filter: what it refuses is what the documentation says, no more and no less."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from latm_sandbox.docker._hardening import seccomp_profile
from unit.sandbox.syscalls import AARCH64, X86_64

DOCS = Path(__file__).parents[3] / "docs" / "sandbox.md"
_NEVER = """
unshare setns mount umount2 move_mount pivot_root chroot open_tree fsopen fsmount ptrace process_vm_readv
process_vm_writev pidfd_getfd kcmp bpf perf_event_open init_module finit_module kexec_load kexec_file_load
io_uring_setup io_uring_enter io_uring_register userfaultfd keyctl add_key request_key open_by_handle_at
name_to_handle_at fanotify_init mknod mknodat reboot swapon settimeofday clock_settime syslog ioperm iopl
shmget msgget semget mq_open setxattr sched_setaffinity setpriority memfd_secret modify_ldt seccomp
"""
NEVER = tuple(_NEVER.split())


@pytest.fixture(scope="module")
def profile():
    return json.loads(seccomp_profile())


def allowed(profile, *, unconditional):
    """Names with a rule that lets them through, with or without a look at their arguments."""
    return {
        name
        for rule in profile["syscalls"]
        if rule["action"] == "SCMP_ACT_ALLOW" and not (unconditional and rule.get("args"))
        for name in rule["names"]
    }


def documented():
    """Names in the two tables of the documentation: refused, and allowed by argument."""
    section = DOCS.read_text().partition("\n## System calls\n")[2].partition("\n## ")[0]
    refused, _, by_argument = section.partition("And these, by their arguments")
    tables = []
    for part in (refused, by_argument):
        rows = [line.split("|") for line in part.splitlines() if line.startswith("| ")]
        names = [re.findall(r"`(\w+)`", cell) for row in rows for cell in row[1:-1]]
        tables.append({name for found in names for name in found})
    return tables


def test_what_is_not_named_is_refused(profile):
    assert profile["defaultAction"] == "SCMP_ACT_ERRNO"


def test_both_architectures_are_known_and_no_other_abi(profile):
    maps = {entry["architecture"]: entry.get("subArchitectures") or [] for entry in profile["archMap"]}
    assert maps == {"SCMP_ARCH_X86_64": [], "SCMP_ARCH_AARCH64": []}


@pytest.mark.parametrize("name", NEVER)
def test_what_must_never_be_allowed_is_not(profile, name):
    assert name not in allowed(profile, unconditional=False)


def test_the_documented_calls_are_those_of_the_table():
    refused, _ = documented()
    assert refused == set(X86_64)
    assert set(AARCH64) == set(X86_64)


def test_no_documented_call_is_allowed(profile):
    refused, by_argument = documented()
    assert not refused & allowed(profile, unconditional=False)
    assert by_argument <= {name for rule in profile["syscalls"] for name in rule["names"]} | {"clone3"}
    assert not by_argument & allowed(profile, unconditional=True)


def test_a_new_namespace_is_refused_whichever_flag_asks_for_it(profile):
    (rule,) = [rule for rule in profile["syscalls"] if rule["names"] == ["clone"]]
    (argument,) = rule["args"]
    # NEWNS NEWCGROUP NEWUTS NEWIPC NEWUSER NEWPID NEWNET, see clone(2); NEWTIME is clone3's alone.
    flags = (0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000)
    assert argument["op"] == "SCMP_CMP_MASKED_EQ"
    assert argument["valueTwo"] == 0
    assert all(argument["value"] & flag for flag in flags)


def test_clone3_says_that_it_is_not_there(profile):
    (rule,) = [rule for rule in profile["syscalls"] if "clone3" in rule["names"]]
    assert (rule["action"], rule["errnoRet"]) == ("SCMP_ACT_ERRNO", 38)
