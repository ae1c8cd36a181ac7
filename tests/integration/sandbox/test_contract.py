"""What the sandbox promises to those who embed it, on a real engine."""

from __future__ import annotations

import datetime as dt
import decimal
import shutil

import pytest

from latm_sandbox import Limits, LimitsError, Outcome, PoolPolicy, Program, Sandbox, Status

pytestmark = pytest.mark.docker
needs_bubblewrap = pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap is not installed")

ADD = Program("def add(a, b):\n    return a + b")


def test_the_documented_example(sandbox):
    outcome = sandbox.call(ADD, 1, 2, limits=Limits(wall_s=2.0))
    assert outcome.status is Status.OK
    assert outcome.value == 3
    outcome = sandbox.run(ADD, "ret = add(1, 2)\nans = str(ret)", want=("ret", "ans"))
    assert outcome.values == {"ret": 3, "ans": "3"}
    report = sandbox.test(ADD, {"adds": "assert add(1, 2) == 3"})
    assert report.passed


def test_an_outcome_says_what_it_cost_and_where(sandbox):
    outcome = sandbox.call(Program("def f():\n    return sum(i * i for i in range(10**6))"))
    assert 0 < outcome.cpu_s <= outcome.wall_s + 0.05
    assert 1 << 20 < outcome.peak_memory_bytes < 1 << 28
    assert outcome.cell.startswith("docker:")
    assert outcome.ok


def test_keyword_arguments_reach_the_function(sandbox):
    program = Program("def f(a, *, b, **rest):\n    return [a, b, rest]")
    assert sandbox.call(program, 1, b=2, self=3, program=4).value == [1, 2, {"self": 3, "program": 4}]


def test_arguments_in_hand_may_have_any_name(sandbox):
    program = Program("def f(a, *, limits, program):\n    return [a, limits, program]")
    assert sandbox.apply(program, [1], {"limits": 2, "program": 3}).value == [1, 2, 3]


def test_rich_values_cross_both_ways(sandbox):
    value = {
        "when": dt.datetime(2024, 1, 2, 3, 4, 5, 6, tzinfo=dt.UTC),
        (1, "a"): {frozenset({2}), b"x"},
        "n": [decimal.Decimal("1.10"), 10**400, float("inf"), 1j, None, True, "\ud800\udc00"],
    }
    assert sandbox.call(Program("def echo(x):\n    return x"), value).value == value


def test_the_function_has_to_be_clear(sandbox):
    two = "def f():\n    return 1\ndef g():\n    return 2\n"
    outcome = sandbox.call(Program(two))
    assert outcome.status is Status.INVALID
    assert "f, g" in outcome.error.message
    assert sandbox.call(Program(two, "g")).value == 2
    missing = sandbox.call(Program(two, "h"))
    assert missing.status is Status.INVALID
    assert "'h'" in missing.error.message
    assert sandbox.call(Program("x = 1")).status is Status.INVALID
    assert sandbox.run(Program(two), "x = f() + g()", want=("x",)).values == {"x": 3}
    assert sandbox.run(Program(""), "x = 1", want=("x",)).values == {"x": 1}


def test_private_and_imported_functions_are_not_the_programs(sandbox):
    source = "from math import sqrt\ndef _help(x):\n    return x\ndef root(x):\n    return sqrt(_help(x))"
    assert sandbox.call(Program(source), 9).value == 3.0
    cached = (
        "import functools\n@functools.lru_cache\ndef fib(n):\n"
        "    return n if n < 2 else fib(n - 1) + fib(n - 2)"
    )
    assert sandbox.call(Program(cached), 80).value == 23416728348467685


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("def f(:", "SyntaxError"),
        ("  x = 1", "IndentationError"),
        ("x = '\0'", "SyntaxError"),
        ("x = '\ud800'", "UnicodeEncodeError"),
        ("return 1", "SyntaxError"),
    ],
)
def test_source_that_does_not_load_is_invalid(sandbox, source, kind):
    outcome = sandbox.call(Program(source))
    assert outcome.status is Status.INVALID
    assert outcome.error.type in (kind, "ValueError")  # a NUL, before 3.11.4
    assert outcome.error.message


def test_an_exception_at_module_level_is_the_programs_error(sandbox):
    program = Program("def f(x):\n    return {}[x]\n\nprint(f('{'))")
    outcome = sandbox.call(program, "a")
    assert outcome.status is Status.ERROR
    assert (outcome.error.type, outcome.error.message, outcome.error.line) == ("KeyError", "'{'", 2)
    assert str(outcome.error) == "KeyError: '{'"


