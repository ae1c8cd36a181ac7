"""The engine that a command works with, under the bars that show how far it is."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import ExitStack, contextmanager

from latm._sync import Engine
from latm.cli._progress import TuningProgress
from latm.cli._say import undisturbed
from latm.cli._stages import Stages
from latm.config import Config


@contextmanager
def engine_under(bars: Stages | TuningProgress, settings: Config) -> Generator[Engine, None, None]:
    """An open engine that tells the bars of its events.

    Ctrl-C waits until both are there, so that both are closed: bars that were begun and are not taken away
    are drawn behind the last line, and an engine that is half open does not end.
    """
    with ExitStack() as stack:
        with undisturbed():
            stack.enter_context(bars)
            engine = stack.enter_context(Engine(settings, on_event=bars))
        yield engine
