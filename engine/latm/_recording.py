"""The cassette of a role: every exchange of it, once."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import final

import anyio

from latm import cassettes
from latm._threads import in_thread
from latm.cassettes import Exchange
from latm.errors import ConfigError
from latm.plugin import Reply, Request


@final
class Recording:
    """Adds exchanges to a cassette.

    A process may die between journal and cassette. What its successor finds in the journal and not in the
    cassette is added then; what is in both is not added again.

    Args:
        path: the cassette, which is made if it does not exist.
        where: what to call the place in an error.

    Raises:
        ConfigError: it is no cassette, or cannot be written.
    """

    def __init__(self, path: str, *, where: str) -> None:
        self._path = path
        self._where = where
        self._there: Counter[str] = Counter()
        try:
            if Path(path).exists():
                self._there.update(_key(each) for each in cassettes.read_cassette(path).exchanges)
            with Path(path).open("ab"):
                pass
        except OSError as error:
            raise ConfigError(f"{path} cannot be written: {error.strerror}", where=where) from None

    async def add(self, request: Request, reply: Reply) -> None:
        """Add an exchange; returns when it is on the disk.

        Raises:
            ConfigError: the cassette cannot be written any more.
        """
        await self._append(Exchange(request, reply))

    async def add_recalled(self, request: Request, reply: Reply) -> None:
        """Add an exchange of an earlier process, unless that did it.

        Raises:
            ConfigError: the cassette cannot be written any more.
        """
        exchange = Exchange(request, reply)
        key = _key(exchange)
        if self._there[key]:
            self._there[key] -= 1
        else:
            await self._append(exchange)

    async def _append(self, exchange: Exchange) -> None:
        try:
            with anyio.CancelScope(shield=True):
                await in_thread(cassettes.append, self._path, exchange)
        except OSError as error:
            raise ConfigError(
                f"{self._path} cannot be written: {error.strerror}; the reply is in the journal",
                where=self._where,
            ) from None


def _key(exchange: Exchange) -> str:
    reply = cassettes.canonical_json(cassettes.encode_reply(exchange.reply))
    return f"{cassettes.request_digest(exchange.request)} {reply}"
