"""``local:tfidf``, ``local:bm25``, ``local:DIRECTORY``: choices made in this process, by proof.

No chat model, and no claim to be one: it answers requests that offer choices, each with questions that belong
to it, and picks a choice only where it can prove that the question belongs there too: the question is one of
the known ones, or has their form as a whole. Anything else is ``unsure``, however alike it is. What is behind
the colon says how likeness is measured; likeness can only hold a choice back. It costs nothing, and no text
leaves the process.

DIRECTORY is one that sentence-transformers wrote, with a BERT or with static embeddings; it needs the extra
``local``.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from latm.plugin import Backend, ConfigError, ProviderSpec, Usage, hookimpl, read_options

__all__ = ["LocalOptions", "latm_price", "latm_providers"]

_NAME = "local"


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalOptions:
    """What ``[providers.local]`` may hold: nothing so far."""


@hookimpl
def latm_providers() -> list[ProviderSpec]:
    """The one provider of this package."""
    return [ProviderSpec(name=_NAME, create=_create, extra=_NAME, options=LocalOptions)]


@hookimpl
def latm_price(model: str, usage: Usage) -> Decimal | None:
    """Nothing: no service is asked."""
    del usage
    return Decimal(0) if model.partition(":")[0] == _NAME else None


def _create(model: str, options: Mapping[str, object]) -> Backend:
    read_options(LocalOptions, options, where=f"providers.{_NAME}")
    from latm_local._backend import LocalBackend
    from latm_local._likeness import bm25, tfidf

    if model in (measures := {"tfidf": tfidf, "bm25": bm25}):
        return LocalBackend(model, measures[model])
    folder = Path(os.path.expanduser(model))  # noqa: PTH111 - of an unknown user Path's raises
    if not model or not folder.is_dir():
        raise ConfigError(
            f"{model!r} is none of {', '.join(measures)} and no directory; a directory must be one that "
            "sentence-transformers wrote",
            where=f"{_NAME}:{model}",
        )
    from latm_local._sentences import SentenceModel

    return LocalBackend(folder.name, SentenceModel.load(folder).likeness, slow=True)
