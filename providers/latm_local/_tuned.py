"""The backends ``local:zero-shot`` and ``local:tuned/NAME``: a label for a text, or a choice."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, final

import anyio.to_thread

from latm.plugin import Rejected, Reply, Request, Usage
from latm.tuner.formats import Template
from latm_local._asking import UNSURE, read
from latm_local._backend import choice_reply
from latm_local._choosing import chosen
from latm_local._labels import Labelled, cards_of, read_labelled
from latm_local._zero_shot import ZeroShot

if TYPE_CHECKING:
    from latm_local._about import About
    from latm_local._learning import Classifier
    from latm_local._sentences import SentenceModel

_KEPT = 8  # sets of labels whose vectors are kept in memory
_SHORT = 2_000  # characters of a text that an event loop can wait for


@final
class ZeroShotBackend:
    """Picks the label whose description a text is most alike to.

    Args:
        model: how it is called.
        sentences: measures likeness; TF-IDF does where None.
    """

    def __init__(self, model: str, sentences: SentenceModel | None = None) -> None:
        self._model = model
        self._sentences = sentences
        self._known: dict[str, ZeroShot] = {}

    def __repr__(self) -> str:
        return f"<local:{self._model}>"

    async def complete(self, request: Request) -> Reply:
        """Say a label; no tokens are used.

        Raises:
            Rejected: the request asks for something else.
        """
        asked = read_labelled(request)
        if self._sentences is None and len(asked.text) <= _SHORT:
            return self._label(asked)
        return await anyio.to_thread.run_sync(self._label, asked, abandon_on_cancel=True)

    async def aclose(self) -> None:
        """Nothing is held open."""

    def _label(self, asked: Labelled) -> Reply:
        guess = self._known.get(asked.system)
        if guess is None:
            guess = ZeroShot(asked.cards(), self._sentences)
            if len(self._known) >= _KEPT:
                self._known.clear()
            self._known[asked.system] = guess
        figures = guess.probabilities(asked.text)
        # Where a text shares nothing with any description, no label is better than another.
        nothing = max(figures) == min(figures)
        return _said(self._model, guess.labels, figures, sure=not nothing)


@final
class TunedBackend:
    """Asks a trained classifier.

    Args:
        model: how it is called.
        classifier: the classifier.
        about: what else is known of it.
    """

    def __init__(self, model: str, classifier: Classifier, about: About) -> None:
        self._model = model
        self._classifier = classifier
        self._about = about

    @classmethod
    def load(cls, folder: Path, name: str) -> TunedBackend:
        """Read a model.

        Raises:
            ConfigError: there is none of this name, or it cannot be used; says why.
        """
        from latm_local._files import read as read_model

        return cls(f"tuned/{name}", *read_model(folder, name))

    def __repr__(self) -> str:
        return f"<local:{self._model}>"

    async def complete(self, request: Request) -> Reply:
        """Say a label, or pick a choice; no tokens are used.

        Raises:
            Rejected: the request asks for something else, or not as the model was trained.
        """
        work = (
            self._choosing(request)
            if request.functions or request.response_schema
            else self._labelling(request)
        )
        if self._classifier.sentences is None and sum(len(each.text) for each in request.messages) <= _SHORT:
            return work()
        return await anyio.to_thread.run_sync(work, abandon_on_cancel=True)

    async def aclose(self) -> None:
        """Nothing is held open."""

    def _labelling(self, request: Request) -> Callable[[], Reply]:
        asked = read_labelled(request)
        if Template(asked.system, ()).digest != self._about.template:
            raise Rejected(
                f"local:{self._model} was trained with another system prompt (template "
                f"{self._about.template[:12]}){_difference(asked.system, self._about)}: ask with the labels "
                "and words that it was trained with, or train again"
            )

        def label() -> Reply:
            figures = self._classifier.probabilities(asked.text)
            sure = max(figures) >= self._about.abstain_below
            return _said(self._model, self._classifier.labels, figures, sure=sure)

        return label

    def _choosing(self, request: Request) -> Callable[[], Reply]:
        asked = read(request)

        def choose() -> Reply:
            figures = dict(
                zip(self._classifier.labels, self._classifier.probabilities(asked.question), strict=True)
            )
            picked, how = chosen(asked, figures, sure_from=self._about.choose_above)
            metadata = {**_metadata(figures), "local.how": how}
            return choice_reply(asked, picked, model=self._model, metadata=metadata)

        return choose


def _said(model: str, labels: Sequence[str], figures: Sequence[float], *, sure: bool) -> Reply:
    best = max(range(len(labels)), key=figures.__getitem__)
    return Reply(
        text=labels[best] if sure else UNSURE,
        usage=Usage(),
        model=model,
        metadata=_metadata(dict(zip(labels, figures, strict=True))),
    )


def _metadata(figures: Mapping[str, float]) -> dict[str, object]:
    return {"local.confidence": max(figures.values()), "local.probabilities": dict(figures)}


def _difference(system: str, about: About) -> str:
    """What is another one, as far as it shows."""
    asked, known = cards_of(system), dict(about.labels)
    if strange := [label for label in asked if label not in known]:
        return f", without the label {strange[0]!r}"
    if missing := [label for label in known if label not in asked]:
        return f", which had the label {missing[0]!r} too"
    changed = [label for label, text in known.items() if " ".join(text.split()) != asked[label]]
    return f", with another description of {changed[0]!r}" if changed else ""
