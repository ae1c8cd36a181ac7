"""Odd and hostile programs as a whole: source, functions, arguments, and what they leave."""

# ruff: noqa: E501, ISC004 - programs in one line are read more easily here

from __future__ import annotations

import pytest

from latm_sandbox import Limits, PoolPolicy, Program, Sandbox, Status

pytestmark = pytest.mark.docker

ADD = Program("def add(a, b):\n    return a + b")
F = "def f():\n    return 1\n"
QUICK = Limits(wall_s=0.5)
HUGE = F + "".join(f"x{i} = {i}\n" for i in range(75_000))  # a little more than 1 MB

SOURCES = {
    "an empty source": ("", "invalid"),
    "only a comment": ("# nothing", "invalid"),
    "a NUL": (F + "\0", "invalid"),
    "a byte order mark": ("\ufeff" + F, "ok"),
    "two byte order marks": ("\ufeff\ufeff" + F, "invalid"),
    "a cookie of another encoding": ("# -*- coding: utf-7 -*-\n" + F, "ok"),
    "a cookie of no encoding": ("# coding: nonsense\n" + F, "ok"),
    "carriage returns": (F.replace("\n", "\r\n"), "ok"),
    "old Mac line ends": (F.replace("\n", "\r"), "ok"),
    "form feeds": ("\f" + F, "ok"),
    "tabs and blanks mixed": ("def f():\n\tif 1:\n        return 1\n", "invalid"),
    "1 MB": (HUGE, "ok"),
    "lone surrogates": (F + "x = '\ud800'", "invalid"),
    "a right-to-left override": (F + "# \u202e", "ok"),
    "identifiers that normalise": ("def \uff46():\n    return 1\n", "ok"),
    "nested parentheses": (F + "x = " + "(" * 5000 + ")" * 5000, "invalid"),
    "nested brackets": (F + "x = " + "[" * 150 + "]" * 150, "ok"),
    "nested functions": ("".join(" " * i + f"def f{i}():\n" for i in range(120)), "invalid"),
    "a long chain of operators": (F + "x = " + "-" * 5000 + "1", ("invalid", "killed", "ok")),
    "a long sum": (F + "x = " + "+".join("1" * 20_000), ("invalid", "killed", "ok", "error")),
    "a compiler bomb by powers": (F + "def g():\n    return 9 ** 9 ** 9 ** 9", ("invalid", "ok", "timeout")),
    "a compiler bomb by tuples": (F + "_x = lambda: ((1,) * 9 ** 9)", "ok"),
    "a loop at import": ("while True: pass\n" + F, "timeout"),
    "sleeping at import": ("import time\ntime.sleep(9)\n" + F, "timeout"),
    "an exit at import": ("raise SystemExit(0)\n" + F, "error"),
    "a hard exit at import": ("import os\nos._exit(0)\n" + F, "killed"),
    "a flood at import": ("while True: print('x' * 999)\n" + F, "output"),
    "memory at import": ("x = bytearray(1 << 33)\n" + F, "memory"),
    "an unknown import": ("import numpy_not_there\n" + F, "error"),
    "a star import": ("from math import *\n" + F, "ok"),
    "a future import": ("from __future__ import annotations\n" + F, "ok"),
    "a future import too late": (F + "from __future__ import annotations", "invalid"),
    "its own name imported": ("import program\n" + F, "ok"),
    "a function that is deleted": (F + "del f", "invalid"),
    "a module that replaces itself": ("import sys\nsys.modules['program'] = None\n" + F, "ok"),
    "return at module level": (F + "return 1", "invalid"),
    "await at module level": (F + "await f()", "invalid"),
    "a wildcard of builtins deleted": ("del __builtins__\n" + F, "ok"),
    "builtins replaced by nothing": ("__builtins__ = {}\n" + F, "ok"),
}


@pytest.fixture(scope="module")
def sandbox():
    with Sandbox(pool=PoolPolicy(cells=2)) as shared:
        yield shared


@pytest.mark.parametrize("name", SOURCES)
def test_a_source(sandbox, name):
    source, expected = SOURCES[name]
    quick = expected == "timeout"
    outcome = sandbox.call(Program(source), limits=QUICK if quick else None)
    assert outcome.status in ((expected,) if isinstance(expected, str) else expected), outcome.error
    if outcome.status is Status.OK:
        assert outcome.value == 1
    assert sandbox.call(ADD, 1, 2).value == 3


