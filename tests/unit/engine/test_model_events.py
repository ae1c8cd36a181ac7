"""Events of model calls have the fields that docs/roles.md names, and no others."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from latm import BudgetExceeded, Ledger, Refused, Throttled
from latm.plugin import Reply, Usage
from unit.engine.desk import ASK, desk

pytestmark = pytest.mark.anyio
REPLY = Reply(text="whole", usage=Usage(input=1, output=1), model="m")
TEXTS = {"model.replied": {"system", "messages", "reply", "calls"}}
COMMON_TEXTS = {"system", "messages"}


def documented(repo: Path) -> dict[str, set[str]]:
    """The fields of each event in the page's table, those of its head included."""
    text = (repo / "docs" / "roles.md").read_text()
    head = next(line for line in text.splitlines() if line.startswith("| event | fields besides"))
    common = set(re.findall(r"`(\w+)`", head))
    assert len(common) == 9
    rows = re.findall(r"^\| `(model\.\w+)` \| (.*) \|$", text, re.MULTILINE)
    without_values = [(name, re.sub(r"\(.*?\)", "", fields)) for name, fields in rows]
    return {name: common | set(re.findall(r"`(\w+)`", fields)) for name, fields in without_values}


@pytest.mark.parametrize("content", [True, False])
async def test_events_have_the_fields_of_the_page(repo: Path, tmp_path: Path, *, content: bool) -> None:
    script = [Throttled("later", status=429), REPLY, Refused("no")]
    place = desk(tmp_path, script, events={"content": content}, budget={"run": {"calls": 1}})
    role, bill = await place.role(), Ledger()
    await role.complete(ASK, place.purpose(bill=bill, resumable=True))
    await role.complete(ASK, place.purpose(bill=bill, resumable=True))
    with pytest.raises(BudgetExceeded):
        await role.complete(ASK, place.purpose(bill=bill))
    with pytest.raises(Refused):
        await role.complete(ASK, place.purpose())
    await place.close()
    told = dict(place.told)
    for name, fields in documented(repo).items():
        texts = TEXTS.get(name, COMMON_TEXTS) if content else set()
        assert set(told[name]) == fields | texts, name
    assert set(told["model.recalled"]) == {"role", "model", "run", "task", "step"}
    assert {"role", "model", "run", "task", "scope", "unit", "spent", "limit"} == set(told["budget.exceeded"])
