"""The SDK's client, as the options want it."""

from __future__ import annotations

import openai

from latm.sdk import SdkClient, clean_headers, clean_key, clean_url
from latm_openai import KEY_ENV, OpenAIOptions


def open_client(options: OpenAIOptions) -> SdkClient:
    """A client behind guards.

    Raises:
        Unauthorized: there is no key though one is needed, or it cannot stand in a header.
        ConfigError: a header cannot be sent, or the address is none.
    """
    key = clean_key(options.api_key, provider="openai", key_env=KEY_ENV, needed=options.base_url is None)
    return SdkClient(
        openai,
        "AsyncOpenAI",
        api_key=key,
        base_url=clean_url(options.base_url, where="providers.openai.base_url"),
        timeout_s=options.timeout_s,
        headers=clean_headers(options.headers, api_key=key, where="providers.openai.headers"),
        query=options.query,
    )
