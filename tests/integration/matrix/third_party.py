"""A provider as anyone might write it: no SDK, and nothing of latm but `latm.plugin`."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import anyio.to_thread

from latm.plugin import (
    Backend,
    ProviderSpec,
    Reply,
    Request,
    Unavailable,
    Usage,
    hookimpl,
    read_options,
    status_error,
)


@dataclass(frozen=True, kw_only=True)
class AcmeOptions:
    base_url: str
    api_key: str | None = field(default=None, repr=False)


class Acme:
    def __init__(self, model: str, options: Mapping[str, object]) -> None:
        self._model = model
        self._options = read_options(AcmeOptions, options, where="providers.acme")

    async def complete(self, request: Request) -> Reply:
        turns = [{"role": turn.role, "content": turn.text} for turn in request.messages]
        if request.system is not None:
            turns.insert(0, {"role": "system", "content": request.system})
        asked: dict[str, object] = {"model": self._model, "messages": turns}
        if request.response_schema is not None:
            form = {"name": "reply", "schema": dict(request.response_schema)}
            asked["response_format"] = {"type": "json_schema", "json_schema": form}
        status, body = await anyio.to_thread.run_sync(self._post, json.dumps(asked))
        if status != 200:
            raise status_error(status, f"HTTP {status}")
        used = body["usage"]
        return Reply(
            text=body["choices"][0]["message"]["content"],
            usage=Usage(input=used["prompt_tokens"], output=used["completion_tokens"]),
            model=body["model"],
            metadata={"acme.id": body["id"]},
        )

    async def aclose(self) -> None:
        """Nothing is held open."""

    def _post(self, body: str) -> tuple[int, dict]:
        place = urlsplit(self._options.base_url)
        connection = http.client.HTTPConnection(place.netloc, timeout=60)
        try:
            headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self._options.api_key}"}
            connection.request("POST", f"{place.path}/chat/completions", body, headers)
            response = connection.getresponse()
            status, read = response.status, json.load(response)
        except (OSError, ValueError) as error:
            problem = type(error).__name__
        else:
            return status, read
        finally:
            connection.close()
        raise Unavailable(f"no reply: {problem}")


def create(model: str, options: Mapping[str, object]) -> Backend:
    return Acme(model, options)


@hookimpl
def latm_providers() -> list[ProviderSpec]:
    return [ProviderSpec(name="acme", create=create, key_env="ACME_API_KEY", options=AcmeOptions)]
