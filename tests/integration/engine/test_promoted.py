"""An engine has a promoted model in its role, until that expires, is stepped back, or the role is pinned."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from latm import Config, Engine
from latm.library import Library, Promotion
from latm.testing import scripted_provider

MODELS = {"own": lambda _: "from its own", "tuned": lambda _: "from the tuned one"}


def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'latm.db'}"


def promote(tmp_path: Path, *, days: int | None = None) -> None:
    expires = None if days is None else datetime.now(UTC) + timedelta(days=days)
    library = Library(url(tmp_path))
    library.promote(
        Promotion(role="fallback", model="fake:tuned", tuning="pets", comparison=1, expires=expires)
    )
    library.close()


def said(tmp_path: Path, role: Any = "fake:own") -> tuple[str, list[str]]:
    told: list[str] = []

    def listen(name: str, _fields: Mapping[str, object]) -> None:
        told.append(name)

    config = Config(
        roles={"maker": "fake:own", "fallback": role, "dispatcher": "local:tfidf"}, library=url(tmp_path)
    )
    plugins = {"fake": scripted_provider("fake", MODELS)}
    with Engine(config, plugins=plugins, on_event=listen) as engine:
        answer = engine.solve("Which pet is it?")
    return str(answer.text), [name for name in told if name.startswith("role.")]


@pytest.mark.parametrize("days", [None, 10])
def test_a_promoted_model_takes_the_roles_place(tmp_path: Path, days: int | None) -> None:
    assert said(tmp_path) == ("from its own", [])
    promote(tmp_path, days=days)
    assert said(tmp_path) == ("from the tuned one", ["role.promoted"])


def test_one_step_back(tmp_path: Path) -> None:
    promote(tmp_path)
    library = Library(url(tmp_path))
    library.demote("fallback")
    library.close()
    assert said(tmp_path) == ("from its own", [])


def test_an_expired_model_is_not_used_and_that_is_told(tmp_path: Path) -> None:
    promote(tmp_path, days=-1)
    assert said(tmp_path) == ("from its own", ["role.expired"])


def test_a_pinned_role_keeps_its_model(tmp_path: Path) -> None:
    promote(tmp_path)
    assert said(tmp_path, {"model": "fake:own", "pinned": True}) == ("from its own", [])
