"""For providers that stand on an official SDK: one guarded call, and strict reading of what came back.

The SDKs of many services are made by the same generator and share their shape: ``AsyncX(...)`` clients,
``with_streaming_response``, ``APIStatusError`` and its siblings. `SdkClient` gives a provider over such an
SDK what is easily forgotten: no retries beneath ours, one timeout for the whole call, redirects not followed
(the key would travel along), no compressed bodies, none beyond a bound, and errors that never show the key.

No type of an HTTP library is part of this: the majors of the SDKs stand on different ones.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType, ModuleType
from typing import Any, TypeGuard, cast, final

import anyio

from latm._json import parse_object, shorten
from latm._sendable import clean_headers, clean_key, clean_url, place_of
from latm.errors import BackendError, Rejected, Timeout, Unauthorized, Unavailable
from latm.plugin import Reply, parse_retry_after, status_error

__all__ = [
    "Body",
    "SdkClient",
    "clean_headers",
    "clean_key",
    "clean_url",
    "is_list",
    "plain",
    "read_arguments",
    "read_object",
    "read_tokens",
    "text_of",
]

MAX_BODY_BYTES = 16 * 1024 * 1024
_HIDDEN = "***"
_LEAST_HIDDEN_CHARACTERS = 6  # shorter ones are words, and would be hidden in every other sentence
# By name: the SDKs' majors have different HTTP libraries, which call these the same.
_BEFORE_SENDING = frozenset({"ConnectError", "ConnectTimeout", "PoolTimeout"})
_OUT_OF_CREDIT = frozenset({"insufficient_quota", "credit_balance_exhausted"})
_NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Body:
    """A response's JSON object.

    Attributes:
        data: the object.
        headers: of the response, lower-case names.
    """

    data: Mapping[str, Any]
    headers: Mapping[str, str]


@final
class SdkClient:
    """An SDK's client behind guards.

    With a ``base_url`` only what is given here is sent: the headers that an SDK takes from its environment
    variables (organization, project, custom ones, which often hold keys) are meant for its own service.

    Args:
        sdk: the imported module.
        client: the name of the client's class in it, such as ``AsyncOpenAI``.
        api_key: from `clean_key`.
        base_url: of the service, from `clean_url`; the SDK's own if None.
        timeout_s: seconds for a whole call, unless the call says otherwise.
        headers: sent with every request, from `clean_headers`; their values are never shown.
        query: added to every request's URL.
        settings: further arguments of the client.
    """

    def __init__(
        self,
        sdk: ModuleType,
        client: str,
        *,
        api_key: str,
        base_url: str | None,
        timeout_s: float,
        headers: Mapping[str, str] = _NOTHING,
        query: Mapping[str, str] = _NOTHING,
        settings: Mapping[str, object] = MappingProxyType({}),
    ) -> None:
        self._sdk: Any = sdk
        self._secrets = _secrets(api_key, headers)
        self._timeout_s = timeout_s
        ours = {"Accept-Encoding": "identity", **headers}
        http_client = self._sdk.DefaultAsyncHttpxClient(
            follow_redirects=False, event_hooks={"response": [_refuse_compressed]}, timeout=timeout_s
        )
        self.sdk_client: Any = getattr(sdk, client)(
            api_key=api_key,
            base_url=base_url,
            timeout=timeout_s,
            max_retries=0,
            default_headers=ours,
            default_query=dict(query) or None,
            http_client=http_client,
            **settings,
        )
        if base_url is not None:
            _forget_environment(self.sdk_client, ours)

    def __repr__(self) -> str:
        return f"<SdkClient of {self._sdk.__name__}>"

    async def aclose(self) -> None:
        """Close the client and its connections."""
        await self.sdk_client.close()

    async def call(
        self, method: Callable[..., Any], arguments: Mapping[str, object], *, timeout_s: float | None
    ) -> Body:
        """Make one request and read its JSON object.

        Args:
            method: of the ``with_streaming_response`` side of the SDK's client.
            arguments: its keyword arguments.
            timeout_s: seconds for all of it; the client's if None.

        Raises:
            BackendError: whatever the service or the way to it did. No exception of the SDK is chained to it,
                since those hold the request and with it the key.
        """
        patience_s = self._timeout_s if timeout_s is None else timeout_s
        body: Body | BackendError = Timeout(f"no reply within {patience_s:g} s")
        with anyio.move_on_after(patience_s):
            body = await self._exchange(method, plain(arguments), patience_s)
        if isinstance(body, Body):
            return body
        # Raised out here, so that nothing of the SDK's travels along as context.
        body.__context__ = None
        raise body

    async def _exchange(
        self, method: Callable[..., Any], arguments: dict[str, Any], patience_s: float
    ) -> Body | BackendError:
        try:
            async with method(**arguments, timeout=patience_s) as response:
                return await self._body(response)
        except self._sdk.APIStatusError as error:
            return self._status(error)
        except BackendError as error:
            return error  # our own, of `_refuse_compressed`, where the SDK does not wrap it
        except (TypeError, ValueError, LookupError) as error:
            # Raised by the SDK before anything was sent: it cannot write this as a request.
            return Rejected(f"the request cannot be made: {type(error).__name__}: {self.shown(str(error))}")
        except Exception as error:  # noqa: BLE001 - the SDK's, or the HTTP library's behind it
            return self._lost(error.__cause__ or error)

    async def _body(self, response: Any) -> Body | BackendError:
        try:
            data = parse_object(await _read(response))
        except BackendError as error:
            return error
        except ValueError as error:
            return Unavailable(f"the reply cannot be read: {self.shown(str(error))}")
        except Exception as error:  # noqa: BLE001 - the HTTP library's, whose types are not ours
            return self._lost(error)
        headers = {name.lower(): value for name, value in response.headers.items()}
        return Body(MappingProxyType(data), headers)

    def embedded_error(self, body: Body) -> BackendError | None:
        """The error that a body of status 200 carries, as some gateways send it; None if it carries none."""
        error = body.data.get("error")
        if not error:
            return None
        code = read_object(error).get("code")
        message = f"the service replied with an error: {self.shown(_message(error))}"
        if isinstance(code, int) and 400 <= code < 600:  # noqa: PLR2004 - the range of HTTP errors
            return status_error(code, message)
        return Unavailable(message)

    def shown(self, text: str) -> str:
        """A text of the service as it may be shown: without secrets, in one line, cut where it is long."""
        # Cut only when nothing of a secret can be left at its end.
        return shorten(self._hide(text))

    def _hide(self, text: str) -> str:
        """A text without the key and the values of headers in it."""
        for secret in self._secrets:
            text = text.replace(secret, _HIDDEN)
        return text

    def _lost(self, error: BaseException) -> BackendError:
        """For what the HTTP library raised: the service could not be reached, or broke off."""
        for cause in _causes(error):
            if isinstance(cause, Unavailable):
                return cause
        name = type(error).__name__
        sent = not any(type(cause).__name__ in _BEFORE_SENDING for cause in _causes(error))
        place = place_of(str(self.sdk_client.base_url))
        if "Timeout" in name:
            return Timeout(f"no reply from {place} in time: {name}", sent=sent)
        what = f"the connection to {place} broke" if sent else f"no connection to {place}"
        return Unavailable(f"{what}: {name}: {self.shown(str(error))}", sent=sent)

    def _status(self, error: Any) -> BackendError:
        status: int = error.status_code
        headers = error.response.headers
        if 300 <= status < 400:  # noqa: PLR2004 - redirects
            place = str(headers.get("location", "")).partition("?")[0]
            return Rejected(
                self._hide(f"HTTP {status}: the service is at {place or 'another place'}; set base_url"),
                status=status,
            )
        wait_s = parse_retry_after(headers.get("retry-after"))
        millis = parse_retry_after(headers.get("retry-after-ms"))
        if millis is not None:
            wait_s = millis / 1000
        message = f"HTTP {status}: {self.shown(_message(error.body))}"
        if getattr(error, "code", None) in _OUT_OF_CREDIT:
            # It comes as 429, but no waiting helps: the account has to be topped up.
            return Unauthorized(message, status=status)
        return status_error(status, message, retry_after=wait_s)


def _secrets(api_key: str, headers: Mapping[str, str]) -> list[str]:
    """What is hidden in every text, the longest first: one may be part of another."""
    values = [value for value in headers.values() if len(value) >= _LEAST_HIDDEN_CHARACTERS]
    return sorted({*values, *([api_key] if api_key != "none" else [])}, key=len, reverse=True)


def _forget_environment(client: Any, headers: Mapping[str, str]) -> None:
    """Take back what the client's constructor has read from the SDK's environment variables.

    No argument keeps it from reading them, and to change the variables of the process would harm others.
    """
    client._custom_headers = dict(headers)  # noqa: SLF001 - the one place where they end up
    for name in ("organization", "project"):
        if name in client.__dict__:
            setattr(client, name, None)


def is_list(value: object) -> TypeGuard[list[Any]]:
    """Whether a JSON value is a list."""
    return isinstance(value, list)


def plain(value: object) -> Any:
    """A value with every mapping a dict and every tuple a list, as SDKs and `json` want them."""
    if isinstance(value, Mapping):
        return {name: plain(held) for name, held in cast("Mapping[object, object]", value).items()}
    if isinstance(value, list | tuple):
        return [plain(held) for held in cast("list[object]", value)]
    return value


def read_object(value: object) -> Mapping[str, Any]:
    """A JSON object, or an empty one for anything else."""
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}


def read_tokens(counts: Mapping[str, Any], name: str) -> int:
    """A count of tokens, or 0 where it is absent or no count."""
    value = counts.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0


def read_arguments(value: object, *, function: str, reply: Reply) -> Mapping[str, object]:
    """The arguments of a call that the model made, from JSON text or as an object.

    Raises:
        Unavailable: they are neither; carries ``reply``, since that was paid for.
    """
    if isinstance(value, str):
        try:
            value = parse_object(value.encode("utf-8", "surrogatepass") or b"{}")
        except ValueError as error:
            problem = shorten(str(error))
        else:
            return cast("Mapping[str, object]", value)
    elif isinstance(value, Mapping):
        return cast("Mapping[str, object]", value)
    else:
        problem = f"a {type(value).__name__}"
    raise Unavailable(f"the arguments of the call of {function!r} cannot be read: {problem}", reply=reply)


def text_of(content: object) -> str | None:
    """The text of a content that is text or a list of parts; None if there is none."""
    if isinstance(content, str):
        return content
    if not is_list(content):
        return None
    parts = [read_object(part).get("text") for part in content]
    return "".join(part for part in parts if isinstance(part, str))


async def _refuse_compressed(response: Any) -> None:
    # A few kilobytes can unfold into gigabytes, and nothing was to be compressed: we asked for "identity".
    encoding = response.headers.get("content-encoding", "identity")
    if encoding.strip().lower() not in ("", "identity"):
        raise Unavailable(f"the reply is compressed ({shorten(encoding)}), which was not asked for")


async def _read(response: Any) -> bytes:
    chunks, whole = bytearray(), True
    try:
        async for chunk in response.iter_bytes():
            if whole:
                chunks += chunk
                whole = len(chunks) <= MAX_BODY_BYTES
            if not whole:
                # Left by closing the response, not by leaving the loop: that would abandon the HTTP library's
                # generators half-way, which trio reports.
                await response.close()
    except Exception:
        if whole:
            raise
    if not whole:
        raise Unavailable(f"the reply has more than {MAX_BODY_BYTES} bytes")
    return bytes(chunks)


def _message(body: object) -> str:
    """What an error's body says, of the several forms in use."""
    for held in (read_object(body).get("error"), body):
        message = read_object(held).get("message")
        if isinstance(message, str) and message:
            return message
        if isinstance(held, str) and held:
            return held
    return "no message" if body is None else str(body)


def _causes(error: BaseException | None) -> list[BaseException]:
    found: list[BaseException] = []
    while error is not None and error not in found:
        found.append(error)
        error = error.__cause__ or error.__context__
    return found
