"""The backend: one SDK client, and the protocol that the options chose."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, final

from latm.plugin import Rejected, Reply, Request
from latm_openai import OpenAIOptions, _chat, _responses
from latm_openai._client import open_client


@final
class OpenAIBackend:
    """One model behind chat completions or the Responses API."""

    def __init__(self, model: str, options: OpenAIOptions) -> None:
        self._model = model
        self._options = options
        self._client = open_client(options)

    def __repr__(self) -> str:
        return f"<openai:{self._model}>"

    async def complete(self, request: Request) -> Reply:
        """Complete one request with one call of the service."""
        sdk: Any = self._client.sdk_client
        if self._options.api == "responses":
            method = sdk.responses.with_streaming_response.create
            arguments = _responses.write(self._model, request, self._options)
            read = _responses.read
        else:
            method = sdk.chat.completions.with_streaming_response.create
            arguments = _chat.write(self._model, request, self._options)
            read = _chat.read
        try:
            body = await self._client.call(method, arguments, timeout_s=request.timeout_s)
        except Rejected as error:
            error.args = (f"{error}{_hint(str(error), self._options)}",)
            raise
        failure = self._client.embedded_error(body)
        if failure is not None:
            raise failure
        reply = read(body)
        # Some compatible servers do not say which model it was.
        return reply if reply.model else replace(reply, model=self._model)

    async def aclose(self) -> None:
        """Close the connections; a second time does nothing."""
        await self._client.aclose()


def _hint(problem: str, options: OpenAIOptions) -> str:
    """The option that mends what the service rejected, where its text tells."""
    if options.api == "chat" and ("v1/responses" in problem or "not a chat model" in problem):
        return "; set api = 'responses'"
    other = "max_tokens" if options.max_tokens_field == "max_completion_tokens" else "max_completion_tokens"
    if options.api == "chat" and f"'{options.max_tokens_field}' is not supported" in problem:
        return f"; set max_tokens_field = {other!r}"
    return ""
