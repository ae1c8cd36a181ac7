"""What a configuration says of a service, as it can be sent, and as it can be shown."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from latm.errors import ConfigError, Unauthorized


def clean_key(key: str | None, *, provider: str, key_env: str, needed: bool) -> str:
    """A key as it can stand in a header.

    Args:
        key: as it was found; blanks and line breaks around it are dropped.
        provider: for the error's text.
        key_env: the variable that would hold it, for the error's text.
        needed: False where the server may do without one; a placeholder is returned then.

    Raises:
        Unauthorized: there is none though it is needed, or it holds what no header can carry: an SDK would
            call that a connection error, and show the key in its cause.
    """
    key = (key or "").strip()
    if not key:
        if needed:
            raise Unauthorized(
                f"the provider {provider!r} has no key: set the environment variable {key_env}"
            )
        return "none"
    if not (key.isascii() and key.isprintable()) or " " in key:
        raise Unauthorized(
            f"the key of {provider!r} ({key_env}) holds a blank, a control or a non-ASCII character"
        )
    return key


def clean_headers(headers: Mapping[str, str], *, api_key: str, where: str) -> dict[str, str]:
    """Headers of the configuration as they can be sent.

    Args:
        headers: by name; ``{api_key}`` in a value stands for the key, so that no file has to hold it.
        api_key: from `clean_key`.
        where: what to call the place in an error, such as ``providers.openai.headers``.

    Raises:
        ConfigError: a name or a value holds what no header can carry; the value is not shown.
    """
    cleaned: dict[str, str] = {}
    for name, value in headers.items():
        if not name.isascii() or not name.replace("-", "").replace("_", "").isalnum():
            raise ConfigError(f"{name!r} is no name of a header", where=where)
        text = value.replace("{api_key}", api_key).strip()
        if not (text.isascii() and text.isprintable()):
            raise ConfigError("the value holds a control or a non-ASCII character", where=f"{where}.{name}")
        cleaned[name] = text
    return cleaned


def clean_url(url: str | None, *, where: str) -> str | None:
    """The address of a service as a client can be given it; None stays None.

    Args:
        url: with scheme and host; blanks around it are dropped.
        where: what to call the place in an error, such as ``providers.openai.base_url``.

    Raises:
        ConfigError: it is none. An HTTP library would call that a lost connection, which is tried again; the
            address is not shown, since it may hold a password.
    """
    if url is None:
        return None
    url = url.strip()
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is none
        usable = False
    if not usable:
        raise ConfigError(
            "no address of a service; write it with scheme and host, such as http://localhost:8000/v1",
            where=where,
        )
    return url


def place_of(url: str) -> str:
    """Scheme, host and port of a URL; what stands around them may hold keys."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    except ValueError:  # of an SDK's own variable, which nobody has looked at
        return "the service"
    return f"{parts.scheme}://{f'[{host}]' if ':' in host else host}:{port}" if host else "the service"