FUNCTIONS = {
    "async": ("async def f(): return 1", (), {}, "unserialisable", "use def"),
    "a generator": ("def f(): yield 1", (), {}, "unserialisable", "generator"),
    "an async generator": ("async def f(): yield 1", (), {}, "unserialisable", "async_generator"),
    "keyword-only": ("def f(*, a): return a", (), {"a": 1}, "ok", ""),
    "keyword-only, given by place": ("def f(*, a): return a", (1,), {}, "error", "TypeError"),
    "positional-only": ("def f(a, /): return a", (1,), {}, "ok", ""),
    "positional-only, given by name": ("def f(a, /): return a", (), {"a": 1}, "error", "TypeError"),
    "too few arguments": ("def f(a, b): return a", (1,), {}, "error", "missing 1 required"),
    "too many arguments": ("def f(a): return a", (1, 2), {}, "error", "takes 1 positional"),
    "an unknown argument": ("def f(a): return a", (), {"b": 1}, "error", "unexpected keyword"),
    "names of the guest's own": (
        "def f(self, request, program, code, want, args, kwargs): return 1",
        (),
        dict.fromkeys(("self", "request", "program", "code", "want", "args", "kwargs"), 1),
        "ok",
        "",
    ),
    "a lambda": ("f = lambda: 1", (), {}, "ok", ""),
    "a partial": (
        "import functools\nf = functools.partial(int, '1')",
        (),
        {},
        "invalid",
        "no public function",
    ),
    "a class": ("class f:\n    pass", (), {}, "invalid", "no public function"),
    "a decorated function": (
        "import functools\ndef _d(g):\n    @functools.wraps(g)\n    def h(*a):\n        return g(*a)\n    return h\n"
        "@_d\ndef f(a):\n    return a",
        (1,),
        {},
        "ok",
        "",
    ),
    "an alias": ("def f(): return 1\ng = f", (), {}, "ok", ""),
    "a recursive one": ("def f(n=9): return 1 if n == 0 else f(n - 1)", (), {}, "ok", ""),
    "one that returns nothing": ("def f(): pass", (), {}, "ok", None),
    "one that mutates its argument": ("def f(x): x.append(1); return x[0]", ([],), {}, "ok", ""),
    "one whose name is a builtin's": ("def print(): return 1", (), {}, "ok", ""),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function(sandbox, name):
    source, args, kwargs, status, said = FUNCTIONS[name]
    outcome = sandbox.call(Program(source), *args, **kwargs)
    assert outcome.status == status, outcome.error
    if status == "ok":
        assert outcome.value == (None if said is None else 1)
    else:
        assert said in str(outcome.error)


def nested(depth):
    value = 0
    for _ in range(depth):
        value = [value]
    return value


ARGUMENTS = {
    "1 MB of text": "x" * (1 << 20),
    "1 MB of bytes": b"x" * (1 << 19),
    "200 deep": nested(200),
    "a big int": 10**9999,
    "surrogates": "\ud800\udfff\ud800",
    "names that mean something": {"__class__": 1, "l": 2, "t": [], "tag": "d", "": None},
    "lists that look like tags": [["l"], ["d", 1, 2], ["i", "0x1"], ["s", "x"], []],
    "many keys": {str(i): i for i in range(20_000)},
}


@pytest.mark.parametrize("name", ARGUMENTS)
def test_an_argument(sandbox, name):
    value = ARGUMENTS[name]
    program = Program("def f(x): return x")
    outcome = sandbox.call(program, value)
    if outcome.status is Status.OUTPUT:  # it went in, and is too large to come out
        outcome = sandbox.call(Program("def f(x): return len(x)"), value)
        value = len(value)
    assert outcome.value == value


def test_an_argument_too_large_to_send_is_an_outcome(sandbox):
    outcome = sandbox.call(ADD, "x" * (33 << 20), "")
    assert outcome.status is Status.UNSERIALISABLE


STATES = {
    "a global": ("global n\nn = globals().get('n', 0) + 1", "n", 1),
    "a builtin": ("import builtins\nbuiltins.n = ans = getattr(builtins, 'n', 0) + 1", "ans", 1),
    "a module": ("import json\njson.n = ans = getattr(json, 'n', 0) + 1", "ans", 1),
    "sys.modules": ("import sys\nans = 'left' in sys.modules\nsys.modules['left'] = sys", "ans", False),
    "sys.path": ("import sys\nans = 'left' in sys.path\nsys.path.append('left')", "ans", False),
    "the environment": ("import os\nans = os.environ.get('LEFT')\nos.environ['LEFT'] = '1'", "ans", None),
    "the working directory": ("import os\nans = os.getcwd()\nos.chdir('/usr')", "ans", "/tmp"),
    "the umask": ("import os\nans = os.umask(0)", "ans", 0o77),
    "signal handlers": (
        "import signal\nans = signal.getsignal(signal.SIGUSR1) == signal.SIG_DFL\n"
        "signal.signal(signal.SIGUSR1, signal.SIG_IGN)",
        "ans",
        True,
    ),
    "the recursion limit": (
        "import sys\nans = sys.getrecursionlimit()\nsys.setrecursionlimit(99)",
        "ans",
        1000,
    ),
    "the decimal context": (
        "import decimal\nans = decimal.getcontext().prec\ndecimal.getcontext().prec = 3",
        "ans",
        28,
    ),
    "warning filters": (
        "import warnings\nans = len(warnings.filters)\nwarnings.simplefilter('error')",
        "ans",
        None,
    ),
    "the collector": ("import gc\nans = gc.isenabled()\ngc.disable()", "ans", True),
    "a file": ("import os\nans = os.path.exists('/tmp/f')\nopen('/tmp/f', 'w')", "ans", False),
    "a limit": (
        "import resource\nans = resource.getrlimit(resource.RLIMIT_NOFILE)\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (99, 99))",
        "ans",
        (1024, 1024),
    ),
    "an open descriptor": ("import os\nans = len(os.listdir('/proc/self/fd'))\nos.dup(0)", "ans", None),
    "a thread's name": (
        "import threading\nans = threading.current_thread().name\nthreading.current_thread().name = 'x'",
        "ans",
        "MainThread",
    ),
}


@pytest.mark.parametrize("name", STATES)
def test_nothing_of_a_call_is_left_for_the_next(sandbox, name):
    code, want, expected = STATES[name]
    program = Program(f"# {name}")
    found = [sandbox.run(program, code, want=(want,)) for _ in range(3)]
    assert all(outcome.ok for outcome in found), found[0].error
    assert len({outcome.cell for outcome in found}) == 1
    values = [outcome.values[want] for outcome in found]
    assert values == [values[0] if expected is None else expected] * 3
