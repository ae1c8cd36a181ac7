"""What a call costs, and who says so."""

from __future__ import annotations

import importlib
import importlib.metadata
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, final

from latm._ledger import MILLION, price_of
from latm._plugins import ModelRef, Plugins
from latm.config import Config, Price
from latm.plugin import Usage

_TABLES = "genai_prices"
_DISTRIBUTION = "genai-prices"
_BUCKETS = ("input", "cache_read", "cache_write")


@dataclass(frozen=True, slots=True)
class Quote:
    """A price.

    Attributes:
        usd: of the whole call, in USD.
        source: ``config``, a plugin's distribution, or ``genai-prices`` with its version.
        as_of: the day of which the price is, where the source says it.
    """

    usd: Decimal
    source: str
    as_of: date | None = None


def entry_to_add(model: str) -> str:
    """How the table of a model's price is called; for a tuned one (``ft:BASE:...``) also that of its kind."""
    own = f'[prices."{model}"]'
    match model.split(":"):
        case [provider, "ft", base, _, *_]:
            return f'{own}, or [prices."{provider}:ft:{base}:*"] for all that are tuned from {base},'
        case _:
            return own


@final
class Prices:
    """Prices of calls: the configuration's, else a plugin's, else those of genai-prices where installed.

    No network is asked for any of them. An entry of the configuration whose name ends with ``*`` is for all
    models whose names begin so: those that are tuned have names that nobody knows beforehand.
    """

    def __init__(self, config: Config, plugins: Plugins) -> None:
        self._config = config
        self._plugins = plugins
        prefixes = [(name[:-1], price) for name, price in config.prices.items() if name.endswith("*")]
        self._prefixes = sorted(prefixes, key=lambda each: -len(each[0]))
        self._unknown: set[str] = set()
        self._tables: Any = None
        self._source = ""

    def quote(self, model: str, usage: Usage) -> Quote | None:
        """The price of a call; None where nobody knows it."""
        for price in self._entries(model):
            if price.input is not None:
                return Quote(price_of(usage, price), "config", price.as_of)
        told = self._plugins.quote(model, usage)
        if told is not None:
            return Quote(*told)
        return None if model in self._unknown else self._listed(model, usage)

    def dearest(self, model: str, *, read: int, written: int) -> Decimal | None:
        """The most that a call can cost, whichever bucket its input falls into; None where nobody knows.

        Args:
            model: ``provider:model``.
            read: tokens of input.
            written: tokens of output.
        """
        quotes = [self.quote(model, Usage(**{name: read}, output=written)) for name in _BUCKETS]
        known = [each.usd for each in quotes if each is not None]
        return max(known) if len(known) == len(quotes) else None

    def training(self, model: str, tokens: int) -> Quote | None:
        """The price of a training job; None where the configuration does not say it: nobody else knows it.

        Args:
            model: that is tuned, ``provider:model``.
            tokens: of the data, as often as they are gone through.
        """
        for price in self._entries(model):
            if price.training is not None:
                return Quote(tokens * price.training / MILLION, "config", price.as_of)
        return None

    def warm(self, model: str) -> None:
        """Load what a price of this model needs, so that no call waits for it; takes a while."""
        self.quote(model, Usage(input=1))

    def _entries(self, model: str) -> Iterator[Price]:
        """The entries of the configuration for a model: its own, then those of prefixes, longest first."""
        table = self._config.prices
        if model in table:
            yield table[model]
        for name, price in self._prefixes:
            if model.startswith(name):
                yield price

    def _listed(self, model: str, usage: Usage) -> Quote | None:
        """The price in the tables of genai-prices, for a provider's own service only."""
        ref = ModelRef.parse(model)
        options = self._config.providers.get(ref.provider, {})
        elsewhere = options.get("base_url") is not None or options.get("use") is not None
        if elsewhere or f"{ref.provider.upper()}_BASE_URL" in os.environ or not self._load():
            self._unknown.add(model)
            return None
        # Its input holds the cached tokens; in ours the buckets share none.
        counts: Mapping[str, int] = {
            "input_tokens": usage.input + usage.cache_read + usage.cache_write,
            "cache_read_tokens": usage.cache_read,
            "cache_write_tokens": usage.cache_write,
            "output_tokens": usage.output,
        }
        try:
            found = self._tables.calc_price(
                self._tables.Usage(**counts), model_ref=ref.model, provider_id=ref.provider
            )
            usd = Decimal(found.total_price)
        except Exception:  # noqa: BLE001 - a price that cannot be had must not lose the reply it is for
            self._unknown.add(model)
            return None
        checked = getattr(found.model, "prices_checked", None)
        return Quote(usd, self._source, checked if isinstance(checked, date) else None)

    def _load(self) -> bool:
        if self._tables is None:
            try:
                self._tables = importlib.import_module(_TABLES)
            except ImportError:
                return False
            self._source = f"{_DISTRIBUTION} {importlib.metadata.version(_DISTRIBUTION)}"
        return True
