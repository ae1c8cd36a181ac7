"""A model takes a role's place only where a comparison shows that it is better, and where it can fill it."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from latm import (
    ConfigError,
    TuningFailed,
)
from latm.plugin import Capabilities, Request
from latm.tuner import TuningSpec
from unit.tuner.kennel import PETS, Tuner, always_cat, knows, trained


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


def test_synthetic_texts_alone_are_not_enough_to_promote(opened: Callable[..., Any], pets: Path) -> None:
    pets.write_text(PETS.replace("held_out = 4", "held_out = 30"))
    with opened() as engine:
        trained(engine, pets)
        engine.tuning.compare(pets)
        with pytest.raises(TuningFailed, match="comparison 1 was on synthetic texts alone, which flatter"):
            engine.tuning.promote(pets, "user")
        assert engine.tuning.promote(pets, "user", on_synthetic=True).comparison == 1


def test_a_model_that_the_majority_class_beats_is_not_promoted(
    opened: Callable[..., Any], pets: Path, tmp_path: Path
) -> None:
    sounds = ["purring"] * 15 + ["barking"] * 15
    lines = [
        {"text": f"On floor {n} there is {sound}.", "label": "cat" if sound == "purring" else "dog"}
        for n, sound in enumerate(sounds)
    ]
    real = tmp_path / "halves.jsonl"
    real.write_text("".join(json.dumps(line) + "\n" for line in lines))

    def neither(_: Request) -> str:
        return "neither"

    def half(request: Request) -> str:
        return "cat" if "purring" in request.messages[0].text else "neither"

    with opened(**{"base": neither, "tuned-12": half}) as engine:
        trained(engine, pets)
        made = engine.tuning.compare(pets, data=[real])
        assert made.comparison.better() == ("fake:tuned-12",)
        with pytest.raises(
            TuningFailed, match=r"has no more right than who always says the commonest .*: 15 ag"
        ):
            engine.tuning.promote(pets, "user")


def test_an_older_comparison_does_not_promote_what_a_newer_one_does_not_show(
    opened: Callable[..., Any], pets: Path, real: Path, tmp_path: Path
) -> None:
    few = tmp_path / "few.jsonl"
    few.write_text("".join(real.read_text().splitlines(keepends=True)[:2]))
    with opened() as engine:
        trained(engine, pets)
        assert engine.tuning.compare(pets, data=[real]).comparison.shown()
        assert not engine.tuning.compare(pets, data=[few]).comparison.shown()
        with pytest.raises(TuningFailed, match="comparison 2, which is newer than 1, does not show"):
            engine.tuning.promote(pets, "user", comparison=1)
        engine.tuning.compare(pets, data=[real])
        assert engine.tuning.promote(pets, "user").comparison == 3


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
