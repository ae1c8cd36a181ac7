"""A tuning in a folder, samples to measure with, and an engine on its library."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from latm import (
    Config,
    Engine,
)
from latm.testing import scripted_provider
from unit.tuner.kennel import PETS, SOUNDS, Tuner, always_cat, knows, write


@pytest.fixture
def tuner() -> Tuner:
    return Tuner()


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    file = tmp_path / "pets.toml"
    file.write_text(PETS)
    return file


@pytest.fixture
def real(tmp_path: Path) -> Path:
    """Twenty labelled notes."""
    sounds = list(SOUNDS.items()) * 10
    lines = [
        {"text": f"On floor {n} there is {sound}.", "label": label} for n, (label, sound) in enumerate(sounds)
    ]
    file = tmp_path / "real.jsonl"
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return file


@pytest.fixture
def opened(tmp_path: Path, tuner: Tuner) -> Callable[..., Any]:
    """Opens an engine on the one library; ``base`` and the others say who is played how."""

    @contextmanager
    def engine(
        told: list[str] | None = None, *, budget: Any = None, attempts: int = 1, **scripts: Any
    ) -> Generator[Engine, None, None]:
        models: dict[str, Any] = {
            "maker": write,
            "base": always_cat,
            "tuned-2": knows,
            "tuned-4": knows,
            "tuned-14": knows,
            "tuned-12": knows,
        }
        provider = scripted_provider("fake", {**models, **scripts})
        config = Config(
            library=f"sqlite:///{tmp_path / 'latm.db'}", retry={"attempts": attempts}, budget=budget or {}
        )

        def listen(name: str, _fields: Any) -> None:
            if told is not None:
                told.append(name)

        with Engine(config, plugins={"fake": provider, "tuner": tuner}, on_event=listen) as found:
            yield found

    return engine
