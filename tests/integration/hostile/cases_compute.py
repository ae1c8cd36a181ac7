"""Time, memory, processes: code that takes too much."""

# ruff: noqa: E501 - programs in one line are read more easily here

from __future__ import annotations

from integration.hostile.casebook import ANY, ERROR, KILLED, MEMORY, OK, OUTPUT, QUICK, TIMEOUT, case
from latm_sandbox import KiB, Limits

# --- cpu
case("cpu: a loop", "while True: pass", TIMEOUT, limits=QUICK)
case(
    "cpu: a loop that catches everything",
    "while True:\n    try:\n        while True: pass\n    except BaseException: pass",
    TIMEOUT,
    limits=QUICK,
)
case("cpu: a big power", "10 ** 10 ** 8", TIMEOUT, limits=QUICK)
case("cpu: a catastrophic regex", "import re\nre.match('(a+)+$', 'a' * 40 + 'b')", TIMEOUT, limits=QUICK)
case("cpu: a sum in C", "sum(range(10**12))", TIMEOUT, limits=QUICK)
case(
    "cpu: C code that ignores signals",
    "import signal\nsignal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))\nlist(iter(int, 1))",
    TIMEOUT,
    MEMORY,
    limits=QUICK,
)
case("cpu: the CPU limit", "while True: pass", TIMEOUT, said="cpu_s", limits=Limits(cpu_s=0.3))
case(
    "cpu: the CPU limit with SIGXCPU ignored",
    "import signal\nsignal.signal(signal.SIGXCPU, signal.SIG_IGN)\nwhile True: pass",
    TIMEOUT,
    limits=Limits(cpu_s=0.3),
)
case(
    "cpu: many processes share the CPU limit",
    "import os\nfor _ in range(4): os.fork()\nwhile True: pass",
    TIMEOUT,
    said="cpu_s",
    limits=Limits(cpu_s=0.5, wall_s=4),
)
case("cpu: Python recursion", "def f(): return f()\nf()", ERROR, said="RecursionError")
case(
    "cpu: recursion without a bound",
    "import sys\nsys.setrecursionlimit(10**9)\ndef f(): return f()\nf()",
    MEMORY,
    KILLED,
    TIMEOUT,
    ERROR,  # CPython 3.11 raises SystemError where it gets no memory for a frame
    limits=Limits(wall_s=4),
)
case(
    "cpu: C stack overflow",
    "import sys\nsys.setrecursionlimit(10**9)\nx = []\nfor _ in range(10**6): x = [x]\nrepr(x)",
    KILLED,
    MEMORY,
    ERROR,
    TIMEOUT,
)
case("cpu: a null pointer", "import ctypes\nctypes.string_at(0)", KILLED, said="SIGSEGV")
case("cpu: abort", "import os\nos.abort()", KILLED, said="SIGABRT")
case("cpu: an illegal jump", "import ctypes\nctypes.CFUNCTYPE(None)(1)()", KILLED)

# --- memory
case("memory: growth", "x = []\nwhile True: x.append(bytearray(1 << 20))", MEMORY)
case("memory: one block", "x = bytearray(1 << 33)", MEMORY)
case("memory: a string", "x = 'x' * (1 << 33)", MEMORY)
case("memory: doubling", "x = [0]\nwhile True: x += x", MEMORY)
case(
    "memory: a shared mapping",
    "import mmap\nm = mmap.mmap(-1, 1 << 30)\nfor i in range(0, 1 << 30, 4096): m[i] = 1",
    MEMORY,
    KILLED,
)
case(
    "memory: MemoryError caught, then fine",
    "try:\n    bytearray(1 << 33)\nexcept MemoryError:\n    ans = 1",
    OK,
    ans=1,
)
case(
    "memory: a child's",
    "import os\npid = os.fork()\nif pid == 0:\n    x = bytearray(1 << 33)\n    os._exit(0)\nans = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])",
    OK,
    ans=ANY,
)
case(
    "memory: /tmp filled",
    "try:\n    open('/tmp/x', 'wb').writelines([b'x' * (1 << 20)] * 64)\nexcept OSError as e: ans = e.errno",
    OK,
    ans=28,
)
case(
    "memory: /dev/shm filled",
    "try:\n    open('/dev/shm/x', 'wb').writelines([b'x' * (1 << 20)] * 64)\nexcept OSError as e: ans = e.errno",
    OK,
    ans=28,
)
case("memory: pipe buffers", "import os\np = [os.pipe() for _ in range(200)]\nans = len(p)", OK, ans=200)
case(
    "memory: memfd",
    "import os\nf = os.memfd_create('x')\nwhile True: os.write(f, b'x' * (1 << 20))",
    MEMORY,
    KILLED,
    TIMEOUT,
)
case("memory: a tightened limit", "x = bytearray(100 << 20)", MEMORY, limits=Limits(memory_bytes=64 << 20))
case("memory: a huge list from a range", "list(range(10**10))", MEMORY)

