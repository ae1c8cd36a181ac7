"""``local:tfidf``, ``local:bm25``, ``local:DIRECTORY``: choices made in this process, by proof.

No chat model, and no claim to be one: it answers requests that offer choices, each with questions that belong
to it, and picks a choice only where it can prove that the question belongs there too: the question is one of
the known ones, or has their form as a whole. Anything else is ``unsure``, however alike it is. What is behind
the colon says how likeness is measured; likeness can only hold a choice back. It costs nothing, and no text
leaves the process.

DIRECTORY is one that sentence-transformers wrote, with a BERT or with static embeddings; it needs the extra
``local``.

``local:zero-shot``, ``local:zero-shot/DIRECTORY``, ``local:tuned/NAME``: labels for texts, by the labels'
descriptions and by what the tuner ``local`` has learned from samples. A tuned one chooses among what a
request offers as well, where it is sure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from latm.plugin import (
    Backend,
    Capabilities,
    ConfigError,
    ProviderSpec,
    Tuner,
    TunerSpec,
    Usage,
    hookimpl,
    read_options,
)
from latm_local._settings import LocalSettings
from latm_local._settings import folder_of as _folder_of

__all__ = ["LocalOptions", "LocalSettings", "latm_price", "latm_providers", "latm_tuners"]

_NAME = "local"
_ZERO_SHOT, _TUNED = "zero-shot", "tuned/"


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalOptions:
    """What ``[providers.local]`` may hold.

    Attributes:
        models: the directory of what was trained here, relative to the current one.
    """

    models: str = "latm-models"


@hookimpl
def latm_providers() -> list[ProviderSpec]:
    """The one provider of this package."""
    return [ProviderSpec(name=_NAME, create=_create, extra=_NAME, options=LocalOptions)]


@hookimpl
def latm_tuners() -> list[TunerSpec]:
    """The one tuner of this package."""
    return [
        TunerSpec(
            name=_NAME,
            create=_create_tuner,
            settings=LocalSettings,
            capabilities=Capabilities(delete=True, converses=False),
            extra=_NAME,
            untrained=_ZERO_SHOT,
            free=True,
        )
    ]


@hookimpl
def latm_price(model: str, usage: Usage) -> Decimal | None:
    """Nothing: no service is asked."""
    del usage
    return Decimal(0) if model.partition(":")[0] == _NAME else None


def _create(model: str, options: Mapping[str, object]) -> Backend:
    settings = read_options(LocalOptions, options, where=f"providers.{_NAME}")
    from latm_local._backend import LocalBackend
    from latm_local._likeness import bm25, tfidf

    if model in (measures := {"tfidf": tfidf, "bm25": bm25}):
        return LocalBackend(model, measures[model])
    if model == _ZERO_SHOT:
        from latm_local._tuned import ZeroShotBackend

        return ZeroShotBackend(model)
    if model.startswith(_TUNED):
        from latm_local._tuned import TunedBackend

        return TunedBackend.load(_folder_of(settings.models), model.removeprefix(_TUNED))
    path = model.removeprefix(f"{_ZERO_SHOT}/")
    folder = _folder_of(path)
    if not path or not folder.is_dir():
        raise ConfigError(
            f"{path!r} is none of {', '.join(measures)} and no directory; a directory must be one that "
            f"sentence-transformers wrote. Labels are said by {_ZERO_SHOT}, {_ZERO_SHOT}/DIRECTORY and "
            f"{_TUNED}NAME",
            where=f"{_NAME}:{model}",
        )
    from latm_local._sentences import SentenceModel

    sentences = SentenceModel.load(folder)
    if path == model:
        return LocalBackend(folder.name, sentences.likeness, slow=True)
    from latm_local._tuned import ZeroShotBackend

    return ZeroShotBackend(f"{_ZERO_SHOT}/{folder.name}", sentences)


def _create_tuner(options: Mapping[str, object]) -> Tuner:
    settings = read_options(LocalOptions, options, where=f"providers.{_NAME}")
    from latm_local import _scikit
    from latm_local._tuner import LocalTuner

    _scikit.versions()  # what is not installed is missed now, before anything is asked of it
    return LocalTuner(_folder_of(settings.models))
