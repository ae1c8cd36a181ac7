"""From a spec to a tuned model in a role."""

from __future__ import annotations

from latm import Config, Engine, TuningFailed
from latm.tuner import TuningRoles, TuningSpec
from latm.tuner.comparison import Comparison, page, table

SPEC = TuningSpec(
    name="pets",
    about="a note of a neighbour",
    question="Which pet is it about?",
    labels={"cat": "It purrs.", "dog": "It barks."},
    roles=TuningRoles(maker="openai:gpt-5.6-luna"),
)


def tune(config: Config) -> str | None:
    with Engine(config) as engine:
        written = engine.tuning.synthesise(SPEC)
        print(written.train.path, len(written.train.samples))
        if not engine.tuning.review(SPEC, fix="drop").review.may_train:
            return None
        try:
            model = engine.tuning.train(SPEC, samples=60)
        except TuningFailed as error:
            print(error)
            return None
        comparison: Comparison = engine.tuning.compare(SPEC, models=[model.model]).comparison
        print(table(comparison), page(comparison, trained=[model]))
        if comparison.shown():
            engine.tuning.promote(SPEC, "dispatcher")
        return engine.tuning.label(SPEC, "It purrs all night.").label
