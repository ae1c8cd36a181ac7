"""Whose a container is: only an owner that is certainly gone may be judged dead."""

from __future__ import annotations

import os
import subprocess
import sys

from latm_sandbox.docker import _owner

LABEL = _owner.LABEL


def labels_of_a_dead_process():
    code = "import json; from latm_sandbox.docker import _owner; print(json.dumps(_owner.labels()))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    import json

    return json.loads(done.stdout)


def test_we_are_alive():
    assert not _owner.is_dead(_owner.labels())


def test_a_process_that_ended_is_dead():
    assert _owner.is_dead(labels_of_a_dead_process())


def test_a_reused_process_id_is_dead():
    labels = {**labels_of_a_dead_process(), f"{LABEL}.pid": str(os.getpid())}
    assert _owner.is_dead(labels)


def test_another_boot_of_this_machine_is_dead():
    assert _owner.is_dead({**_owner.labels(), f"{LABEL}.boot": "another"})


def test_of_other_machines_nothing_is_known():
    assert not _owner.is_dead({**labels_of_a_dead_process(), f"{LABEL}.host": "another"})


def test_damaged_labels_prove_nothing():
    dead = labels_of_a_dead_process()
    assert not _owner.is_dead({})
    for missing in dead:
        assert not _owner.is_dead({name: value for name, value in dead.items() if name != missing})
    assert not _owner.is_dead({**dead, f"{LABEL}.pid": "x"})