def test_a_traceback_shows_the_programs_own_lines_and_no_others(sandbox):
    program = Program("import json\n\ndef parse(text):\n    return json.loads(text)")
    outcome = sandbox.run(program, "good = 1\nparse('{')")
    lines = outcome.error.traceback.splitlines()
    assert lines[0] == "Traceback (most recent call last):"
    assert '  File "<code>", line 2, in <module>' in lines
    assert "    parse('{')" in lines
    assert '  File "<program>", line 4, in parse' in lines
    assert "    return json.loads(text)" in lines
    assert "guest" not in outcome.error.traceback
    assert "decoder.py" not in outcome.error.traceback
    assert outcome.error.line == 4


def test_a_bare_assert_shows_its_line(sandbox):
    report = sandbox.test(ADD, {"good": "assert add(1, 2) == 3", "bad": "x = 1\nassert add(1, 2) == 4"})
    assert not report.passed
    assert report.failed == ("bad",)
    error = report["bad"].error
    assert (error.type, error.message, error.line) == ("AssertionError", "", 2)
    assert "assert add(1, 2) == 4" in error.traceback


def test_causes_are_told(sandbox):
    source = (
        "def f():\n    try:\n        1 / 0\n"
        "    except ZeroDivisionError as e:\n        raise ValueError('no') from e"
    )
    text = sandbox.call(Program(source)).error.traceback
    assert "ZeroDivisionError: division by zero" in text
    assert "direct cause" in text
    assert text.rstrip().endswith("ValueError: no")


def test_a_name_that_the_code_did_not_set_is_an_error_and_never_an_old_value(sandbox):
    program = Program("ans = 'the program had one'")
    assert sandbox.run(program, "ans = 1", want=("ans",)).values == {"ans": 1}
    outcome = sandbox.run(program, "other = 2", want=("ans",))
    assert outcome.status is Status.ERROR
    assert outcome.error.type == "NameError"
    assert "'ans'" in outcome.error.message
    assert outcome.values == {}


def test_code_that_reads_the_programs_name_may_want_it(sandbox):
    assert sandbox.run(Program("n = 1"), "n = n + 1", want=("n",)).values == {"n": 2}
    assert sandbox.run(Program("n = 1"), "def f():\n    return n\nn = n", want=("n",)).values == {"n": 1}
    assert sandbox.run(Program("n = 1"), "global n\nn = 1 + len([n])", want=("n",)).values == {"n": 2}
    assert sandbox.run(Program("n = 1"), "m = n\nif m > 1: n = 3", want=("n",)).status is Status.ERROR


def test_each_call_starts_from_a_fresh_state(sandbox):
    program = Program("seen = []\ndef f(x):\n    seen.append(x)\n    return seen")
    assert [sandbox.call(program, i).value for i in range(5)] == [[i] for i in range(5)]


def test_output_is_kept_apart_and_in_order(sandbox):
    outcome = sandbox.run(
        Program(""), "import sys\nprint('ä', '\\ud800')\nprint('e', file=sys.stderr)\nprint(2)"
    )
    assert (outcome.stdout, outcome.stderr, outcome.truncated) == ("ä \\ud800\n2\n", "e\n", False)


def test_what_was_printed_before_a_timeout_is_kept(sandbox):
    outcome = sandbox.run(Program(""), "print('here')\nwhile True: pass", limits=Limits(wall_s=0.3))
    assert (outcome.status, outcome.stdout) == (Status.TIMEOUT, "here\n")


