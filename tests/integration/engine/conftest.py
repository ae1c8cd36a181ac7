"""An engine on scripted models, in real cells and a real library."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from integration.engine.models import DEFAULTS, ROLES
from latm import Config, Engine
from latm.testing import scripted_provider


@pytest.fixture
def engine(tmp_path: Path) -> Callable[..., Engine]:
    def make(on_event: Any = None, config: Mapping[str, Any] | None = None, **models: Any) -> Engine:
        provider = scripted_provider("fake", {**DEFAULTS, **models})
        # The paper's protocol is the quicker one, and most tests here are about what is around a making.
        given = {"making": {"protocol": "paper"}, **(config or {})}
        settings = Config(roles=ROLES, library=f"sqlite:///{tmp_path / 'latm.db'}", **given)
        return Engine(settings, plugins={"fake": provider}, on_event=on_event)

    return make
