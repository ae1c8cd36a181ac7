"""Errors in the shapes of two services, for what a loopback server replies.

Types and codes are those that the services' documentation, their SDKs' types and their users' reports show
(November 2026); the messages are our own words, since they change and nothing may depend on them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from latm.testing._loopback import HttpReply

__all__ = ["anthropic_error", "openai_error"]


class _Shape(NamedTuple):
    type: str
    code: str | None
    message: str
    param: str | None = None


_OPENAI: Mapping[int, _Shape] = {
    400: _Shape("invalid_request_error", None, "A parameter of the request is not supported.", "messages"),
    401: _Shape("invalid_request_error", "invalid_api_key", "The API key is not correct."),
    403: _Shape("request_forbidden", "unsupported_country_region_territory", "Not served in this region."),
    404: _Shape("invalid_request_error", "model_not_found", "The model does not exist, or not for you."),
    409: _Shape("invalid_request_error", None, "Another request holds the resource."),
    413: _Shape("server_error", None, "The content exceeds the maximum size."),
    422: _Shape("invalid_request_error", None, "The request cannot be processed."),
    429: _Shape("tokens", "rate_limit_exceeded", "The limit of tokens per minute is reached."),
    500: _Shape("server_error", None, "The server failed while it processed the request."),
    503: _Shape("service_unavailable_error", "server_is_overloaded", "The model has no capacity now."),
}
# By code, where one status has several: no waiting helps against these.
_OPENAI_CODES: Mapping[str, str] = {
    "insufficient_quota": "insufficient_quota",
    "credit_balance_exhausted": "insufficient_quota",
}
_ANTHROPIC: Mapping[int, _Shape] = {
    400: _Shape("invalid_request_error", None, "messages: a field is required"),
    401: _Shape("authentication_error", None, "the x-api-key header is not valid"),
    402: _Shape("billing_error", None, "the account has no credit"),
    403: _Shape("permission_error", None, "the key may not use this resource"),
    404: _Shape("not_found_error", None, "model: no such model"),
    409: _Shape("conflict_error", None, "another request holds the resource"),
    429: _Shape("rate_limit_error", None, "the organization's rate limit would be exceeded"),
    500: _Shape("api_error", None, "Internal server error"),
    504: _Shape("timeout_error", None, "the request took too long"),
    529: _Shape("overloaded_error", None, "Overloaded"),
}
# What a proxy in front of the service answers in its stead, and how it calls these statuses.
_OF_THE_PROXY: Mapping[int, str] = {502: "Bad Gateway", 504: "Gateway Time-out", 520: "Unknown Error"}


def openai_error(
    status: int, message: str | None = None, *, code: str | None = None, retry_after: str | None = None
) -> HttpReply:
    """An error as OpenAI and the servers that speak its protocols write it.

    502 and 504 come as the HTML of the proxy in front of the service, 408 in the shape of Azure; a status
    that has no shape of its own comes in that of 400 or 500.

    Args:
        status: HTTP status.
        message: for people; one of our own if None.
        code: another than the usual one of the status, such as ``insufficient_quota``.
        retry_after: the header of that name, as it stands: seconds, a date, or nonsense.
    """
    headers = {"x-request-id": "req_1"} | ({} if retry_after is None else {"Retry-After": retry_after})
    if status in _OF_THE_PROXY:
        return _page(status, message)
    if status == 408:  # noqa: PLR2004 - Azure's
        error: object = {"code": code or "Timeout", "message": message or "The operation took too long."}
        return HttpReply(status=status, body={"error": error}, headers=headers)
    shape = _OPENAI.get(status) or _OPENAI[500 if status >= 500 else 400]  # noqa: PLR2004 - the class of 5xx
    error = {
        "message": message or shape.message,
        "type": shape.type if code is None else _OPENAI_CODES.get(code, shape.type),
        "param": shape.param,
        "code": shape.code if code is None else code,
    }
    return HttpReply(status=status, body={"error": error}, headers=headers)


def anthropic_error(status: int, message: str | None = None, *, retry_after: str | None = None) -> HttpReply:
    """An error as Anthropic's Messages API writes it.

    413 comes in the shorter shape of the proxy in front of the service, 502 as its HTML; a status that has no
    shape of its own comes in that of 400 or 500.

    Args:
        status: HTTP status.
        message: for people; one of our own if None.
        retry_after: the header of that name, as it stands: seconds, a date, or nonsense.
    """
    headers = {"request-id": "req_1"} | ({} if retry_after is None else {"Retry-After": retry_after})
    if status in _OF_THE_PROXY and status not in _ANTHROPIC:
        return _page(status, message)
    if status == 413:  # noqa: PLR2004 - the proxy's
        error = {"type": "request_too_large", "message": message or "the request is too large"}
        return HttpReply(status=status, body={"error": error}, headers=headers)
    shape = _ANTHROPIC.get(status) or _ANTHROPIC[500 if status >= 500 else 400]  # noqa: PLR2004 - 5xx
    error = {"type": shape.type, "message": message or shape.message}
    return HttpReply(
        status=status, body={"type": "error", "error": error, "request_id": "req_1"}, headers=headers
    )


def _page(status: int, message: str | None) -> HttpReply:
    title = f"{status} {_OF_THE_PROXY[status]}"
    page = f"<html>\n<head><title>{title}</title></head>\n<body><h1>{message or title}</h1></body>\n</html>\n"
    return HttpReply(status=status, body=page, headers={"Content-Type": "text/html"})
