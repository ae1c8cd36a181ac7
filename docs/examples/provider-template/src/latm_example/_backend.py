"""One model over HTTP: a request goes out once, and what comes of it is a reply or an error of latm's."""

from __future__ import annotations

from typing import final

import anyio
import httpx2

from latm.plugin import (
    BackendError,
    Reply,
    Request,
    Timeout,
    Unauthorized,
    Unavailable,
    parse_retry_after,
    status_error,
)
from latm.sdk import clean_key, read_object
from latm_example import KEY_ENV, ExampleOptions, _wire

_PATH = "chat/completions"
_LONGEST_SHOWN = 200
_BEFORE_SENDING = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)


@final
class ExampleBackend:
    """One model of the service, bound and ready."""

    def __init__(self, model: str, options: ExampleOptions) -> None:
        self._model = model
        self._options = options
        self._key = clean_key(options.api_key, provider="example", key_env=KEY_ENV, needed=True)
        self._client = httpx2.AsyncClient(
            base_url=options.base_url,
            headers={"Authorization": f"Bearer {self._key}"},
            timeout=None,  # httpx2's is for each read; `complete` has one for the whole call
        )

    def __repr__(self) -> str:
        return f"<example:{self._model}>"

    async def complete(self, request: Request) -> Reply:
        """Complete one request with one call of the service.

        Raises:
            BackendError: whatever the service or the way to it did.
        """
        body = _wire.write(self._model, request, self._options)
        patience_s = self._options.timeout_s if request.timeout_s is None else request.timeout_s
        came: httpx2.Response | BackendError = Timeout(f"no reply within {patience_s:g} s")
        with anyio.move_on_after(patience_s):
            came = await self._post(body)
        if isinstance(came, BackendError):
            raise came
        return self._read(came)

    async def aclose(self) -> None:
        """Close the connections; a second time does nothing."""
        await self._client.aclose()

    async def _post(self, body: dict[str, object]) -> httpx2.Response | BackendError:
        # An error is returned and raised elsewhere: raised in here it would hold httpx2's exception as its
        # context, and that holds the request with the key.
        try:
            return await self._client.post(_PATH, json=body)
        except httpx2.HTTPError as error:
            sent = not isinstance(error, _BEFORE_SENDING)
            place = self._client.base_url.netloc.decode()  # without what may be secret in a URL
            return Unavailable(f"no connection to {place}, or it broke: {type(error).__name__}", sent=sent)

    def _read(self, response: httpx2.Response) -> Reply:
        try:
            data: object = response.json()
        except ValueError:
            data = None  # a proxy's page, say
        if not response.is_success:
            raise self._failure(response, data)
        return _wire.read(read_object(data), model=self._model)

    def _failure(self, response: httpx2.Response, data: object) -> BackendError:
        error = read_object(read_object(data).get("error"))
        said = " ".join(str(error.get("message") or "no message").split())
        # Services quote the key that they do not like. Hidden first: a cut could leave half of it.
        message = f"HTTP {response.status_code}: {said.replace(self._key, '***')[:_LONGEST_SHOWN]}"
        if error.get("code") == "insufficient_quota":
            # It comes as 429, but no waiting helps.
            return Unauthorized(message, status=response.status_code)
        wait_s = parse_retry_after(response.headers.get("retry-after"))
        return status_error(response.status_code, message, retry_after=wait_s)
