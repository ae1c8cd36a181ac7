"""What runs inside a cell. The modules of this package are stdlib only and sent over stdin at start.

So no image has to be rebuilt when they change, and nothing else of latm can be imported in a cell. The host
imports `frames` and `values` as well, so that both sides agree on the bytes; it trusts nothing that comes
back, and reads it with code of its own.
"""

from __future__ import annotations

import functools
import marshal
from importlib.resources import files
from importlib.util import MAGIC_NUMBER
from typing import Final

__all__ = ["BOOTSTRAP", "packed"]

_PARTS: Final = (
    "frames",
    "values",
    "child",
    "watch",
    "supervisor",
)  # in the order in which they import each other

# The cell's first program. Every guest module gets the builtins among its own globals: a program that
# replaces them breaks itself, not the code that reports on it. No program can import a guest module.
BOOTSTRAP: Final = """\
import builtins, marshal, os, sys, types
from _frozen_importlib_external import MAGIC_NUMBER
sys.path[:] = [p for p in sys.path if p]
b = b""
while len(b) < 8 or len(b) < 8 + int(b[:8], 16):
    d = os.read(0, 1 << 20)
    if not d:
        os._exit(0)
    b += d
n = 8 + int(b[:8], 16)
magic, parts = marshal.loads(b[8:n])
for name, source, code in parts:
    m = sys.modules[name] = types.ModuleType(name)
    m.__dict__.update({k: v for k, v in vars(builtins).items() if k[:2] != "__"})
    code = marshal.loads(code) if magic == MAGIC_NUMBER else compile(source, "<guest>", "exec")
    exec(code, m.__dict__)
for name, source, code in parts:
    del sys.modules[name]
m.main(b[n:])
"""
"""What the cell's interpreter is started with: it reads the guest from stdin and becomes it."""


@functools.cache
def packed() -> bytes:
    """The guest as the bootstrap reads it: source, and compiled code for a cell with this very Python."""
    parts: list[tuple[str, bytes, bytes]] = []
    for part in _PARTS:
        source = files(__name__).joinpath(f"{part}.py").read_bytes()
        code = compile(source, "<guest>", "exec", dont_inherit=True)
        parts.append((f"{__name__}.{part}", source, marshal.dumps(code)))
    blob = marshal.dumps((MAGIC_NUMBER, parts), 2)
    return b"%08x" % len(blob) + blob
