"""What hostile, broken and merely odd code does, and the outcome that each must have.

Every case is code that runs after `BASE` in one cell; names that it sets as `ans` are wanted. The cases know
nothing of how the sandbox works inside, except where they attack just that.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from latm_sandbox import Limits

BASE = "def add(a, b):\n    return a + b\n"
ANY = object()

# Statuses, short.
OK, ERROR, INVALID = "ok", "error", "invalid"
TIMEOUT, MEMORY, OUTPUT, UNSER, KILLED = "timeout", "memory", "output", "unserialisable", "killed"


@dataclass(frozen=True)
class Case:
    """One hostile program.

    Attributes:
        name: category and what it does.
        code: what runs.
        status: the outcome's status, or several that are right.
        limits: of this call; a case that need not wait for its time has all that its sandbox allows, since
            a busy machine is not what it is about.
        ans: the value of `ans`; ANY when it does not matter, or is not wanted.
        said: what the error's text must contain.
    """

    name: str
    code: str
    status: tuple[str, ...]
    limits: Limits
    ans: Any = ANY
    said: str = ""

    @property
    def want(self) -> tuple[str, ...]:
        """The names to ask for."""
        return () if self.ans is ANY else ("ans",)


CASES: list[Case] = []
QUICK = Limits(wall_s=0.4)


def case(
    name: str, code: str, *status: str, ans: Any = ANY, said: str = "", limits: Limits | None = None
) -> None:
    """Add a case."""
    if limits is None:
        limits = Limits(wall_s=2.0) if TIMEOUT in status else Limits()
    CASES.append(Case(name, code, status, limits, ans, said))


def refused(name: str, code: str) -> None:
    """Add a case in which the cell refuses what the code tries, and the code lives to tell it."""
    indented = "".join(f"    {line}\n" for line in code.splitlines())
    case(
        name,
        f"try:\n{indented}except (OSError, ValueError) as e:\n    ans = 'refused'\nelse:\n    ans = 'done'",
        OK,
        ans="refused",
    )


LIBC = "import ctypes, os\nlibc = ctypes.CDLL(None, use_errno=True)\n"


def refused_call(name: str, number: int, *args: Any) -> None:
    """Add a case in which a system call of x86-64 is refused with EPERM by the profile."""
    values = ", ".join(map(str, (number, *args)))
    code = LIBC + f"r = libc.syscall({values})\nans = r, ctypes.get_errno()\n"
    code += "if os.uname().machine != 'x86_64': ans = -1, 1"
    case(name, code, OK, ans=(-1, 1))
