"""The files of a tuning: what is in them, and how they come to be full."""

from __future__ import annotations

import itertools
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from latm._leasing import LEASE_S, Patience, holding
from latm._ledger import Ledger
from latm._threads import in_thread
from latm.errors import ConfigError, DataError, LeaseLost, LibraryError
from latm.tuner._results import Reviewed, Written, WrittenFile
from latm.tuner._samples import Sample, read_samples, write_samples
from latm.tuner._texts import folded
from latm.tuner.synthesis import Part, synthesise

if TYPE_CHECKING:
    from latm._roles import Roles
    from latm.tuner._runs import Training
    from latm.tuner._spec import TuningSpec
    from latm.tuner.review import Review

Fix = Literal["drop", "rewrite"]
"""What is done with samples that are better dropped."""


@dataclass(frozen=True, slots=True)
class Files:
    """The files of one tuning."""

    spec: TuningSpec

    @property
    def aside(self) -> Path:
        """Where what was dropped is kept: it was paid for."""
        return self.spec.directory / "dropped.jsonl"

    async def training(self) -> tuple[Sample, ...]:
        """What there is to train on.

        Raises:
            ConfigError: nothing was written yet, or the file cannot be read.
            DataError: lines of it are wrong.
        """
        path = self.spec.train_file
        if not await in_thread(path.is_file):
            raise ConfigError(
                "there is no such file: have its texts written (latm tune synthesise), or put labelled "
                "samples of your own there",
                where=str(path),
            )
        return await in_thread(read_samples, path, self.spec.labels)

    async def found(self, path: Path) -> tuple[Sample, ...]:
        """The samples of a file; none where there is no such file, or nothing in it.

        Raises:
            ConfigError: the file cannot be read.
            DataError: lines of it are wrong.
        """
        if not await in_thread(lambda: path.is_file() and path.stat().st_size):
            return ()
        return await in_thread(read_samples, path, self.spec.labels)

    async def sets(self, data: Sequence[str | Path]) -> dict[str, tuple[Sample, ...]]:
        """Files of samples by the name to call them by, those of the held-out texts among them.

        Raises:
            ConfigError: a file cannot be read, or is there twice.
            DataError: lines of it are wrong.
        """
        paths = [Path(each) for each in data]
        if len({each.resolve() for each in paths}) != len(paths):
            raise ConfigError("a file is there twice", where="data")
        if any(each.resolve() == self.spec.train_file.resolve() for each in paths):
            raise ConfigError(
                f"{self.spec.train_file} is what is trained on: nothing can be measured with it", where="data"
            )
        if self.spec.held_out_file.resolve() not in {each.resolve() for each in paths}:
            paths.append(self.spec.held_out_file)
        names = [each.name for each in paths]
        sets: dict[str, tuple[Sample, ...]] = {}
        for path in paths:
            held_out = path.resolve() == self.spec.held_out_file.resolve()
            samples = await (
                self.found(path) if held_out else in_thread(read_samples, path, self.spec.labels)
            )
            if samples:
                alone = held_out or names.count(path.name) == 1
                sets[path.name if alone else str(path)] = samples
        return sets


def balanced(samples: Sequence[Sample], labels: Sequence[str], number: int) -> tuple[Sample, ...]:
    """The first samples of each label in turn, so that a smaller choice is part of every larger one.

    Raises:
        DataError: there are not so many.
        ConfigError: that is fewer than one for each label.
    """
    if number < len(labels):
        raise ConfigError(f"{number} samples are fewer than the {len(labels)} labels", where="samples")
    rows = itertools.zip_longest(*([each for each in samples if each.label == label] for label in labels))
    found = [each for row in rows for each in row if each is not None]
    if len(found) < number:
        raise DataError([f"there are {len(found)} samples, {number} are asked for: have more written"])
    return tuple(found[:number])


async def write(
    files: Files, roles: Roles, bill: Ledger, *, avoid: Mapping[str, Sequence[Sample]]
) -> Written:
    """Have what is missing written, into the files of the spec.

    Args:
        files: of the tuning.
        roles: of whom the maker is one.
        bill: where it is added up.
        avoid: sets whose texts must not come again.
    """
    spec = files.spec
    async with _alone(files, roles):
        taken = [each.text for samples in avoid.values() for each in samples]
        taken += [each.text for each in await files.found(files.aside)]
        held_out = await files.found(spec.held_out_file)
        train = await _fill(
            files, roles, bill, "train", spec.train_file, avoid=[*taken, *(each.text for each in held_out)]
        )
        kept: WrittenFile | None = None
        if spec.held_out:
            taken = list(dict.fromkeys([*taken, *(each.text for each in train.samples)]))
            # Those that are there count, and are no texts to stay apart from.
            mine = {each.text for each in held_out}
            others = [each for each in taken if each not in mine]
            kept = await _fill(files, roles, bill, "held-out", spec.held_out_file, avoid=others)
    return Written(train=train, held_out=kept, cost=bill.total())


