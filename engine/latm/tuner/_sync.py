"""The sync face of ``engine.tuning``: each method is that of `latm.tuner.tuning.AsyncTuning`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol, TypeVar, final, overload

from latm.tuner._files import Fix
from latm.tuner._results import Compared, Labelled, Reviewed, TuningRun, Written
from latm.tuner._runs import Training, TunedModel
from latm.tuner._steps import Spec
from latm.tuner.comparison import Comparison

if TYPE_CHECKING:
    from latm.library import Promotion
    from latm.tuner.tuning import AsyncTuning

T = TypeVar("T")


class Call(Protocol):
    """Has something done in the engine's event loop, and waits for it."""

    def __call__(self, function: Callable[[], Awaitable[T]]) -> T:
        """Do it."""
        ...


@final
class Tuning:
    """Synthetic text, fine-tuning, an honest comparison and promotion; ``engine.tuning``."""

    def __init__(self, core: AsyncTuning, call: Call) -> None:
        self._core = core
        self._call = call

    def synthesise(self, spec: Spec, *, data: Sequence[str | Path] = ()) -> Written:
        """Have the texts written that the files of a spec lack; see `AsyncTuning.synthesise`."""
        return self._call(lambda: self._core.synthesise(spec, data=data))

    def review(self, spec: Spec, *, data: Sequence[str | Path] = (), fix: Fix | None = None) -> Reviewed:
        """Say what is wrong with the training data; see `AsyncTuning.review`."""
        return self._call(lambda: self._core.review(spec, data=data, fix=fix))

    @overload
    def train(
        self,
        spec: Spec,
        *,
        samples: int | None = None,
        data: Sequence[str | Path] = (),
        follow: Literal[True] = True,
        afresh: bool = False,
        unreviewed: bool = False,
    ) -> TunedModel: ...

    @overload
    def train(
        self,
        spec: Spec,
        *,
        samples: int | None = None,
        data: Sequence[str | Path] = (),
        follow: bool,
        afresh: bool = False,
        unreviewed: bool = False,
    ) -> TunedModel | Training: ...

    def train(
        self,
        spec: Spec,
        *,
        samples: int | None = None,
        data: Sequence[str | Path] = (),
        follow: bool = True,
        afresh: bool = False,
        unreviewed: bool = False,
    ) -> TunedModel | Training:
        """Tune a model, go on with that, or find that it is done; see `AsyncTuning.train`."""
        return self._call(
            lambda: self._core.train(
                spec, samples=samples, data=data, follow=follow, afresh=afresh, unreviewed=unreviewed
            )
        )

    def compare(
        self,
        spec: Spec,
        *,
        data: Sequence[str | Path] = (),
        models: Sequence[str] = (),
        concurrency: int = 8,
        afresh: bool = False,
    ) -> Compared:
        """Compare tuned models with their base; see `AsyncTuning.compare`."""
        return self._call(
            lambda: self._core.compare(spec, data=data, models=models, concurrency=concurrency, afresh=afresh)
        )

    def label(self, spec: Spec, text: str, *, model: str | None = None) -> Labelled:
        """Ask a tuned model about a text; see `AsyncTuning.label`."""
        return self._call(lambda: self._core.label(spec, text, model=model))

    def run(self, spec: Spec, *, data: Sequence[str | Path] = (), samples: int | None = None) -> TuningRun:
        """Take all steps up to the comparison; see `AsyncTuning.run`."""
        return self._call(lambda: self._core.run(spec, data=data, samples=samples))

    def comparisons(self, name: str | None = None) -> tuple[tuple[int, Comparison], ...]:
        """The comparisons, newest first, each with its number; see `AsyncTuning.comparisons`."""
        return self._call(lambda: self._core.comparisons(name))

    def promote(
        self, spec: Spec, role: str, *, comparison: int | None = None, on_synthetic: bool = False
    ) -> Promotion:
        """Let the tuned model take a role's place; see `AsyncTuning.promote`."""
        return self._call(
            lambda: self._core.promote(spec, role, comparison=comparison, on_synthetic=on_synthetic)
        )

    def demote(self, role: str) -> Promotion | None:
        """Take a role's promotion back; see `AsyncTuning.demote`."""
        return self._call(lambda: self._core.demote(role))

    def jobs(self, name: str | None = None) -> tuple[Training, ...]:
        """The training jobs, newest first; see `AsyncTuning.jobs`."""
        return self._call(lambda: self._core.jobs(name))

    def models(self, name: str | None = None) -> tuple[TunedModel, ...]:
        """The models that were tuned, newest first; see `AsyncTuning.models`."""
        return self._call(lambda: self._core.models(name))

    def cancel(self, run: str) -> Training:
        """Stop a job; see `AsyncTuning.cancel`."""
        return self._call(lambda: self._core.cancel(run))

    def pause(self, run: str) -> Training:
        """Let a job rest; see `AsyncTuning.pause`."""
        return self._call(lambda: self._core.pause(run))

    def resume(self, run: str) -> Training:
        """Let a job go on that rests; see `AsyncTuning.resume`."""
        return self._call(lambda: self._core.resume(run))

    def delete(self, model: str) -> TunedModel:
        """Delete a tuned model where it is served; see `AsyncTuning.delete`."""
        return self._call(lambda: self._core.delete(model))
