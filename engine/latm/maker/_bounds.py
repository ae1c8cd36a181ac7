"""What a making may take: seconds in all, and seconds, calls, tokens and money for each of its stages."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import final

from latm._clock import Clock
from latm._ledger import Ledger
from latm.config import MakingConfig


@dataclass(slots=True)
class _Taken:
    """What a stage has taken so far."""

    seconds: float = 0.0
    calls: int = 0
    tokens: int = 0
    usd: Decimal = Decimal(0)


@final
class Bounds:
    """Looked at before each request and each stage, so that one request may go beyond.

    Args:
        settings: with the bounds.
        clock: the engine's.
        bill: of the making.
    """

    def __init__(self, settings: MakingConfig, *, clock: Clock, bill: Ledger) -> None:
        self._settings = settings
        self._clock = clock
        self._bill = bill
        self._begun = self._since = clock.monotonic()
        self._stages: dict[str, _Taken] = {}
        self._stage = ""
        self._billed = _Taken()

    def enter(self, stage: str) -> str | None:
        """Count what was taken up to now for the stage that ends, and go on with this one.

        Returns:
            What is used up; None where nothing is.
        """
        now, total = self._clock.monotonic(), self._bill.total()
        billed = _Taken(calls=total.calls, tokens=total.usage.total, usd=total.known_usd)
        taken = self._stages.setdefault(self._stage, _Taken())
        taken.seconds += now - self._since
        taken.calls += billed.calls - self._billed.calls
        taken.tokens += billed.tokens - self._billed.tokens
        taken.usd += billed.usd - self._billed.usd
        self._since, self._billed, self._stage = now, billed, stage
        if now - self._begun >= self._settings.seconds:
            return f"the making took more than {self._settings.seconds:g} s"
        return self._used_up(self._stages.setdefault(stage, _Taken()))

    def _used_up(self, taken: _Taken) -> str | None:
        most = self._settings.stage
        if most.seconds is not None and taken.seconds >= most.seconds:
            return f"the stage took more than {most.seconds:g} s"
        if most.calls is not None and taken.calls >= most.calls:
            return f"the stage may take {most.calls} calls, and they are made"
        if most.tokens is not None and taken.tokens >= most.tokens:
            return f"the stage may take {most.tokens} tokens, and took {taken.tokens}"
        if most.usd is not None and taken.usd >= most.usd:
            return f"the stage may cost {most.usd} USD, and cost {taken.usd}"
        return None
