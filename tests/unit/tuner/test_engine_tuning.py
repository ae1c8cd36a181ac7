"""``engine.tuning``: each step from the files and the library, and a tuned model in a role."""

from __future__ import annotations

import dataclasses
import json
import random
from collections import Counter
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from latm import (
    BudgetExceeded,
    Config,
    ConfigError,
    DataError,
    Engine,
    LibraryError,
    Rejected,
    TuningFailed,
    Unavailable,
)
from latm.plugin import Capabilities, Request, Tuned, TunerSpec, TuningJob, TuningState, hookimpl
from latm.testing import scripted_provider
from latm.tuner import Sample, TuningSpec, read_samples, write_samples
from latm.tuner.tuning import AsyncTuning
from unit.tuner import writer

PETS = """
about = "a note of a neighbour"
question = "Which pet is it about?"
samples = 12
held_out = 4
batch = 2
words = [3, 30]
[labels]
cat = "It purrs and climbs."
dog = "It barks and fetches."
[roles]
maker = "fake:maker"
base = "fake:base"
[training]
tuner = "fake"
"""
# Words of no language.
WORDS = [
    a + b
    for a in ("ba", "do", "ki", "lu", "me", "no", "ra", "si", "tu", "ve", "wo", "za")
    for b in ("lam", "ner", "pos", "rit", "sun", "tak", "vel", "xin", "yor", "zeb", "fid", "gol")
]
SOUNDS = {"cat": "purring", "dog": "barking"}


class Tuner:
    """A service in memory: what it has tuned is a name; its jobs end when they are looked at."""

    def __init__(self) -> None:
        self.jobs: list[TuningJob] = []
        self.deleted: list[str] = []
        self.cancelled: list[str] = []
        self.refuses: Rejected | None = None
        self.expires: datetime | None = None
        self.status: Any = "succeeded"
        self.can = Capabilities(cancel=True, delete=True)

    @hookimpl
    def latm_tuners(self) -> tuple[TunerSpec, ...]:
        return (TunerSpec(name="fake", create=lambda _: self, capabilities=self.can, fewest_lines=2),)

    async def prepare(self, job: TuningJob, state: TuningState, *, again: bool) -> TuningState:
        return TuningState(status="prepared")

    async def submit(self, job: TuningJob, state: TuningState, *, again: bool) -> TuningState:
        self.jobs.append(job)
        return TuningState(status="running", data={"job": f"job-{len(self.jobs)}"})

    async def poll(self, job: TuningJob, state: TuningState) -> TuningState:
        return dataclasses.replace(state, status=self.status)

    async def cancel(self, job: TuningJob, state: TuningState) -> TuningState:
        if self.refuses is not None:
            raise self.refuses
        self.cancelled.append(str(state.data["job"]))
        return dataclasses.replace(state, status="cancelled")

    async def resolve(self, job: TuningJob, state: TuningState) -> Tuned:
        return Tuned(model=f"tuned-{len(job.training.splitlines())}", expires=self.expires)

    async def delete(self, model: str) -> None:
        self.deleted.append(model)

    async def aclose(self) -> None:
        pass


def knows(request: Request) -> str:
    """The label, by the sound."""
    return next(label for label, sound in SOUNDS.items() if sound in request.messages[0].text)


def always_cat(_: Request) -> str:
    """What a model says that has learnt nothing."""
    return "cat"


