"""The tuner ``local``: trains a classifier in this process, within seconds, and keeps it as a directory."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, cast, final

import anyio.to_thread

from latm.plugin import ConfigError, Tuned, TuningFailed, TuningJob, TuningState, read_options
from latm_local._about import FORMAT, About, place, read_about
from latm_local._asking import UNSURE
from latm_local._settings import LocalSettings, folder_of

if TYPE_CHECKING:
    from latm_local._sentences import SentenceModel

_UNTRAINED = "zero-shot"
_TUNED = "tuned/"
_SHOWN = 8  # characters of a run in a model's name


@final
class LocalTuner:
    """Trains a classifier; see `latm.plugin.Tuner`.

    A model's name is that of its tuning and the beginning of its run. One that is there is not trained again.

    Args:
        folder: the directory of the models.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def prepare(self, job: TuningJob, state: TuningState, *, again: bool) -> TuningState:
        """Check the job.

        Raises:
            ConfigError: its base, a setting or a sample cannot be used here; says which.
        """
        del state, again
        return await anyio.to_thread.run_sync(self._prepared, job)

    async def submit(self, job: TuningJob, state: TuningState, *, again: bool) -> TuningState:
        """Train, in a thread of its own; done when this returns.

        Raises:
            ConfigError: the model cannot be written, or its sentence model not be read.
            TuningFailed: nothing tells the texts apart, or another run has the model's name.
        """
        del state, again
        return await anyio.to_thread.run_sync(partial(self._trained, job), abandon_on_cancel=True)

    async def poll(self, job: TuningJob, state: TuningState) -> TuningState:
        """Whether the model is there."""
        if state.status in {"failed", "cancelled"}:
            return state
        return self._kept(job) or TuningState(
            status="failed", data=state.data, message=f"there is no model in {self._folder / _name(job)}"
        )

    async def cancel(self, job: TuningJob, state: TuningState) -> TuningState:
        """Nothing runs between two calls, so that there is nothing to stop."""
        if state.status in {"succeeded", "failed"}:
            return state
        return self._kept(job) or TuningState(status="cancelled", data=state.data)

    async def resolve(self, job: TuningJob, state: TuningState) -> Tuned:
        """The model's name.

        Raises:
            TuningFailed: it is not there.
        """
        del state
        if self._kept(job) is None:
            raise TuningFailed(
                f"there is no model in {self._folder / _name(job)}", name=job.name, run=job.run
            )
        return Tuned(model=f"{_TUNED}{_name(job)}", note=f"kept in {self._folder / _name(job)}")

    async def delete(self, model: str) -> None:
        """Delete a model's directory.

        Raises:
            ConfigError: it is no name of a model, or cannot be deleted.
        """
        from latm_local._files import remove

        if not model.startswith(_TUNED):
            raise ConfigError(f"is none that was trained here: {_TUNED}NAME", where=f"local:{model}")
        await anyio.to_thread.run_sync(remove, self._folder, model.removeprefix(_TUNED))

    async def aclose(self) -> None:
        """Nothing is held open."""

    def _prepared(self, job: TuningJob) -> TuningState:
        settings = _settings(job)
        place(self._folder, _name(job))
        _load_sentences(settings)
        texts, _ = _samples(job)
        return TuningState(
            status="prepared", data={"model": _name(job)}, message=f"{len(texts)} samples to train on"
        )

    def _kept(self, job: TuningJob) -> TuningState | None:
        """The state of a job whose model is there."""
        name = _name(job)
        if not place(self._folder, name).exists():
            return None
        about = read_about(self._folder, name)
        if about.run != job.run:
            raise TuningFailed(
                f"the directory {self._folder / name} holds another run, {about.run}: move it away",
                name=job.name,
                run=job.run,
            )
        return TuningState(status="succeeded", data={"model": name}, message=_told(about))

    def _trained(self, job: TuningJob) -> TuningState:
        if (kept := self._kept(job)) is not None:
            return kept
        from latm_local import _scikit
        from latm_local._files import embeddings_sha256, write
        from latm_local._learning import learn

        settings = _settings(job)
        texts, labels = _samples(job)
        try:
            learned = learn(texts, labels, job.labels, seed=job.seed, sentences=_load_sentences(settings))
        except ValueError as error:
            raise TuningFailed(f"nothing can be learned: {error}", name=job.name, run=job.run) from None
        about = About(
            format=FORMAT,
            name=job.name,
            run=job.run,
            labels=tuple(job.labels.items()),
            template=job.template,
            data=hashlib.sha256(job.training).hexdigest(),
            samples=len(texts),
            weight=learned.classifier.weight,
            temperature=learned.classifier.temperature,
            abstain_below=settings.abstain_below,
            choose_above=settings.choose_above,
            embeddings=settings.embeddings,
            embeddings_sha256=(
                embeddings_sha256(folder_of(settings.embeddings)) if settings.embeddings else ""
            ),
            left_out=learned.left_out,
            seed=job.seed,
            versions=_scikit.versions(),
            created=datetime.now(UTC).isoformat(timespec="seconds"),
        )
        write(self._folder, _name(job), learned.classifier, about)
        kept = self._kept(job)
        assert kept is not None
        return kept


def _name(job: TuningJob) -> str:
    return f"{job.name}-{job.run[:_SHOWN].strip('-')}"


def _settings(job: TuningJob) -> LocalSettings:
    settings = read_options(LocalSettings, job.settings, where="training")
    kind, slash, folder = job.base.partition("/")
    if kind != _UNTRAINED or (slash and not folder):
        raise ConfigError(
            f"the tuner local trains {_UNTRAINED} or {_UNTRAINED}/DIRECTORY, not {job.base!r}",
            where="roles.base",
        )
    if folder and settings.embeddings not in {"", folder}:
        raise ConfigError(
            f"is {settings.embeddings!r}, and the base says {folder!r}: leave one out",
            where="training.embeddings",
        )
    return LocalSettings(
        embeddings=settings.embeddings or folder,
        abstain_below=settings.abstain_below,
        choose_above=settings.choose_above,
    )


def _load_sentences(settings: LocalSettings) -> SentenceModel | None:
    if not settings.embeddings:
        return None
    from latm_local._sentences import SentenceModel

    folder = folder_of(settings.embeddings)
    if not folder.is_dir():
        raise ConfigError(
            f"{settings.embeddings!r} is no directory; it must be one that sentence-transformers wrote",
            where="training.embeddings",
        )
    return SentenceModel.load(folder)


def _samples(job: TuningJob) -> tuple[Sequence[str], Sequence[str]]:
    """The texts and the labels of a training file, which the engine has checked line by line."""
    texts: list[str] = []
    labels: list[str] = []
    for line in job.training.split(b"\n"):
        if line.strip():
            messages = cast("list[dict[str, str]]", json.loads(line)["messages"])
            texts.append(messages[-2]["content"])
            labels.append(messages[-1]["content"])
    if reserved := [label for label in job.labels if label.casefold() == UNSURE]:
        raise ConfigError(
            f"is what a model says that cannot tell: call the label {reserved[0]!r} otherwise",
            where=f"labels.{reserved[0]!r}",
        )
    if missing := [label for label in job.labels if label not in labels]:
        raise ConfigError(
            "no sample has this label: write some, or take the label out", where=f"labels.{missing[0]!r}"
        )
    return texts, labels


def _told(about: About) -> str:
    share = "" if about.left_out is None else (
        f"; {about.left_out:.0%} of samples left out in training got their label, which flatters: they are "
        "worded as the others are"
    )  # fmt: skip
    return f"trained on {about.samples} samples of {len(about.labels)} labels{share}"