@pytest.mark.parametrize(
    ("code", "limits", "status", "said"),
    [
        ("ret = 1", None, Status.OK, None),
        ("raise ValueError('x')", None, Status.ERROR, "ValueError: x"),
        ("ret = (]", None, Status.INVALID, "SyntaxError"),
        ("import time; time.sleep(9)", Limits(wall_s=0.3), Status.TIMEOUT, "wall_s"),
        ("while True: pass", Limits(cpu_s=0.3), Status.TIMEOUT, "cpu_s"),
        ("ret = bytearray(1 << 30)", None, Status.MEMORY, "MemoryError"),
        ("ret = bytearray(100 << 20)", Limits(memory_bytes=64 << 20), Status.MEMORY, "MemoryError"),
        ("print('x' * 101)", Limits(output_bytes=100), Status.OUTPUT, "100 bytes"),
        ("ret = 'x' * 101", Limits(result_bytes=100), Status.OUTPUT, "100 bytes"),
        ("ret = object()", None, Status.UNSERIALISABLE, "object at ret"),
        ("import os; os._exit(0)", None, Status.KILLED, "exit code 0"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", None, Status.KILLED, "SIGKILL"),
    ],
)
def test_every_status(sandbox, code, limits, status, said):
    outcome = sandbox.run(Program(""), code, want=("ret",) if "ret" in code else (), limits=limits)
    assert outcome.status is status
    assert (outcome.error is None) == (status is Status.OK)
    if said is not None:
        assert said in str(outcome.error)


def test_what_the_kernel_killed_in_one_call_is_not_told_of_the_next(sandbox):
    greedy = (
        "import mmap, os\npid = os.fork()\nif pid == 0:\n    m = mmap.mmap(-1, 400 << 20)\n"
        "    for i in range(0, len(m), 4096): m[i] = 1\nkilled = os.waitpid(pid, 0)[1]"
    )
    before = sandbox.run(Program(""), greedy, want=("killed",))
    assert before.values == {"killed": 9}
    after = sandbox.run(Program(""), "import os\nos._exit(3)")
    assert (after.cell, after.status) == (before.cell, Status.KILLED)
    assert "exit code 3" in str(after.error)


def test_the_kernels_killing_for_memory_is_told(sandbox):
    code = "import mmap\nm = mmap.mmap(-1, 400 << 20)\nfor i in range(0, len(m), 4096): m[i] = 1"
    outcome = sandbox.run(Program(""), code)
    assert outcome.status is Status.MEMORY


def test_cpu_of_all_processes_counts(sandbox):
    code = "import os\nfor _ in range(3): os.fork()\nwhile True: pass"
    outcome = sandbox.run(Program(""), code, limits=Limits(cpu_s=0.5, wall_s=4.0))
    assert outcome.status is Status.TIMEOUT
    assert "cpu_s" in outcome.error.message
    assert outcome.wall_s < 3


def test_too_many_processes_and_too_much_scratch_are_refused_in_the_cell(sandbox):
    code = (
        "import threading, time\ntry:\n"
        "    for _ in range(64): threading.Thread(target=time.sleep, args=(9,)).start()\n"
        "except RuntimeError as e: ans = str(e)"
    )
    assert "can't start new thread" in sandbox.run(Program(""), code, want=("ans",)).values["ans"]
    code = "try:\n    open('/tmp/x', 'wb').write(b'x' * (17 << 20))\nexcept OSError as e: ans = e.errno"
    assert sandbox.run(Program(""), code, want=("ans",)).values["ans"] == 28


def test_an_argument_that_cannot_cross_is_an_outcome(sandbox):
    outcome = sandbox.call(ADD, [1, object()], 2)
    assert outcome.status is Status.UNSERIALISABLE
    assert "object at argument 0[1]" in outcome.error.message


def test_a_wider_limit_is_refused_by_name(sandbox):
    with pytest.raises(LimitsError) as raised:
        sandbox.call(ADD, 1, 2, limits=Limits(wall_s=99.0))
    assert raised.value.field == "wall_s"


def test_code_may_ask_the_host(sandbox):
    asked = []

    def ask(*args: object, **kwargs: object):
        asked.append((args, kwargs))
        if args == ("bad",):
            raise KeyError("no")
        return {"n": len(asked)}

    code = (
        "a = ask(1, two=[2])['n']\nb = ask('x')['n']\n"
        "try:\n    ask('bad')\nexcept RuntimeError as e:\n    c = str(e)\n"
        "try:\n    ask(object())\nexcept TypeError as e:\n    d = str(e)\n"
    )
    outcome = sandbox.run(Program(""), code, want=("a", "b", "c", "d"), ask=ask)
    assert outcome.values == {"a": 1, "b": 2, "c": "KeyError: 'no'", "d": "ask: object cannot leave the cell"}
    assert asked == [((1,), {"two": [2]}), (("x",), {}), (("bad",), {})]


def test_the_host_may_answer_from_another_cell(sandbox):
    outcome = sandbox.run(
        Program("def judge(f):\n    return all(f(i, i) == 2 * i for i in range(5))"),
        "ans = judge(ask)",
        want=("ans",),
        ask=lambda *args: sandbox.call(ADD, *args).value,
    )
    assert outcome.values == {"ans": True}


def test_code_cannot_ask_when_it_may_not(sandbox):
    assert sandbox.run(Program(""), "ask(1)").error.type == "NameError"


def test_the_modules_are_those_of_the_image(sandbox):
    modules = sandbox.modules()
    assert {"json", "math", "sys", "datetime"} <= set(modules)
    assert not {"docker", "latm_sandbox", "pytest"} & set(modules)
    assert modules == tuple(sorted(modules))


def test_the_check_tells_all_good(sandbox):
    findings = {finding.name: finding for finding in sandbox.check()}
    assert {"docker", "cgroup", "seccomp", "image", "call"} <= set(findings)
    assert all(finding.ok for finding in findings.values()), findings


def test_models_write_exit_and_input(sandbox):
    assert sandbox.run(Program(""), "exit()").error.type == "SystemExit"
    assert sandbox.run(Program(""), "input()").error.type == "EOFError"


def test_an_example_under_a_main_guard_does_not_run(sandbox):
    source = "def f():\n    return 1\nif __name__ == '__main__':\n    raise SystemExit"
    assert sandbox.call(Program(source)).value == 1


def test_dataclasses_and_annotations_of_the_program_work(sandbox):
    source = (
        "from __future__ import annotations\nfrom dataclasses import dataclass, asdict\nimport typing\n"
        "@dataclass\nclass Point:\n    x: int\n    y: typing.Optional[int] = None\n"
        "def f():\n    return asdict(Point(1))"
    )
    assert sandbox.call(Program(source, "f")).value == {"x": 1, "y": None}


def test_random_numbers_differ_between_calls(sandbox):
    program = Program("import random\ndef f():\n    return random.random()")
    assert len({sandbox.call(program).value for _ in range(5)}) == 5


def test_hashes_and_times_do_not_differ_between_cells(sandbox):
    code = "import time, os\nans = [hash('x'), time.tzname, os.getcwd(), sorted(os.environ)]"
    first = sandbox.run(Program("# one"), code, want=("ans",)).values
    assert first == sandbox.run(Program("# two"), code, want=("ans",)).values
    assert first["ans"][1:3] == [("UTC", "UTC"), "/tmp"]


@pytest.mark.parametrize("launcher", ["docker", pytest.param("bubblewrap", marks=needs_bubblewrap)])
def test_hash_seed_and_time_zone_are_the_sandboxes(launcher):
    program = Program(
        "import datetime as dt, time\ndef f():\n"
        "    noon = dt.datetime(2024, 7, 1, 12, tzinfo=dt.timezone.utc).astimezone()\n"
        "    return [hash('x'), list({'a', 'b', 'c', 'd', 'e'}), noon.hour, time.tzname]"
    )
    found = []
    for seed, zone in ((0, "UTC"), (0, "UTC"), (7, "JST-9"), (4294967295, "CET-1CEST,M3.5.0,M10.5.0/3")):
        with Sandbox(launcher=launcher, hash_seed=seed, time_zone=zone, pool=PoolPolicy(cells=1)) as sandbox:
            found.append(sandbox.call(program).value)
    first, again, other, last = found
    assert first[:4] == again[:4]
    assert len({first[0], other[0], last[0]}) == len({tuple(one[1]) for one in (first, other, last)}) == 3
    assert [one[2] for one in found] == [12, 12, 21, 14]
    assert [one[3] for one in found[1:]] == [("UTC", "UTC"), ("JST", "JST"), ("CET", "CEST")]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"hash_seed": -1}, "hash_seed.* from 0 to 4294967295"),
        ({"hash_seed": 1 << 32}, "hash_seed"),
        ({"hash_seed": "random"}, "hash_seed.*'random'"),
        ({"time_zone": "Europe/Berlin"}, "time_zone: 'Europe/Berlin' .*JST-9"),
        ({"time_zone": ""}, "time_zone"),
        ({"time_zone": "JST-9\nX=1"}, "time_zone"),
        ({"time_zone": 9}, "time_zone: 9"),
    ],
)
def test_what_is_no_seed_and_no_zone_is_refused_before_anything_starts(options, said):
    with pytest.raises(ValueError, match=said):
        Sandbox(**options)


def test_an_outcome_is_never_an_exception(sandbox):
    for source in (
        "raise BaseException",
        "raise KeyboardInterrupt",
        "raise GeneratorExit",
        "raise SystemExit('x')",
    ):
        assert isinstance(sandbox.run(Program(source), ""), Outcome)