def write(request: Request) -> str:
    """Texts that no other request gives, and that are alike in nothing but the sound."""
    sound = SOUNDS[writer.label_of(request)]
    found: dict[int, object] = {}
    for number, seed in writer.texts(request).items():
        words = random.Random(seed).sample(WORDS, 9)
        words.insert(len(words) // 2, sound)
        found[number] = f"{' '.join(words).capitalize()}."
    return writer.reply(found)


@pytest.fixture
def tuner() -> Tuner:
    return Tuner()


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    file = tmp_path / "pets.toml"
    file.write_text(PETS)
    return file


@pytest.fixture
def real(tmp_path: Path) -> Path:
    """Twenty labelled notes."""
    sounds = list(SOUNDS.items()) * 10
    lines = [
        {"text": f"On floor {n} there is {sound}.", "label": label} for n, (label, sound) in enumerate(sounds)
    ]
    file = tmp_path / "real.jsonl"
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return file


@pytest.fixture
def opened(tmp_path: Path, tuner: Tuner) -> Callable[..., Any]:
    """Opens an engine on the one library; ``base`` and the others say who is played how."""

    @contextmanager
    def engine(
        told: list[str] | None = None, *, budget: Any = None, **scripts: Any
    ) -> Generator[Engine, None, None]:
        models: dict[str, Any] = {
            "maker": write,
            "base": always_cat,
            "tuned-2": knows,
            "tuned-4": knows,
            "tuned-14": knows,
            "tuned-12": knows,
        }
        provider = scripted_provider("fake", {**models, **scripts})
        config = Config(
            library=f"sqlite:///{tmp_path / 'latm.db'}", retry={"attempts": 1}, budget=budget or {}
        )

        def listen(name: str, _fields: Any) -> None:
            if told is not None:
                told.append(name)

        with Engine(config, plugins={"fake": provider, "tuner": tuner}, on_event=listen) as found:
            yield found

    return engine


def trained(engine: Engine, pets: Path, **more: Any) -> Any:
    """Texts and a model of them; the sounds give the labels away, which the review may not like."""
    engine.tuning.synthesise(pets)
    return engine.tuning.train(pets, unreviewed=True, **more)


def test_from_a_file_to_a_model_in_a_role_and_one_step_back(
    opened: Callable[..., Any], pets: Path, real: Path, tuner: Tuner
) -> None:
    with opened() as engine:
        written = engine.tuning.synthesise(pets)
        assert Counter(each.label for each in written.train.samples) == {"cat": 6, "dog": 6}
        assert len(written.held_out.samples) == 4
        assert not {each.text for each in written.train.samples} & {
            each.text for each in written.held_out.samples
        }
        assert read_samples(pets.parent / "data/pets/train.jsonl") == written.train.samples
        model = engine.tuning.train(pets, unreviewed=True)
        assert (model.model, model.base, model.samples) == ("fake:tuned-12", "fake:base", 12)
        assert len(tuner.jobs[0].training.splitlines()) == 12
        assert tuner.jobs[0].validation is not None

        made = engine.tuning.compare(pets, data=[real])
        scores = {(each.set, each.contender): each.accuracy for each in made.comparison.scores}
        assert scores["real.jsonl", "tuned (12)"] == 1
        assert scores["real.jsonl", "base"] == scores["real.jsonl", "majority"] == 0.5
        assert [each.synthetic for each in made.comparison.sets] == [False, True]
        assert made.comparison.better() == ("fake:tuned-12",)
        assert engine.tuning.comparisons("pets") == ((made.number, made.comparison),)
        assert made.cost.calls == (20 + 4) * 3, "of base, tuned and zero-shot"

        promoted = engine.tuning.promote(pets, "user")
        assert (promoted.model, promoted.comparison) == ("fake:tuned-12", made.number)
        said = engine.tuning.label(pets, "All night barking!")
        assert (said.label, said.model) == ("dog", "fake:tuned-12")
    with opened(told := []) as engine:
        assert engine.library.promotions()["user"].model == "fake:tuned-12"
        assert "role.promoted" in told
        with pytest.raises(ConfigError, match="fake:tuned-12 is the user: take that back first"):
            engine.tuning.delete("fake:tuned-12")
        assert engine.tuning.demote("user") is None
        with pytest.raises(LibraryError, match="there is no step back"):
            engine.tuning.demote("user")


def test_what_was_paid_for_is_not_paid_again(opened: Callable[..., Any], pets: Path, real: Path) -> None:
    with opened() as engine:
        trained(engine, pets)
        first = engine.tuning.compare(pets, data=[real])
    with opened() as engine:
        trained(engine, pets)
        again = engine.tuning.compare(pets, data=[real])
        assert engine.ledger.total().calls == 0
        assert again.comparison == first.comparison
        assert (again.number, again.cost) == (first.number + 1, first.cost)
        engine.tuning.compare(pets, data=[real], afresh=True)
        assert engine.ledger.total().calls == 24 * 3


def test_texts_that_are_missing_after_an_outage_are_written_and_the_others_are_not_paid_again(
    opened: Callable[..., Any], pets: Path
) -> None:
    asked = Counter[str]()

    def flaky(request: Request) -> Any:
        asked[writer.prompt(request)] += 1
        return Unavailable("away") if sum(asked.values()) == 5 else write(request)

    with opened(maker=flaky) as engine:
        with pytest.raises(Unavailable):
            engine.tuning.synthesise(pets)
        assert not (pets.parent / "data/pets/train.jsonl").exists()
        written = engine.tuning.synthesise(pets)
        assert len(written.train.samples) == 12
    assert sorted(asked.values()) == [1] * (len(asked) - 1) + [2], "the one that failed was asked again"


def test_the_texts_to_measure_with_are_not_written_again(
    opened: Callable[..., Any], pets: Path, tmp_path: Path
) -> None:
    with opened() as engine:
        first = engine.tuning.synthesise(pets).train.samples
    other = tmp_path / "other"
    other.mkdir()
    (other / "pets.toml").write_text(PETS)
    real = tmp_path / "same.jsonl"
    write_samples(real, first[:3])
    with opened() as engine:
        second = engine.tuning.synthesise(other / "pets.toml", data=[real]).train.samples
    assert not {each.text for each in second} & {each.text for each in first[:3]}


def test_a_fix_takes_out_what_is_better_dropped_and_has_others_written(
    opened: Callable[..., Any], pets: Path, tuner: Tuner
) -> None:
    with opened() as engine:
        samples = engine.tuning.synthesise(pets).train.samples
        file = pets.parent / "data/pets/train.jsonl"
        leak = dataclasses.replace(samples[1], id="twin")
        write_samples(file, (*samples, leak))

        found = engine.tuning.review(pets)
        assert found.review.drop == {"twin"}
        mended = engine.tuning.review(pets, fix="drop")
        assert mended.dropped == (leak,)
        assert leak in read_samples(pets.parent / "data/pets/dropped.jsonl")
        assert leak not in read_samples(file)
        # Nothing paid for is lost, and the next one who fixes adds to it.
        write_samples(file, (*samples[:-1], leak))
        again = engine.tuning.review(pets, fix="rewrite")
        assert (len(again.samples), again.written, again.review.drop) == (12, 1, frozenset())
        assert samples[-1].text not in {each.text for each in again.samples}


def test_data_with_errors_are_not_trained_on(opened: Callable[..., Any], pets: Path, tuner: Tuner) -> None:
    with opened() as engine:
        samples = engine.tuning.synthesise(pets).train.samples
        twin = dataclasses.replace(samples[0], label="dog" if samples[0].label == "cat" else "cat", id="twin")
        write_samples(pets.parent / "data/pets/train.jsonl", (*samples, twin))
        with pytest.raises(DataError, match=r"train\.jsonl: contradiction: .*twin"):
            engine.tuning.train(pets)
    assert tuner.jobs == []


def test_a_smaller_choice_is_part_of_the_larger_one(
    opened: Callable[..., Any], pets: Path, tuner: Tuner
) -> None:
    with opened() as engine:
        for size in (2, 4, None):
            trained(engine, pets, samples=size)
        made = engine.tuning.compare(pets)
        with pytest.raises(DataError, match="there are 12 samples, 14 are asked for"):
            trained(engine, pets, samples=14)
        with pytest.raises(ConfigError, match="1 samples are fewer than the 2 labels"):
            trained(engine, pets, samples=1)
    small, middle, whole = (set(job.training.splitlines()) for job in tuner.jobs)
    assert small < middle < whole
    assert [each.samples for each in made.comparison.contenders if each.kind == "tuned"] == [2, 4, 12]


def test_only_what_a_comparison_shows_is_promoted(opened: Callable[..., Any], pets: Path, real: Path) -> None:
    with opened(**{"tuned-12": always_cat}) as engine:
        trained(engine, pets)
        with pytest.raises(ConfigError, match="no comparison of 'pets' is in the library"):
            engine.tuning.promote(pets, "user")
        engine.tuning.compare(pets, data=[real])
        with pytest.raises(TuningFailed, match=r"shows no tuned model better than its base.*No difference"):
            engine.tuning.promote(pets, "user")
        with pytest.raises(ConfigError, match="no comparison 7 of 'pets'; there are: 1"):
            engine.tuning.promote(pets, "user", comparison=7)
        with pytest.raises(ConfigError, match=r"no such role: 'usr'. Did you mean 'user'"):
            engine.tuning.promote(pets, "usr")
        assert not engine.library.promotions()


def test_a_model_that_only_picks_labels_is_no_user(
    opened: Callable[..., Any], pets: Path, real: Path, tuner: Tuner
) -> None:
    tuner.can = Capabilities(converses=False)
    with opened() as engine:
        trained(engine, pets)
        engine.tuning.compare(pets, data=[real])
        with pytest.raises(ConfigError, match="only picks labels, it cannot write"):
            engine.tuning.promote(pets, "user")
        with pytest.raises(ConfigError, match="none of the labels of fake:tuned-12"):
            engine.tuning.promote(pets, "dispatcher")


def test_an_expired_model_is_neither_compared_nor_promoted(
    opened: Callable[..., Any], pets: Path, real: Path, tuner: Tuner
) -> None:
    tuner.expires = datetime.now(UTC) + timedelta(seconds=30)
    with opened() as engine:
        model = trained(engine, pets)
        assert model.expires is not None
        engine.tuning.compare(pets, data=[real])
        job = engine.tuning.jobs("pets")[0]
        past = dataclasses.replace(model, expires="2020-01-01T00:00:00+00:00")
        engine.library.keep_tuning(job.run, job.name, job.replace(model=past).to_record())
        with pytest.raises(TuningFailed, match="expired on 2020-01-01"):
            engine.tuning.promote(pets, "user")
        with pytest.raises(
            ConfigError, match="no model was tuned of fake:base for 'pets' that has not expired"
        ):
            engine.tuning.compare(pets, data=[real])
        with pytest.raises(ConfigError, match="fake:tuned-12 expired on 2020-01-01"):
            engine.tuning.compare(pets, data=[real], models=["fake:tuned-12"])


def test_a_model_is_not_asked_by_another_template_than_its_own(
    opened: Callable[..., Any], pets: Path, real: Path
) -> None:
    with opened() as engine:
        trained(engine, pets)
        pets.write_text(PETS.replace("Which pet", "What pet"))
        with pytest.raises(
            ConfigError, match="since its labels, their descriptions or its question were changed"
        ):
            engine.tuning.compare(pets, data=[real])
        with pytest.raises(ConfigError, match="was trained with another template"):
            engine.tuning.label(pets, "barking", model="fake:tuned-12")


def test_nothing_is_measured_with_what_was_trained_on(opened: Callable[..., Any], pets: Path) -> None:
    train = pets.parent / "data/pets/train.jsonl"
    with opened() as engine:
        model = trained(engine, pets)
        assert model.samples == 12
        with pytest.raises(ConfigError, match="is what is trained on: nothing can be measured with it"):
            engine.tuning.compare(pets, data=[train])
        copy = pets.parent / "copy.jsonl"
        copy.write_bytes(train.read_bytes())
        with pytest.raises(DataError, match="must not be measured with what it was trained on"):
            engine.tuning.compare(pets, data=[copy])
        with pytest.raises(ConfigError, match="a file is there twice"):
            engine.tuning.compare(pets, data=[copy, copy])


def test_what_a_model_was_trained_on_is_known_when_its_file_is_another(
    opened: Callable[..., Any], pets: Path, real: Path
) -> None:
    with opened() as engine:
        train = pets.parent / "data/pets/train.jsonl"
        write_samples(train, (*engine.tuning.synthesise(pets).train.samples, *read_samples(real)[:2]))
        assert engine.tuning.train(pets, unreviewed=True).model == "fake:tuned-14"
        assert len(engine.tuning.review(pets, data=[real], fix="drop").dropped) == 2
        with pytest.raises(
            DataError, match=r"real\.jsonl: fake:tuned-14 was trained on line 2: a model must"
        ):
            engine.tuning.compare(pets, data=[real])
        # One that never saw them may be measured with them.
        trained(engine, pets)
        assert engine.tuning.compare(pets, data=[real], models=["fake:tuned-12"]).comparison.shown()


def test_a_model_is_measured_against_what_it_was_tuned_from(
    opened: Callable[..., Any], pets: Path, real: Path
) -> None:
    with opened(strong=knows) as engine:
        engine.tuning.synthesise(pets)
        strong = TuningSpec.load(pets).chosen(base="fake:strong")
        model = engine.tuning.train(strong, unreviewed=True)
        with pytest.raises(
            ConfigError, match="was tuned of fake:strong, and would be compared with fake:base"
        ):
            engine.tuning.compare(pets, data=[real], models=[model.model])
        with pytest.raises(
            ConfigError, match=r"no model was tuned of fake:base .* one was tuned of fake:strong by the tuner"
        ):
            engine.tuning.compare(pets, data=[real])
        assert not engine.tuning.compare(strong, data=[real]).comparison.shown()


def test_a_comparison_of_other_labels_promotes_nothing(
    opened: Callable[..., Any], pets: Path, real: Path
) -> None:
    with opened() as engine:
        trained(engine, pets)
        engine.tuning.compare(pets, data=[real])
        pets.write_text(PETS.replace("Which pet", "What pet"))
        with pytest.raises(TuningFailed, match="have changed since comparison 1: train and compare anew"):
            engine.tuning.promote(pets, "user")
        assert not engine.library.promotions()


def test_a_step_back_does_not_lead_to_a_model_that_was_deleted(
    opened: Callable[..., Any], pets: Path, real: Path
) -> None:
    with opened() as engine:
        for size in (4, None):
            model = trained(engine, pets, samples=size)
            engine.tuning.compare(pets, data=[real], models=[model.model])
            engine.tuning.promote(pets, "user")
        engine.tuning.delete("fake:tuned-4")
        assert engine.library.promotions()["user"].model == "fake:tuned-12"
        assert engine.tuning.demote("user") is None


def test_a_deleted_model_is_gone_from_every_job_that_gave_it(opened: Callable[..., Any], pets: Path) -> None:
    with opened() as engine:
        trained(engine, pets)
        trained(engine, pets, afresh=True)
        assert len(engine.tuning.jobs("pets")) == 2
        engine.tuning.delete("fake:tuned-12")
        assert engine.tuning.models("pets") == ()


def test_a_text_is_put_to_the_newest_model(opened: Callable[..., Any], pets: Path) -> None:
    with opened() as engine:
        trained(engine, pets)
        trained(engine, pets, samples=4)
        assert engine.tuning.label(pets, "purring").model == "fake:tuned-4"


def test_what_goes_on_is_cancelled_before_it_is_begun_afresh(
    opened: Callable[..., Any], pets: Path, tuner: Tuner
) -> None:
    tuner.status = "running"
    with opened() as engine:
        trained(engine, pets, follow=False)
        trained(engine, pets, follow=False, afresh=True)
        assert tuner.cancelled == ["job-1"]
        tuner.refuses = Rejected("not now")
        with pytest.raises(Rejected, match="not now"):
            trained(engine, pets, follow=False, afresh=True)
        tuner.can = Capabilities(delete=True)
    with opened() as engine:
        with pytest.raises(
            ConfigError, match="goes on at its service, and the tuner 'fake' cannot cancel one"
        ):
            trained(engine, pets, follow=False, afresh=True)
        assert len(tuner.jobs) == 2


def test_what_another_process_writes_during_a_review_is_kept(
    opened: Callable[..., Any], pets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened() as engine:
        samples = engine.tuning.synthesise(pets).train.samples
        file = pets.parent / "data/pets/train.jsonl"
        twin = dataclasses.replace(samples[1], id="twin")
        write_samples(file, (*samples, twin))
        late = Sample("Somebody hears loud purring behind that yellow door.", "cat", id="late")
        held = engine.library.acquire

        def acquire(*arguments: Any, **named: Any) -> Any:
            write_samples(file, (*samples, twin, late))
            return held(*arguments, **named)

        monkeypatch.setattr(engine.library, "acquire", acquire)
        mended = engine.tuning.review(pets, fix="drop")
        assert mended.dropped == (twin,)
        assert read_samples(file) == mended.samples == (*samples, late)


def test_a_file_that_was_emptied_is_filled_and_stays_as_closed_as_it_was(
    opened: Callable[..., Any], pets: Path
) -> None:
    with opened() as engine:
        engine.tuning.synthesise(pets)
        file = pets.parent / "data/pets/train.jsonl"
        file.write_text("")
        file.chmod(0o600)
        assert engine.tuning.synthesise(pets).train.written == 12
        assert file.stat().st_mode & 0o777 == 0o600


def test_a_deleted_model_is_gone_and_is_trained_anew_when_it_is_asked_for(
    opened: Callable[..., Any], pets: Path, tuner: Tuner
) -> None:
    with opened() as engine:
        trained(engine, pets)
        with pytest.raises(ConfigError, match=r"no model 'fake:tuned-1' was tuned here. Did you mean"):
            engine.tuning.delete("fake:tuned-1")
        assert engine.tuning.delete("fake:tuned-12").model == "fake:tuned-12"
        assert tuner.deleted == ["tuned-12"]
        assert engine.tuning.models("pets") == ()
        assert trained(engine, pets).model == "fake:tuned-12"
        assert len(tuner.jobs) == 2


def test_a_job_can_be_left_looked_at_and_cancelled(
    opened: Callable[..., Any], pets: Path, tuner: Tuner
) -> None:
    tuner.status = "running"
    with opened() as engine:
        job = trained(engine, pets, follow=False)
        assert (job.step, job.state.status) == ("poll", "running")
        assert [each.run for each in engine.tuning.jobs("pets")] == [job.run]
        with pytest.raises(ConfigError, match="the tuner 'fake' cannot pause a job"):
            engine.tuning.pause("pets")
        with pytest.raises(ConfigError, match=r"there is no training job of 'pet'. Did you mean 'pets'"):
            engine.tuning.cancel("pet")
        assert engine.tuning.cancel("pets").state.status == "cancelled"


def test_a_budget_stops_a_comparison_and_what_was_paid_for_is_kept(
    opened: Callable[..., Any], pets: Path, real: Path
) -> None:
    with opened() as engine:
        trained(engine, pets)
    with opened(budget={"calls": 10}) as engine:
        with pytest.raises(BudgetExceeded):
            engine.tuning.compare(pets, data=[real], concurrency=1)
        assert engine.tuning.comparisons() == ()
    with opened() as engine:
        engine.tuning.compare(pets, data=[real])
        assert engine.ledger.total().calls == 24 * 3 - 10


def test_what_is_missing_is_named(opened: Callable[..., Any], pets: Path, tmp_path: Path) -> None:
    with opened() as engine:
        with pytest.raises(ConfigError, match=r"none\.toml: no such file; latm tune new"):
            engine.tuning.synthesise(tmp_path / "none.toml")
        with pytest.raises(ConfigError, match=r"train\.jsonl: there is no such file: have its texts written"):
            engine.tuning.train(pets)
        pets.write_text(PETS.replace("held_out = 4", ""))
        trained(engine, pets)
        with pytest.raises(ConfigError, match="there are no samples to measure with"):
            engine.tuning.compare(pets)
        with pytest.raises(ConfigError, match="text: is empty"):
            engine.tuning.label(pets, " ")


def test_the_sync_face_has_every_method_of_the_other() -> None:
    from latm.tuner._sync import Tuning

    names = {name for name in vars(AsyncTuning) if not name.startswith("_")}
    assert names == {name for name in vars(Tuning) if not name.startswith("_")}


def test_a_caller_s_choice_stands_over_the_file() -> None:
    spec = TuningSpec.from_mapping(
        {"name": "a", "about": "b", "question": "c", "labels": {"x": "1", "y": "2"}}
        | {"training": {"tuner": "openai", "epochs": 2}, "roles": {"base": "openai:m", "maker": "fake:m"}}
    )
    assert spec.chosen() == spec
    other = spec.chosen(tuner="local")
    assert (other.tuner, dict(other.training), other.roles.base, other.roles.maker) == (
        "local",
        {},
        None,
        "fake:m",
    )
    assert spec.chosen(base="openai:n", samples=4).roles.base == "openai:n"
