"""Connections to a local engine: one pool for all requests, and nothing left open where nobody listens.

The SDK's own adapter has a pool for each URL, so that a connection is hardly ever used twice while 25 idle
ones stay open; and its connections leak their socket when the engine is away.
"""

from __future__ import annotations

import importlib
import socket
from typing import Any, Final

_sdk: Any = importlib.import_module("docker.transport.unixconn")  # ships no types
_ANY: Final = "http+docker://localhost"


class _Connection(_sdk.UnixHTTPConnection):  # type: ignore[misc]  # as above
    def connect(self) -> None:
        """Connect, or leave nothing open."""
        sock = socket.socket(socket.AF_UNIX)
        try:
            sock.settimeout(self.timeout)
            sock.connect(self.unix_socket)
        except BaseException:
            sock.close()
            raise
        self.sock = sock


class _Pool(_sdk.UnixHTTPConnectionPool):  # type: ignore[misc]  # as above
    def _new_conn(self) -> _Connection:
        return _Connection(self.base_url, self.socket_path, self.timeout)


class _Adapter(_sdk.UnixHTTPAdapter):  # type: ignore[misc]  # as above
    def get_connection(self, url: str, proxies: Any = None) -> _Pool:
        """The pool."""
        del url, proxies
        with self.pools.lock:
            pool: _Pool | None = self.pools.get(_ANY)
            if pool is None:
                pool = _Pool(_ANY, self.socket_path, self.timeout, maxsize=self.max_pool_size)
                self.pools[_ANY] = pool
            return pool


def own_connections(client: Any) -> None:
    """Give a client of the SDK's our connections, if it talks to a socket file. To be called before use."""
    theirs = client._custom_adapter  # noqa: SLF001 - the SDK takes no adapter
    if isinstance(theirs, _sdk.UnixHTTPAdapter):
        theirs.close()
        ours = _Adapter(
            f"http+unix://{theirs.socket_path}", client.timeout, max_pool_size=theirs.max_pool_size
        )
        client._custom_adapter = ours  # noqa: SLF001
        client.mount("http+docker://", ours)
