"""``engine.tuning``: each step from the files and the library, and a tuned model in a role."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from latm import (
    BudgetExceeded,
    ConfigError,
    DataError,
    LibraryError,
    Rejected,
    Unavailable,
)
from latm.plugin import Capabilities, Request
from latm.tuner import Sample, TuningSpec, read_samples, write_samples
from latm.tuner.tuning import AsyncTuning
from unit.tuner import writer
from unit.tuner.kennel import PETS, Tuner, trained, write


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


def test_a_run_of_fewer_samples_writes_no_more(opened: Callable[..., Any], pets: Path, real: Path) -> None:
    with opened() as engine:
        done = engine.tuning.run(pets, data=[real], samples=4)
        assert (len(done.written.train.samples), done.tuned.samples) == (4, 4)
        assert done.compared.comparison.shown()


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


def test_a_deletion_is_tried_again_where_the_service_is_away_for_a_moment(
    opened: Callable[..., Any], pets: Path, tuner: Tuner
) -> None:
    told: list[str] = []
    with opened(told, attempts=2) as engine:
        trained(engine, pets)
        tuner.away = [Unavailable("is restarted", retry_after=0.0)]
        engine.tuning.delete("fake:tuned-12")
        assert tuner.deleted == ["tuned-12"]
        assert "tune.retry" in told


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


def test_a_file_that_cannot_be_written_leaves_nothing_beside_it(tmp_path: Path) -> None:
    (tmp_path / "train.jsonl" / "full").mkdir(parents=True)
    with pytest.raises(ConfigError, match=r"train\.jsonl: cannot be written"):
        write_samples(tmp_path / "train.jsonl", [Sample("a note", "cat")])
    assert [each.name for each in tmp_path.iterdir()] == ["train.jsonl"]