# --- processes
case(
    "processes: fork bomb",
    "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass",
    TIMEOUT,
    limits=QUICK,
)
case(
    "processes: fork bomb that leaves",
    "import os\nfor _ in range(100):\n    try:\n        if os.fork() == 0:\n            while True: pass\n    except OSError: break\nans = 1",
    OK,
    ans=1,
)
case(
    "processes: threads left behind",
    "import threading, time\nfor _ in range(8): threading.Thread(target=time.sleep, args=(99,)).start()\nans = 1",
    OK,
    ans=1,
)
case(
    "processes: daemon threads that print",
    "import threading\ndef f():\n    while True: print('x', end='')\nthreading.Thread(target=f, daemon=True).start()\nans = 1",
    OK,
    OUTPUT,
    ans=ANY,
)
case(
    "processes: a double-fork daemon",
    "import os, time\nif os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n        while True: time.sleep(1)\n    os._exit(0)\nans = 1",
    OK,
    ans=1,
)
case(
    "processes: setsid",
    "import os\nif os.fork() == 0:\n    os.setsid()\n    while True: pass\nans = 1",
    OK,
    ans=1,
)
case(
    "processes: zombies",
    "import os\nfor _ in range(20):\n    if os.fork() == 0: os._exit(0)\nans = 1",
    OK,
    ans=1,
)
case(
    "processes: both sides of a fork return",
    "import os\nans = 'child' if os.fork() == 0 else 'parent'",
    OK,
    ans="parent",
)
case(
    "processes: the child of a fork raises",
    "import os\nif os.fork() == 0: raise ValueError\nans = 1",
    OK,
    ans=1,
)
case(
    "processes: the parent exits, the child goes on", "import os\nif os.fork(): os._exit(0)\nans = 1", KILLED
)
case(
    "processes: exec", "import os\nos.execv('/usr/local/bin/python3', ['python3', '-c', 'print(1)'])", KILLED
)
case(
    "processes: exec of true by subprocess",
    "import subprocess, sys\nans = subprocess.run([sys.executable, '-S', '-c', 'print(7)'], capture_output=True, text=True).stdout",
    OK,
    ans="7\n",
)
case(
    "processes: vfork through subprocess of nothing",
    "import subprocess\ntry: subprocess.run(['/nonexistent'])\nexcept FileNotFoundError: ans = 1",
    OK,
    ans=1,
)
case(
    "processes: multiprocessing",
    "import multiprocessing as m\nwith m.get_context('fork').Pool(2) as p: ans = p.map(abs, [-1, -2])",
    OK,
    ans=[1, 2],
)
case(
    "processes: a child that stops itself",
    "import os, signal\nif os.fork() == 0: os.kill(os.getpid(), signal.SIGSTOP)\nans = 1",
    OK,
    ans=1,
)
case(
    "processes: itself stopped",
    "import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)",
    TIMEOUT,
    limits=QUICK,
)
case(
    "processes: threads without end",
    "import threading, time\nwhile True:\n    threading.Thread(target=time.sleep, args=(9,)).start()",
    ERROR,
    said="RuntimeError",
)

# --- time
case("time: past the limit", "import time\ntime.sleep(5)", TIMEOUT, limits=QUICK)
case("time: just under it", "import time\ntime.sleep(0.2)\nans = 1", OK, ans=1, limits=Limits(wall_s=1.5))
case(
    "time: sleep that cannot be interrupted",
    "import time, signal\nsignal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))\ntime.sleep(9)",
    TIMEOUT,
    limits=QUICK,
)
case(
    "time: a lock held for ever",
    "import threading\nl = threading.Lock()\nl.acquire()\nl.acquire()",
    TIMEOUT,
    limits=QUICK,
)
case(
    "time: a clock of its own",
    "import time\ntime.monotonic = time.time = lambda: 0\nwhile True: pass",
    TIMEOUT,
    limits=QUICK,
)
case(
    "time: the clock set",
    "import time\ntry: time.clock_settime(time.CLOCK_REALTIME, 0)\nexcept OSError: ans = 'refused'",
    OK,
    ans="refused",
)
case(
    "output: results at the limit", "ans = 'x' * 900", OK, ans="x" * 900, limits=Limits(result_bytes=1 * KiB)
)
