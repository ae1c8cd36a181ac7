"""Tables of a configuration as records: read strictly, and shown without secrets."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import TypeVar, cast, get_args, get_type_hints

from latm.errors import ConfigError, nearest

T = TypeVar("T")
_HIDDEN = "***"
_PLAIN_OPTIONS = frozenset({"api", "key_env", "use"})


def table(value: object, where: str) -> Mapping[str, object]:
    """A table as it is.

    Raises:
        ConfigError: it is none.
    """
    if not isinstance(value, Mapping):
        raise ConfigError(f"must be a table, not {type(value).__name__}", where=where)
    return cast("Mapping[str, object]", value)


def record(kind: type[T], value: object, where: str) -> T:
    """Turn a table into its record, strictly; msgspec knows the types, the names are compared here.

    Raises:
        ConfigError: a key is unknown or absent, or a value is wrong; says where.
    """
    if isinstance(value, kind):
        return value
    given = table(value, where)
    known = [item.name for item in dataclasses.fields(kind)]  # type: ignore[arg-type]  # kind is a dataclass
    for key in given:
        if key not in known:
            raise ConfigError(f"unknown key {key!r}.{nearest(str(key), known)}", where=where)
    hints = get_type_hints(kind)
    converted = {key: _leaf(item, hints[key], f"{where}.{key}") for key, item in given.items()}
    try:
        return kind(**converted)
    except ConfigError as error:
        reason = str(error).removeprefix(f"{error.where}: ")
        raise ConfigError(reason, where=where if error.where is None else f"{where}.{error.where}") from None
    except TypeError:
        missing = sorted(
            item.name
            for item in dataclasses.fields(kind)  # type: ignore[arg-type]  # kind is a dataclass
            if item.default is dataclasses.MISSING
            and item.default_factory is dataclasses.MISSING
            and item.name not in converted
        )
        raise ConfigError(f"lacks {', '.join(missing)}", where=where) from None


def at_least(least: int, **counts: object) -> None:
    """Refuse counts that are too low, and what is no whole number; None is no count.

    Raises:
        ConfigError: one is; names it.
    """
    for name, count in counts.items():
        if count is None:
            continue
        if not isinstance(count, int) or isinstance(count, bool):
            raise ConfigError(f"must be a whole number, not {count!r}", where=name)
        if count < least:
            raise ConfigError(f"must be at least {least}, not {count}", where=name)


def seconds(**spans: object) -> None:
    """Refuse spans of time that never end or never begin, and what is no number; None is no span.

    Raises:
        ConfigError: one does; names it.
    """
    for name, span in spans.items():
        number = isinstance(span, int | float) and not isinstance(span, bool) and 0 < span < math.inf
        if span is not None and not number:
            raise ConfigError("must be a number of seconds above 0", where=name)


def amounts(**money: Decimal | None) -> None:
    """Refuse what is no amount of money; None is no amount.

    Raises:
        ConfigError: one is not; names it.
    """
    for name, amount in money.items():
        if amount is not None and not (amount.is_finite() and amount >= 0):
            raise ConfigError(f"must be an amount of USD, 0 or more, not {amount}", where=name)


def shown_options(options: Mapping[str, object]) -> dict[str, object]:
    """A provider's options as they can be shown: any text that is not known to be harmless may be a key."""
    return {name: _shown(name, value) for name, value in options.items()}


def hide_credentials(url: str) -> str:
    """A URL without user, password and the values of its query, also where it cannot be taken apart."""
    text = re.sub(r"^([^:/]*):.*@", rf"\1://{_HIDDEN}@", url, flags=re.DOTALL)
    return re.sub(r"([?&][^=&]*)=[^&]*", rf"\1={_HIDDEN}", text)


def _shown(name: str, value: object) -> object:
    if name == "base_url" and isinstance(value, str):
        return hide_credentials(value)
    plain = value is None or isinstance(value, int | float) or name in _PLAIN_OPTIONS
    return value if plain else _HIDDEN


def _leaf(value: object, hint: object, where: str) -> object:
    parts = get_args(hint)
    if dataclasses.is_dataclass(hint):
        return record(cast("type[object]", hint), value, where)
    if parts and dataclasses.is_dataclass(parts[-1]):  # a table of records by name
        kind = cast("type[object]", parts[-1])
        return {name: record(kind, item, f"{where}.{name}") for name, item in table(value, where).items()}
    if isinstance(value, Decimal):
        return value
    # TOML has integers and floats where we keep money: 2 and 2.00 are as good as "2.00".
    if Decimal in (parts or (hint,)) and isinstance(value, int | float) and not isinstance(value, bool):
        value = str(value)
    import msgspec

    try:
        return msgspec.convert(value, cast("type[object]", hint), strict=True)
    except msgspec.ValidationError as error:
        raise ConfigError(str(error), where=where) from None
