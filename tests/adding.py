"""A folder as the documentation's programs expect it: a latm.toml, and a library with a tool that adds up."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from latm import Demonstration, Provenance, Tool
from latm.library import Library
from latm.plugin import Usage
from latm.testing import HttpReply, OpenAIServer, RecordedRequest, read_request

ROLES = ("maker", "user", "dispatcher", "fallback")
SOURCE = "def total(numbers: list[int]) -> int:\n    '''Add numbers up.'''\n    return sum(numbers)\n"
TOOL = Tool(
    name="adding",
    version=1,
    source=SOURCE,
    function="total",
    demonstrations=(Demonstration("What do 3 and 4 add up to?", "total([3, 4])"),),
    call_style="call",
    answer_type="number",
    provenance=Provenance(
        protocol="strict",
        maker="openai:maker",
        run="make-1",
        examples_sha256="0" * 64,
        source_sha256="0" * 64,
        usage=Usage(),
        cost_usd=None,
        seconds=0.0,
        created="2026-11-01T00:00:00Z",
    ),
)


class Models:
    """All roles behind one server; each request names its model.

    Attributes:
        odd: what a question with this word in it gets instead of the strong model's answer.
        met: set once one of them was asked.
    """

    def __init__(self) -> None:
        self.odd: dict[str, HttpReply] = {}
        self.met = threading.Event()

    def __call__(self, recorded: RecordedRequest) -> str | HttpReply:
        request = read_request(recorded)
        question = request.messages[-1].text
        numbers = [int(each) for each in re.findall(r"\d+", question)]
        match recorded.body["model"]:
            case "dispatcher":
                fits = "add up" in question
                return json.dumps({"decision": "adding" if fits else "none", "task": None})
            case "user":
                return f"```python\ntotal({numbers})\n```"
            case "fallback":
                odd = next((reply for word, reply in self.odd.items() if word in question), None)
                if odd is None:
                    return f"Answer: {sum(numbers)}"
                self.met.set()
                return odd
            case _:
                return "no function of mine"


@contextmanager
def serving(folder: Path, models: Models) -> Iterator[OpenAIServer]:
    """Write the configuration and the library into a folder, and serve the models that they name."""
    library = Library(f"sqlite:///{folder / 'latm.db'}")
    library.add(TOOL)
    library.close()
    with OpenAIServer(models) as server:
        roles = "".join(f'{role} = "openai:{role}"\n' for role in ROLES)
        table = f'[providers.openai]\nbase_url = "{server.base_url}"\napi_key = "k"\n'
        (folder / "latm.toml").write_text(f"[roles]\n{roles}{table}[auditing]\nfirst = 0\nshare = 0\n")
        yield server
