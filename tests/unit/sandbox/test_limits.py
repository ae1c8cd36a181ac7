"""Limits and the pool's policy: validated at the edge, and only ever tightened."""

from __future__ import annotations

import copy
import pickle

import pytest

from latm_sandbox import KiB, Limits, LimitsError, MiB, PoolPolicy, SandboxError


def test_the_defaults_are_the_documented_ones():
    limits = Limits()
    assert (limits.wall_s, limits.cpu_s, limits.memory_bytes) == (5.0, 5.0, 256 * MiB)
    assert (limits.processes, limits.output_bytes) == (32, 64 * KiB)
    assert (limits.result_bytes, limits.scratch_bytes) == (1 * MiB, 16 * MiB)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("wall_s", 0),
        ("wall_s", -1.0),
        ("wall_s", float("nan")),
        ("wall_s", float("inf")),
        ("wall_s", "5"),
        ("wall_s", True),
        ("cpu_s", 0.0),
        ("memory_bytes", 1),
        ("memory_bytes", 64.5 * MiB),
        ("processes", 0),
        ("output_bytes", -1),
        ("output_bytes", 1 << 40),
        ("result_bytes", 0),
        ("scratch_bytes", 1),
    ],
)
def test_a_senseless_limit_is_refused_by_name(field, value):
    with pytest.raises(LimitsError) as raised:
        Limits(**{field: value})
    assert raised.value.field == field
    assert str(raised.value).startswith(f"{field}: ")
    assert isinstance(raised.value, SandboxError)


def test_a_call_tightens_what_it_states_and_leaves_the_rest():
    ours = Limits(wall_s=60.0, memory_bytes=64 * MiB)
    narrowed = ours.tightened(Limits(wall_s=5.0))
    assert narrowed == Limits(wall_s=5.0, memory_bytes=64 * MiB)
    assert ours.tightened(None) is ours
    assert ours.tightened(Limits()) is ours


def test_a_default_that_is_stated_counts():
    assert Limits(wall_s=60.0).tightened(Limits(wall_s=5.0)).wall_s == 5.0
    with pytest.raises(LimitsError) as raised:
        Limits(wall_s=2.0).tightened(Limits(wall_s=5.0))
    assert raised.value.field == "wall_s"


@pytest.mark.parametrize("field", ["wall_s", "cpu_s", "memory_bytes", "output_bytes", "result_bytes"])
def test_a_call_cannot_widen(field):
    with pytest.raises(LimitsError) as raised:
        Limits().tightened(Limits(**{field: getattr(Limits(), field) * 2}))
    assert raised.value.field == field


@pytest.mark.parametrize(("field", "value"), [("processes", 4), ("scratch_bytes", 1 * MiB)])
def test_what_belongs_to_the_cell_is_not_a_calls_to_set(field, value):
    with pytest.raises(LimitsError) as raised:
        Limits().tightened(Limits(**{field: value}))
    assert raised.value.field == field
    same = Limits(**{field: getattr(Limits(), field)})
    assert Limits().tightened(same) == Limits()


def test_copies_remember_what_was_stated():
    stated = Limits(wall_s=5.0)
    for twin in (pickle.loads(pickle.dumps(stated)), copy.deepcopy(stated)):
        assert Limits(wall_s=60.0).tightened(twin).wall_s == 5.0


@pytest.mark.parametrize(
    "wrong",
    [
        {"cells": 0},
        {"cells": True},
        {"spare": -1},
        {"cells": 2, "spare": 3},
        {"max_calls": 0},
        {"queue": -1},
        {"idle_s": 0},
        {"wait_s": float("inf")},
        {"start_s": "1"},
    ],
)
def test_a_senseless_pool_is_refused(wrong):
    with pytest.raises(LimitsError):
        PoolPolicy(**wrong)
