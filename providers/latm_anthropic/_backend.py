"""The backend: one SDK client and the Messages API."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, final

import anthropic

from latm.plugin import Reply, Request
from latm.sdk import SdkClient, clean_headers, clean_key, clean_url
from latm_anthropic import KEY_ENV, AnthropicOptions, _messages


@final
class AnthropicBackend:
    """One model behind the Messages API."""

    def __init__(self, model: str, options: AnthropicOptions) -> None:
        self._model = model
        self._options = options
        key = clean_key(
            options.api_key, provider="anthropic", key_env=KEY_ENV, needed=options.base_url is None
        )
        self._client = SdkClient(
            anthropic,
            "AsyncAnthropic",
            api_key=key,
            base_url=clean_url(options.base_url, where="providers.anthropic.base_url"),
            timeout_s=options.timeout_s,
            headers=clean_headers(options.headers, api_key=key, where="providers.anthropic.headers"),
            query=options.query,
        )

    def __repr__(self) -> str:
        return f"<anthropic:{self._model}>"

    async def complete(self, request: Request) -> Reply:
        """Complete one request with one call of the service."""
        sdk: Any = self._client.sdk_client
        body = await self._client.call(
            sdk.messages.with_streaming_response.create,
            _messages.write(self._model, request, self._options),
            timeout_s=request.timeout_s,
        )
        failure = self._client.embedded_error(body)
        if failure is not None:
            raise failure
        reply = _messages.read(body)
        # Some compatible servers do not say which model it was.
        return reply if reply.model else replace(reply, model=self._model)

    async def aclose(self) -> None:
        """Close the connections; a second time does nothing."""
        await self._client.aclose()
