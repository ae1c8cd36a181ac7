"""The rooms import each other in one direction only. Read from the source, so that nothing has to run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from house import PROVIDERS, SOURCES, imported, modules

MODULES = list(modules())
ROLES = re.compile(r"\b(maker|dispatcher)s?\b", re.IGNORECASE)


def wrong_imports(room: str, *forbidden: str) -> list[str]:
    return [
        f"{name} imports {target}"
        for name, path in MODULES
        if name.split(".")[0] == room
        for target in sorted(set(imported(name, path)))
        if target.split(".")[0] in forbidden
    ]


def test_the_house_is_where_it_should_be() -> None:
    assert {name.split(".")[0] for name, _ in MODULES} == set(SOURCES)


def test_the_sandbox_knows_nobody() -> None:
    assert wrong_imports("latm_sandbox", "latm", *PROVIDERS) == []


def test_the_engine_names_no_provider() -> None:
    assert wrong_imports("latm", *PROVIDERS) == []


ROOMS = {
    "cli": {"cli", "report", "serving", "maker", "user", "dispatcher", "tuner", "library", "pages"},
    "report": {"report", "tuner", "library", "pages"},
    "serving": {"serving", "user", "library"},
    "tuner": {"tuner", "maker", "library", "pages"},
    "maker": {"maker", "user", "library"},
    "user": {"user"},
    "dispatcher": {"dispatcher", "library"},
    "library": {"library"},
    "pages": {"pages"},
}
"""Whom each room of the engine may lean on."""


@pytest.mark.parametrize("room", sorted(ROOMS))
def test_the_rooms_of_the_engine_lean_on_each_other_one_way(room: str) -> None:
    found = {
        (name, target)
        for name, path in MODULES
        if name.split(".")[:2] == ["latm", room]
        for target in imported(name, path)
        if target.startswith("latm.") and target.split(".")[1] in ROOMS.keys() - ROOMS[room]
    }

    assert found == set()


def test_rooms_are_entered_by_the_front_door() -> None:
    found = {
        (name, target)
        for name, path in MODULES
        if (room := [*name.split("."), ""][1]) in {*ROOMS, "__main__"}
        for target in imported(name, path)
        if (inner := re.match(r"latm\.([a-z]+)(\.[a-z_]+)*\._[a-z]", target))
        and inner[1] in ROOMS.keys() - {room}
    }

    assert found == set()


def test_nobody_leans_on_what_people_look_at() -> None:
    faces = {"cli", "report", "serving", "__main__"}
    found = {
        (name, target)
        for name, path in MODULES
        if name.split(".")[1:2] and name.split(".")[1] not in faces
        for target in imported(name, path)
        if target.split(".")[:1] == ["latm"] and target.split(".")[1:2] and target.split(".")[1] in faces
    }

    assert found == set()


@pytest.mark.parametrize("provider", sorted(PROVIDERS))
def test_providers_do_not_lean_on_each_other(provider: str) -> None:
    assert wrong_imports(provider, *(PROVIDERS - {provider})) == []


@pytest.mark.parametrize("provider", sorted(PROVIDERS))
def test_providers_use_what_a_third_party_could(provider: str) -> None:
    private = [
        f"{name} imports {target}"
        for name, path in MODULES
        if name.split(".")[0] == provider
        for target in imported(name, path)
        if target.split(".")[0] in {"latm", "latm_sandbox"} and "._" in target
    ]

    assert private == []


def test_the_plugin_module_rests_on_no_private_one() -> None:
    targets = imported("latm.plugin", SOURCES["latm"] / "plugin.py")

    assert [target for target in targets if re.match(r"latm(_sandbox)?\b.*\._[a-z]", target)] == []


def test_no_provider_knows_a_role() -> None:
    """One that could ask "which role am I?" would break "any model can play any role".

    "user" is not looked for: it is also a turn of a conversation, and a person.
    """
    told = [
        f"{path.name}:{number}: {line.strip()}"
        for provider in PROVIDERS
        for path in sorted(SOURCES[provider].rglob("*.py"))
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if ROLES.search(line)
    ]

    assert told == []


def test_the_reader_of_imports_sees_them_all(tmp_path: Path) -> None:
    room = tmp_path / "__init__.py"
    room.write_text("import a.b\nfrom . import c\nfrom .d import e\ndef f():\n    from ..g import h\n")

    assert set(imported("top.room", room)) == {
        "a.b",
        "top.room",
        "top.room.c",
        "top.room.d",
        "top.room.d.e",
        "top.g",
        "top.g.h",
    }
