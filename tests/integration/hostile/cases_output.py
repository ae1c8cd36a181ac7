"""Output and results: too much, too odd, or lying."""

# ruff: noqa: E501 - programs in one line are read more easily here

from __future__ import annotations

from integration.hostile.casebook import ERROR, KILLED, OK, OUTPUT, QUICK, TIMEOUT, UNSER, case
from latm_sandbox import Limits

# --- output
case("output: a flood on stdout", "while True: print('x' * 1000)", OUTPUT)
case("output: a flood on stderr", "import sys\nwhile True: sys.stderr.write('x' * 1000)", OUTPUT)
case("output: a flood on the descriptor", "import os\nwhile True: os.write(1, b'x' * 65536)", OUTPUT)
case(
    "output: both streams",
    "import os\nwhile True:\n    os.write(1, b'x' * 1000)\n    os.write(2, b'y' * 1000)",
    OUTPUT,
)
case("output: just at the limit", "print('x' * 99)", OK, limits=Limits(output_bytes=100))
case("output: one above it", "print('x' * 100)", OUTPUT, limits=Limits(output_bytes=100))
case(
    "output: a flood from a child",
    "import os\nif os.fork() == 0:\n    while True: os.write(1, b'x' * 65536)\nos.wait()",
    OUTPUT,
)
case(
    "output: a flood, then an exit",
    "import os\nos.write(1, b'x' * 60000)\nos._exit(3)",
    KILLED,
    said="exit code 3",
)
case("output: binary", "import os\nos.write(1, bytes(range(256)))\nans = 1", OK, ans=1)
case("output: a huge value", "ans = 'x' * (2 << 20)", OUTPUT, ans=None)
case("output: a huge list", "ans = [0] * (1 << 20)", OUTPUT, ans=None)
case(
    "output: an explosion of shared lists",
    "ans = ['x']\nfor _ in range(40): ans = [ans, ans]",
    OUTPUT,
    ans=None,
)
case("output: a huge int", "ans = 1 << (1 << 24)", OUTPUT, ans=None)
case("output: a deep value", "ans = []\nfor _ in range(5000): ans = [ans]", UNSER, ans=None, said="deeper")
case("output: 200 deep is fine", "ans = 0\nfor _ in range(200): ans = [ans]\nx = ans\nans = 1", OK, ans=1)
case("output: a cyclic value", "ans = []\nans.append(ans)", UNSER, ans=None, said="circle")
case("output: an object", "ans = object()", UNSER, ans=None, said="object")
case(
    "output: an object inside",
    "ans = {'a': [1, (2, {3: object()})]}",
    UNSER,
    ans=None,
    said="ans['a'][1][1][3]",
)
case("output: a function", "ans = add", UNSER, ans=None)
case("output: a generator", "ans = (i for i in range(3))", UNSER, ans=None, said="generator")
case("output: a module", "import sys\nans = sys", UNSER, ans=None)
case("output: NaN", "ans = [float('nan')] * 0 + [str(float('nan'))]", OK, ans=["nan"])
case("output: infinities", "ans = [float('inf'), -float('inf')]", OK, ans=[float("inf"), -float("inf")])
case("output: surrogates", "ans = '\\ud83d\\ude00'", OK, ans="\ud83d\ude00")
case(
    "output: exact floats",
    "ans = [0.1 + 0.2, 5e-324, 1.7976931348623157e308]",
    OK,
    ans=[0.1 + 0.2, 5e-324, 1.7976931348623157e308],
)
case(
    "output: keys that are equal in JSON",
    "ans = {1: 'a', '1': 'b', None: 'c', 'null': 'd', (1,): 'e'}",
    OK,
    ans={1: "a", "1": "b", None: "c", "null": "d", (1,): "e"},
)
case(
    "output: a lying str",
    "class S(str):\n    def __len__(self): return 1\nans = S('x' * 9999999)",
    UNSER,
    ans=None,
)
case(
    "output: a lying int",
    "class I(int):\n    def __eq__(self, o): return True\n    __hash__ = int.__hash__\nans = I(3)",
    UNSER,
    ans=None,
)
case(
    "output: a dict that lies about its length",
    "class D(dict):\n    def __len__(self): return 0\nans = D(a=1)",
    UNSER,
    ans=None,
)
case("output: a hostile __class__", "class C:\n    __class__ = int\nans = C()", UNSER, ans=None)
case(
    "output: a hostile __reduce__",
    "import os\nclass C:\n    def __reduce__(self): return os.system, ('touch /tmp/pwned',)\nans = C()",
    UNSER,
    ans=None,
)
case(
    "output: a hostile metaclass",
    "class M(type):\n    __qualname__ = property(lambda s: 1/0)\n    def __getattribute__(s, n): raise ValueError(n)\nclass C(metaclass=M): pass\nans = C()",
    UNSER,
    ERROR,
    ans=None,
)
case(
    "output: an exception whose str raises",
    "class E(Exception):\n    def __str__(self): raise ValueError\nraise E",
    ERROR,
)
case(
    "output: an exception whose str loops",
    "class E(Exception):\n    def __str__(self):\n        while True: pass\nraise E",
    TIMEOUT,
    limits=QUICK,
)
case("output: an exception with a huge text", "raise ValueError('x' * (1 << 22))", ERROR, said="[...]")
case(
    "output: an exception whose str is no str",
    "class E(Exception):\n    def __str__(self): return 3\nraise E",
    ERROR,
)
case(
    "output: an exception with a lying name",
    "class M(type):\n    __name__ = 'x' * 10**6\nclass E(Exception, metaclass=M): pass\nraise E",
    ERROR,
)
case(
    "output: a very long chain of causes",
    "e = None\nfor i in range(3000):\n    n = ValueError(i)\n    n.__cause__ = e\n    e = n\nraise e",
    ERROR,
)
case(
    "output: an exception group",
    "raise ExceptionGroup('g', [ValueError(1), ExceptionGroup('h', [TypeError(2)])])",
    ERROR,
    said="ExceptionGroup",
)
case("output: a KeyboardInterrupt", "raise KeyboardInterrupt", ERROR, said="KeyboardInterrupt")
case("output: stdout replaced", "import sys\nsys.stdout = None\nprint('x')\nans = 1", OK, ans=1)
case(
    "output: stdout whose flush raises",
    "import sys\nclass S:\n    def flush(self): raise ValueError\n    def write(self, x): pass\nsys.stdout = S()\nans = 1",
    OK,
    ans=1,
)
case(
    "output: trickling",
    "import time\nwhile True:\n    print('x', flush=True)\n    time.sleep(0.01)",
    TIMEOUT,
    limits=QUICK,
)
