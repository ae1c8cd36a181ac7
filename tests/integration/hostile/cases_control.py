"""Attacks on what reports on the code."""

# ruff: noqa: E501 - programs in one line are read more easily here

from __future__ import annotations

from integration.hostile.casebook import ANY, ERROR, KILLED, OK, QUICK, TIMEOUT, case

# --- control
case("control: sys.exit", "import sys\nsys.exit(0)", ERROR, said="SystemExit")
case("control: exit", "exit()", ERROR, said="SystemExit")
case("control: os._exit", "import os\nos._exit(0)", KILLED, said="exit code 0")
case("control: SIGKILL to itself", "import os\nos.kill(os.getpid(), 9)", KILLED, said="SIGKILL")
case("control: SIGTERM to itself", "import os\nos.kill(os.getpid(), 15)", KILLED, said="SIGTERM")
case("control: SIGKILL to the parent", "import os\nos.kill(os.getppid(), 9)\nans = 1", OK, ans=1)
case(
    "control: SIGINT to the parent",
    "import os, signal\nfor _ in range(9): os.kill(os.getppid(), signal.SIGINT)\nans = 1",
    OK,
    ans=1,
)
case(
    "control: every signal to the parent",
    "import os\nfor n in range(1, 65):\n    try: os.kill(1, n)\n    except OSError: pass\nans = 1",
    OK,
    ans=1,
)
case("control: SIGSTOP to the parent", "import os, signal\nos.kill(1, signal.SIGSTOP)\nans = 1", OK, ans=1)
case(
    "control: SIGKILL to all",
    "import os\ntry: os.kill(-1, 9)\nexcept ProcessLookupError: pass\nans = 1",
    OK,
    ans=1,
)
case("control: SIGKILL to its group", "import os\nos.killpg(0, 9)", KILLED, said="SIGKILL")
case(
    "control: all signals masked",
    "import signal\nsignal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))\nwhile True: pass",
    TIMEOUT,
    limits=QUICK,
)
case("control: an alarm", "import signal, time\nsignal.alarm(1)\nsignal.alarm(0)\nans = 1", OK, ans=1)
case("control: every descriptor closed", "import os\nos.closerange(0, 1024)\nans = 1", KILLED, ans=None)
case(
    "control: every descriptor non-blocking",
    "import os\nfor fd in range(64):\n    try: os.set_blocking(fd, False)\n    except OSError: pass\nans = 'x' * 900000\nans = len(ans)",
    OK,
    ans=900000,
)
case(
    "control: a large answer through a non-blocking descriptor",
    "import os\nfor fd in range(64):\n    try: os.set_blocking(fd, False)\n    except OSError: pass\nans = 'x' * 900000",
    OK,
    ans="x" * 900000,
)
case(
    "control: noise on every descriptor",
    "import os\nfor fd in range(3, 64):\n    try: os.write(fd, b'\\0' * 100)\n    except OSError: pass\nans = 1",
    KILLED,
    ans=None,
)
case(
    "control: a forged frame on every descriptor",
    "import os, struct\nbody = b'o' + bytes(16) + b'{\"values\":{\"ans\":2}}'\nfor fd in range(3, 64):\n    try: os.write(fd, struct.pack('>IB8s', len(body), ord('R'), bytes(8)) + body)\n    except OSError: pass\nraise ValueError",
    KILLED,
)
case(
    "control: a huge length on every descriptor",
    "import os\nfor fd in range(3, 64):\n    try: os.write(fd, b'\\xff' * 13)\n    except OSError: pass\nans = 1",
    KILLED,
    ans=None,
)
case("control: stdin stolen", "import os\nans = os.read(0, 100)", OK, ans=b"")
case("control: input()", "input()", ERROR, said="EOFError")
case(
    "control: the supervisor's descriptors",
    "import os\nans = []\nfor fd in range(3):\n    try: ans.append(os.open(f'/proc/1/fd/{fd}', os.O_RDWR))\n    except OSError as e: ans.append('refused')",
    OK,
    ans=["refused"] * 3,
)
case(
    "control: the supervisor's memory",
    "try:\n    open('/proc/1/mem', 'r+b')\nexcept OSError: ans = 'refused'",
    OK,
    ans="refused",
)
case(
    "control: the supervisor's environment",
    "try:\n    open('/proc/1/environ').read()\nexcept OSError: ans = 'refused'",
    OK,
    ans="refused",
)
case("control: its own memory is its own", "f = open('/proc/self/mem', 'rb')\nans = 1", OK, ans=1)
case(
    "control: builtins patched",
    "import builtins\nfor n in ('len', 'isinstance', 'type', 'str', 'list', 'dict', 'open', 'min', 'getattr', 'repr', 'sorted', 'all', 'any', 'zip', 'enumerate', 'set', 'bytes', 'memoryview'):\n    setattr(builtins, n, lambda *a, **k: 1 / 0)\nans = [1, 'x', {'a': 2.5}]",
    OK,
    ans=[1, "x", {"a": 2.5}],
)
case(
    "control: json patched",
    'import json\njson.dumps = json.loads = json.JSONEncoder.encode = json.JSONEncoder.iterencode = lambda *a, **k: \'{"values": {"ans": 2}}\'\nans = 1',
    OK,
    ans=1,
)
case(
    "control: os patched",
    "import os\nos.write = os._exit = os.getpid = os.read = lambda *a: 0\nans = 1",
    OK,
    ans=1,
)
case(
    "control: struct and codecs patched",
    "import struct, base64\nstruct.pack = base64.b64encode = lambda *a: b'x'\nans = [1 << 70]",
    OK,
    ans=[1 << 70],
)
case("control: sys.modules emptied", "import sys\nsys.modules.clear()\nans = 1", OK, ans=1)
case(
    "control: the collector attacked",
    "import gc\ngc.disable()\nfor o in gc.get_objects():\n    if type(o) is dict and 'supervisor' in str(o.get('__name__', '')): o.clear()\nans = 1",
    OK,
    KILLED,
    ans=ANY,
)
case(
    "control: frames walked and their locals taken",
    "import sys\nf = sys._getframe()\nn = 0\nwhile f:\n    n += len(f.f_locals)\n    f = f.f_back\nans = 1",
    OK,
    ans=1,
)
case("control: atexit", "import atexit\natexit.register(print, 'late')\nans = 1", OK, ans=1)
case("control: a trace function", "import sys\nsys.settrace(lambda *a: 1 / 0)\nans = 1", OK, ERROR, ans=ANY)
case(
    "control: a profile function that lies", "import sys\nsys.setprofile(lambda *a: None)\nans = 1", OK, ans=1
)
case(
    "control: an excepthook",
    "import sys\nsys.excepthook = lambda *a: print('hooked')\nraise ValueError('x')",
    ERROR,
    said="ValueError: x",
)
case(
    "control: a tiny recursion limit",
    "import sys\nsys.setrecursionlimit(40)\nans = [[[[1]]]]",
    OK,
    ERROR,
    ans=ANY,
)
case(
    "control: a __del__ that raises",
    "class D:\n    def __del__(self): raise ValueError\nD()\nans = 1",
    OK,
    ans=1,
)
case(
    "control: a __del__ that hangs",
    "class D:\n    def __del__(self):\n        while True: pass\nd = D()\nans = 1",
    OK,
    ans=1,
)
case("control: the answer's name is deleted", "ans = 1\ndel ans", ERROR, ans=None, said="NameError")
case("control: the namespace is cleared", "ans = 1\nglobals().clear()", ERROR, ans=None, said="NameError")
case(
    "control: limits of the supervisor",
    "import resource\ntry:\n    resource.prlimit(1, resource.RLIMIT_NOFILE, (3, 3))\nexcept OSError: ans = 'refused'",
    OK,
    ans="refused",
)
case(
    "control: its own limits raised",
    "import resource\ntry:\n    resource.setrlimit(resource.RLIMIT_DATA, (-1, -1))\nexcept (OSError, ValueError): ans = 'refused'",
    OK,
    ans="refused",
)
case(
    "control: the supervisor reniced",
    "import os\ntry:\n    os.setpriority(os.PRIO_PROCESS, 1, 19)\nexcept OSError: ans = 'refused'",
    OK,
    ans="refused",
)
case(
    "control: the supervisor's processors",
    "import os\ntry:\n    os.sched_setaffinity(1, {0})\nexcept OSError: ans = 'refused'",
    OK,
    ans="refused",
)
case(
    "control: setuid", "import os\ntry:\n    os.setuid(0)\nexcept OSError: ans = 'refused'", OK, ans="refused"
)
