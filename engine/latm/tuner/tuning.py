"""``engine.tuning``: from a spec to a model in a role, each step on its own and resumable."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol, TypeVar, final, overload

from latm._ledger import Ledger
from latm._threads import in_thread
from latm.tuner import _steps as steps
from latm.tuner._files import Files, Fix, mend, write
from latm.tuner._jobs import deleted, told
from latm.tuner._results import Compared, Labelled, Reviewed, TuningRun, Written, WrittenFile
from latm.tuner._runs import Training, TunedModel
from latm.tuner._steps import Spec
from latm.tuner.comparison import Comparison
from latm.tuner.offers import find
from latm.tuner.promotion import check_role
from latm.tuner.training import cancel, finished, pause, resume, trainings

if TYPE_CHECKING:
    from latm._roles import Roles
    from latm.library import Promotion

__all__ = [
    "AsyncTuning",
    "Compared",
    "Labelled",
    "Reviewed",
    "Spec",
    "TuningRun",
    "Written",
    "WrittenFile",
]

T = TypeVar("T")


class Stoppable(Protocol):
    """Does something, unless the engine is closed first."""

    async def __call__(self, work: Callable[[], Awaitable[T]]) -> T:
        """Do it."""
        ...


@final
class AsyncTuning:
    """Synthetic text, fine-tuning, an honest comparison and promotion; ``engine.tuning``.

    Every call of a model is in the ledger and the journal and under the budgets. A step that was interrupted
    is asked for again and goes on: what was paid for is not paid twice.
    """

    def __init__(self, roles: Callable[[], Roles], stoppable: Stoppable) -> None:
        self._open = roles
        self._stoppable = stoppable

    @property
    def _roles(self) -> Roles:
        return self._open()

    async def synthesise(self, spec: Spec, *, data: Sequence[str | Path] = ()) -> Written:
        """Have the labelled texts written that the files of a spec lack.

        Args:
            spec: the tuning, or its file.
            data: files of samples that will be measured with: none of their texts is written again. They are
                never shown to the maker.

        Raises:
            ConfigError: the spec or a file cannot be read, or no model is the maker.
            DataError: lines of a file are wrong.
            BackendError: the maker did not deliver.
            BudgetExceeded: a budget does not allow the next call.
        """

        async def work() -> Written:
            files = Files(await steps.spec_of(spec))
            return await write(files, self._roles, Ledger(), avoid=await steps.real(files, data))

        return await self._stoppable(work)

    async def review(
        self, spec: Spec, *, data: Sequence[str | Path] = (), fix: Fix | None = None
    ) -> Reviewed:
        """Say what is wrong with the training data, sample by sample; mend it where that is asked for.

        Args:
            spec: the tuning, or its file.
            data: files that will be measured with: training must not have seen them. The held-out texts of
                the spec are looked at in any case.
            fix: ``drop`` takes out what is better dropped, into a file beside; ``rewrite`` has other texts
                written in its place as well.

        Raises:
            MissingDependency: a package of the extra ``tuning`` is not installed.
            LatmError: as `synthesise`.
        """

        async def work() -> Reviewed:
            files = Files(await steps.spec_of(spec))
            return await mend(files, self._roles, Ledger(), others=await files.sets(data), fix=fix)

        return await self._stoppable(work)

    @overload
    async def train(
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
    async def train(
        self,
        spec: Spec,
        *,
        samples: int | None = None,
        data: Sequence[str | Path] = (),
        follow: bool,
        afresh: bool = False,
        unreviewed: bool = False,
    ) -> TunedModel | Training: ...

    async def train(
        self,
        spec: Spec,
        *,
        samples: int | None = None,
        data: Sequence[str | Path] = (),
        follow: bool = True,
        afresh: bool = False,
        unreviewed: bool = False,
    ) -> TunedModel | Training:
        """Tune a model on the texts of a spec, go on with that, or find that it is done.

        Args:
            spec: the tuning, or its file.
            samples: how many to train on, spread evenly over the labels; None for all.
            data: files that will be measured with, for the review.
            follow: False to return as soon as the job is under way.
            afresh: give up what was begun of this very job.
            unreviewed: train whatever the review finds.

        Returns:
            The model; without ``follow`` the job, where that is not over.

        Raises:
            DataError: the review found errors, or the data are not what the tuner takes. Nothing was sent.
            ConfigError: there is no such tuner, it cannot tune this model, or a setting is wrong.
            TuningFailed: nothing came of the job, or it is paused.
            BackendError: the service did not deliver; asked again, it goes on from there.
            BudgetExceeded: a budget does not allow the training.
        """

        async def work() -> TunedModel | Training:
            return await steps.train(
                self._roles,
                await steps.spec_of(spec),
                samples=samples,
                data=data,
                follow=follow,
                afresh=afresh,
                unreviewed=unreviewed,
            )

        return await self._stoppable(work)

    async def compare(
        self,
        spec: Spec,
        *,
        data: Sequence[str | Path] = (),
        models: Sequence[str] = (),
        concurrency: int = 8,
        afresh: bool = False,
    ) -> Compared:
        """Compare the tuned models of a spec with their base on samples that none was trained on.

        Args:
            spec: the tuning, or its file.
            data: files of labelled samples; the held-out texts of the spec are measured with as well, and
                marked as synthetic.
            models: tuned ones, as ``provider:model`` or by the run of their job; none for the newest of each
                number of samples.
            concurrency: questions at a time.
            afresh: ask all anew; else replies that were paid for are taken from the journal.

        Raises:
            ConfigError: there is nothing to compare, or to measure with.
            DataError: a sample is wrong, or was trained on.
            BackendError: a model is down; what was paid for is in the journal.
            BudgetExceeded: a budget does not allow the next call; likewise.
        """

        async def work() -> Compared:
            return await steps.compare(
                self._roles,
                await steps.spec_of(spec),
                data=data,
                models=models,
                concurrency=concurrency,
                afresh=afresh,
            )

        return await self._stoppable(work)

    async def label(self, spec: Spec, text: str, *, model: str | None = None) -> Labelled:
        """Ask a tuned model about a text, by the very template that it was trained with.

        Args:
            spec: the tuning, or its file.
            text: the text.
            model: ``provider:model`` of a tuned one; None for the newest.

        Raises:
            ConfigError: nothing was tuned, there is no such model, or the text is empty.
            BackendError: the model did not deliver.
        """

        async def work() -> Labelled:
            return await steps.label(self._roles, await steps.spec_of(spec), text, model=model)

        return await self._stoppable(work)

    async def run(
        self, spec: Spec, *, data: Sequence[str | Path] = (), samples: int | None = None
    ) -> TuningRun:
        """Take all steps up to the comparison; one that is done already is not done again.

        Args:
            spec: the tuning, or its file.
            data: files of labelled samples to measure with.
            samples: how many to write and to train on, in place of the spec's number.

        Raises:
            LatmError: what the steps raise; asked again, it goes on from there.
        """
        asked = (await steps.spec_of(spec)).chosen(samples=samples)
        find(self._roles.plugins, asked)  # before anything is paid for
        written = await self.synthesise(asked, data=data)
        reviewed = await self.review(asked, data=data)
        tuned = await self.train(asked, data=data, samples=samples)
        compared = await self.compare(asked, data=data, models=[tuned.model])
        return TuningRun(written=written, reviewed=reviewed, tuned=tuned, compared=compared)

    async def comparisons(self, name: str | None = None) -> tuple[tuple[int, Comparison], ...]:
        """The comparisons of a tuning, or of all, newest first, each with its number."""
        kept = await in_thread(self._roles.library.comparisons, name)
        return tuple((int(each.key), Comparison.from_record(each.record)) for each in kept)

    async def promote(
        self, spec: Spec, role: str, *, comparison: int | None = None, on_synthetic: bool = False
    ) -> Promotion:
        """Let the tuned model take a role's place, in every engine that is opened from now on.

        Only a comparison that shows it better than its base allows that, where it also has more right than
        the majority class, and no newer one says otherwise; of several models the one that has most right.

        Args:
            spec: the tuning, or its file.
            role: one of the roles.
            comparison: its number; None for the newest.
            on_synthetic: whether a comparison on synthetic texts alone, which flatter, is enough.

        Raises:
            ConfigError: there is no such role, or the model cannot fill it; or there is no comparison.
            TuningFailed: the comparison does not show it, or the model has expired.
        """

        async def work() -> Promotion:
            asked = await steps.spec_of(spec)
            return await steps.promote(self._roles, asked, role, number=comparison, on_synthetic=on_synthetic)

        return await self._stoppable(work)

    async def demote(self, role: str) -> Promotion | None:
        """Take a role's promotion back; gives the one before it, which holds again.

        Raises:
            ConfigError: there is no such role.
            LibraryError: nothing was promoted to it.
        """
        check_role(role)
        return await in_thread(self._roles.library.demote, role)

    async def jobs(self, name: str | None = None) -> tuple[Training, ...]:
        """The training jobs of a tuning, or of all, newest first, as they were last seen."""
        return await in_thread(trainings, self._roles.library, name)

    async def models(self, name: str | None = None) -> tuple[TunedModel, ...]:
        """The models that came of a tuning, or of all, newest first."""
        return await in_thread(finished, self._roles.library, name)

    async def cancel(self, run: str) -> Training:
        """Stop a job.

        Args:
            run: of the job, or the name of a tuning whose newest job is meant.

        Raises:
            ConfigError: there is no such job, or its tuner cannot do that.
            BackendError: the service did not deliver.
        """
        return await self._told(cancel, run)

    async def pause(self, run: str) -> Training:
        """Let a job rest; as `cancel`."""
        return await self._told(pause, run)

    async def resume(self, run: str) -> Training:
        """Let a job go on that rests; as `cancel`."""
        return await self._told(resume, run)

    async def delete(self, model: str) -> TunedModel:
        """Delete a tuned model where it is served. Its comparisons are kept.

        Args:
            model: ``provider:model``.

        Raises:
            ConfigError: no such model was tuned here, a role has it, or its tuner cannot delete.
            BackendError: the service did not deliver.
        """
        return await self._stoppable(lambda: deleted(model, self._roles))

    async def _told(self, tell: Callable[..., Awaitable[Training]], run: str) -> Training:
        return await self._stoppable(lambda: told(tell, run, self._roles))
