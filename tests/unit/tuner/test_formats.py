"""The spec's file, the files of samples, and the one template of training and serving."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from latm import ConfigError, DataError
from latm.tuner import Sample, TuningSpec, read_samples, write_samples
from latm.tuner.formats import UNSURE, Template, chat_lines, check_chat
from unit.tuner.writer import LABELS, spec

TOML = """
about = "a note"
question = "Which pet?"
samples = 12

[labels]
cat = "It meows."
dog = "It barks."

[[examples]]
text = "He purred."
label = "cat"

[roles]
base = "openai:gpt-x"

[training]
tuner = "openai"
epochs = 3
"""
TEMPLATE = Template.of(spec())
SAMPLES = [Sample(f"text {number}", label) for number in range(4) for label in LABELS]


def test_a_file_becomes_a_spec(tmp_path: Path) -> None:
    path = tmp_path / "My Pets.toml"
    path.write_text(TOML)
    read = TuningSpec.load(path)
    assert (read.name, read.samples, read.tuner, dict(read.training)) == (
        "my-pets",
        12,
        "openai",
        {"epochs": 3},
    )
    assert (read.roles.maker, read.roles.base) == (None, "openai:gpt-x")
    assert [(each.text, each.label) for each in read.examples] == [("He purred.", "cat")]
    assert read.train_file == tmp_path / "data/my-pets/train.jsonl"
    assert read.fingerprint == TuningSpec.load(path).fingerprint != read.replace(samples=13).fingerprint


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("samples = 12", "sample = 12", r"unknown key 'sample'\. Did you mean 'samples'"),
        ("samples = 12", "samples = 1", r"samples: must be at least 2, not 1"),
        ("samples = 12", 'samples = "12"', r"samples: Expected `int`, got `str`"),
        ("samples = 12", "words = [9, 3]", r"words: must be the fewest and the most words"),
        ('about = "a note"', "", r"about: is missing"),
        ('about = "a note"', 'about = " "', r"about: is empty"),
        ('dog = "It barks."', "", r"labels: 1 of them: at least two"),
        ('dog = "It barks."', 'dog = ""', r"labels\.'dog': has no description"),
        ('dog = "It barks."', 'Cat = "Barks."', r"labels\.'Cat': differs from 'cat' in case alone"),
        ('dog = "It barks."', "dog = 3", r"labels\.'dog': must be text"),
        ('label = "cat"', 'label = "cow"', r"examples\[1\]: no such label: 'cow'"),
        ('label = "cat"', "", r"examples\[1\]: must have the texts text and label"),
        ("[roles]", "[rules]", r"unknown key 'rules'\. Did you mean 'roles'"),
        ('base = "openai', 'bass = "openai', r"roles: unknown key 'bass'\. Did you mean 'base'"),
        ("[roles]", "[attributes]\ntone = []\n[roles]", r"attributes\.tone: must be a list of texts"),
        ("[roles]", "[", r"is no TOML"),
    ],
)
def test_what_is_wrong_in_a_file_is_named(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = tmp_path / "pets.toml"
    path.write_text(TOML.replace(old, new))
    with pytest.raises(ConfigError, match=message) as caught:
        TuningSpec.load(path)
    assert str(caught.value).startswith(f"{path}: ")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no\.toml: no such file"):
        TuningSpec.load(tmp_path / "no.toml")


written = st.text(min_size=1).filter(str.strip)


@given(texts=st.lists(written, min_size=1, max_size=5), label=written, tone=written)
def test_samples_come_back_as_they_were(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], label: str, tone: str
) -> None:
    path = tmp_path_factory.mktemp("samples") / "new" / "train.jsonl"
    samples = tuple(
        Sample(text, label, id=f"s{number}", attributes={"tone": tone}, by="fake:m")
        for number, text in enumerate(texts)
    )
    write_samples(path, samples)
    assert read_samples(path) == samples
    assert [each.name for each in path.parent.iterdir()] == ["train.jsonl"]


def test_every_wrong_line_of_samples_is_named(tmp_path: Path) -> None:
    path = tmp_path / "real.jsonl"
    rows: list[Any] = [
        {"text": "good", "label": "mortgage"},
        "{",
        [],
        {"text": "x"},
        {"text": " ", "label": "mortgage"},
        {"text": "x", "label": "Mortgage "},
        {"text": "x", "label": "mortgages"},
        {"text": "x", "lable": "mortgage"},
        {"text": 3, "label": "mortgage"},
    ]
    path.write_text("\n\n".join(each if isinstance(each, str) else json.dumps(each) for each in rows))
    with pytest.raises(DataError) as caught:
        read_samples(path, LABELS)
    assert [each.partition(":")[0] for each in caught.value.problems] == [
        f"line {number}" for number in range(3, 18, 2)
    ]
    told = " ".join(caught.value.problems)
    for part in (
        "is no JSON",
        "must be an object",
        "'label' is missing",
        "'text' is empty",
        "differs from 'mortgage' only in case or space",
        "Did you mean 'mortgage'",
        "unknown key 'lable'. Did you mean 'label'",
        "must be text, not int",
    ):
        assert part in told
    assert str(caught.value).endswith("; and 3 more")


def test_a_sample_without_an_id_is_called_by_its_line(tmp_path: Path) -> None:
    path = tmp_path / "real.jsonl"
    path.write_text('\n{"text": "a\\u2028b", "label": "x"}\n')
    assert read_samples(path) == (Sample("a\u2028b", "x", id="line 2"),)


def test_the_request_is_the_training_line_without_its_reply() -> None:
    (line,) = map(json.loads, chat_lines(TEMPLATE, SAMPLES[:1]).splitlines())
    *asked, reply = line["messages"]
    request = TEMPLATE.request(SAMPLES[0].text)
    turns = [{"role": each.role, "content": each.text} for each in request.messages]
    assert asked == [{"role": "system", "content": request.system}, *turns]
    assert reply == {"role": "assistant", "content": SAMPLES[0].label}
    assert check_chat(chat_lines(TEMPLATE, SAMPLES), labels=LABELS, where="x") == len(SAMPLES)


def test_another_description_is_another_template() -> None:
    other = Template.of(spec(labels={**LABELS, "mortgage": "Otherwise."}))
    assert other.digest != TEMPLATE.digest == Template.of(spec(samples=9)).digest


@pytest.mark.parametrize(
    ("reply", "read"),
    [
        ("mortgage", "mortgage"),
        (' "Mortgage".\n', "mortgage"),
        ("**credit_card**", "credit_card"),
        ("unsure", UNSURE),
        ("mortgage or student loan", None),
        ("The label is mortgage", None),
        ("", None),
    ],
)
def test_a_reply_is_read_strictly(reply: str, read: str | None) -> None:
    assert TEMPLATE.read(reply) == read


def test_labels_that_differ_by_a_stop_are_told_apart_or_not_read() -> None:
    own = Template.of(spec(labels={"Inc.": "A.", "Inc": "B."}))
    assert (own.read("inc."), own.read("Inc"), own.read('"Inc"')) == ("Inc.", "Inc", None)


def test_a_label_may_be_called_unsure() -> None:
    own = Template.of(spec(labels={"Unsure": "Not known.", "sure": "Known."}))
    assert own.read("unsure") == "Unsure"


def changed(number: int, change: Callable[[list[dict[str, str]]], object]) -> bytes:
    """The training file with one line's messages changed."""
    lines = [json.loads(line) for line in chat_lines(TEMPLATE, SAMPLES).splitlines()]
    change(lines[number - 1]["messages"])
    return "\n".join(map(json.dumps, lines)).encode()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda each: each[2].update(content=" "), "line 3: message 3: the assistant's text is empty"),
        (
            lambda each: each[1].update(role="usr"),
            "line 3: message 2: unknown role 'usr'. Did you mean 'user'",
        ),
        (lambda each: each[2].update(content="Mortgage"), "line 3: .*only in case"),
        (lambda each: each[2].update(content="boat"), "line 3: the assistant says 'boat', which is no label"),
        (lambda each: each[2].update(weight="1"), "line 3: message 3: unknown key 'weight'"),
        (lambda each: each.pop(0), "line 3: must be system, user, assistant, not user, assistant"),
        (lambda each: each.clear(), "line 3: must be system, user, assistant, not nothing"),
    ],
)
def test_a_wrong_line_of_a_training_file_is_named(change: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        check_chat(changed(3, change), labels=LABELS, where="train.jsonl")


def test_a_training_file_as_a_whole_is_checked() -> None:
    few = chat_lines(TEMPLATE, SAMPLES[:9])
    with pytest.raises(DataError, match=r"train\.jsonl: has 9 lines; at least 10 are needed"):
        check_chat(few, labels=LABELS, where="train.jsonl")
    alike = chat_lines(TEMPLATE, [each for each in SAMPLES * 3 if each.label == "mortgage"])
    with pytest.raises(DataError, match="every line has the label 'mortgage'"):
        check_chat(alike, labels=LABELS, where="train.jsonl")
    with pytest.raises(DataError, match=r"has 104,857,600 bytes; at most 1,000 are taken"):
        check_chat(b" " * (100 * 1024 * 1024), labels=LABELS, where="train.jsonl", largest=1000)
    with pytest.raises(DataError, match="line 2: is no JSON"):
        check_chat(few.replace(b"\n{", b"\n\xff{", 1), labels=LABELS, where="train.jsonl", fewest=1)
