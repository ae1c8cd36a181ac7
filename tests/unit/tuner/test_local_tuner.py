"""The tuner ``local``: it trains within seconds, once for a run, and what it keeps is whole or not there."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("skops")
np = pytest.importorskip("numpy")

import latm_local  # noqa: E402 - the extra may be absent
from latm.errors import ConfigError, TuningFailed  # noqa: E402
from latm.plugin import Backend, Rejected, Tuner, TuningJob, TuningState  # noqa: E402
from latm.tuner import Sample, TuningSpec  # noqa: E402
from latm.tuner.formats import UNSURE, Template, chat_lines  # noqa: E402
from unit.providers import test_local_sentences as tiny  # noqa: E402

pytestmark = pytest.mark.anyio
RUN = "0123456789abcdef"
PETS: Mapping[str, str] = {"pets": "Cats, dogs and other animals.", "houses": "Roofs, doors and rooms."}
TEXTS = (
    ("pets", "my {} cat sleeps all day"),
    ("houses", "the {} roof leaks when it rains"),
    ("pets", "a {} dog barks at night"),
    ("houses", "the {} door does not close"),
)
WORDS = ["old", "new", "red", "blue", "small", "large", "grey", "green"]


def spec_of(labels: Mapping[str, str], question: str = "What is it about?") -> TuningSpec:
    return TuningSpec(name="things", about="a remark", question=question, labels=labels)


def job_of(labels: Mapping[str, str] = PETS, count: int = 24, **changes: Any) -> TuningJob:
    template = Template.of(spec_of(labels))
    names = list(labels)
    known = dict(zip(PETS, names, strict=False))
    samples = [
        Sample(text.format(WORDS[at // 4 % len(WORDS)]), known[label])
        for at in range(count)
        for label, text in [TEXTS[at % len(TEXTS)]]
    ]
    samples += [Sample(f"word{at} {name}", name) for name in names[2:] for at in range(3)]
    job = TuningJob(
        run=RUN,
        name="things",
        base="zero-shot",
        training=chat_lines(template, samples),
        labels=labels,
        template=template.digest,
    )
    return dataclasses.replace(job, **changes)


def tuner_in(folder: Path) -> Tuner:
    return latm_local._create_tuner({"models": str(folder)})


async def train(folder: Path, job: TuningJob) -> str:
    tuner = tuner_in(folder)
    state = await tuner.prepare(job, TuningState(), again=False)
    assert state.status == "prepared"
    state = await tuner.submit(job, state, again=False)
    assert state.status == "succeeded"
    assert (await tuner.poll(job, state)).status == "succeeded"
    return (await tuner.resolve(job, state)).model


def load(folder: Path, model: str = "tuned/things-01234567") -> Backend:
    return latm_local._create(model, {"models": str(folder)})


async def said(backend: Backend, text: str, labels: Mapping[str, str] = PETS) -> str:
    return (await backend.complete(Template.of(spec_of(labels)).request(text))).text


async def test_it_learns_what_no_description_says(tmp_path: Path) -> None:
    assert await train(tmp_path, job_of()) == "tuned/things-01234567"
    backend = load(tmp_path)
    reply = await backend.complete(Template.of(spec_of(PETS)).request("why does it leak in the rain"))

    assert reply.text == "houses"
    probabilities: Any = reply.metadata["local.probabilities"]
    assert set(probabilities) == set(PETS)
    assert sum(probabilities.values()) == pytest.approx(1)
    assert reply.metadata["local.confidence"] == max(probabilities.values()) == probabilities["houses"]
    assert await said(latm_local._create("zero-shot", {}), "why does it leak in the rain") == UNSURE


async def test_what_it_is_not_sure_of_it_does_not_say(tmp_path: Path) -> None:
    await train(tmp_path, job_of(settings={"abstain_below": 0.9}))
    assert await said(load(tmp_path), "zzz") == UNSURE
    assert await said(load(tmp_path), "the old roof leaks when it rains") == "houses"


@pytest.mark.parametrize("count", [10, 24])
async def test_the_same_comes_of_the_same(tmp_path: Path, count: int) -> None:
    kept = []
    for folder in (tmp_path / "one", tmp_path / "other"):
        await train(folder, job_of(count=count))
        request = Template.of(spec_of(PETS)).request("a door for the cat")
        kept.append((await load(folder).complete(request)).metadata)
    assert kept[0] == kept[1]


async def test_a_run_is_trained_once(tmp_path: Path) -> None:
    await train(tmp_path, job_of())
    about = tmp_path / "things-01234567" / "model.json"
    before = about.stat().st_mtime_ns
    state = await tuner_in(tmp_path).submit(job_of(), TuningState(status="prepared"), again=True)
    assert state.status == "succeeded"
    assert about.stat().st_mtime_ns == before
    with pytest.raises(TuningFailed, match="holds another run"):
        await tuner_in(tmp_path).submit(job_of(run="01234567xyz"), TuningState(), again=False)


async def test_the_one_that_comes_second_to_the_name_leaves_the_first(tmp_path: Path) -> None:
    from latm_local._about import read_about
    from latm_local._files import read, write

    await train(tmp_path, job_of())
    classifier, about = read(tmp_path, "things-01234567")
    write(tmp_path, "things-01234567", classifier, dataclasses.replace(about, name="second"))
    assert read_about(tmp_path, "things-01234567").name == "things"
    assert [each.name for each in tmp_path.iterdir()] == ["things-01234567"]  # noqa: ASYNC240


async def test_what_was_deleted_is_gone_and_named(tmp_path: Path) -> None:
    model = await train(tmp_path, job_of())
    tuner = tuner_in(tmp_path)
    await tuner.delete(model)
    await tuner.delete(model)
    assert list(tmp_path.iterdir()) == []  # noqa: ASYNC240
    state = await tuner.poll(job_of(), TuningState(status="succeeded"))
    assert state.status == "failed"
    with pytest.raises(TuningFailed, match="there is no model"):
        await tuner.resolve(job_of(), state)
    assert (await tuner.cancel(job_of(), TuningState(status="prepared"))).status == "cancelled"
    assert (await tuner.cancel(job_of(), state)).status == "failed"


@pytest.mark.parametrize("name", ["../x", "x/../../y", "/etc", "", ".hidden", "Things", "a b", "x\n", "ä"])
async def test_a_name_that_could_lead_elsewhere_is_none(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="no name of a model"):
        load(tmp_path, f"tuned/{name}")
    with pytest.raises(ConfigError, match="no name of a model"):
        await tuner_in(tmp_path).delete(f"tuned/{name}")


async def test_of_a_model_that_is_missing_the_nearest_is_said(tmp_path: Path) -> None:
    await train(tmp_path, job_of())
    with pytest.raises(ConfigError, match=r"Did you mean 'things-01234567'\?.*The tuner local"):
        load(tmp_path, "tuned/things-01234568")


async def test_what_a_killed_process_left_is_no_model(tmp_path: Path) -> None:
    await train(tmp_path, job_of())
    whole = tmp_path / "things-01234567"
    whole.rename(tmp_path / ".things-01234567.abc")
    with pytest.raises(ConfigError, match="no such model"):
        load(tmp_path)
    with pytest.raises(ConfigError, match="no name of a model"):
        load(tmp_path, "tuned/.things-01234567.abc")
    assert await train(tmp_path, job_of()) == "tuned/things-01234567"


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({"base": "gpt-5"}, "trains zero-shot or zero-shot/DIRECTORY, not 'gpt-5'"),
        ({"base": "zero-shot/"}, "trains zero-shot"),
        ({"base": "zero-shot/no/such"}, "'no/such' is no directory"),
        ({"base": "zero-shot/one", "settings": {"embeddings": "two"}}, "leave one out"),
        ({"settings": {"embedding": "x"}}, "Did you mean 'embeddings'"),
        ({"settings": {"abstain_below": 1.5}}, "between 0 and 1"),
        ({"settings": {"choose_above": "high"}}, "choose_above"),
        ({"labels": {**PETS, "gardens": "Trees."}}, "no sample has this label"),
        ({"labels": {**PETS, "Unsure": "Else."}}, "call the label 'Unsure' otherwise"),
    ],
)
async def test_what_cannot_be_trained_is_said_at_once(
    tmp_path: Path, changes: dict[str, Any], wrong: str
) -> None:
    job = dataclasses.replace(job_of(), **changes)
    with pytest.raises(ConfigError, match=wrong):
        await tuner_in(tmp_path).prepare(job, TuningState(), again=False)


async def test_of_texts_that_are_all_the_same_nothing_is_learned(tmp_path: Path) -> None:
    template = Template.of(spec_of(PETS))
    same = chat_lines(template, [Sample("the same", label) for label in (*PETS, *PETS) * 3])
    with pytest.raises(TuningFailed, match="nothing can be learned"):
        await tuner_in(tmp_path).submit(job_of(training=same), TuningState(), again=False)
    assert list(tmp_path.iterdir()) == []  # noqa: ASYNC240


@pytest.mark.parametrize(
    ("labels", "question", "named"),
    [
        ({**PETS, "cars": "Wheels."}, "What is it about?", "without the label 'cars'"),
        ({"pets": PETS["pets"], "homes": "Rooms."}, "What is it about?", "without the label 'homes'"),
        ({**PETS, "pets": "Parrots."}, "What is it about?", "another description of 'pets'"),
        (PETS, "What is it not about?", "another system prompt"),
    ],
)
async def test_it_answers_to_its_own_template_only(
    tmp_path: Path, labels: dict[str, str], question: str, named: str
) -> None:
    await train(tmp_path, job_of())
    with pytest.raises(Rejected, match=named):
        await load(tmp_path).complete(Template.of(spec_of(labels, question)).request("a cat"))


def lines() -> st.SearchStrategy[str]:
    """A line as a label or a description may be."""
    return st.text(min_size=1, max_size=100).map(lambda text: " ".join(text.split())).filter(bool)


@settings(max_examples=12)
@given(
    labels=st.lists(
        lines().filter(lambda text: text.casefold() != UNSURE and text.isprintable()),
        min_size=2,
        max_size=5,
        unique_by=lambda text: text.casefold(),
    ),
    about=st.text(min_size=1).filter(str.strip),
    asked=st.text(),
)
async def test_any_label_is_kept_and_said_as_it_is(
    tmp_path_factory: pytest.TempPathFactory, labels: list[str], about: str, asked: str
) -> None:
    folder = tmp_path_factory.mktemp("models")
    known = dict.fromkeys(labels, about)
    await train(folder, job_of(known))
    backend = load(folder)
    template = Template.of(spec_of(known))
    reply = await backend.complete(template.request(asked))
    assert reply.text in known
    assert sum(reply.metadata["local.probabilities"].values()) == pytest.approx(1)  # type: ignore[attr-defined]
    assert (await backend.complete(template.request("my old cat sleeps all day"))).text == labels[0]


async def test_long_and_broken_texts_get_labels(tmp_path: Path) -> None:
    await train(tmp_path, job_of())
    backend = load(tmp_path)
    for text in ("cat " * 500_000, "\ud800", "\x00", "🐈 猫", ""):
        assert await said(backend, text) in PETS


# With sentence embeddings: a tiny model, of random weights.


@pytest.fixture
def sentences(tmp_path: Path) -> Path:
    files = {"modules.json": tiny.BERT, "config.json": tiny.CONFIG, "1_Pooling/config.json": tiny.MEAN}
    return tiny.write(tmp_path / "sentences", dict(files), tiny.weights(1))


async def test_embeddings_come_with_the_base_or_the_setting(tmp_path: Path, sentences: Path) -> None:
    labels = {"sorting": "sort the words", "closing": "close the brackets"}
    texts = [
        ("sorting", "sort pear fig"),
        ("closing", "close brackets kiwi"),
    ] * 60  # the more samples, the less the guess of a model without sense counts
    training = chat_lines(Template.of(spec_of(labels)), [Sample(text, label) for label, text in texts])
    job = job_of(labels, training=training, base=f"zero-shot/{sentences}")
    other = dataclasses.replace(
        job, base="zero-shot", run="fedcba98", settings={"embeddings": str(sentences)}
    )
    for each in (job, other):
        backend = load(tmp_path, await train(tmp_path, each))
        assert await said(backend, "sort pear fig", labels) == "sorting"
        assert await said(backend, "", labels) in labels
    zero_shot = latm_local._create(f"zero-shot/{sentences}", {})
    assert await said(zero_shot, "sort the words", labels) in labels

    tiny.write(sentences, {}, tiny.weights(2))
    with pytest.raises(ConfigError, match="another sentence model than the one that is in"):
        load(tmp_path)
    sentences.rename(tmp_path / "moved")  # noqa: ASYNC240
    with pytest.raises(ConfigError, match="which is no directory here"):
        load(tmp_path)