async def mend(
    files: Files,
    roles: Roles,
    bill: Ledger,
    *,
    others: Mapping[str, Sequence[Sample]],
    fix: Fix | None,
) -> Reviewed:
    """Review what is trained on, and mend it where that is asked for."""
    if fix not in {None, "drop", "rewrite"}:
        raise ConfigError(f"must be drop or rewrite, not {fix!r}", where="fix")
    samples = await files.training()
    review = await _review(files.spec, samples, others)
    dropped: tuple[Sample, ...] = ()
    written = 0
    if fix is not None and review.drop:
        async with _alone(files, roles):
            # Another process may have written since: what is not in the review must not go.
            if (now := await files.training()) != samples:
                samples, review = now, await _review(files.spec, now, others)
            samples, dropped = await in_thread(_drop, files, review, samples)
            if fix == "rewrite":
                taken = [each.text for those in others.values() for each in those]
                taken += [each.text for each in await files.found(files.aside)]
                filled = await _fill(files, roles, bill, "train", files.spec.train_file, avoid=taken)
                samples, written = filled.samples, filled.written
        review = await _review(files.spec, samples, others)
    aside = files.aside if await in_thread(files.aside.is_file) else None
    return Reviewed(review=review, samples=samples, dropped=dropped, written=written, aside=aside)


def check_apart(
    files: Files,
    sets: Mapping[str, Sequence[Sample]],
    samples: Sequence[Sample],
    trainings: Sequence[Training],
) -> None:
    """Refuse to measure with texts that were trained on.

    Args:
        files: of the tuning.
        sets: what is measured with.
        samples: the file that is trained on, as it is now.
        trainings: of the models that are measured: that file may have been another then.

    Raises:
        DataError: names them.
    """
    trained = {folded(each.text): each.id for each in samples}
    problems: list[str] = []
    for name, those in sets.items():
        same = [(each.id, trained[folded(each.text)]) for each in those if folded(each.text) in trained]
        problems += [f"{name}: {one} is {other} of {files.spec.train_file.name}" for one, other in same]
        for job in trainings:
            seen = set(job.has_seen(each.text for each in those if folded(each.text) not in trained))
            model = job.run if job.model is None else job.model.model
            problems += [f"{name}: {model} was trained on {each.id}" for each in those if each.text in seen]
    if problems:
        raise DataError(
            [f"{each}: a model must not be measured with what it was trained on" for each in problems]
        )


async def _fill(
    files: Files, roles: Roles, bill: Ledger, part: Part, path: Path, *, avoid: Sequence[str]
) -> WrittenFile:
    spec, start = files.spec, await files.found(path)
    wanted = spec.samples if part == "train" else spec.held_out
    if len(start) >= wanted:
        return WrittenFile(path=path, samples=start, written=0, replies=0)
    maker = spec.roles.maker
    role = await (roles.get("maker") if maker is None else roles.filled_by("maker", maker))
    made = await synthesise(
        spec,
        role=role,
        bill=bill,
        events=roles.events,
        part=part,
        start=start,
        avoid=tuple(dict.fromkeys(avoid)),
    )
    if made.written:
        await in_thread(write_samples, path, made.samples)
    return WrittenFile(
        path=path,
        samples=made.samples,
        written=made.written,
        replies=made.replies,
        refused=made.refused,
        short=made.short,
    )


async def _review(
    spec: TuningSpec, samples: Sequence[Sample], others: Mapping[str, Sequence[Sample]]
) -> Review:
    from latm.tuner.review import review

    return await in_thread(lambda: review(spec, samples, others=others))


def _drop(
    files: Files, review: Review, samples: Sequence[Sample]
) -> tuple[tuple[Sample, ...], tuple[Sample, ...]]:
    """Move what is better dropped into the file beside; the copy is there before the original goes."""
    from latm.tuner.review import fixed

    kept, dropped = fixed(review, samples)
    if not kept:
        raise DataError(["no sample would be left"], where=str(files.spec.train_file))
    before = read_samples(files.aside) if files.aside.is_file() else ()
    write_samples(files.aside, (*before, *(each for each in dropped if each not in before)))
    write_samples(files.spec.train_file, kept)
    return kept, dropped


@asynccontextmanager
async def _alone(files: Files, roles: Roles) -> AsyncGenerator[None, None]:
    """Wait until no other process on the library writes these files, and keep the others out."""
    from latm.library import Busy

    name, patience, told = files.spec.name, Patience(), False
    try:
        while True:
            lease = holding(roles.library, f"texts-{name}", fingerprint="", ttl_s=LEASE_S)
            async with lease as held:
                if not isinstance(held, Busy):
                    yield
                    return
            if not told:
                roles.events.tell("tune.waiting", tuning=name, run=None)
                told = True
            await patience.wait()
    except LeaseLost:
        raise LibraryError(
            f"this process was paused for longer than its lease of {LEASE_S:g} s, and another may have "
            f"written the texts of {name!r}: what was paid for is in the journal; ask again"
        ) from None
